//! Judges a trace: what was sent and what was received, by whom, when. It finds loss, duplication,
//! reordering, corruption, wrong receivers, values that go backwards, questions that are not
//! settled once, broken connections, heartbeats that come too early or too late, silent sparks that
//! are kept, reconnects that don't keep to the algorithm, events that don't add up, and leaks.
//!
//! | module | what it judges |
//! |---|---|
//! | [`delivery`] | each message arrived once, in order, at everyone it was for |
//! | [`audience`] | the same where each message has receivers of its own; the newest of values |
//! | [`values`] | values of keys alone, of which only the newest must arrive |
//! | [`acks`] | each question is answered once, or was given up in time |
//! | [`heartbeat`] | each client is pinged once per interval |
//! | [`sparks`] | what a server says of its sparks; silent ones; what is left at the end |
//! | [`reconnects`] | when a client connects again |
//! | [`delays`] | how the delays before that are distributed |
//! | [`tellers`] | what `acks`, `sparks` and `reconnects` are told |
//!
//! It is told, it never asks: it knows no socket, no clock and no server, so that it can judge a
//! simulation as well as a real server, and can itself be tested with broken traces.
//!
//! # Invariants
//! - What it holds does not grow with the length of the trace: a fixed number of bytes per client
//!   and per pair of client and publisher, and a bounded list of gaps.
//! - A trace without a fault yields no finding, whatever the order in which clients take turns.
//! - A client whose connection broke is one finding, not one for each message it then missed.

mod acks;
mod audience;
mod delays;
mod delivery;
mod finding;
mod heartbeat;
mod reconnects;
mod sparks;
mod tellers;
#[cfg(test)]
mod tests;
mod values;

use allspark_protocol::Instant;

pub(crate) use acks::{AckReport, AckRule};
pub(crate) use audience::{Receivers, ValueKey};
pub(crate) use delays::DelayReport;
pub(crate) use finding::{Fault, Findings};
pub(crate) use heartbeat::{HeartbeatReport, HeartbeatRule};
pub(crate) use reconnects::{FirstDelays, ReconnectRule};
pub(crate) use sparks::{ConnectionId, Leftovers, Silence, SilenceRule, SparkReport};
pub(crate) use values::Arrivals;

use crate::workload::Scenario;
use crate::workload::message::{Corrupt, Stamp};
use crate::workload::senders::Senders;
use acks::Acks;
use audience::Audiences;
use delivery::{Deliveries, Shape};
use heartbeat::Heartbeats;
use reconnects::Reconnects;
use sparks::Sparks;
use values::Values;

/// Judges one run.
pub(crate) struct Auditor {
    /// Which clients have an open connection.
    live: Vec<bool>,
    live_count: u32,
    deliveries: Deliveries,
    /// Only where each message has receivers of its own.
    audiences: Option<Audiences>,
    /// Only where each message is a value of a key.
    values: Option<Values>,
    acks: Option<Acks>,
    heartbeats: Option<Heartbeats>,
    reconnects: Option<Reconnects>,
    sparks: Option<Sparks>,
    findings: Findings,
}

/// What was found, and what the judges that there were have to report.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) findings: Findings,
    pub(crate) heartbeats: Option<HeartbeatReport>,
    /// The delays before first attempts to reconnect, if there were any.
    pub(crate) first_delays: Option<FirstDelays>,
    /// The delays before all others, by attempt, without what whoever plays the clients was late.
    pub(crate) delays: Vec<DelayReport>,
    /// The same as they were seen, if that is another thing.
    pub(crate) delays_observed: Vec<DelayReport>,
    pub(crate) sparks: Option<SparkReport>,
    pub(crate) acks: Option<AckReport>,
}

impl Auditor {
    /// An auditor for so many clients. Without a rule heartbeats are not judged.
    pub(crate) fn new(
        scenario: Scenario,
        clients: u32,
        senders: Senders,
        heartbeats: Option<HeartbeatRule>,
    ) -> Self {
        let shape = match scenario {
            Scenario::Idle if senders.count() == 0 => Shape::Nobody,
            Scenario::Storm | Scenario::Rooms | Scenario::Conflation | Scenario::Acks => {
                Shape::Nobody
            }
            Scenario::Echo | Scenario::Churn => Shape::Sender,
            // An idle load may end with broadcasts.
            Scenario::Idle | Scenario::Broadcast | Scenario::Publish => Shape::Everyone,
            Scenario::Mixed => Shape::Both,
        };
        let has_audiences = scenario == Scenario::Rooms;
        Self {
            live: vec![false; clients as usize],
            live_count: 0,
            audiences: has_audiences.then(|| Audiences::new(clients)),
            values: None,
            acks: None,
            deliveries: Deliveries::new(shape, clients, senders.count()),
            heartbeats: heartbeats.map(|rule| Heartbeats::new(rule, clients)),
            reconnects: None,
            sparks: None,
            findings: Findings::default(),
        }
    }

