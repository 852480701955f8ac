//! How long a peer takes to answer a ping: from the ping that was sent to the pong that answered
//! it, by the monotonic clock of who pings. The time that a pong carries is not used: it is a
//! reading of the wall clock, which may jump, and a peer can send any time.

use std::time::Duration;

use crate::time::Instant;

/// Nanoseconds of a tick. With ticks of a tenth of a millisecond 32 bits reach four days, so no
/// interval is too long.
const TICK_NS: u64 = 100_000;

/// Nothing was measured yet.
const UNKNOWN: u32 = u32::MAX;

/// The latency of one peer, in eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// When the last ping was sent, in ticks.
    pinged: u32,
    /// How many ticks the last answer took.
    last: u32,
}

impl Latency {
    /// Of a peer that was not pinged yet.
    pub const fn new() -> Self {
        Self {
            pinged: 0,
            last: UNKNOWN,
        }
    }

    /// A ping was sent.
    pub fn pinged(&mut self, now: Instant) {
        self.pinged = ticks(now);
    }

    /// The pong that answers it came. Whoever calls knows that a ping was open.
    pub fn ponged(&mut self, now: Instant) {
        self.last = ticks(now).wrapping_sub(self.pinged).min(UNKNOWN - 1);
    }

    /// How long ago the last ping was sent, to a tenth of a millisecond.
    pub fn since_ping(&self, now: Instant) -> Duration {
        Duration::from_nanos(u64::from(ticks(now).wrapping_sub(self.pinged)) * TICK_NS)
    }

    /// How long the last answer took, to a tenth of a millisecond; `None` before the first one.
    pub fn last(&self) -> Option<Duration> {
        let is_known = self.last != UNKNOWN;
        is_known.then(|| Duration::from_nanos(u64::from(self.last) * TICK_NS))
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}

/// The lowest bits of a time.
fn ticks(now: Instant) -> u32 {
    (now.as_ns() / TICK_NS) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const _: () = assert!(size_of::<Latency>() == 8);

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn is_that_of_the_last_answer() {
        let mut latency = Latency::default();
        assert_eq!(latency.last(), None);
        for (pinged_ms, took_ms) in [(1_000, 40), (31_000, 0), (61_000, 29_999)] {
            latency.pinged(Instant::from_ms(pinged_ms));
            latency.ponged(Instant::from_ms(pinged_ms + took_ms));
            assert_eq!(latency.last(), Some(Duration::from_millis(took_ms)));
        }
    }

    #[test]
    fn does_not_mind_that_ticks_begin_anew() {
        let last_tick = Instant::from_ns(u64::from(u32::MAX) * TICK_NS);
        let mut latency = Latency::new();
        latency.pinged(last_tick);
        latency.ponged(last_tick + MS * 7);
        assert_eq!(latency.last(), Some(MS * 7));
    }

    #[test]
    fn one_that_is_as_long_as_can_be_is_known() {
        let mut latency = Latency::new();
        latency.pinged(Instant::ZERO);
        latency.ponged(Instant::from_ns(u64::from(UNKNOWN) * TICK_NS));
        assert!(latency.last().is_some());
    }

    #[test]
    fn how_long_ago_a_ping_was_is_known_across_a_wrap() {
        let mut latency = Latency::new();
        let sent = Instant::from_ms((1 << 32) / 10 - 1);
        latency.pinged(sent);
        assert_eq!(latency.since_ping(sent), Duration::ZERO);
        assert_eq!(latency.since_ping(sent + 3_000 * MS), 3_000 * MS);
    }
}
