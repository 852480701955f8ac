//! Visits to all sparks that wait after each of them until they are told to go on. Whoever comes
//! meanwhile is visited, too, wherever its place is.

use std::collections::{BTreeSet, VecDeque};

use super::cursor::Cursor;
use crate::limits::STEPS_MAX;
use crate::memory::{Arena, Key};

/// The visits of one shard. `S` is who visits.
pub(crate) struct Steps<S> {
    walks: Arena<Walk<S>>,
    /// Those that can go on.
    ready: VecDeque<Key>,
}

struct Walk<S> {
    cursor: Cursor,
    /// Places that the cursor has passed and to which sparks have come since. Each place is here
    /// once, however often its spark has changed, so the list is never longer than the arena of
    /// sparks.
    late: BTreeSet<u32>,
    /// The visitor. It is taken out while it is called.
    visitor: Option<S>,
    /// The visit was told to go on.
    goes_on: bool,
}

const IS_TAKEN: &str = "who visits was taken out";

impl<S> Default for Steps<S> {
    fn default() -> Self {
        Self {
            walks: Arena::default(),
            ready: VecDeque::new(),
        }
    }
}

impl<S> Steps<S> {
    /// Begins a visit.
    ///
    /// # Errors
    /// There are too many; then the visitor is given back.
    pub(crate) fn add(&mut self, visitor: S) -> Result<(), S> {
        if self.walks.len() >= STEPS_MAX {
            return Err(visitor);
        }
        let walk = self.walks.insert(Walk {
            cursor: Cursor::default(),
            late: BTreeSet::new(),
            visitor: Some(visitor),
            goes_on: false,
        });
        self.ready.push_back(walk);
        Ok(())
    }

    /// Whether one can go on.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Takes the visitor of one that can go on. It is put back unless its visit is over.
    pub(crate) fn take_ready(&mut self) -> Option<(Key, S)> {
        while let Some(walk) = self.ready.pop_front() {
            let entry = self.walks.get_mut(walk);
            if let Some(visitor) = entry.and_then(|entry| entry.visitor.take()) {
                return Some((walk, visitor));
            }
        }
        // Such visits are rare, so no room is kept for them.
        self.ready = VecDeque::new();
        None
    }

    /// The next spark of a visit, by functions that find the first spark from a place on, and the
    /// one in a place.
    pub(crate) fn advance(
        &mut self,
        walk: Key,
        next_from: impl FnOnce(u32) -> Option<Key>,
        at: impl Fn(u32) -> Option<Key>,
    ) -> Option<Key> {
        let walk = self.walks.get_mut(walk)?;
        assert!(walk.visitor.is_none(), "{IS_TAKEN}");
        if let Some(spark) = walk.cursor.advance(next_from) {
            return Some(spark);
        }
        std::iter::from_fn(|| walk.late.pop_first()).find_map(at)
    }

    /// A visitor that was taken waits until its visit may go on, which it may have been told
    /// meanwhile.
    pub(crate) fn put(&mut self, walk: Key, visitor: S) {
        let Some(entry) = self.walks.get_mut(walk) else {
            return;
        };
        assert!(entry.visitor.is_none(), "{IS_TAKEN}");
        entry.visitor = Some(visitor);
        if std::mem::take(&mut entry.goes_on) {
            self.ready.push_back(walk);
        }
    }

    /// A visit may go on, unless it is over.
    pub(crate) fn go_on(&mut self, walk: Key) {
        match self.walks.get_mut(walk) {
            Some(entry) if entry.visitor.is_none() => entry.goes_on = true,
            Some(_) => self.ready.push_back(walk),
            None => {}
        }
    }

    /// A visit is over.
    pub(crate) fn end(&mut self, walk: Key) {
        let ended = self.walks.remove(walk);
        assert!(
            ended.is_some_and(|walk| walk.visitor.is_none()),
            "{IS_TAKEN}"
        );
    }

    /// There is a new spark in this place.
    #[inline]
    pub(crate) fn opened(&mut self, index: u32) {
        if !self.walks.is_empty() {
            self.add_late(index);
        }
    }

    fn add_late(&mut self, index: u32) {
        let mut from = 0;
        while let Some(walk) = self.walks.next_from(from) {
            from = walk.index + 1;
            if let Some(walk) = self.walks.get_mut(walk)
                && walk.cursor.has_passed(index)
            {
                walk.late.insert(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(index: u32) -> Key {
        Key {
            index,
            generation: 0,
        }
    }

    /// Goes one step, with sparks in these places.
    fn step(steps: &mut Steps<&'static str>, sparks: &[u32]) -> Option<u32> {
        let (walk, visitor) = steps.take_ready().expect("it can go on");
        let spark = steps.advance(
            walk,
            |from| sparks.iter().copied().find(|at| *at >= from).map(key),
            |index| sparks.contains(&index).then(|| key(index)),
        );
        steps.put(walk, visitor);
        assert!(!steps.has_ready(), "it waits");
        steps.go_on(walk);
        spark.map(|spark| spark.index)
    }

    #[test]
    fn waits_after_each_spark() {
        let mut steps = Steps::default();
        assert!(steps.add("visitor").is_ok());
        let visited: Vec<u32> = std::iter::from_fn(|| step(&mut steps, &[1, 2, 7])).collect();
        assert_eq!(visited, [1, 2, 7]);
    }

    #[test]
    fn whoever_comes_meanwhile_is_visited_once() {
        let mut steps = Steps::default();
        assert!(steps.add("visitor").is_ok());
        assert_eq!(step(&mut steps, &[3]), Some(3));
        for place in [2, 9, 2, 1, 3] {
            steps.opened(place);
        }
        let mut now = || step(&mut steps, &[2, 3, 9]);
        assert_eq!(
            [now(), now(), now(), now()],
            [Some(9), Some(2), Some(3), None]
        );
    }

    #[test]
    fn one_that_is_told_while_it_is_called_goes_on() {
        let mut steps = Steps::default();
        assert!(steps.add("visitor").is_ok());
        let (walk, visitor) = steps.take_ready().expect("it begins at once");
        steps.go_on(walk);
        assert!(!steps.has_ready(), "it is called");
        steps.put(walk, visitor);
        assert!(steps.take_ready().is_some());
        steps.end(walk);
        steps.go_on(walk);
        assert!(steps.take_ready().is_none());
    }

    #[test]
    fn there_are_not_too_many() {
        let mut steps = Steps::default();
        let added = (0..=STEPS_MAX).filter(|_| steps.add("visitor").is_ok());
        assert_eq!(added.count(), STEPS_MAX);
    }
}
