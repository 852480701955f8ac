//! What a line of the log looks like.
//!
//! # Invariants
//! - An event is one line, whatever text of a peer it carries: control characters are escaped.

use std::fmt::{self, Write};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// A line that no event is behind.
pub(super) fn line(level: Level, has_colours: bool, text: &str) -> String {
    let mut line = String::new();
    // A String takes everything.
    let _ = begin(&mut line, level, has_colours);
    let _ = write_escaped(&mut line, text);
    line.push('\n');
    line
}

fn begin(out: &mut impl Write, level: Level, has_colours: bool) -> fmt::Result {
    let (before, after) = colour(level, has_colours);
    SystemTime.format_time(&mut Writer::new(out))?;
    write!(out, " {before}{level:<5}{after} ")
}

/// Time, level, where it comes from if that is below `info`, message, fields.
pub(super) struct OneLine;

impl<S, N> FormatEvent<S, N> for OneLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        let has_colours = writer.has_ansi_escapes();
        begin(&mut writer, level, has_colours)?;
        if level > Level::INFO {
            write!(writer, "{}: ", event.metadata().target())?;
        }
        let mut fields = String::new();
        context
            .field_format()
            .format_fields(Writer::new(&mut fields), event)?;
        write_escaped(&mut writer, &fields)?;
        writeln!(writer)
    }
}

fn colour(level: Level, has_colours: bool) -> (&'static str, &'static str) {
    if !has_colours {
        return ("", "");
    }
    let before = match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[2m",
    };
    (before, "\x1b[0m")
}

fn write_escaped(writer: &mut impl Write, text: &str) -> fmt::Result {
    for character in text.chars() {
        if character.is_control() {
            write!(writer, "{}", character.escape_default())?;
        } else {
            writer.write_char(character)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing::level_filters::LevelFilter;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for Memory {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }

    /// What is logged by `log` at `level`, each line without its time.
    fn logged(level: LevelFilter, has_colours: bool, log: impl FnOnce()) -> Vec<String> {
        let memory = Memory::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(memory.clone())
            .with_ansi(has_colours)
            .event_format(OneLine)
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        let without_time = |line: &str| line.split_once(' ').unwrap().1.to_owned();
        text.lines().map(without_time).collect()
    }

    #[test]
    fn an_event_is_one_line_whatever_it_carries() {
        let hostile = "a\nb\r\u{85}c\0";
        let lines = logged(LevelFilter::INFO, false, || {
            tracing::info!(shards = 2, %hostile, "serving {hostile}");
        });
        let escaped = r"a\nb\r\u{85}c\u{0}";
        assert_eq!(
            lines,
            [format!(
                "INFO  serving {escaped} shards=2 hostile={escaped}"
            )]
        );
    }

    #[test]
    fn a_peer_cannot_colour_the_log() {
        let lines = logged(LevelFilter::INFO, false, || tracing::info!("\u{1b}[31m"));
        assert!(!lines.concat().contains('\u{1b}'), "{lines:?}");
    }

    #[test]
    fn the_level_decides_and_details_name_their_source() {
        let lines = logged(LevelFilter::DEBUG, false, || {
            tracing::warn!("a");
            tracing::debug!(target: "engine", "b");
            tracing::trace!("c");
        });
        assert_eq!(lines, ["WARN  a", "DEBUG engine: b"]);
        assert!(logged(LevelFilter::OFF, false, || tracing::error!("a")).is_empty());
    }

    #[test]
    fn colours_surround_the_level_alone() {
        let lines = logged(LevelFilter::INFO, true, || tracing::error!("a"));
        assert_eq!(lines, ["\u{1b}[31mERROR\u{1b}[0m a"]);
    }
}
