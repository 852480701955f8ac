//! How often a connection may change its shard.
//!
//! A move costs both shards together as much again as the request that it is for, some 23
//! microseconds (`cargo run --release --example moves`). A proxy that sends
//! the requests of many sessions over one connection makes it move all the time; so may somebody
//! who wants to keep shards busy. Each connection may move so often per second, and some times more
//! at once; a request beyond that waits. Besides, a shard lets only so many go and takes in so many
//! per turn ([`MOVES_PER_TURN`](crate::limits::MOVES_PER_TURN)), so that everybody else has his.

use std::collections::HashMap;
use std::time::Duration;

use allspark_protocol::Instant;

use crate::limits::{MOVES_AT_ONCE_MAX, MOVES_PER_SECOND_MAX};

/// By the slot of a connection: when all moves that it has made will have had their time. Only of
/// connections that came from another shard a short while ago.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    paid_until: HashMap<u32, Instant>,
    /// How many may be kept before those that mean nothing any more are dropped.
    kept_max: usize,
}

/// Entries below which it is not worth while to look for old ones.
const KEPT_MIN: usize = 64;

/// The time that one move has.
const SPACING: Duration = Duration::from_nanos(1_000_000_000 / MOVES_PER_SECOND_MAX as u64);

impl Moves {
    /// A connection came which had moved as often as this says.
    pub(crate) fn arrived(&mut self, index: u32, paid_until: Instant, now: Instant) {
        if self.paid_until.len() >= self.kept_max.max(KEPT_MIN) {
            self.paid_until.retain(|_, until| *until > now);
            self.kept_max = 2 * self.paid_until.len();
        }
        self.paid_until.insert(index, paid_until);
    }

    /// A connection wants to leave. Returns how long it has to wait, and what its next shard is to
    /// be told.
    pub(crate) fn leave(&mut self, index: u32, now: Instant) -> (Duration, Instant) {
        let paid_until = self.paid_until.remove(&index).unwrap_or(now).max(now) + SPACING;
        let credit = SPACING * MOVES_AT_ONCE_MAX;
        let wait = paid_until.saturating_since(now).saturating_sub(credit);
        (wait, paid_until)
    }

    /// A connection is closed; its slot may be used again.
    pub(crate) fn closed(&mut self, index: u32) {
        if !self.paid_until.is_empty() {
            self.paid_until.remove(&index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moves back and forth as fast as it may, beginning at `now`, for so long.
    fn move_for(moves: &mut Moves, mut now: Instant, time: Duration) -> u32 {
        let end = now + time;
        let mut count = 0;
        loop {
            let (wait, paid_until) = moves.leave(7, now);
            now = now + wait;
            if now >= end {
                return count;
            }
            moves.arrived(7, paid_until, now);
            count += 1;
        }
    }

    #[test]
    fn a_connection_moves_so_often_per_second_and_some_times_at_once() {
        let now = Instant::from_ms(5);
        let count = move_for(&mut Moves::default(), now, Duration::from_secs(2));
        let most = 2 * MOVES_PER_SECOND_MAX + MOVES_AT_ONCE_MAX;
        assert!((most - 1..=most + 1).contains(&count), "{count}");
    }

    #[test]
    fn who_moves_seldom_never_waits() {
        let mut moves = Moves::default();
        let mut now = Instant::from_ms(5);
        for _ in 0..10 * MOVES_AT_ONCE_MAX {
            let (wait, paid_until) = moves.leave(7, now);
            assert_eq!(wait, Duration::ZERO);
            moves.arrived(7, paid_until, now);
            now = now + SPACING;
        }
    }

    #[test]
    fn keeps_only_what_still_means_something() {
        let mut moves = Moves::default();
        for index in 0..10_000 {
            let now = Instant::from_ms(5 + u64::from(index));
            let (_, paid_until) = moves.leave(index, now);
            moves.arrived(index, paid_until, now);
        }
        let kept = moves.paid_until.len();
        assert!(kept <= 4 * KEPT_MIN, "{kept}");
        moves.arrived(1, Instant::from_ms(99_999), Instant::from_ms(11_000));
        moves.closed(1);
        assert!(!moves.paid_until.contains_key(&1));
    }
}
