//! The end of all sparks, as fast as was asked for.

use std::num::NonZeroU32;
use std::time::Duration;

use allspark_protocol::Instant;

use super::cursor::Cursor;
use super::scattered::{Found, Scattered};
use crate::limits::DESTROY_CATCH_UP_MS;
use crate::memory::Key;

const NS_PER_S: u64 = 1_000_000_000;

/// How far it is.
#[derive(Debug)]
pub(crate) struct Ending {
    /// Whether clients shall reconnect.
    pub(crate) reconnect: bool,
    way: Way,
}

#[derive(Debug)]
enum Way {
    InTurn(InTurn),
    Scattered(Scattered),
}

/// One after the other, at a pace.
#[derive(Debug)]
struct InTurn {
    cursor: Cursor,
    /// From one spark to the next; zero for as fast as it goes.
    interval: Duration,
    /// When the next one is due.
    next_at: Instant,
}

impl Ending {
    pub(crate) fn new(reconnect: bool, sparks_per_s: Option<NonZeroU32>, now: Instant) -> Self {
        let way = Way::InTurn(InTurn::new(sparks_per_s, now));
        Self { reconnect, way }
    }

    /// That of a server that drains.
    pub(crate) fn scattered(scattered: Scattered) -> Self {
        Self {
            reconnect: true,
            way: Way::Scattered(scattered),
        }
    }

    /// When the next spark may be ended; `None` for now.
    pub(crate) fn waits_until(&self, now: Instant) -> Option<Instant> {
        match &self.way {
            Way::InTurn(in_turn) => in_turn.waits_until(now),
            Way::Scattered(scattered) => scattered.waits_until(now),
        }
    }

    /// The next one, by functions that find the first spark from a place on, the one in a place,
    /// and say whether it has not ended yet.
    pub(crate) fn next(
        &mut self,
        now: Instant,
        next_from: impl FnOnce(u32) -> Option<Key>,
        at: impl FnOnce(u32) -> Option<Key>,
        is_open: impl FnOnce(Key) -> bool,
    ) -> Found {
        match &mut self.way {
            Way::InTurn(in_turn) => in_turn.next(now, next_from, is_open),
            Way::Scattered(scattered) => match scattered.next(now, next_from, at) {
                Found::Spark(spark) if !is_open(spark) => Found::Nobody,
                found => found,
            },
        }
    }
}

impl InTurn {
    fn new(sparks_per_s: Option<NonZeroU32>, now: Instant) -> Self {
        // It is rounded up, so that the end is not faster than was asked for.
        let interval_ns = |count: NonZeroU32| NS_PER_S.div_ceil(u64::from(count.get()));
        Self {
            cursor: Cursor::default(),
            interval: Duration::from_nanos(sparks_per_s.map_or(0, interval_ns)),
            next_at: now,
        }
    }

    /// In whole milliseconds, so that a fast pace does not wake the shard for each.
    fn waits_until(&self, now: Instant) -> Option<Instant> {
        let at_ms = self.next_at.as_ns().div_ceil(1_000_000);
        (self.next_at > now).then(|| Instant::from_ms(at_ms))
    }

    fn next(
        &mut self,
        now: Instant,
        next_from: impl FnOnce(u32) -> Option<Key>,
        is_open: impl FnOnce(Key) -> bool,
    ) -> Found {
        let mut cursor = self.cursor;
        let Some(spark) = cursor.advance(next_from) else {
            return Found::Over;
        };
        let is_open = is_open(spark);
        if is_open && self.waits_until(now).is_some() {
            // The next call finds the same spark again, or finds that it was the last.
            return Found::TooEarly;
        }
        self.cursor = cursor;
        if !is_open {
            return Found::Nobody;
        }
        self.count(now);
        Found::Spark(spark)
    }

    /// One more is ended. The pace counts from when the spark was due, so that late turns do not
    /// slow it down; but it makes up for a short time only.
    fn count(&mut self, now: Instant) {
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
        let mut ending = InTurn::new(per_s, Instant::from_ms(10));
        (0..=ms).map(|ms| ended_at(&mut ending, 10 + ms)).sum()
    }

    fn ended_at(ending: &mut InTurn, ms: u64) -> u64 {
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
        let mut ending = InTurn::new(NonZeroU32::new(1_000), Instant::from_ms(0));
        assert_eq!(ended_at(&mut ending, 50), 51);
        let catch_up = DESTROY_CATCH_UP_MS;
        assert_eq!(ended_at(&mut ending, 60_000), catch_up + 1);
        assert_eq!(ended_at(&mut ending, 60_010), 10);
    }

    #[test]
    fn waits_for_whole_milliseconds() {
        let mut ending = InTurn::new(NonZeroU32::new(100_000), Instant::from_ms(0));
        ending.count(Instant::from_ms(0));
        let waits_until = ending.waits_until(Instant::from_ms(0));
        assert_eq!(waits_until, Some(Instant::from_ms(1)));
    }
}
