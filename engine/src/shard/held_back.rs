//! Messages to sparks that are held back. A transform that knows the spark takes its time for one
//! of them, and the others must not overtake it. Other sparks do not wait.
//!
//! # Invariants
//! - Nobody is here for whom nothing is held back.
//! - What is held back for one spark is bounded as its send queue is, by itself. A client for which
//!   [`UNTAKEN_COST_MAX`] is held back is not listened to until nothing is.
//! - Each spark is charged for all that is held back for it, the shard for what that takes: a
//!   broadcast that many wait for is there once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use allspark_protocol::transformer::Kind;

use crate::app::Answer;
use crate::app::host::Transforms;
use crate::config::SendPolicy;
use crate::guard;
use crate::limits::UNTAKEN_COST_MAX;
use crate::memory::{GiveBack, Key};
use crate::net::{Bound, TooMuch};

/// A message as the parser has encoded it.
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) payload: Payload,
}

/// Its bytes.
pub(super) enum Payload {
    /// Of one that is for this spark alone.
    Own(Box<[u8]>),
    /// Of one that is for others, too.
    Shared(Arc<[u8]>),
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self::Own(bytes.into())
    }
}

impl From<Arc<[u8]>> for Payload {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::Shared(bytes)
    }
}

impl Message {
    /// What a spark is charged for it.
    fn cost(&self) -> usize {
        size_of::<Self>() + self.payload.as_ref().len()
    }
}

/// The way of a message that a transform takes its time for.
pub(super) struct Course {
    /// The number by which the answer is known.
    pub(super) number: u64,
    /// The transforms as they were when the message came to them, and the next one.
    pub(super) transforms: Arc<Transforms>,
    pub(super) next: usize,
    /// Its bytes.
    pub(super) bytes: usize,
}

impl Course {
    fn cost(&self) -> usize {
        size_of::<OfSpark>() + self.bytes
    }
}

/// The message that all others of a spark wait for.
#[derive(Default)]
enum First {
    /// A transform takes its time for it.
    Asked(Course),
    /// The transform has said what becomes of it.
    Answered(Course, Box<Answer>),
    /// It is done.
    #[default]
    Done,
}

/// What is held back for one spark.
#[derive(Default)]
struct OfSpark {
    first: First,
    /// What was written to it since, in this order.
    behind: VecDeque<Message>,
    cost: usize,
    /// So much was held back that its client is not listened to.
    is_full: bool,
}

/// What has its turn.
pub(super) enum Next {
    /// A message goes on behind the transform that took its time for it.
    Answered(Course, Box<Answer>),
    /// A message that no transform has seen.
    Message(Message),
}

/// All sparks for which something is held back.
#[derive(Default)]
pub(crate) struct HeldBack {
    by_spark: HashMap<Key, OfSpark>,
    /// Those for which something has its turn.
    ready: VecDeque<Key>,
    /// How many answers were waited for so far.
    number: u64,
    total: Total,
}

/// What everything takes.
#[derive(Default)]
struct Total {
    cost: usize,
    /// For how many sparks bytes that are shared are held back, by where they lie.
    shared: HashMap<*const u8, usize>,
}

impl Total {
    fn add(&mut self, message: &Message) {
        let bytes = match &message.payload {
            Payload::Own(bytes) => bytes.len(),
            Payload::Shared(bytes) => {
                let count = self.shared.entry(bytes.as_ptr()).or_default();
                *count += 1;
                if *count == 1 { bytes.len() } else { 0 }
            }
        };
        self.cost += size_of::<Message>() + bytes;
    }

    fn remove(&mut self, message: &Message) {
        let bytes = match &message.payload {
            Payload::Own(bytes) => bytes.len(),
            Payload::Shared(bytes) => match self.shared.entry(bytes.as_ptr()) {
                Entry::Occupied(last) if *last.get() == 1 => {
                    last.remove();
                    bytes.len()
                }
                Entry::Occupied(mut others) => {
                    *others.get_mut() -= 1;
                    0
                }
                Entry::Vacant(_) => unreachable!("it was added"),
            },
        };
        self.cost -= size_of::<Message>() + bytes;
    }
}

