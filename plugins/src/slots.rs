//! What a spark has several of, each with handlers: streams, channels.
//!
//! Handlers are called with the spark, so they can't lie in it meanwhile: [`Slots::take`] gives
//! them away and [`Slots::put_back`] says whether that of which they are was ended by one of them.
//!
//! # Invariants
//! - There are at most as many as [`Slots::add`] was told.
//! - Who was removed is never found again, also if another one of its name was added since.

use std::sync::Arc;

/// Handlers that can be put behind others.
pub(crate) trait Handlers: Default {
    /// Takes those that are to be called.
    fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Puts those behind these that were attached later.
    fn append(&mut self, later: Self);
}

/// See above. `T` says which one it is.
pub(crate) struct Slots<T, H> {
    slots: Vec<(Arc<T>, H)>,
}

impl<T, H> Default for Slots<T, H> {
    fn default() -> Self {
        let slots = Vec::new();
        Self { slots }
    }
}

impl<T, H: Handlers> Slots<T, H> {
    /// Adds one; returns false if there are so many already.
    pub(crate) fn add(&mut self, one: Arc<T>, max: usize) -> bool {
        let has_room = self.slots.len() < max;
        if has_room {
            self.slots.push((one, H::default()));
        }
        has_room
    }

    pub(crate) fn find(&self, is_it: impl Fn(&T) -> bool) -> Option<&Arc<T>> {
        let mut all = self.slots.iter().map(|(one, _)| one);
        all.find(|one| is_it(one))
    }

    pub(crate) fn has(&self, one: &Arc<T>) -> bool {
        self.place(one).is_some()
    }

    /// All of them, in the order in which they were added, but for where others were removed.
    pub(crate) fn all(&self) -> Vec<Arc<T>> {
        self.slots.iter().map(|(one, _)| Arc::clone(one)).collect()
    }

    /// The handlers of one, to attach more.
    pub(crate) fn handlers_mut(&mut self, one: &Arc<T>) -> Option<&mut H> {
        let place = self.place(one)?;
        Some(&mut self.slots[place].1)
    }

    /// Takes the handlers of one, to call them.
    pub(crate) fn take(&mut self, one: &Arc<T>) -> Option<H> {
        self.handlers_mut(one).map(H::take)
    }

    /// Puts them back, before those that were attached meanwhile. Gives them back if it was
    /// removed.
    pub(crate) fn put_back(&mut self, one: &Arc<T>, mut handlers: H) -> Option<H> {
        let Some(place) = self.handlers_mut(one) else {
            return Some(handlers);
        };
        handlers.append(std::mem::take(place));
        *place = handlers;
        None
    }

    /// Removes one. Returns its handlers, if they are not called right now.
    pub(crate) fn remove(&mut self, one: &Arc<T>) -> Option<H> {
        let place = self.place(one)?;
        Some(self.slots.swap_remove(place).1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    fn place(&self, one: &Arc<T>) -> Option<usize> {
        self.slots.iter().position(|(it, _)| Arc::ptr_eq(it, one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Handlers for Vec<u8> {
        fn append(&mut self, later: Self) {
            self.extend(later);
        }
    }

    fn slots(names: &[&str]) -> Slots<String, Vec<u8>> {
        let mut slots = Slots::default();
        for name in names {
            assert!(slots.add(Arc::new((*name).to_owned()), 8));
        }
        slots
    }

    #[test]
    fn there_are_no_more_than_may_be() {
        let mut slots = slots(&["a", "b"]);
        assert!(!slots.add(Arc::new("c".into()), 2));
        assert_eq!(slots.all().len(), 2);
        let a = Arc::clone(slots.find(|one| one == "a").unwrap());
        assert!(slots.remove(&a).is_some() && slots.remove(&a).is_none());
        assert!(slots.add(Arc::new("c".into()), 2));
    }

    #[test]
    fn handlers_that_were_attached_while_others_ran_come_behind_them() {
        let mut slots = slots(&["a"]);
        let a = Arc::clone(slots.find(|one| one == "a").unwrap());
        slots.handlers_mut(&a).unwrap().push(1);
        let taken = slots.take(&a).unwrap();
        slots.handlers_mut(&a).unwrap().push(2);
        assert_eq!(slots.put_back(&a, taken), None);
        assert_eq!(slots.take(&a), Some(vec![1, 2]));
    }

    #[test]
    fn who_was_removed_is_not_the_next_one_of_that_name() {
        let mut slots = slots(&["a"]);
        let a = Arc::clone(slots.find(|one| one == "a").unwrap());
        let taken = slots.take(&a).unwrap();
        slots.remove(&a);
        assert!(slots.is_empty());
        assert!(slots.add(Arc::new("a".into()), 1));
        assert!(!slots.has(&a));
        assert_eq!(slots.put_back(&a, taken), Some(vec![]));
    }
}
