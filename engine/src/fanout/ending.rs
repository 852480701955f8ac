//! The end of all sparks, as fast as was asked for.

use std::num::NonZeroU32;
use std::time::Duration;

use allspark_protocol::Instant;

use super::cursor::Cursor;

/// How far it is.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) cursor: Cursor,
    /// Whether clients shall reconnect.
    pub(crate) reconnect: bool,
    began_at: Instant,
    sparks_per_s: Option<NonZeroU32>,
    ended: u64,
}

impl Ending {
    pub(crate) fn new(reconnect: bool, sparks_per_s: Option<NonZeroU32>, now: Instant) -> Self {
        Self {
            cursor: Cursor::default(),
            reconnect,
            began_at: now,
            sparks_per_s,
            ended: 0,
        }
    }

    /// When the next spark may be ended; `None` for now.
    pub(crate) fn waits_until(&self, now: Instant) -> Option<Instant> {
        let sparks_per_s = u64::from(self.sparks_per_s?.get());
        let delay_ms = self.ended.saturating_mul(1000) / sparks_per_s;
        let at = self.began_at + Duration::from_millis(delay_ms);
        (at > now).then_some(at)
    }

    /// One more was ended.
    pub(crate) fn count(&mut self) {
        self.ended += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended_within(ms: u64, sparks_per_s: Option<u32>) -> u64 {
        let per_s = sparks_per_s.and_then(NonZeroU32::new);
        let mut ending = Ending::new(true, per_s, Instant::from_ms(10));
        let end = Instant::from_ms(10 + ms);
        while ending.waits_until(end).is_none() && ending.ended < 100_000 {
            ending.count();
        }
        ending.ended
    }

    #[test]
    fn keeps_the_pace_that_was_asked_for() {
        assert_eq!(ended_within(0, Some(10)), 1, "the first one at once");
        assert_eq!(ended_within(1_000, Some(10)), 11);
        assert_eq!(ended_within(60_000, Some(1_000)), 60_001);
        assert_eq!(ended_within(0, None), 100_000, "as fast as it goes");
    }
}
