//! Panics in the log. What Rust itself does, to print them on stderr, waits as long as stderr does
//! not take them, and a shard with it.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};
use std::thread;

use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::format::{self, Look};
use super::queue::Lines;

/// From now on panics are lines of the log; with a backtrace, if `RUST_BACKTRACE` asks for it.
/// Nothing is said while errors are not logged.
pub(super) fn log_to(lines: Lines, look: Look) {
    panic::set_hook(Box::new(move |panic| {
        if LevelFilter::current() < LevelFilter::ERROR {
            return;
        }
        for text in describe(panic) {
            lines.push(format::line(Level::ERROR, look, &text).as_bytes());
        }
    }));
}

/// A panic in lines.
fn describe(panic: &PanicHookInfo<'_>) -> Vec<String> {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let place = panic.location().map(ToString::to_string);
    let place = place.as_deref().unwrap_or("an unknown place");
    let message = panic.payload_as_str().unwrap_or("no message");
    let mut lines = vec![format!("thread {name} panicked at {place}: {message}")];
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        let frames = backtrace.to_string();
        lines.extend(frames.lines().map(str::to_owned));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_panic_is_told_with_thread_place_and_message() {
        let (told, tellings) = mpsc::channel();
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().name() == Some("doomed") {
                let _ = told.send(describe(panic));
            } else {
                before(panic);
            }
        }));
        let doomed = thread::Builder::new().name("doomed".to_owned());
        let end = doomed.spawn(|| panic!("at the {}", "end")).unwrap().join();
        assert!(end.is_err());
        let lines = tellings.recv().unwrap();
        assert!(lines[0].starts_with("thread doomed panicked at server/log/panics.rs:"));
        assert!(lines[0].ends_with(": at the end"), "{lines:?}");
    }
}
