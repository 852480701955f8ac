//! What happened in each second.

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

/// The seconds of a run.
pub(super) struct Series {
    start: Instant,
    seconds: Vec<Second>,
    current: Second,
}

impl Series {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            seconds: Vec::new(),
            current: Second::default(),
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

    pub(super) fn into_seconds(self) -> Vec<Second> {
        self.seconds
    }
}
