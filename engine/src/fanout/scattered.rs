//! The end of all sparks of a server that drains: spread evenly over a time, and over the sparks.
//!
//! Neighbours in an arena came one after the other: from behind one proxy, from one office, after
//! one outage. If they went one after the other, too, somebody would lose all of his clients at
//! once. So places are visited in steps of the golden ratio: any stretch of the visits is spread
//! over all places.
//!
//! # Invariants
//! - Every place that there was at the beginning is visited once. Whoever came meanwhile, in
//!   whatever place, is reached by the walk behind it.
//! - The time is kept, however many sparks leave by themselves.

use std::time::Duration;

use allspark_protocol::Instant;

use super::cursor::Cursor;
use crate::limits::DESTROY_CATCH_UP_MS;
use crate::memory::Key;

/// One divided by the golden ratio.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// How far it is.
#[derive(Debug)]
pub(crate) struct Scattered {
    /// Places are below two to the power of this, which is at least one.
    bits: u32,
    /// Places that were visited.
    visited: u64,
    /// When the first place was due, or would have been.
    begun: Instant,
    spread: Duration,
    /// The walk over those who came meanwhile, and when it may begin.
    rest: Cursor,
    rest_at: Instant,
}

/// What a walk finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A spark whose turn it is.
    Spark(Key),
    /// Nobody in this place.
    Nobody,
    /// Nobody's turn yet.
    TooEarly,
    /// That was everybody.
    Over,
}

impl Scattered {
    /// Over so many places within `spread`. Whoever comes before `rest_at` is served until then.
    pub(crate) fn new(places: u32, spread: Duration, now: Instant, rest_at: Instant) -> Self {
        assert!(places <= 1 << 31, "a power of two is above all places");
        Self {
            bits: places.next_power_of_two().trailing_zeros().max(1),
            visited: 0,
            begun: now,
            spread,
            rest: Cursor::default(),
            rest_at,
        }
    }

    fn has_visited_all(&self) -> bool {
        self.visited >> self.bits != 0
    }

    /// When the next place is due.
    fn due(&self) -> Instant {
        if self.has_visited_all() {
            return self.rest_at;
        }
        let ns = (self.spread.as_nanos() * u128::from(self.visited)) >> self.bits;
        self.begun + Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
    }

    /// When the next place may be visited, in whole milliseconds, so that a fast pace does not wake
    /// the shard for each; `None` for now.
    pub(crate) fn waits_until(&self, now: Instant) -> Option<Instant> {
        let due = self.due();
        let at_ms = due.as_ns().div_ceil(1_000_000);
        (due > now).then(|| Instant::from_ms(at_ms))
    }

    /// Goes on to the next place that is due.
    pub(crate) fn next(
        &mut self,
        now: Instant,
        next_from: impl FnOnce(u32) -> Option<Key>,
        at: impl FnOnce(u32) -> Option<Key>,
    ) -> Found {
        let due = self.due();
        if due > now {
            return Found::TooEarly;
        }
        if self.has_visited_all() {
            let next = self.rest.advance(next_from);
            return next.map_or(Found::Over, Found::Spark);
        }
        self.forgive(now - due);
        let place = self.place();
        self.visited += 1;
        at(place).map_or(Found::Nobody, Found::Spark)
    }

    /// Turns that were late are made up for, a standstill is not: clients must not be sent
    /// elsewhere all at once.
    fn forgive(&mut self, late: Duration) {
        let made_up_for = Duration::from_millis(DESTROY_CATCH_UP_MS);
        if !self.spread.is_zero() {
            self.begun = self.begun + late.saturating_sub(made_up_for);
        }
    }

    /// The step is odd, so every place below a power of two comes up once.
    fn place(&self) -> u32 {
        let places = 1_u64 << self.bits;
        let step = (GOLDEN * places as f64) as u64 | 1;
        let mask = places - 1;
        (self.visited.wrapping_mul(step) & mask) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_ms(ms)
    }

    fn key(index: u32) -> Key {
        Key {
            index,
            generation: 0,
        }
    }

    /// The sparks that are due at this moment, if there is one in every place below `sparks`, and
    /// whether that was everybody.
    fn due(walk: &mut Scattered, now: Instant, sparks: u32) -> (Vec<u32>, bool) {
        let mut found = Vec::new();
        loop {
            let at = |place| (place < sparks).then(|| key(place));
            match walk.next(now, |_| None, at) {
                Found::Spark(key) => found.push(key.index),
                Found::Nobody => {}
                Found::TooEarly => return (found, false),
                Found::Over => return (found, true),
            }
        }
    }

    #[test]
    fn everybody_is_reached_once_and_in_time() {
        for sparks in [0, 1, 2, 255, 256, 1_000, 5_000] {
            let mut walk = Scattered::new(sparks, Duration::from_secs(10), ms(5), ms(5));
            let mut all = Vec::new();
            for at in 5..=10_005 {
                all.extend(due(&mut walk, ms(at), sparks).0);
            }
            assert!(due(&mut walk, ms(10_005), sparks).1, "that was everybody");
            all.sort_unstable();
            assert_eq!(all, (0..sparks).collect::<Vec<_>>());
        }
    }

    /// In each tenth of the time a tenth of the sparks goes, and of each tenth of the places.
    #[test]
    fn they_are_spread_over_time_and_over_places() {
        const SPARKS: u32 = 3_000;
        let mut walk = Scattered::new(SPARKS, Duration::from_secs(10), ms(0), ms(0));
        for second in 0..10 {
            let ms_of_it = second * 1000..(second + 1) * 1000;
            let gone = ms_of_it.flat_map(|at| due(&mut walk, ms(at), SPARKS).0);
            let gone: Vec<u32> = gone.collect();
            assert!((295..=305).contains(&gone.len()), "{}", gone.len());
            for tenth in 0..10 {
                let places = tenth * SPARKS / 10..(tenth + 1) * SPARKS / 10;
                let count = gone.iter().filter(|place| places.contains(place)).count();
                assert!((25..=35).contains(&count), "{count} of 30");
            }
        }
    }

    #[test]
    fn a_standstill_is_not_made_up_for() {
        let mut walk = Scattered::new(1 << 12, Duration::from_millis(1 << 12), ms(0), ms(0));
        assert_eq!(due(&mut walk, ms(0), 1 << 12).0.len(), 1);
        let (gone, _) = due(&mut walk, ms(3_000), 1 << 12);
        let catch_up = DESTROY_CATCH_UP_MS as usize;
        assert!((catch_up..=catch_up + 1).contains(&gone.len()));
        assert_eq!(due(&mut walk, ms(3_001), 1 << 12).0.len(), 1);
        assert_eq!(walk.waits_until(ms(3_001)), Some(ms(3_002)));
    }

    #[test]
    fn who_came_meanwhile_is_reached_once_they_were_served_for_a_while() {
        let mut walk = Scattered::new(2, Duration::ZERO, ms(0), ms(50));
        assert_eq!(due(&mut walk, ms(0), 0), (vec![], false));
        assert_eq!(walk.waits_until(ms(0)), Some(ms(50)));
        let late = |from: u32| (from <= 7).then(|| key(7));
        assert_eq!(walk.next(ms(50), late, |_| None), Found::Spark(key(7)));
        assert_eq!(walk.next(ms(50), late, |_| None), Found::Over);
    }
}
