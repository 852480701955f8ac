//! Messages that are written and whose transforms take their time. What is written behind one of
//! them, to the same spark or, after a broadcast, to anybody, waits behind it, so that everything
//! keeps its order. Without transforms nothing comes here.
//!
//! # Invariants
//! - What waits is bounded: by the bound of a send queue for one spark, by [`AWAITED_COST_MAX`] and
//!   [`AWAITED_MESSAGES_MAX`] for all of a shard. A client for which more than [`UNTAKEN_COST_MAX`]
//!   waits is not listened to: whoever asks for answers waits for them.
//! - Of what waits, each message is written once everything before it that it must not overtake is.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use allspark_protocol::transformer::Kind;

use crate::app::target::Target;
use crate::app::{Awaited, Settled};
use crate::limits::{AWAITED_COST_MAX, AWAITED_MESSAGES_MAX, UNTAKEN_COST_MAX};
use crate::memory::{GiveBack, Key};

/// A message that waits.
pub(super) enum Message {
    Known(Kind, Arc<[u8]>),
    Awaited(Arc<Awaited>),
}

impl Message {
    /// What became of it, once that is known.
    fn settled(&self) -> Option<Settled> {
        match self {
            Self::Known(kind, payload) => Some(Settled::Message(*kind, Arc::clone(payload))),
            Self::Awaited(awaited) => awaited.get().cloned(),
        }
    }

    fn cost(&self) -> usize {
        let bytes = match self {
            Self::Known(_, payload) => payload.len(),
            Self::Awaited(awaited) => awaited.bytes,
        };
        size_of::<Entry>() + bytes
    }
}

pub(super) struct Entry {
    /// The spark that it is for; `None` for all.
    pub(super) to: Option<Key>,
    /// Of all only those who are in these rooms.
    pub(super) rooms: Option<Arc<Target>>,
    message: Message,
}

/// What waits for one spark.
#[derive(Default)]
struct OfSpark {
    cost: usize,
    /// So much that its client is not listened to.
    is_full: bool,
}

/// All that wait on one shard, in the order in which they were written.
#[derive(Default)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    cost: usize,
    /// What those for one spark cost.
    by_spark: HashMap<Key, OfSpark>,
    /// Sparks for which too much waited and nothing does any more.
    pub(super) relieved: Vec<Key>,
    /// How many are for all.
    broadcasts: usize,
    /// A message may have become known, so all are looked at: once per turn, however often that is
    /// said.
    pub(super) must_look: bool,
}

impl Queue {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether something waits that a message for this spark, or for all, must not overtake.
    pub(super) fn blocks(&self, to: Option<Key>) -> bool {
        match to {
            Some(spark) => self.broadcasts > 0 || self.by_spark.contains_key(&spark),
            None => !self.entries.is_empty(),
        }
    }

    /// Adds a message, unless there is no room for it.
    pub(super) fn push(
        &mut self,
        to: Option<Key>,
        message: Message,
        spark_cost_max: usize,
    ) -> bool {
        self.push_entry(to, None, message, spark_cost_max)
    }

    /// As [`Queue::push`], for a message to rooms, which counts as one for all.
    pub(super) fn push_to_rooms(&mut self, rooms: Arc<Target>, message: Message) -> bool {
        self.push_entry(None, Some(rooms), message, 0)
    }

    fn push_entry(
        &mut self,
        to: Option<Key>,
        rooms: Option<Arc<Target>>,
        message: Message,
        spark_cost_max: usize,
    ) -> bool {
        let cost = message.cost() + rooms.as_ref().map_or(0, |rooms| rooms.bytes());
        let of_spark = to.and_then(|spark| self.by_spark.get(&spark));
        let of_spark = of_spark.map_or(0, |of_spark| of_spark.cost);
        let has_room = self.entries.len() < AWAITED_MESSAGES_MAX
            && self.cost.saturating_add(cost) <= AWAITED_COST_MAX
            && of_spark.saturating_add(cost) <= spark_cost_max.max(cost);
        if has_room {
            self.cost += cost;
            match to {
                Some(spark) => self.by_spark.entry(spark).or_default().cost += cost,
                None => self.broadcasts += 1,
            }
            self.entries.push_back(Entry { to, rooms, message });
        }
        has_room
    }

    fn count_out(&mut self, entry: &Entry) {
        let rooms = entry.rooms.as_ref().map_or(0, |rooms| rooms.bytes());
        let cost = entry.message.cost() + rooms;
        self.cost -= cost;
        let Some(spark) = entry.to else {
            self.broadcasts -= 1;
            return;
        };
        if let Some(of_spark) = self.by_spark.get_mut(&spark) {
            of_spark.cost -= cost;
            if of_spark.cost == 0 {
                if of_spark.is_full {
                    self.relieved.push(spark);
                }
                self.by_spark.remove(&spark);
            }
        }
    }

