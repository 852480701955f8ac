//! What the operator reads: one line on stderr for each event, as text or as JSON.
//!
//! ```text
//! 2026-11-21T10:00:00.000000Z INFO  serving on http://127.0.0.1:8080/ driver=uring shards=2
//! ```
//!
//! stderr may be anything: a terminal that is closed, a pipe that nobody reads, a full disk. So
//! those who log only queue ([`queue`]), and a thread of the log writes.
//!
//! # Invariants
//! - Who logs never waits, and never fails.
//! - A line is written, or it is counted as lost, and the log says so as soon as it can.
//! - Colours are used only on a terminal, and not if `NO_COLOR` is set.
//! - The level can change at any time, from any thread.

pub(crate) mod escape;
mod format;
mod json;
mod level;
mod panics;
mod queue;
mod reopen;
pub(crate) mod stderr;

use std::env;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

pub(crate) use format::LogFormat;
pub(crate) use level::LogLevel;
pub(crate) use queue::{Lines, Tell};
pub(crate) use reopen::Reopen;

use format::{Look, OneLine};
use stderr::Stderr;

/// How long the end of the process waits for lines that stderr does not take. A reader that lives
/// takes them at once; a second is far less than what supervisors grant.
const END_TIMEOUT: Duration = Duration::from_secs(1);

type AtEnd = Box<dyn FnOnce(Duration) + Send>;

/// The log of this process.
pub(crate) struct Log {
    lines: Lines,
    level: LogLevel,
    look: Look,
    reopen: Reopen,
    /// What else is waited for at the end, but not for long.
    at_end: Mutex<Vec<AtEnd>>,
}

/// Starts logging events of `level` and above, and panics. Call it once.
///
/// # Errors
/// If there can be no thread that writes.
pub(crate) fn start(level: LevelFilter, format: LogFormat) -> io::Result<Log> {
    let is_on_terminal = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    let look = Look {
        format,
        has_colours: is_on_terminal && format == LogFormat::Text,
    };
    let say_lost = move |lost: u64| {
        let text = format!("lines of the log are lost, because stderr did not take them: {lost}");
        format::line(Level::WARN, look, &text)
    };
    let lines = Lines::start(Stderr::new(), say_lost)?;
    let (filter, handle) = reload::Layer::new(level);
    let writer = tracing_subscriber::fmt::layer()
        .with_writer(lines.clone())
        .with_ansi(look.has_colours)
        // It would be told on stderr, which may be the very thing that does not work.
        .log_internal_errors(false)
        .event_format(OneLine(look));
    tracing_subscriber::registry()
        .with(filter)
        .with(writer)
        .init();
    panics::log_to(lines.clone(), look);
    Ok(Log {
        lines,
        level: LogLevel::new(move |level| handle.reload(level).is_ok()),
        look,
        reopen: Reopen::default(),
        at_end: Mutex::default(),
    })
}

impl Log {
    /// Where the lines go.
    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Calls `wait` before the end of the process, with the time that it may take.
    pub(crate) fn at_end(&self, wait: impl FnOnce(Duration) + Send + 'static) {
        let mut at_end = self.at_end.lock().unwrap_or_else(PoisonError::into_inner);
        at_end.push(Box::new(wait));
    }

    /// Asks that files be opened anew.
    pub(crate) fn reopen(&self) -> &Reopen {
        &self.reopen
    }

    /// What is logged.
    pub(crate) fn level(&self) -> &LogLevel {
        &self.level
    }

    /// Writes the last line, if there is one, and waits until everything is written, but not for
    /// long. The line is not one of the log: it comes whatever the level, and, if the log is text,
    /// as it is.
    pub(crate) fn end(self, last_line: Option<String>) {
        if let Some(line) = last_line {
            let line = match self.look.format {
                LogFormat::Text => format!("{line}\n"),
                LogFormat::Json => format::line(Level::ERROR, self.look, &line),
            };
            self.lines.push(line.as_bytes());
        }
        let at_end = self.at_end.into_inner();
        for wait in at_end.unwrap_or_else(PoisonError::into_inner) {
            wait(END_TIMEOUT);
        }
        self.lines.flush(END_TIMEOUT);
    }
}
