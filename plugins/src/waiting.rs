//! What waits for answers of a peer: in the order in which it began, bounded, each answered once.

use std::borrow::Borrow;
use std::collections::VecDeque;

/// Questions to one peer that are not answered, by what they are known by.
///
/// Looking one up goes through all of them, of which there are few: a peer may answer in any order,
/// but most answer in that of the questions, so that the first one is it.
#[derive(Debug)]
pub(crate) struct Waiting<K, C> {
    list: VecDeque<(K, C)>,
}

impl<K, C> Default for Waiting<K, C> {
    fn default() -> Self {
        let list = VecDeque::new();
        Self { list }
    }
}

/// Bytes that waiting costs for which a timer runs: the place in the list, which may have room for
/// twice as many, and the timer.
pub(crate) const fn waiting_bytes<K, C>() -> usize {
    const TIMER_BYTES: usize = 160;
    2 * size_of::<(K, C)>() + TIMER_BYTES
}

impl<K, C> Waiting<K, C> {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// One more waits. The caller has looked whether there is room.
    pub(crate) fn add(&mut self, key: K, call: C) {
        self.list.push_back((key, call));
    }

    /// It does not wait any more. `None` if it did not.
    pub(crate) fn take<Q>(&mut self, key: &Q) -> Option<C>
    where
        K: Borrow<Q>,
        Q: PartialEq + ?Sized,
    {
        let place = self
            .list
            .iter()
            .position(|(other, _)| other.borrow() == key)?;
        let (_, call) = self.list.remove(place)?;
        if self.list.is_empty() {
            // A spark that waits for nothing holds nothing.
            self.list = VecDeque::new();
        }
        Some(call)
    }

    /// Everything that waits, in its order.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = C> + use<K, C> {
        std::mem::take(&mut self.list)
            .into_iter()
            .map(|(_, call)| call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_answered_once_in_any_order() {
        let mut waiting = Waiting::default();
        for key in 1..=4 {
            waiting.add(key, key * 10);
        }
        assert_eq!((waiting.take(&3), waiting.take(&3)), (Some(30), None));
        assert_eq!((waiting.take(&1), waiting.take(&9)), (Some(10), None));
        assert_eq!(waiting.len(), 2);
        assert_eq!(waiting.take_all().collect::<Vec<_>>(), [20, 40]);
        assert_eq!(waiting.len(), 0);
    }
}
