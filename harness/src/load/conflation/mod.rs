//! Clients publish ever newer values of many keys to rooms in which only the newest value of each
//! key matters, and some clients do not read for a while, again and again. When it is over all
//! read, and everybody must have the newest value of each key. Who reads in time may miss values,
//! too, but nobody may get one behind a newer one.
//!
//! | module | what it knows |
//! |---|---|
//! | [`plan`] | how many keys there are, and who reads slowly |
//! | [`play`] | lets them |
//!
//! Rooms are joined and published to as in [`super::rooms`].

pub(crate) mod plan;
mod play;

use allspark_protocol::Instant;
use serde::Serialize;

use super::alarms::Alarms;
use super::plan::Plan;
use super::unread::Unread;
use plan::ConflationPlan;

/// What a load of values has shown.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ConflationReport {
    /// Of all publishers together.
    pub(crate) keys: u64,
    pub(crate) slow_clients: u32,
    pub(crate) stall_ms: u64,
    /// How often somebody did not read for a while.
    pub(crate) stalls: u64,
    /// Values that were sent to clients who were there, each counted for each of these.
    pub(crate) owed: u64,
    pub(crate) arrived: u64,
    /// Values in whose place a newer one came, at clients that read slowly, and at others.
    pub(crate) replaced_slow: u64,
    pub(crate) replaced_others: u64,
}

/// Who reads slowly, and what of that is under way.
#[derive(Debug)]
pub(super) struct Conflation {
    plan: ConflationPlan,
    is_slow: Vec<bool>,
    /// When who reads slowly stops or begins to read.
    alarms: Alarms,
    unread: Unread,
    stalls: u64,
}

impl Conflation {
    pub(super) fn new(conflation: ConflationPlan, load: &Plan) -> Self {
        let senders = load.senders();
        let mut publishes = vec![false; load.clients as usize];
        for sender in 0..senders.count() {
            publishes[senders.client_of(sender) as usize] = true;
        }
        let others = (0..load.clients).filter(|client| !publishes[*client as usize]);
        let mut is_slow = vec![false; load.clients as usize];
        for client in conflation.slow_ones(&others.collect::<Vec<_>>()) {
            is_slow[client as usize] = true;
        }
        Self {
            plan: conflation,
            is_slow,
            alarms: Alarms::default(),
            unread: Unread::default(),
            stalls: 0,
        }
    }

    pub(super) fn keys_each(&self) -> u32 {
        self.plan.keys
    }

    pub(super) fn is_slow(&self, client: u32) -> bool {
        self.is_slow[client as usize]
    }

    /// Traffic begins: who reads slowly begins one after the other.
    pub(super) fn begin(&mut self, now: Instant) {
        let slow = (0..self.is_slow.len() as u32).filter(|client| self.is_slow(*client));
        for (place, client) in (0..).zip(slow.collect::<Vec<_>>()) {
            let delay = self.plan.stall * place / self.plan.slow;
            self.alarms.set(now + delay, client);
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.alarms.next()
    }

    /// A client is gone: there is nothing that it could read again.
    pub(super) fn left(&mut self, client: u32) {
        self.unread.0.remove(&client);
    }
}
