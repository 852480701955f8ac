//! Where messages with keys wait in a queue, so that a newer value can take the place of an older
//! one, however many there are.
//!
//! Slices are numbered from when the queue began. A number may be out of date: whoever looks one up
//! checks that there is still such a message.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

/// What an entry costs, at the least room that a map leaves.
const ENTRY_COST: usize = 2 * (size_of::<(Rc<str>, i64)>() + 1);

/// Numbers of slices, by the keys of their messages.
#[derive(Debug, Default)]
pub(super) struct Keyed {
    numbers: HashMap<Rc<str>, i64>,
}

impl Keyed {
    pub(super) fn cost(&self) -> usize {
        size_of::<Self>() + self.numbers.capacity() * ENTRY_COST
    }

    pub(super) fn get(&self, key: &str) -> Option<i64> {
        self.numbers.get(key).copied()
    }

    /// The newest message with this key is there. `present` are the slices that wait.
    pub(super) fn insert(&mut self, key: Rc<str>, number: i64, present: Range<i64>) {
        let count = (present.end - present.start) as usize;
        if self.numbers.len() >= 2 * count.max(8) {
            self.numbers.retain(|_, number| present.contains(number));
            self.numbers.shrink_to(count);
        }
        self.numbers.insert(key, number);
    }

    /// One is there, unless a newer one is known.
    pub(super) fn insert_older(&mut self, key: Rc<str>, number: i64) {
        self.numbers.entry(key).or_insert(number);
    }
}
