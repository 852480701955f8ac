//! What peers hold: what waits for a peer to go on. That is the part of a request or message that
//! has come so far, bytes behind a request that is not answered yet, and what sessions keep. It is
//! looked at when bytes came in, and when a session was called, because it grows nowhere else; a
//! peer that holds nothing, as nearly all do, costs a comparison.
//!
//! What waits to be sent, and broadcasts, are counted where they are made
//! ([`BlockPool`](crate::memory::BlockPool)), and belong to the same bound ([`super::room`]).

use std::collections::HashMap;

use crate::limits::HELD_BYTES_MIN;
use crate::memory::kept;

/// What connections or sessions hold, by the index of their slot.
#[derive(Debug, Default)]
pub(crate) struct Charges {
    by_index: HashMap<u32, usize>,
    total: usize,
}

impl Charges {
    /// Bytes of all of them.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// What one holds, as far as that is noted.
    pub(crate) fn get(&self, index: u32) -> usize {
        self.by_index.get(&index).copied().unwrap_or(0)
    }

    /// Notes what one holds now. Returns whether that is more than before.
    #[inline]
    pub(crate) fn set(&mut self, index: u32, bytes: usize) -> bool {
        if bytes < HELD_BYTES_MIN {
            // The usual case: neither did it hold anything.
            if !self.by_index.is_empty() {
                self.remove(index);
            }
            return false;
        }
        let before = self.by_index.insert(index, bytes).unwrap_or(0);
        self.total = self.total - before + bytes;
        bytes > before
    }

    fn remove(&mut self, index: u32) {
        self.total -= self.by_index.remove(&index).unwrap_or(0);
        // The memory of a peak must not stay.
        if let Some(kept) = kept(self.by_index.len(), self.by_index.capacity()) {
            self.by_index.shrink_to(kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_that_of_all_and_nothing_is_kept_of_a_peak() {
        let mut charges = Charges::default();
        assert!(!charges.set(1, HELD_BYTES_MIN - 1), "not worth a note");
        assert!(charges.by_index.is_empty());
        assert!(charges.set(1, 5_000));
        assert!(charges.set(2, 7_000));
        assert!(!charges.set(2, 6_000), "less is no growth");
        assert!(!charges.set(2, 6_000));
        assert_eq!(charges.total(), 11_000);
        charges.set(1, 0);
        charges.set(1, 0);
        charges.set(2, 10);
        assert_eq!(charges.total(), 0);
        for index in 0..100_000 {
            charges.set(index, 2_000);
        }
        for index in 0..100_000 {
            charges.set(index, 0);
        }
        let capacity = charges.by_index.capacity();
        assert!(charges.total() == 0 && capacity < 10_000, "{capacity}");
    }
}