    /// Judges reconnects too.
    pub(crate) fn judge_reconnects(&mut self, rule: ReconnectRule) {
        self.reconnects = Some(Reconnects::new(rule, self.live.len() as u32));
    }

    /// Judges questions that want an answer too.
    pub(crate) fn judge_acks(&mut self, rule: AckRule) {
        self.acks = Some(Acks::new(rule, self.live.len() as u32));
    }

    /// All messages are values: each sender has as many keys, and sends values of them in turn.
    /// Whom they are for is told for one sender's keys after the other's.
    pub(crate) fn judge_values(&mut self, keys_each: u32, receivers: Vec<Receivers>) {
        let clients = self.live.len() as u32;
        self.values = Some(Values::new(clients, keys_each, receivers));
    }

    /// Judges what servers say of their sparks too; with a rule, also how they treat silent ones.
    pub(crate) fn judge_sparks(&mut self, rule: Option<SilenceRule>) {
        self.sparks = Some(Sparks::new(rule));
    }

    /// A client's connection is open: from now on it must get everything.
    pub(crate) fn opened(&mut self, client: u32, now: Instant) {
        let live = &mut self.live[client as usize];
        assert!(!*live, "a client has one connection");
        *live = true;
        self.live_count += 1;
        self.deliveries.joined(client);
        if let Some(heartbeats) = &mut self.heartbeats {
            heartbeats.opened(client, now);
        }
    }

    /// A client's connection is over, as it was meant to be.
    pub(crate) fn closed(&mut self, client: u32, now: Instant) {
        if self.leave(client) {
            self.deliveries.left(client, Some(&mut self.findings));
            if let Some(audiences) = &mut self.audiences {
                audiences.left(client, Some(&mut self.findings));
            }
            if let Some(values) = &mut self.values {
                values.left(client, Some(&mut self.findings));
            }
            if let Some(acks) = &mut self.acks {
                acks.left(client, now, &mut self.findings);
            }
            if let Some(heartbeats) = &mut self.heartbeats {
                heartbeats.closed(client, now, &mut self.findings);
            }
        }
    }

    /// A client's connection could not be opened, or is over though nobody meant it to be.
    pub(crate) fn broke(&mut self, client: u32, fault: Fault, why: &dyn std::fmt::Display) {
        self.findings
            .note(fault, || format!("client {client}: {why}"));
        self.excused(client);
    }

    /// A client's connection is over for a reason that is known and nobody's fault: nothing that
    /// was for it is missed.
    pub(crate) fn excused(&mut self, client: u32) {
        if self.leave(client) {
            self.deliveries.left(client, None);
            if let Some(audiences) = &mut self.audiences {
                audiences.left(client, None);
            }
            if let Some(values) = &mut self.values {
                values.left(client, None);
            }
            if let Some(acks) = &mut self.acks {
                acks.excused(client);
            }
        }
    }

    /// A client is about to end its connection as it is meant to, while others go on: what they
    /// have under way may miss it.
    pub(crate) fn parted(&mut self, client: u32, now: Instant) {
        if self.leave(client) {
            self.deliveries.parted(client, &mut self.findings);
            if let Some(heartbeats) = &mut self.heartbeats {
                heartbeats.closed(client, now, &mut self.findings);
            }
        }
    }

    /// Whether a client has got back everything that was for it alone.
    pub(crate) fn has_own(&self, client: u32) -> bool {
        self.deliveries.has_own(client)
    }

    /// A client does not always read: when it is pinged is not judged.
    pub(crate) fn exempt_from_heartbeats(&mut self, client: u32) {
        if let Some(heartbeats) = &mut self.heartbeats {
            heartbeats.exempt(client);
        }
    }

    /// Something is wrong that only the teller can know.
    pub(crate) fn note(&mut self, fault: Fault, example: impl FnOnce() -> String) {
        self.findings.note(fault, example);
    }

    /// A sender sent its next message.
    pub(crate) fn sent(&mut self, sender: u32, sequence: u32) {
        self.deliveries.sent(sender, sequence, self.live_count);
    }

