//! What happened in each second.

use std::time::Duration;

use allspark_protocol::Instant;
use serde::Serialize;

/// One second of virtual time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Second {
    /// Clients with a connection, at its end.
    pub(crate) live: u32,
    /// Attempts to connect.
    pub(crate) attempts: u32,
    /// Connections that were opened.
    pub(crate) opened: u32,
    /// Connections that were lost or left.
    pub(crate) lost: u32,
}

/// Something that the scenario does for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Span {
    pub(crate) name: &'static str,
    /// Seconds of virtual time since the beginning.
    pub(crate) from_s: f64,
    pub(crate) to_s: f64,
}

/// The seconds of a run.
pub(super) struct Series {
    start: Instant,
    seconds: Vec<Second>,
    current: Second,
    spans: Vec<Span>,
}

impl Series {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            seconds: Vec::new(),
            current: Second::default(),
            spans: Vec::new(),
        }
    }

    /// The time has moved on.
    pub(super) fn note(&mut self, now: Instant, live: u32) {
        let second = (now - self.start).as_secs() as usize;
        while self.seconds.len() < second {
            let done = std::mem::take(&mut self.current);
            self.seconds.push(Second { live, ..done });
        }
    }

    pub(super) fn attempted(&mut self) {
        self.current.attempts += 1;
    }

    pub(super) fn opened(&mut self) {
        self.current.opened += 1;
    }

    /// A client left; nothing is counted if it had no connection.
    pub(super) fn lost(&mut self, was_open: bool) {
        self.current.lost += u32::from(was_open);
    }

    /// The scenario does something from then on for so long.
    pub(super) fn mark(&mut self, name: &'static str, from: Instant, duration: Duration) {
        let from = from - self.start;
        self.spans.push(Span {
            name,
            from_s: from.as_secs_f64(),
            to_s: (from + duration).as_secs_f64(),
        });
    }

    /// Each second, up to the last in which anything happened, and what the scenario did.
    pub(super) fn finish(mut self) -> (Vec<Second>, Vec<Span>) {
        let quiet = Second::default();
        let last = self.seconds.iter().rposition(|second| *second != quiet);
        // One more, so that the end is seen.
        self.seconds.truncate(last.map_or(0, |last| last + 2));
        (self.seconds, self.spans)
    }
}
