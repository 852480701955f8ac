//! What waits for the application, and what of the application waits, by spark. As long as nothing
//! does, each costs a comparison. What is done with it is in [`super::untaken`],
//! [`super::openings`] and [`super::drains`].

use std::collections::{HashMap, VecDeque};

use allspark_protocol::transformer::Kind;
use smallvec::SmallVec;

use crate::app::host::{OnDrained, Opening};
use crate::limits::UNTAKEN_COST_MAX;
use crate::memory::{GiveBack, Key};

/// Sparks to which nothing may be handed now, with what waits for them.
#[derive(Default)]
pub(crate) struct Untaken {
    by_spark: HashMap<Key, Waiting>,
}

/// What waits for one spark.
#[derive(Default)]
pub(super) struct Waiting {
    /// How many reasons there are.
    reasons: usize,
    /// Connections whose bytes wait in the backlog.
    pub(super) connections: SmallVec<[Key; 2]>,
    /// Connections with a request for its session.
    pub(super) requests: SmallVec<[Key; 1]>,
    /// Its session has more messages to hand on.
    pub(super) proceeds: bool,
}

impl Untaken {
    /// There is a reason, or one more.
    pub(super) fn begin(&mut self, spark: Key) {
        self.by_spark.entry(spark).or_default().reasons += 1;
    }

    /// One is gone. Returns what waits, if it was the last one.
    pub(super) fn end(&mut self, spark: Key) -> Option<Waiting> {
        let waiting = self.by_spark.get_mut(&spark)?;
        waiting.reasons -= 1;
        match waiting.reasons {
            0 => self.take(spark),
            _ => None,
        }
    }

    /// Takes what waits, whatever the reasons.
    pub(super) fn take(&mut self, spark: Key) -> Option<Waiting> {
        match self.by_spark.is_empty() {
            true => None,
            false => self.by_spark.remove(&spark),
        }
    }

    /// Whether nothing may be handed to a spark.
    #[inline]
    pub(super) fn is_full(&self, spark: Key) -> bool {
        !self.by_spark.is_empty() && self.by_spark.contains_key(&spark)
    }

    /// Bytes of this connection wait for a spark that is full.
    pub(super) fn park(&mut self, spark: Key, connection: Key) {
        if let Some(waiting) = self.by_spark.get_mut(&spark) {
            waiting.connections.push(connection);
        }
    }

    /// A request on this connection waits for a spark that is full.
    pub(super) fn hold(&mut self, spark: Key, connection: Key) {
        if let Some(waiting) = self.by_spark.get_mut(&spark) {
            waiting.requests.push(connection);
        }
    }

    /// The session of a spark that is full is asked later for more.
    pub(super) fn put_off(&mut self, spark: Key) {
        if let Some(waiting) = self.by_spark.get_mut(&spark) {
            waiting.proceeds = true;
        }
    }

    /// Whether there is one reason alone, and nothing came behind the request whose messages wait.
    pub(super) fn waits_for_itself(&self, spark: Key) -> bool {
        let waiting = self.by_spark.get(&spark);
        waiting.is_some_and(|waiting| {
            let came_behind = !waiting.connections.is_empty() || !waiting.requests.is_empty();
            waiting.reasons == 1 && waiting.proceeds && !came_behind
        })
    }

    /// Whether something that its client sent waits for a spark.
    pub(super) fn holds(&self, spark: Key) -> bool {
        if self.by_spark.is_empty() {
            return false;
        }
        let waiting = self.by_spark.get(&spark);
        waiting.is_some_and(|waiting| {
            waiting.proceeds || !waiting.connections.is_empty() || !waiting.requests.is_empty()
        })
    }

    pub(super) fn give_back(&mut self) {
        self.by_spark.give_back();
    }
}

/// Sparks whose `connection` event is not over, with their data.
#[derive(Default)]
pub(crate) struct Openings {
    by_spark: HashMap<Key, Entry>,
    /// What all data that waits costs.
    cost: usize,
}

struct Entry {
    opening: Opening,
    early: VecDeque<(Kind, Box<[u8]>)>,
    cost: usize,
    is_full: bool,
}

impl Openings {
    /// Whether there is none: the usual case.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.by_spark.is_empty()
    }

    pub(super) fn insert(&mut self, spark: Key, opening: Opening) {
        let entry = Entry {
            opening,
            early: VecDeque::new(),
            cost: 0,
            is_full: false,
        };
        self.by_spark.insert(spark, entry);
    }

    pub(super) fn get(&mut self, spark: Key) -> Option<&mut Opening> {
        Some(&mut self.by_spark.get_mut(&spark)?.opening)
    }

    /// Keeps data of a spark that is opening. Returns what its data costs, and whether that is too
    /// much since; `None`, and it is not kept, if the spark is not opening.
    pub(super) fn keep(&mut self, spark: Key, kind: Kind, payload: &[u8]) -> Option<(usize, bool)> {
        let entry = self.by_spark.get_mut(&spark)?;
        entry.early.push_back((kind, payload.into()));
        let cost = cost(payload);
        entry.cost += cost;
        self.cost += cost;
        let is_full = !entry.is_full && entry.cost >= UNTAKEN_COST_MAX;
        entry.is_full |= is_full;
        Some((entry.cost, is_full))
    }

    /// Takes the oldest data that waits.
    pub(super) fn next(&mut self, spark: Key) -> Option<(Kind, Box<[u8]>)> {
        let entry = self.by_spark.get_mut(&spark)?;
        let (kind, payload) = entry.early.pop_front()?;
        let cost = cost(&payload);
        entry.cost -= cost;
        self.cost -= cost;
        Some((kind, payload))
    }

    /// The event is over, or the spark has ended. Returns whether too much waited.
    pub(super) fn forget(&mut self, spark: Key) -> bool {
        if self.by_spark.is_empty() {
            return false;
        }
        let Some(entry) = self.by_spark.remove(&spark) else {
            return false;
        };
        self.cost -= entry.cost;
        entry.is_full
    }

    /// What the data costs that waits.
    pub(super) fn held_bytes(&self) -> usize {
        self.cost
    }

    pub(super) fn give_back(&mut self) {
        self.by_spark.give_back();
    }
}

/// What a message costs that waits, with what an allocator needs for itself.
fn cost(payload: &[u8]) -> usize {
    payload.len() + size_of::<(Kind, Box<[u8]>)>() + 16
}

/// Futures that wait until little is left to be sent to a spark, as functions to be called.
#[derive(Default)]
pub(crate) struct Drains {
    by_spark: HashMap<Key, SmallVec<[OnDrained; 1]>>,
}

impl Drains {
    /// Whether there is none: the usual case.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.by_spark.is_empty()
    }

    pub(super) fn add(&mut self, spark: Key, call: OnDrained) {
        self.by_spark.entry(spark).or_default().push(call);
    }

    #[inline]
    pub(super) fn has(&self, spark: Key) -> bool {
        self.by_spark.contains_key(&spark)
    }

    pub(super) fn take(&mut self, spark: Key) -> SmallVec<[OnDrained; 1]> {
        self.by_spark.remove(&spark).unwrap_or_default()
    }

    /// The spark has ended. Whoever waits knows that already.
    pub(super) fn forget(&mut self, spark: Key) {
        if !self.by_spark.is_empty() {
            self.by_spark.remove(&spark);
        }
    }

    pub(super) fn give_back(&mut self) {
        self.by_spark.give_back();
    }
}
