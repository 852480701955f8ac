//! Times that futures wait for, on a wheel of their own.

use std::task::Waker;

use allspark_protocol::Instant;

use crate::memory::{Arena, Key};
use crate::wheel::Wheel;

/// Those of a shard that wait.
pub(super) struct Sleeps {
    entries: Arena<Entry>,
    wheel: Wheel,
    /// What the wheel says, used again from turn to turn.
    fired: Vec<u32>,
    woken: Vec<Waker>,
}

pub(super) struct Entry {
    at: Instant,
    /// Gone once it was woken.
    waker: Option<Waker>,
}

impl Sleeps {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            entries: Arena::default(),
            wheel: Wheel::new(now),
            fired: Vec::new(),
            woken: Vec::new(),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next_deadline()
    }

    /// Takes the wakers of those whose time has come, so many at most. Returns whether these are
    /// all. Whoever calls gives the list back ([`Sleeps::put_back`]).
    pub(super) fn expire(&mut self, now: Instant, count_max: usize) -> (Vec<Waker>, bool) {
        let is_all = self.wheel.expire(now, count_max, &mut self.fired);
        for index in self.fired.drain(..) {
            let Some(entry) = self.entries.at_mut(index) else {
                continue;
            };
            match entry.at {
                // The wheel does not reach that far.
                at if at > now => self.wheel.set(index, at),
                _ => self.woken.extend(entry.waker.take()),
            }
        }
        (std::mem::take(&mut self.woken), is_all)
    }

    pub(super) fn put_back(&mut self, woken: Vec<Waker>) {
        self.woken = woken;
    }

    pub(super) fn add(&mut self, at: Instant, waker: Waker) -> Key {
        let waker = Some(waker);
        let key = self.entries.insert(Entry { at, waker });
        self.wheel.set(key.index, at);
        key
    }

    /// The task that waits may be another one by now. Returns a waker that is to be dropped.
    pub(super) fn set_waker(&mut self, key: Key, waker: Waker) -> Option<Waker> {
        match self.entries.get_mut(key) {
            Some(entry) => entry.waker.replace(waker),
            None => Some(waker),
        }
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.wheel.cancel(key.index);
        Some(entry)
    }
}
