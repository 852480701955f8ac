//! From one to many. A broadcast is framed once per wire format, kept in a log, and written to
//! every spark by a walk over all of them. Visits to all sparks, and the end of all of them, are
//! such walks, too. It knows neither sockets nor sessions: who is there, and what is done about
//! them, is a matter of the shard.
//!
//! | file | what it is |
//! |---|---|
//! | here | [`Fanout`]: the logs, and which walks are under way |
//! | [`log`] | the frames of one wire format |
//! | [`cursor`] | how far a walk is, and what it may do in a turn |
//! | [`steps`] | visits that wait after each spark until they are told to go on |
//! | [`per_spark`] | broadcasts that are not the same for every spark |
//! | [`ending`] | the end of all sparks, as fast as was asked for |
//! | [`pings`] | frames of pings, shared by those who are pinged together |
//!
//! # Invariants
//! - A walk does a bounded amount of work per turn, and all of them go on in each turn.
//! - A walk reaches every spark that is there from its beginning to its end, once.
//! - What waits for walks is bounded: a shard whose logs are full, or that has too many visits to
//!   make, takes in nothing new.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use allspark_protocol::Instant;
use allspark_protocol::transformer::{Kind, Wire};

use crate::limits::{LOG_BYTES_MAX, VISITS_MAX};
use crate::memory::{BlockPool, Slice};

mod cursor;
mod ending;
mod log;
mod per_spark;
mod pings;
mod steps;

pub(crate) use cursor::{Budget, Cursor};

use ending::Ending;
use log::Log;
use per_spark::PerSpark;
use pings::Pings;
use steps::Steps;

/// The fan-out of one shard. `V` is a function that visits sparks, `S` one that takes its time.
pub(crate) struct Fanout<V, S> {
    /// Broadcasts, by wire format.
    logs: Vec<Log>,
    /// The walk that writes them, if one is under way.
    walk: Option<Cursor>,
    /// Where each log stood when it began: what every spark has got when it is done.
    targets: Vec<u64>,
    target_per_spark: u64,
    /// Broadcasts came since it began.
    again: bool,
    /// Only the first one walks.
    visits: VecDeque<Visit<V>>,
    pub(crate) steps: Steps<S>,
    pub(crate) per_spark: PerSpark,
    pub(crate) ending: Option<Ending>,
    pub(crate) pings: Pings,
}

/// A visit to all sparks.
pub(crate) struct Visit<V> {
    pub(crate) cursor: Cursor,
    pub(crate) visitor: V,
    /// Set by the first shard on which the visitor wants no more.
    pub(crate) stopped: Arc<AtomicBool>,
}

impl<V, S> Fanout<V, S> {
    pub(crate) fn new(wires: u8) -> Self {
        Self {
            logs: (0..wires).map(|_| Log::default()).collect(),
            walk: None,
            targets: Vec::new(),
            target_per_spark: 0,
            again: false,
            visits: VecDeque::new(),
            steps: Steps::default(),
            per_spark: PerSpark::default(),
            ending: None,
            pings: Pings::new(wires),
        }
    }

    fn log(&self, wire: Wire) -> &Log {
        &self.logs[usize::from(wire.0)]
    }

    /// The offset behind the newest broadcast: where a new spark begins.
    #[inline]
    pub(crate) fn head(&self, wire: Wire) -> u64 {
        self.log(wire).head()
    }

    /// The first piece of what a spark at offset `seen` still has to get.
    pub(crate) fn next_since(&self, wire: Wire, seen: u64) -> Option<Slice> {
        self.log(wire).next_since(seen)
    }

    /// All of that, if it is not too much for one send.
    #[inline]
    pub(crate) fn piece_since(
        &mut self,
        wire: Wire,
        seen: u64,
        blocks: &mut BlockPool,
    ) -> Option<Slice> {
        self.logs[usize::from(wire.0)].piece_since(seen, blocks)
    }

