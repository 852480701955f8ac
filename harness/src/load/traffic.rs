//! What clients say and hear once they are connected.

use std::io;
use std::time::Duration;

use allspark_engine::io::Driver;
use allspark_protocol::primus::Packet;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;
use allspark_protocol::{Input, Instant};
use allspark_transformers::{Chance, Masks};

use super::client::State;
use super::mixed::{Mixed, Role};
use super::plan::Plan;
use super::runner::Runner;
use crate::workload::Scenario;
use crate::workload::message::{self, Stamp};
use crate::workload::pace::Pace;
use crate::workload::senders::Senders;
use crate::workload::wording::Said;

/// Messages at a fixed rate that are sent in one turn, and senders that begin in one turn.
const MESSAGES_PER_TURN: u32 = 512;

/// Bytes of messages at a fixed rate after which the same happens. Whether a server takes nothing
/// is known after a turn, so one that came late must not say everything that was due meanwhile.
const BYTES_PER_TURN: usize = 1024 * 1024;

/// Who sends when.
#[derive(Debug)]
pub(super) struct Traffic {
    scenario: Scenario,
    senders: Senders,
    depth: u16,
    rate_per_s: Option<u32>,
    /// Set when traffic begins, if there is a rate.
    pace: Option<Pace>,
    /// Senders up to here have begun, if there is no rate.
    primed: u32,
    /// At a fixed rate, whose turn it is.
    next_sender: u32,
    /// Messages that were due at a connection that took nothing for the moment.
    skipped: u64,
    /// Sessions are named by it, and a server still has those of the load before.
    chance: Chance,
    masks: Masks,
    /// Where a message is put together.
    scratch: Vec<u8>,
}

impl Traffic {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut chance = Chance::new(allspark_engine::random());
        Self {
            scenario: plan.scenario,
            senders: plan.senders(),
            depth: plan.depth,
            rate_per_s: plan.rate_per_s,
            pace: None,
            primed: match plan.scenario {
                // Its broadcasts come when nothing else is left to do.
                // Who publishes over HTTP is no client.
                Scenario::Idle | Scenario::Publish => plan.senders().count(),
                _ => 0,
            },
            next_sender: 0,
            skipped: 0,
            masks: Masks::new(Chance::new(chance.number())),
            chance,
            scratch: Vec::new(),
        }
    }

    /// From now on messages are due.
    pub(super) fn begin(&mut self, now: Instant) {
        let has_pace = [
            Scenario::Echo,
            Scenario::Broadcast,
            Scenario::Rooms,
            Scenario::Publish,
        ];
        if has_pace.contains(&self.scenario) {
            self.pace = self.rate_per_s.map(|rate_per_s| Pace::new(now, rate_per_s));
        }
    }

    /// When the next message is due, if there is a rate.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.pace.as_ref().map(Pace::next_due)
    }

    /// Whether senders wait for their first message.
    pub(super) fn has_unprimed(&self) -> bool {
        self.pace.is_none() && self.primed < self.senders.count()
    }

    /// When the next message was due, if it is by now. Without a rate one always is.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Instant> {
        match &mut self.pace {
            Some(pace) => pace.take_due(now),
            None => Some(now),
        }
    }

    /// Whether there is a rate.
    pub(super) fn has_pace(&self) -> bool {
        self.pace.is_some()
    }

    /// A message was due at a connection that took nothing for the moment.
    pub(super) fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Messages that were due but not sent, because the server did not read fast enough.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    pub(super) fn masking_key(&mut self) -> [u8; 4] {
        self.masks.next_key()
    }

    /// What a client half makes its names and keys from.
    pub(super) fn seed(&mut self) -> u64 {
        self.chance.number()
    }

    /// The sixteen bytes of `Sec-WebSocket-Key`.
    pub(super) fn handshake_nonce(&mut self) -> [u8; 16] {
        let mut nonce = [0; 16];
        self.chance.fill(&mut nonce);
        nonce
    }

    /// Whether a client answers this message with its next one.
    fn is_own(&self, client: u32, stamp: Stamp) -> bool {
        match self.scenario {
            Scenario::Idle | Scenario::Mixed | Scenario::Storm | Scenario::Publish => false,
            Scenario::Echo | Scenario::Broadcast | Scenario::Rooms | Scenario::Churn => {
                stamp.from < self.senders.count() && self.senders.client_of(stamp.from) == client
            }
        }
    }
}

