//! Lists that live as long as their shard, and whose room follows what they hold.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Entries for which a list keeps its room, whatever it holds.
const ENTRIES_KEPT: usize = 1024;

/// Gives back what a list has room for far beyond what it holds. It is called seldom, so it costs
/// little even if the list grows again at once.
pub trait GiveBack {
    /// Gives it back, if it is worth it.
    fn give_back(&mut self);
}

impl<T> GiveBack for Vec<T> {
    fn give_back(&mut self) {
        if let Some(kept) = kept(self.len(), self.capacity()) {
            self.shrink_to(kept);
        }
    }
}

impl<T> GiveBack for VecDeque<T> {
    fn give_back(&mut self) {
        if let Some(kept) = kept(self.len(), self.capacity()) {
            self.shrink_to(kept);
        }
    }
}

impl<K: Eq + Hash, V> GiveBack for HashMap<K, V> {
    fn give_back(&mut self) {
        if let Some(kept) = kept(self.len(), self.capacity()) {
            self.shrink_to(kept);
        }
    }
}

/// The room that is left to a list that has far too much of it.
pub(crate) fn kept(len: usize, capacity: usize) -> Option<usize> {
    (capacity > ENTRIES_KEPT && len < capacity / 4).then(|| (len * 2).max(ENTRIES_KEPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_follows_what_is_held() {
        let mut list: Vec<u64> = (0..100_000).collect();
        list.give_back();
        assert!(list.capacity() >= 100_000);
        list.truncate(10_000);
        list.give_back();
        assert_eq!((list.capacity(), list.len()), (20_000, 10_000));
        list.clear();
        list.give_back();
        assert_eq!(list.capacity(), ENTRIES_KEPT);
        list.give_back();
        assert_eq!(list.capacity(), ENTRIES_KEPT);
        let mut queue: VecDeque<u64> = (0..100_000).collect();
        queue.clear();
        queue.give_back();
        assert!(queue.capacity() < 2 * ENTRIES_KEPT);
        let mut map: HashMap<u64, u64> = (0..100_000).map(|key| (key, key)).collect();
        map.clear();
        map.give_back();
        assert!(map.capacity() < 2 * ENTRIES_KEPT);
    }
}
