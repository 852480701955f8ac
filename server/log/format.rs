//! What a line of the log looks like.
//!
//! # Invariants
//! - An event is one line, whatever text of a peer it carries ([`super::escape`]).

use std::fmt::{self, Write};

use allspark_protocol::options;
use serde::{Deserialize, Deserializer};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::escape::write_escaped;
use super::json;

/// For whom lines are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// People.
    #[default]
    Text,
    /// Programs: one object per line.
    Json,
}

const FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];

impl<'de> Deserialize<'de> for LogFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        options::read(deserializer, |text| options::choose(text, FORMATS))
    }
}

/// How lines look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) format: LogFormat,
    /// Of text.
    pub(super) has_colours: bool,
}

/// A line that no event is behind.
pub(super) fn line(level: Level, look: Look, text: &str) -> String {
    let mut line = String::new();
    // A String takes everything.
    let _ = match look.format {
        LogFormat::Text => write_text(&mut line, level, look.has_colours, text),
        LogFormat::Json => json::write_text(&mut line, level, text),
    };
    line
}

fn write_text(out: &mut impl Write, level: Level, has_colours: bool, text: &str) -> fmt::Result {
    begin(out, level, has_colours)?;
    write_escaped(out, text)?;
    out.write_char('\n')
}

fn begin(out: &mut impl Write, level: Level, has_colours: bool) -> fmt::Result {
    let (before, after) = colour(level, has_colours);
    SystemTime.format_time(&mut Writer::new(out))?;
    write!(out, " {before}{level:<5}{after} ")
}

/// Writes events; as text: time, level, where it comes from if that is below `info`, message,
/// fields.
pub(super) struct OneLine(pub(super) Look);

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
        if self.0.format == LogFormat::Json {
            return json::write_event(&mut writer, event);
        }
        let level = *event.metadata().level();
        begin(&mut writer, level, self.0.has_colours)?;
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

    /// What is logged by `log` at `level`.
    fn written(level: LevelFilter, look: Look, log: impl FnOnce()) -> String {
        let memory = Memory::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(memory.clone())
            .with_ansi(look.has_colours)
            .event_format(OneLine(look))
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    /// The same as text, each line without its time.
    fn logged(level: LevelFilter, has_colours: bool, log: impl FnOnce()) -> Vec<String> {
        let format = LogFormat::Text;
        let look = Look {
            format,
            has_colours,
        };
        let text = written(level, look, log);
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

    #[test]
    fn as_json_an_event_is_one_object_whatever_it_carries() {
        let look = Look {
            format: LogFormat::Json,
            has_colours: false,
        };
        let hostile = "a\nb\r\u{85}\u{2028}\u{1b}[31m\"},{\0";
        let text = written(LevelFilter::INFO, look, || {
            let (shards, is_on, nothing) = (2, true, None::<u64>);
            tracing::warn!(
                shards, is_on, nothing, level = "x", %hostile, text = hostile, "serving {hostile}"
            );
        });
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(!text.trim_end().chars().any(char::is_control), "{text:?}");
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        let time = object["time"].as_str().unwrap();
        let message = format!("serving {hostile}");
        let expected = serde_json::json!({
            "time": time, "level": "warn", "target": module_path!(), "message": message,
            "shards": 2, "is_on": true, "level_": "x", "hostile": hostile, "text": hostile,
        });
        assert_eq!(object, expected);
        let line = line(Level::ERROR, look, hostile);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (object["level"].as_str(), object["message"].as_str()),
            (Some("error"), Some(hostile))
        );
    }
}