impl<D: Driver> Runner<D> {
    /// Sends what is due: the first messages of senders, or those of a fixed rate.
    pub(super) fn send_due(&mut self) {
        if self.mixed.is_some() {
            self.send_mixed();
            self.disturb();
        } else if self.publishers.is_some() {
            self.publish_due();
        } else if self.traffic.pace.is_some() {
            self.send_paced();
        } else {
            self.prime();
            self.replace_due();
        }
    }

    fn prime(&mut self) {
        let end = self.traffic.senders.count();
        let end = end.min(self.traffic.primed + MESSAGES_PER_TURN);
        for sender in self.traffic.primed..end {
            for _ in 0..self.traffic.depth {
                self.send(sender, self.now);
            }
        }
        self.traffic.primed = end;
    }

    fn send_paced(&mut self) {
        let fitting = BYTES_PER_TURN / self.plan.message_bytes;
        for _ in 0..fitting.clamp(1, MESSAGES_PER_TURN as usize) {
            let pace = self.traffic.pace.as_mut();
            let Some(due) = pace.and_then(|pace| pace.take_due(self.now)) else {
                return;
            };
            let sender = self.traffic.next_sender;
            self.traffic.next_sender = (sender + 1) % self.traffic.senders.count();
            if self.is_stalled(self.traffic.senders.client_of(sender)) {
                self.traffic.skipped += 1;
            } else {
                self.send(sender, due);
            }
        }
    }

    /// Whether the server takes nothing from a client for now.
    pub(super) fn is_stalled(&self, index: u32) -> bool {
        if self.plan.dialect.is_plain_websocket() {
            self.fleet.client(index).seat.is_stalled()
        } else {
            self.sessions.is_stalled(index)
        }
    }

    /// Sends the next message of a sender, if it is connected.
    fn send(&mut self, sender: u32, due: Instant) {
        let index = self.traffic.senders.client_of(sender);
        if self.fleet.client(index).state == State::Open {
            self.send_from(index, sender, due);
        }
    }

    /// Publishes one message as the first client that is open, and opens a window for it.
    /// Returns whether there is such a client.
    pub(super) fn publish(&mut self) -> io::Result<bool> {
        let Some(index) = self.fleet.first_open() else {
            return Ok(false);
        };
        self.meter.begin(self.now)?;
        self.send_from(index, 0, self.now);
        Ok(true)
    }

    /// Sends the next message of a sender as this client, which is open.
    pub(super) fn send_from(&mut self, index: u32, sender: u32, due: Instant) {
        let client = self.fleet.client_mut(index);
        let stamp = Stamp {
            from: sender,
            sequence: client.sent,
            sent_ns: u64::try_from((due - self.begin).as_nanos()).unwrap_or(u64::MAX),
        };
        client.sent += 1;
        let mut scratch = std::mem::take(&mut self.traffic.scratch);
        scratch.clear();
        if self.rooms.is_some() {
            if self.put_for_room(index, stamp, &mut scratch) {
                self.meter.sent();
                self.say_message(index, &scratch);
            }
            self.traffic.scratch = scratch;
            return;
        }
        self.auditor.sent(sender, stamp.sequence);
        self.meter.sent();
        let bytes = self.plan.message_bytes;
        match &self.mixed {
            Some(mixed) if mixed.role(index) == Role::Publish => {
                message::encode_to_all(stamp, bytes, &mut scratch);
            }
            _ => message::encode(stamp, bytes, &mut scratch),
        }
        self.plan.wording.put(&mut scratch);
        self.say_message(index, &scratch);
        self.traffic.scratch = scratch;
    }

