//! The end of all sparks, as fast as was asked for.

use std::num::NonZeroU32;
use std::time::Duration;

use allspark_protocol::Instant;

use super::cursor::Cursor;
use crate::limits::DESTROY_CATCH_UP_MS;

const NS_PER_S: u64 = 1_000_000_000;

/// How far it is.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) cursor: Cursor,
    /// Whether clients shall reconnect.
    pub(crate) reconnect: bool,
    /// From one spark to the next; zero for as fast as it goes.
    interval: Duration,
    /// When the next one is due.
    next_at: Instant,
}

impl Ending {
    pub(crate) fn new(reconnect: bool, sparks_per_s: Option<NonZeroU32>, now: Instant) -> Self {
        // It is rounded up, so that the end is not faster than was asked for.
        let interval_ns = |count: NonZeroU32| NS_PER_S.div_ceil(u64::from(count.get()));
        Self {
            cursor: Cursor::default(),
            reconnect,
            interval: Duration::from_nanos(sparks_per_s.map_or(0, interval_ns)),
            next_at: now,
        }
    }

    /// When the next spark may be ended, in whole milliseconds, so that a fast pace does not wake
    /// the shard for each; `None` for now.
    pub(crate) fn waits_until(&self, now: Instant) -> Option<Instant> {
        let at_ms = self.next_at.as_ns().div_ceil(1_000_000);
        (self.next_at > now).then(|| Instant::from_ms(at_ms))
    }

    /// One more was ended. The pace counts from when the spark was due, so that late turns do not
    /// slow it down; but it makes up for a short time only.
    pub(crate) fn count(&mut self, now: Instant) {
        let catch_up_ns = DESTROY_CATCH_UP_MS * 1_000_000;
        let earliest = Instant::from_ns(now.as_ns().saturating_sub(catch_up_ns));
        self.next_at = self.next_at.max(earliest) + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many are ended by a shard that looks every millisecond.
    fn ended_within(ms: u64, sparks_per_s: Option<u32>) -> u64 {
        let per_s = sparks_per_s.and_then(NonZeroU32::new);
        let mut ending = Ending::new(true, per_s, Instant::from_ms(10));
        (0..=ms).map(|ms| ended_at(&mut ending, 10 + ms)).sum()
    }

    fn ended_at(ending: &mut Ending, ms: u64) -> u64 {
        let (now, mut ended) = (Instant::from_ms(ms), 0);
        while ending.waits_until(now).is_none() && ended < 100_000 {
            ending.count(now);
            ended += 1;
        }
        ended
    }

    #[test]
    fn keeps_the_pace_that_was_asked_for() {
        assert_eq!(ended_within(0, Some(10)), 1, "the first one at once");
        assert_eq!(ended_within(1_000, Some(10)), 11);
        assert_eq!(ended_within(60_000, Some(1_000)), 60_001);
        assert_eq!(ended_within(1_000, Some(100_000)), 100_001);
        assert_eq!(ended_within(1_000, Some(7)), 7, "never faster");
        assert_eq!(ended_within(0, None), 100_000, "as fast as it goes");
    }

    #[test]
    fn makes_up_for_a_turn_that_is_late_but_not_for_a_standstill() {
        let mut ending = Ending::new(true, NonZeroU32::new(1_000), Instant::from_ms(0));
        assert_eq!(ended_at(&mut ending, 50), 51);
        let catch_up = DESTROY_CATCH_UP_MS;
        assert_eq!(ended_at(&mut ending, 60_000), catch_up + 1);
        assert_eq!(ended_at(&mut ending, 60_010), 10);
    }

    #[test]
    fn waits_for_whole_milliseconds() {
        let mut ending = Ending::new(true, NonZeroU32::new(100_000), Instant::from_ms(0));
        ending.count(Instant::from_ms(0));
        let waits_until = ending.waits_until(Instant::from_ms(0));
        assert_eq!(waits_until, Some(Instant::from_ms(1)));
    }
}