    /// What waits for a spark costs so much, and whether that is too much since.
    pub(super) fn of_spark(&mut self, spark: Key) -> (usize, bool) {
        let Some(of_spark) = self.by_spark.get_mut(&spark) else {
            return (0, false);
        };
        let is_full = !of_spark.is_full && of_spark.cost >= UNTAKEN_COST_MAX;
        of_spark.is_full |= is_full;
        (of_spark.cost, is_full)
    }

    /// What everything costs that waits.
    pub(super) fn held_bytes(&self) -> usize {
        self.cost
    }

    /// Takes everything that can be written now, in its order. What is for sparks that are gone is
    /// forgotten.
    pub(super) fn take_settled(&mut self, is_open: impl Fn(Key) -> bool) -> Vec<(Entry, Settled)> {
        let (mut taken, mut blocked) = (Vec::new(), HashSet::new());
        let mut kept = VecDeque::with_capacity(self.entries.len());
        let mut entries = std::mem::take(&mut self.entries);
        while let Some(entry) = entries.pop_front() {
            if entry.to.is_some_and(|spark| !is_open(spark)) {
                self.count_out(&entry);
                continue;
            }
            let may_go = match entry.to {
                Some(spark) => !blocked.contains(&spark),
                None => blocked.is_empty(),
            };
            match entry.message.settled().filter(|_| may_go) {
                Some(settled) => {
                    self.count_out(&entry);
                    taken.push((entry, settled));
                }
                None => {
                    let to = entry.to;
                    kept.push_back(entry);
                    match to {
                        Some(spark) => drop(blocked.insert(spark)),
                        // Nothing behind it may be written.
                        None => kept.append(&mut entries),
                    }
                }
            }
        }
        self.entries = kept;
        self.entries.give_back();
        taken
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

    /// Those that can be written, by their first byte.
    fn taken(queue: &mut Queue) -> String {
        let taken = queue.take_settled(|spark| spark != key(9));
        let name = |(_, settled)| match settled {
            Settled::Message(_, payload) => char::from(payload[0]),
            _ => '-',
        };
        taken.into_iter().map(name).collect()
    }

    fn known(queue: &mut Queue, to: Option<u32>, name: u8) {
        assert!(queue.blocks(to.map(key)), "otherwise it is written at once");
        let message = Message::Known(Kind::Text, [name].into());
        assert!(queue.push(to.map(key), message, 1 << 20));
    }

    fn awaited(queue: &mut Queue, to: Option<u32>) -> Arc<Awaited> {
        let awaited = Awaited::new(1);
        let message = Message::Awaited(Arc::clone(&awaited));
        assert!(queue.push(to.map(key), message, 1 << 20));
        awaited
    }

    fn settle(awaited: &Awaited, name: u8) {
        awaited.settle(Settled::Message(Kind::Text, [name].into()));
    }

    #[test]
    fn who_waits_for_nobody_overtakes() {
        let mut queue = Queue::default();
        let one = awaited(&mut queue, Some(1));
        let two = awaited(&mut queue, Some(2));
        assert!(!queue.blocks(Some(key(3))) && queue.blocks(None));
        known(&mut queue, Some(1), b'b');
        settle(&two, b'c');
        assert_eq!(taken(&mut queue), "c");
        known(&mut queue, None, b'd');
        known(&mut queue, Some(2), b'e');
        assert_eq!(taken(&mut queue), "");
        settle(&one, b'a');
        assert_eq!(taken(&mut queue), "abde");
        assert!(queue.is_empty() && queue.by_spark.is_empty());
        assert_eq!((queue.cost, queue.broadcasts), (0, 0));
    }

    #[test]
    fn a_broadcast_is_waited_for_by_everybody() {
        let mut queue = Queue::default();
        let all = awaited(&mut queue, None);
        known(&mut queue, Some(1), b'b');
        known(&mut queue, None, b'c');
        assert_eq!(taken(&mut queue), "");
        settle(&all, b'a');
        assert_eq!(taken(&mut queue), "abc");
    }

    #[test]
    fn what_is_for_one_that_is_gone_holds_nobody_up() {
        let mut queue = Queue::default();
        let _gone = awaited(&mut queue, Some(9));
        known(&mut queue, None, b'a');
        assert_eq!(taken(&mut queue), "a");
        assert_eq!((queue.cost, queue.by_spark.len()), (0, 0));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut queue = Queue::default();
        let mut push = |spark, bytes, bytes_max| {
            let message = Message::Awaited(Awaited::new(bytes));
            queue.push(Some(key(spark)), message, bytes_max)
        };
        assert!(push(1, 1000, 100), "one message passes, however long");
        assert!(!push(1, 1, 1000), "the bound of one spark");
        assert!(push(2, AWAITED_COST_MAX / 2, usize::MAX));
        assert!(!push(3, AWAITED_COST_MAX / 2, usize::MAX), "that of all");
        let pushed = (0..AWAITED_MESSAGES_MAX as u32).filter(|n| push(10 + n, 1, 1 << 20));
        assert_eq!(pushed.count(), AWAITED_MESSAGES_MAX - 2);
    }
}