    /// A client got a message.
    pub(super) fn message(&mut self, index: u32, kind: Kind, payload: &[u8]) {
        let text = match self.plan.wording.read(kind, payload) {
            Said::Protocol(text) => return self.protocol_message(index, &text),
            Said::Message(text) => text,
        };
        let Some(text) = self.out_of_room(index, text) else {
            return;
        };
        match message::decode(text, self.plan.message_bytes) {
            Ok(stamp) => {
                if let Some(transcript) = &mut self.transcript {
                    transcript.read(index, kind, payload, stamp);
                }
                self.heard(index, stamp);
            }
            Err(corrupt) => self.auditor.received(index, Err(corrupt)),
        }
    }

    /// Takes from the input of a client, at the front, the messages that others have read before.
    /// A message must begin there.
    pub(super) fn recognize(&mut self, index: u32, input: &mut Input<'_>) {
        while let Some(transcript) = &mut self.transcript
            && let Some((bytes, stamp)) = transcript.recognize(index, input.peek())
        {
            input.take(bytes);
            self.heard(index, stamp);
        }
    }

    /// A client got a message that is right in itself.
    fn heard(&mut self, index: u32, stamp: Stamp) {
        self.auditor.received(index, Ok(stamp));
        if let Some(publishers) = &mut self.publishers {
            publishers.heard(stamp, self.now);
        }
        let age_ns = (self.now - self.begin).as_nanos();
        let latency_ns = u64::try_from(age_ns).unwrap_or(u64::MAX);
        // Who does not read makes delays of its own.
        let reads = |mixed: &Mixed| mixed.role(index) != Role::Stall;
        let latency_ns = latency_ns.saturating_sub(stamp.sent_ns);
        let is_timed = self.mixed.as_ref().is_none_or(reads);
        self.meter
            .received(is_timed.then(|| Duration::from_nanos(latency_ns)));
        let answers = self.traffic.pace.is_none() && self.phase.has_traffic();
        if answers && self.traffic.is_own(index, stamp) && self.has_more_to_say(index) {
            self.send(stamp.from, self.now);
        }
    }

    /// Whether a client that got its message back sends another one.
    fn has_more_to_say(&mut self, index: u32) -> bool {
        let churn = self.churn.as_mut();
        churn.is_none_or(|churn| churn.echoed(index))
    }

    /// A client that came while others were talking says its first message.
    pub(super) fn join_in(&mut self, index: u32) {
        if self.churn.is_some() && self.phase.has_traffic() {
            self.send(index, self.now);
        }
    }

    /// A ping is answered with a pong of the same value; what else Primus says needs no answer,
    /// and if it says that it closes, the end of the connection follows.
    fn protocol_message(&mut self, index: u32, text: &str) {
        if let Some(Packet::Ping(value)) = Packet::parse(text) {
            let sent_ms: Option<u64> = value.parse().ok();
            let age_ms = sent_ms.map(|sent_ms| self.driver.unix_ms().saturating_sub(sent_ms));
            self.meter.pinged();
            self.auditor.pinged(index, self.now, age_ms);
            if self.fleet.client(index).state == State::Open {
                let mut pong = String::new();
                Packet::Pong(value).write(&mut pong);
                let pong = self.plan.wording.protocol(&pong);
                self.say_message(index, &pong);
            }
        }
    }

    /// A client got a ping of the transport.
    pub(super) fn pong(&mut self, index: u32, payload: &[u8]) {
        if self.fleet.client(index).state == State::Open {
            let key = Some(self.traffic.masking_key());
            self.say(index, |out| encode::pong(payload, key, out));
        }
    }
}
