//! Walks over all sparks, in portions.

use crate::limits::{
    SEND_BYTES_PER_TURN, SPARKS_PER_TURN, SPARKS_PER_TURN_BESIDE_TIMERS, WALK_VISITS_PER_TURN,
};
use crate::memory::Key;

/// How far a walk over everything in an arena is. What is inserted behind it is reached, too.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    next: u32,
}

impl Cursor {
    /// Moves on, with a function that finds the first entry from an index on.
    #[inline]
    pub(crate) fn advance(&mut self, next_from: impl FnOnce(u32) -> Option<Key>) -> Option<Key> {
        let key = next_from(self.next)?;
        assert!(key.index >= self.next, "a walk does not turn back");
        self.next = key.index + 1;
        Some(key)
    }

    /// Whether the walk has passed this place.
    pub(crate) fn has_passed(self, index: u32) -> bool {
        index < self.next
    }
}

/// What one walk may do in one turn.
#[derive(Debug)]
pub(crate) struct Budget {
    looks: usize,
    works: usize,
    bytes: usize,
}

impl Budget {
    /// For one of so many walks that are under way. While timers are late, all of them get less.
    pub(crate) fn new(walks: usize, timers_are_late: bool) -> Self {
        let works = match timers_are_late {
            true => SPARKS_PER_TURN_BESIDE_TIMERS,
            false => SPARKS_PER_TURN,
        };
        let walks = walks.max(1);
        Self {
            looks: WALK_VISITS_PER_TURN.div_ceil(walks),
            works: works.div_ceil(walks),
            bytes: SEND_BYTES_PER_TURN.div_ceil(walks),
        }
    }

    /// Whether one more spark may be looked at.
    #[inline]
    pub(crate) fn look(&mut self) -> bool {
        let may = self.looks > 0 && self.works > 0 && self.bytes > 0;
        self.looks = self.looks.saturating_sub(1);
        may
    }

    /// Something was done that took as long as looking at so many sparks.
    #[inline]
    pub(crate) fn look_longer(&mut self, looks: usize) {
        self.looks = self.looks.saturating_sub(looks);
    }

    /// Something was done about a spark: so many bytes were offered to the kernel, or none.
    #[inline]
    pub(crate) fn work(&mut self, offered_bytes: usize) {
        self.works = self.works.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(offered_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reaches_everything_once() {
        let key = |index| Key {
            index,
            generation: 0,
        };
        let present = [0, 3, 4, 9];
        let next_from = |from| {
            let next = present.iter().find(|index| **index >= from);
            next.map(|index| key(*index))
        };
        let mut cursor = Cursor::default();
        let reached: Vec<u32> = std::iter::from_fn(|| cursor.advance(next_from))
            .map(|key| key.index)
            .collect();
        assert_eq!(reached, present);
    }

    #[test]
    fn walks_share_what_a_turn_may_do() {
        let count = |mut budget: Budget| {
            let mut count = 0;
            while budget.look() {
                budget.work(0);
                count += 1;
            }
            count
        };
        assert_eq!(count(Budget::new(1, false)), SPARKS_PER_TURN);
        assert_eq!(count(Budget::new(2, false)), SPARKS_PER_TURN / 2);
        assert!(count(Budget::new(100, true)) >= 1, "each of them goes on");
        let mut budget = Budget::new(1, false);
        budget.work(SEND_BYTES_PER_TURN);
        assert!(!budget.look(), "bytes are bounded, too");
        let mut budget = Budget::new(1, false);
        budget.look_longer(WALK_VISITS_PER_TURN);
        assert!(!budget.look(), "and so are looks");
    }
}
