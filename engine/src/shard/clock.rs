//! What time it is in this turn.

use allspark_protocol::Instant;

/// Read once per turn, so everything that happens in a turn happens at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) now: Instant,
    /// The clock that pings of Primus carry.
    pub(crate) unix_ms: u64,
}

impl Clock {
    pub(super) fn new(now: Instant) -> Self {
        Self { now, unix_ms: 0 }
    }

    pub(super) fn set(&mut self, now: Instant, unix_ms: u64) {
        self.now = now.max(self.now);
        self.unix_ms = unix_ms;
    }
}