    /// A sender sent its next message to those of these who are live; with a key it is a value, of
    /// which only the newest must arrive.
    ///
    /// # Panics
    /// If not each message has receivers of its own.
    pub(crate) fn sent_to(
        &mut self,
        message: (u32, u32),
        receivers: &Receivers,
        key: Option<ValueKey>,
    ) {
        let audiences = self.audiences.as_mut().expect("the scenario is rooms");
        audiences.sent(message, (receivers, key), &self.live, &mut self.findings);
    }

    /// A sender sent its next value.
    ///
    /// # Panics
    /// If messages are no values.
    pub(crate) fn sent_value(&mut self, sender: u32, sequence: u32) {
        let values = self.values.as_mut().expect("the scenario is conflation");
        values.sent(sender, sequence, &self.live);
    }

    /// A client received a message. What comes after its end is of no interest.
    pub(crate) fn received(&mut self, client: u32, message: Result<Stamp, Corrupt>) {
        if !self.live[client as usize] {
            return;
        }
        match (message, &mut self.audiences, &mut self.values) {
            (Ok(stamp), Some(audiences), _) => {
                audiences.received(client, stamp, &mut self.findings);
            }
            (Ok(stamp), None, Some(values)) => {
                values.received(client, stamp, &mut self.findings);
            }
            (Ok(stamp), None, None) => self.deliveries.received(client, stamp, &mut self.findings),
            (Err(Corrupt), _, _) => self.findings.note(Fault::Corrupted, || {
                format!("client {client} received a message that nobody wrote")
            }),
        }
    }

    /// A client was pinged, with a ping that is so old by its own account.
    pub(crate) fn pinged(&mut self, client: u32, now: Instant, age_ms: Option<u64>) {
        if let Some(heartbeats) = &mut self.heartbeats {
            heartbeats.pinged(client, now, age_ms, &mut self.findings);
        }
    }

    /// Everybody has left: this is what there still is.
    pub(crate) fn left_over(&mut self, leftovers: Leftovers) {
        leftovers.judge(&mut self.findings);
    }

    /// Whether a client has an open connection.
    pub(crate) fn is_live(&self, client: u32) -> bool {
        self.live[client as usize]
    }

    /// How many clients have an open connection.
    pub(crate) fn live_count(&self) -> u32 {
        self.live_count
    }

    /// Deliveries that live clients still have to get.
    pub(crate) fn outstanding(&self) -> u64 {
        let audiences = self.audiences.as_ref().map_or(0, Audiences::outstanding);
        let values = self.values.as_ref().map_or(0, Values::outstanding);
        let acks = self.acks.as_ref().map_or(0, Acks::outstanding);
        self.deliveries.outstanding() + audiences + values + acks
    }

    /// Values that did not arrive because a newer one took their place.
    pub(crate) fn replaced(&self) -> u64 {
        self.audiences.as_ref().map_or(0, Audiences::replaced)
    }

    /// What became of values, by client; nothing if messages are none.
    pub(crate) fn arrivals(&self) -> &[Arrivals] {
        self.values.as_ref().map_or(&[], Values::arrivals)
    }

    /// How questions fared so far, if there are any.
    pub(crate) fn ack_report(&self) -> Option<AckReport> {
        self.acks.as_ref().map(Acks::report)
    }

    /// What was found. Clients that are still open are judged as if they closed now.
    pub(crate) fn finish(self, now: Instant) -> (Findings, Option<HeartbeatReport>) {
        let verdict = self.conclude(now);
        (verdict.findings, verdict.heartbeats)
    }

    /// As [`Auditor::finish`], with what all judges have to report.
    pub(crate) fn conclude(mut self, now: Instant) -> Verdict {
        for client in 0..self.live.len() as u32 {
            self.closed(client, now);
        }
        let mut findings = self.findings;
        let sparks = self.sparks;
        let reconnects = self.reconnects;
        let reconnects = reconnects.map(|judge| judge.finish(now, &mut findings));
        let reconnects = reconnects.unwrap_or_default();
        Verdict {
            acks: self.acks.as_ref().map(Acks::report),
            heartbeats: self.heartbeats.map(Heartbeats::into_report),
            first_delays: reconnects.first,
            delays: reconnects.delays,
            delays_observed: reconnects.observed,
            sparks: sparks.map(|judge| judge.finish(now, &mut findings)),
            findings,
        }
    }

    fn leave(&mut self, client: u32) -> bool {
        let was_live = std::mem::take(&mut self.live[client as usize]);
        self.live_count -= u32::from(was_live);
        was_live
    }
}