impl HeldBack {
    /// Whether nothing is held back for anybody.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.by_spark.is_empty()
    }

    /// Whether what is written to a spark now has to wait.
    #[inline]
    pub(super) fn has(&self, spark: Key) -> bool {
        !self.is_empty() && self.by_spark.contains_key(&spark)
    }

    /// What is held back for a spark costs so much.
    pub(super) fn cost(&self, spark: Key) -> usize {
        let of_spark = self.by_spark.get(&spark);
        of_spark.map_or(0, |of_spark| of_spark.cost)
    }

    /// What everything takes.
    pub(super) fn held_bytes(&self) -> usize {
        self.total.cost
    }

    /// An answer may have to be waited for. Returns its number, which is none before.
    pub(super) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// A transform takes its time for a message, which no other one of this spark is before.
    pub(super) fn ask(&mut self, spark: Key, course: Course) {
        let of_spark = self.by_spark.entry(spark).or_default();
        of_spark.cost += course.cost();
        self.total.cost += course.cost();
        of_spark.first = First::Asked(course);
    }

    /// Holds a message back behind the others of a spark. Returns how many of these were dropped
    /// for it.
    ///
    /// # Errors
    /// There is no room for it, and the policy drops no others.
    pub(super) fn keep(
        &mut self,
        spark: Key,
        message: Message,
        bound: Bound,
    ) -> Result<usize, TooMuch> {
        let of_spark = self.by_spark.get_mut(&spark);
        let of_spark = of_spark.expect("something is held back for it");
        let own = message.cost();
        let has_room = |of_spark: &OfSpark| {
            let has_none_behind = of_spark.behind.is_empty();
            has_none_behind || of_spark.cost.saturating_add(own) <= bound.cost_max
        };
        let mut dropped = 0;
        if !has_room(of_spark) {
            match bound.policy {
                SendPolicy::Disconnect | SendPolicy::DropNewest => return Err(TooMuch),
                SendPolicy::DropOldest | SendPolicy::KeepLatest => {}
            }
            let keeps_one = bound.policy == SendPolicy::KeepLatest;
            while (keeps_one || !has_room(of_spark))
                && let Some(oldest) = of_spark.behind.pop_front()
            {
                of_spark.cost -= oldest.cost();
                self.total.remove(&oldest);
                dropped += 1;
            }
        }
        self.total.add(&message);
        of_spark.cost += own;
        of_spark.behind.push_back(message);
        Ok(dropped)
    }

    /// What is held back for a spark costs so much, and whether that is too much since.
    pub(super) fn grown(&mut self, spark: Key) -> (usize, bool) {
        let Some(of_spark) = self.by_spark.get_mut(&spark) else {
            return (0, false);
        };
        let is_full = !of_spark.is_full && of_spark.cost >= UNTAKEN_COST_MAX;
        of_spark.is_full |= is_full;
        (of_spark.cost, is_full)
    }

    /// An answer has come. It counts if it was waited for.
    pub(super) fn answered(&mut self, spark: Key, number: u64, answer: Box<Answer>) {
        let Some(of_spark) = self.by_spark.get_mut(&spark) else {
            return;
        };
        of_spark.first = match std::mem::take(&mut of_spark.first) {
            First::Asked(course) if course.number == number => {
                self.ready.push_back(spark);
                First::Answered(course, answer)
            }
            other => other,
        };
    }

    /// Whether something has its turn.
    #[inline]
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// A spark for which something has its turn.
    pub(super) fn take_ready(&mut self) -> Option<Key> {
        self.ready.pop_front()
    }

    /// There is more, but others have their turn before it.
    pub(super) fn put_ready(&mut self, spark: Key) {
        self.ready.push_back(spark);
    }

    /// Takes what has its turn, of what is held back for a spark.
    pub(super) fn next(&mut self, spark: Key) -> Option<Next> {
        let of_spark = self.by_spark.get_mut(&spark)?;
        match std::mem::take(&mut of_spark.first) {
            First::Answered(course, answer) => {
                of_spark.cost -= course.cost();
                self.total.cost -= course.cost();
                Some(Next::Answered(course, answer))
            }
            First::Done => {
                let message = of_spark.behind.pop_front()?;
                of_spark.cost -= message.cost();
                self.total.remove(&message);
                Some(Next::Message(message))
            }
            asked => {
                of_spark.first = asked;
                None
            }
        }
    }

    /// Whether nothing is held back for a spark any more.
    pub(super) fn is_done(&self, spark: Key) -> bool {
        let of_spark = self.by_spark.get(&spark);
        of_spark.is_none_or(|of_spark| {
            matches!(of_spark.first, First::Done) && of_spark.behind.is_empty()
        })
    }

    /// Nothing is held back any more, or the spark has ended. Returns whether its client was not
    /// listened to.
    pub(super) fn forget(&mut self, spark: Key) -> bool {
        let of_spark = self.by_spark.remove(&spark).unwrap_or_default();
        of_spark
            .behind
            .iter()
            .for_each(|message| self.total.remove(message));
        if let First::Asked(course) | First::Answered(course, _) = &of_spark.first {
            self.total.cost -= course.cost();
        }
        // The plugin whose functions these are may have been removed meanwhile.
        guard::drop_value(of_spark.first);
        of_spark.is_full
    }

    pub(super) fn give_back(&mut self) {
        self.by_spark.give_back();
        self.ready.give_back();
        self.total.shared.give_back();
    }
}

#[cfg(test)]
mod tests;