    /// Frames a broadcast for each wire format that `sparks` of this shard use. Returns how many
    /// sparks will not get it, because their frame can't hold it.
    pub(crate) fn broadcast(
        &mut self,
        sparks: &[usize],
        blocks: &mut BlockPool,
        mut frame: impl FnMut(Wire, &mut Vec<u8>),
    ) -> usize {
        assert_eq!(sparks.len(), self.logs.len(), "each wire has its log");
        let mut refused = 0;
        for (wire, (log, sparks)) in (0..).zip(self.logs.iter_mut().zip(sparks)) {
            if *sparks > 0 {
                let appended = log.append(blocks, |out| frame(Wire(wire), out));
                refused += if appended.is_err() { *sparks } else { 0 };
            }
        }
        self.walk_soon();
        refused
    }

    /// Keeps a broadcast that the walk has to bring to each spark in another form.
    pub(crate) fn broadcast_per_spark(&mut self, kind: Kind, payload: Arc<[u8]>) {
        self.per_spark.push(kind, payload);
        self.walk_soon();
    }

    fn walk_soon(&mut self) {
        if self.walk.is_some() {
            self.again = true;
        } else {
            self.start_walk();
        }
    }

    fn start_walk(&mut self) {
        self.walk = Some(Cursor::default());
        self.again = false;
        self.targets.clear();
        self.targets.extend(self.logs.iter().map(Log::head));
        self.target_per_spark = self.per_spark.head();
    }

    /// Whether a shard has to take in nothing new, because broadcasts or visits come faster than
    /// walks carry them out.
    pub(crate) fn is_full(&self) -> bool {
        let is_full = |log: &Log| log.kept_bytes() > LOG_BYTES_MAX;
        self.visits.len() > VISITS_MAX || self.logs.iter().any(is_full) || self.per_spark.is_full()
    }

    /// The cursor of the walk that writes broadcasts.
    pub(crate) fn walk(&mut self) -> Option<&mut Cursor> {
        self.walk.as_mut()
    }

    /// That walk has reached everybody.
    pub(crate) fn end_walk(&mut self, blocks: &mut BlockPool) {
        assert!(self.walk.take().is_some(), "only a walk ends");
        for (log, target) in self.logs.iter_mut().zip(&self.targets) {
            log.forget_before(*target, blocks);
        }
        self.per_spark.forget_before(self.target_per_spark);
        if self.again {
            self.start_walk();
        }
    }

    /// Adds a visit behind those that wait.
    pub(crate) fn add_visit(&mut self, visitor: V, stopped: Arc<AtomicBool>) {
        self.visits.push_back(Visit {
            cursor: Cursor::default(),
            visitor,
            stopped,
        });
    }

    /// Takes the visit that walks. It is put back unless it is done.
    pub(crate) fn take_visit(&mut self) -> Option<Visit<V>> {
        let visit = self.visits.pop_front();
        if visit.is_none() {
            // Visits are rare, so no room is kept for them.
            self.visits = VecDeque::new();
        }
        visit
    }

    pub(crate) fn put_visit(&mut self, visit: Visit<V>) {
        self.visits.push_front(visit);
    }

    /// Ends all sparks, in the place of a walk that did the same.
    pub(crate) fn end_all(
        &mut self,
        reconnect: bool,
        sparks_per_s: Option<NonZeroU32>,
        now: Instant,
    ) {
        self.ending = Some(Ending::new(reconnect, sparks_per_s, now));
    }

    /// How many walks are under way.
    pub(crate) fn walks(&self) -> usize {
        let visits = usize::from(!self.visits.is_empty());
        let ending = usize::from(self.ending.is_some());
        let steps = usize::from(self.steps.has_ready());
        usize::from(self.walk.is_some()) + visits + steps + ending
    }

    /// Whether a walk would go on in the next turn.
    pub(crate) fn has_work(&self, now: Instant) -> bool {
        let ends = |ending: &Ending| ending.waits_until(now).is_none();
        self.walk.is_some()
            || !self.visits.is_empty()
            || self.steps.has_ready()
            || self.ending.as_ref().is_some_and(ends)
    }

    /// When a walk goes on that waits for its time.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        self.ending.as_ref()?.waits_until(now)
    }
}

#[cfg(test)]
mod tests;
