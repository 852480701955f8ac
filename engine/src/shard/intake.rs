//! Messages of clients go through transforms. While one takes its time, what its client sends waits
//! behind it, so that messages keep their order; other clients do not wait.
//!
//! # Invariants
//! - Nobody is here for whom no transform takes its time.
//! - A spark for which more than [`UNTAKEN_COST_MAX`] waits is not listened to until nothing does.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use allspark_protocol::transformer::Kind;

use crate::app::host::Transforms;
use crate::guard;
use crate::limits::UNTAKEN_COST_MAX;
use crate::memory::Key;

/// A spark for one of whose messages a transform takes its time.
#[derive(Default)]
struct Waiting {
    /// What the oldest message waits for. `None` once it was given.
    answer: Option<Answer>,
    /// What its client sent since.
    messages: VecDeque<(Kind, Box<[u8]>)>,
    cost: usize,
    /// So much waited that its client is not listened to.
    is_full: bool,
}

/// An answer that is waited for.
struct Answer {
    /// The number by which it is known.
    number: u64,
    rest: Rest,
}

/// What a message has still to go through. The list is the one with which it began: a plugin that
/// is added or removed meanwhile moves the places of others.
pub(super) struct Rest {
    pub(super) transforms: Arc<Transforms>,
    /// The place of the transform behind the one that takes its time.
    pub(super) next: usize,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Intake {
    waiting: HashMap<Key, Waiting>,
    /// How many answers were waited for so far.
    number: u64,
    /// What everything costs that waits.
    cost: usize,
}

impl Intake {
    /// Keeps a message behind one that waits. Returns what all of them cost, and whether that is
    /// too much since; `None` if none waits.
    pub(super) fn keep(&mut self, spark: Key, kind: Kind, payload: &[u8]) -> Option<(usize, bool)> {
        let waiting = self.waiting.get_mut(&spark)?;
        let cost = cost(payload);
        waiting.cost += cost;
        self.cost += cost;
        waiting.messages.push_back((kind, payload.into()));
        let is_full = !waiting.is_full && waiting.cost >= UNTAKEN_COST_MAX;
        waiting.is_full |= is_full;
        Some((waiting.cost, is_full))
    }

    /// What everything costs that waits.
    pub(super) fn held_bytes(&self) -> usize {
        self.cost
    }

    /// An answer is waited for. Returns its number, which is none before.
    pub(super) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// An answer has come. Returns what its message has still to go through, if it was waited for.
    pub(super) fn answered(&mut self, spark: Key, number: u64) -> Option<Rest> {
        let waiting = self.waiting.get_mut(&spark)?;
        let answer = waiting.answer.take_if(|answer| answer.number == number)?;
        Some(answer.rest)
    }

    /// The oldest message of a spark for which no transform takes its time any more.
    pub(super) fn next(&mut self, spark: Key) -> Option<(Kind, Box<[u8]>)> {
        let waiting = self.waiting.get_mut(&spark)?;
        if waiting.answer.is_some() {
            return None;
        }
        let (kind, payload) = waiting.messages.pop_front()?;
        let cost = cost(&payload);
        waiting.cost -= cost;
        self.cost -= cost;
        Some((kind, payload))
    }

    /// Nothing waits any more, or the spark has ended. Returns whether its client was not listened
    /// to.
    pub(super) fn forget(&mut self, spark: Key) -> bool {
        let waiting = self.waiting.remove(&spark);
        let waiting = waiting.unwrap_or_default();
        self.cost -= waiting.cost;
        // The plugin whose functions these are may have been removed meanwhile.
        guard::drop_value(waiting.answer);
        waiting.is_full
    }

    /// A transform takes its time.
    pub(super) fn wait(&mut self, spark: Key, number: u64, rest: Rest) {
        let waiting = self.waiting.entry(spark).or_default();
        waiting.answer = Some(Answer { number, rest });
    }

    /// Whether no transform takes its time for anybody.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn is_waiting(&self, spark: Key) -> bool {
        let waiting = self.waiting.get(&spark);
        waiting.is_some_and(|waiting| waiting.answer.is_some())
    }
}

/// What a message costs that waits.
fn cost(payload: &[u8]) -> usize {
    size_of::<(Kind, Box<[u8]>)>() + payload.len()
}
