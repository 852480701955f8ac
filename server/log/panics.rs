//! Panics in the log. What Rust itself does, to print them on stderr, waits as long as stderr does
//! not take them, and a shard with it.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::collections::HashMap;
use std::panic::{self, PanicHookInfo};
use std::sync::{Mutex, PoisonError};
use std::thread;

use allspark_engine::{Admitted, Throttle};
use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::format::{self, Look};
use super::queue::Lines;

/// From now on panics are lines of the log; with a backtrace, if `RUST_BACKTRACE` asks for it.
/// Nothing is said while errors are not logged.
pub(super) fn log_to(lines: Lines, look: Look) {
    let places = Places::default();
    panic::set_hook(Box::new(move |panic| {
        if LevelFilter::current() < LevelFilter::ERROR {
            return;
        }
        for text in places.describe(panic) {
            lines.push(format::line(Level::ERROR, look, &text).as_bytes());
        }
    }));
}

/// Places of the program that have panicked. A peer that knows how to make a handler panic does so
/// as often as it wants, and hides no panic of another place.
#[derive(Default)]
struct Places(Mutex<HashMap<String, Throttle>>);

impl Places {
    /// A panic in lines; in none, if that of its place was told within this second.
    fn describe(&self, panic: &PanicHookInfo<'_>) -> Vec<String> {
        let place = panic.location().map(ToString::to_string);
        let place = place.unwrap_or_else(|| "an unknown place".to_owned());
        match self.admit(&place) {
            Some(line) => describe(panic, &place, line.unlogged),
            None => Vec::new(),
        }
    }

    fn admit(&self, place: &str) -> Option<Admitted> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(throttle) = places.get(place) {
            return throttle.admit();
        }
        places.entry(place.to_owned()).or_default().admit()
    }
}

fn describe(panic: &PanicHookInfo<'_>, place: &str, unlogged: Option<u64>) -> Vec<String> {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let message = panic.payload_as_str().unwrap_or("no message");
    let mut first = format!("thread {name} panicked at {place}: {message}");
    if let Some(unlogged) = unlogged {
        first.push_str(&format!(" unlogged={unlogged}"));
    }
    let mut lines = vec![first];
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        let frames = backtrace.to_string();
        lines.extend(frames.lines().map(str::to_owned));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_panic_is_told_once_per_second_with_thread_place_and_message() {
        const MANY: u64 = 100;
        let (told, tellings) = mpsc::channel();
        let (before, places) = (panic::take_hook(), Places::default());
        panic::set_hook(Box::new(move |panic| {
            if thread::current().name() == Some("doomed") {
                let _ = told.send(places.describe(panic));
            } else {
                before(panic);
            }
        }));
        let begun = Instant::now();
        let doomed = thread::Builder::new().name("doomed".to_owned());
        let doomed = doomed.spawn(|| {
            for _ in 0..MANY {
                assert!(catch_unwind(|| panic!("at the {}", "end")).is_err());
            }
            panic!("elsewhere");
        });
        assert!(doomed.unwrap().join().is_err());
        let told: Vec<Vec<String>> = tellings.try_iter().collect();
        assert_eq!(told.len() as u64, MANY + 1);
        let lines: Vec<&str> = told
            .iter()
            .filter_map(|panic| Some(&**panic.first()?))
            .collect();
        let (last, lines) = lines.split_last().unwrap();
        assert!(last.ends_with(": elsewhere"), "{last}");
        assert!(lines[0].starts_with("thread doomed panicked at server/log/panics.rs:"));
        assert!(lines[0].ends_with(": at the end"), "{lines:?}");
        assert!(
            lines.len() as u64 <= 1 + begun.elapsed().as_secs(),
            "{lines:?}"
        );
        let counted = lines[1..].iter().all(|line| line.contains(" unlogged="));
        assert!(counted, "{lines:?}");
    }
}
