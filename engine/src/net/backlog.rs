//! What peers sent that was not looked at yet, because what came before it had its share of a turn.
//!
//! A few bytes can be many messages: compressed ones become a thousand times as much. The shard
//! does not listen to a peer that sends such bytes until all of them are read, some of them in each
//! turn. Peers whose bytes wait take turns.

use std::collections::{HashMap, VecDeque};

use crate::memory::{Key, kept};

/// By connection. Empty but for connections whose peers sent more than a turn's share.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    rests: HashMap<Key, Rest>,
    /// Whose turn it is. Those without a rest were closed meanwhile.
    order: VecDeque<Key>,
}

/// Bytes of one peer.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    bytes: Vec<u8>,
    /// How many of them were looked at.
    read: usize,
    has_ended: bool,
    /// It has no turn until the spark that they are for takes more.
    is_parked: bool,
}

impl Rest {
    /// What is to be looked at.
    pub(crate) fn unread(&mut self) -> &mut [u8] {
        &mut self.bytes[self.read..]
    }

    /// Only so many of them are left.
    pub(crate) fn leave(&mut self, left: usize) {
        assert!(left <= self.bytes.len() - self.read, "bytes are read once");
        self.read = self.bytes.len() - left;
    }

    /// Whether the peer sends nothing more.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    fn keep(&mut self, bytes: &[u8]) {
        // Moved at most once for each time that as much was read.
        if self.read >= self.bytes.len() / 2 {
            self.bytes.drain(..self.read);
            self.read = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }
}

impl Backlog {
    /// How many connections have bytes here that can be looked at.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    #[inline]
    pub(crate) fn has(&self, key: Key) -> bool {
        !self.rests.is_empty() && self.rests.contains_key(&key)
    }

    /// Keeps bytes behind those that wait already. Returns how many that are by now.
    pub(crate) fn keep(&mut self, key: Key, bytes: &[u8]) -> usize {
        let order = &mut self.order;
        let rest = self.rests.entry(key).or_insert_with(|| {
            order.push_back(key);
            Rest::default()
        });
        rest.keep(bytes);
        rest.bytes.len() - rest.read
    }

    /// The peer sends nothing more. Returns whether that waits behind what it sent before.
    pub(crate) fn end(&mut self, key: Key) -> bool {
        let rest = self.rests.get_mut(&key);
        rest.map(|rest| rest.has_ended = true).is_some()
    }

    /// Takes the bytes whose turn it is.
    pub(crate) fn next(&mut self) -> Option<(Key, Rest)> {
        while let Some(key) = self.order.pop_front() {
            if let Some(rest) = self.rests.remove(&key) {
                return Some((key, rest));
            }
        }
        self.give_back();
        None
    }

    /// Some of them are left, for a later turn.
    pub(crate) fn put_back(&mut self, key: Key, rest: Rest) {
        let before = self.rests.insert(key, rest);
        assert!(before.is_none(), "nothing came while they were looked at");
        self.order.push_back(key);
    }

    /// They are for somebody who takes nothing now: they have no turn until they are unparked.
    pub(crate) fn park(&mut self, key: Key, mut rest: Rest) {
        rest.is_parked = true;
        let before = self.rests.insert(key, rest);
        assert!(before.is_none(), "nothing came while they were looked at");
    }

    /// They can be looked at again.
    pub(crate) fn unpark(&mut self, key: Key) {
        if let Some(rest) = self.rests.get_mut(&key)
            && std::mem::take(&mut rest.is_parked)
        {
            self.order.push_back(key);
        }
    }

    /// A connection is closed.
    pub(crate) fn closed(&mut self, key: Key) {
        if !self.rests.is_empty() {
            self.rests.remove(&key);
            if self.rests.is_empty() {
                // If it is in the list of turns, the reader of that list passes over it.
                self.order.clear();
            }
            self.give_back();
        }
    }

    /// Memory that is held for a peer.
    pub(crate) fn held_bytes(&self, key: Key) -> usize {
        if self.rests.is_empty() {
            return 0;
        }
        self.rests.get(&key).map_or(0, |rest| rest.bytes.capacity())
    }

    fn give_back(&mut self) {
        if let Some(kept) = kept(self.rests.len(), self.rests.capacity()) {
            self.rests.shrink_to(kept);
        }
        if let Some(kept) = kept(self.order.len(), self.order.capacity()) {
            self.order.shrink_to(kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Arena;

    fn keys(count: usize) -> Vec<Key> {
        let mut arena = Arena::default();
        (0..count).map(|_| arena.insert(())).collect()
    }

    #[test]
    fn peers_take_turns_and_their_bytes_keep_their_order() {
        let (mut backlog, keys) = (Backlog::default(), keys(2));
        assert_eq!(backlog.keep(keys[0], b"abc"), 3);
        assert_eq!(backlog.keep(keys[1], b"xy"), 2);
        assert_eq!(backlog.keep(keys[0], b"def"), 6);
        let (first, mut rest) = backlog.next().unwrap();
        assert_eq!((first, &*rest.unread()), (keys[0], &b"abcdef"[..]));
        rest.leave(2);
        backlog.put_back(first, rest);
        let (second, mut rest) = backlog.next().unwrap();
        assert_eq!((second, &*rest.unread()), (keys[1], &b"xy"[..]));
        assert_eq!(backlog.keep(keys[0], b"g"), 3);
        let (first, mut rest) = backlog.next().unwrap();
        assert_eq!((first, &*rest.unread()), (keys[0], &b"efg"[..]));
        assert!(backlog.next().is_none() && backlog.is_empty());
    }

    #[test]
    fn the_end_waits_behind_what_came_before() {
        let (mut backlog, keys) = (Backlog::default(), keys(1));
        assert!(!backlog.end(keys[0]));
        backlog.keep(keys[0], b"abc");
        assert!(backlog.end(keys[0]));
        assert!(backlog.next().unwrap().1.has_ended());
    }

    #[test]
    fn nothing_is_kept_of_connections_that_are_closed() {
        let (mut backlog, keys) = (Backlog::default(), keys(10_000));
        for key in &keys {
            backlog.keep(*key, &[0; 100]);
        }
        assert!(backlog.held_bytes(keys[7]) >= 100);
        keys.iter().for_each(|key| backlog.closed(*key));
        assert!(backlog.is_empty() && backlog.held_bytes(keys[7]) == 0);
        assert!(backlog.next().is_none());
        assert!(backlog.order.capacity() + backlog.rests.capacity() < keys.len() / 2);
    }
}
