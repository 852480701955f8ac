//! The loop of a load: one thread that plays all clients, on the engine's own driver.
//!
//! A turn takes what the driver has to report, lets each client react, moves the phase on, and
//! hands the driver what the clients have said, in one send per client.

use std::io;

use allspark_engine::io::{Completion, Driver, Op, Token, Wait};
use allspark_protocol::Instant;

use super::Opening;
use super::acks::Acks;
use super::churn::{Churn, ChurnReport};
use super::client::{Fleet, State};
use super::conflation::Conflation;
use super::memory::Snapshot;
use super::meter::{Meter, Window};
use super::mixed::Mixed;
use super::outbox::{Outbox, Seat};
use super::phase::{OPENING_STALL, Phase};
use super::plan::Plan;
use super::progress::Progress;
use super::publish::Publishers;
use super::rooms::Rooms;
use super::sessions::Sessions;
use super::siege::Siege;
use super::traffic::Traffic;
use super::transcript::Transcript;
use crate::auditor::{Auditor, Fault};
use crate::workload::Scenario;

/// Everything that one load consists of.
pub(super) struct Runner<D> {
    pub(super) driver: D,
    pub(super) plan: Plan,
    pub(super) fleet: Fleet,
    pub(super) outbox: Outbox,
    /// Used only where a client is more than a plain WebSocket.
    pub(super) sessions: Sessions,
    pub(super) auditor: Auditor,
    pub(super) meter: Meter,
    pub(super) traffic: Traffic,
    /// Only where everybody receives the same, in frames of plain WebSockets.
    pub(super) transcript: Option<Transcript>,
    pub(super) phase: Phase,
    /// The reading of the clock that this turn goes by.
    pub(super) now: Instant,
    /// When the load began, which messages count their time from.
    pub(super) begin: Instant,
    /// How the clients got their connections.
    pub(super) opening: Opening,
    /// What the window showed, once it is over.
    pub(super) window: Option<Window>,
    /// What each broadcast at the end of an idle load showed.
    pub(super) broadcasts: Vec<Window>,
    pub(super) progress: Progress,
    /// Only where connections come and go.
    pub(super) churn: Option<Churn>,
    pub(super) churn_report: Option<ChurnReport>,
    /// Only where clients do a bit of everything.
    pub(super) mixed: Option<Mixed>,
    /// Only where clients are in rooms.
    pub(super) rooms: Option<Rooms>,
    /// Only where values are published there.
    pub(super) conflation: Option<Conflation>,
    /// Only where questions are asked.
    pub(super) acks: Option<Acks>,
    /// Only where messages come over HTTP.
    pub(super) publishers: Option<Publishers>,
    /// Only where the server is attacked meanwhile.
    pub(super) siege: Option<Siege>,
    /// Memory at the end of the window.
    pub(super) with_connections: Option<WithConnections>,
}

/// Memory at a moment when so many clients were connected.
#[derive(Clone, Copy, Debug)]
pub(super) struct WithConnections {
    pub(super) memory: Snapshot,
    pub(super) connections: u32,
}

impl<D: Driver> Runner<D> {
    pub(super) fn new(driver: D, plan: Plan) -> io::Result<Self> {
        let now = driver.now();
        let senders = plan.senders();
        let rooms = plan.rooms.map(|rooms| Rooms::new(rooms, &plan));
        let conflation = plan.conflation.map(|values| Conflation::new(values, &plan));
        let mut auditor = Auditor::new(plan.scenario, plan.clients, senders, plan.heartbeat);
        if let Some(acks) = &plan.acks {
            auditor.judge_acks(acks.rule());
        }
        if let Some((values, rooms)) = conflation.as_ref().zip(rooms.as_ref()) {
            let keys_each = values.keys_each();
            auditor.judge_values(keys_each, rooms.receivers_of_keys(senders, keys_each));
        }
        Ok(Self {
            fleet: Fleet::new(plan.clients),
            outbox: Outbox::default(),
            sessions: Sessions::default(),
            auditor,
            meter: Meter::new(plan.server_pid),
            traffic: Traffic::new(&plan),
            transcript: (hears_the_same(&plan) && plan.dialect.is_plain_websocket())
                .then(|| Transcript::new(plan.clients, senders.count())),
            phase: Phase::Opening {
                give_up: now + OPENING_STALL,
            },
            now,
            begin: now,
            opening: Opening::default(),
            window: None,
            broadcasts: Vec::new(),
            progress: Progress::new(now, plan.clients, plan.progress, plan.server_pid)?,
            churn: (plan.scenario == Scenario::Churn).then(|| Churn::new(&plan)),
            churn_report: None,
            mixed: plan.mixed.as_ref().map(|mixed| Mixed::new(mixed, &plan)),
            rooms,
            conflation,
            acks: plan.acks.map(Acks::new),
            publishers: plan
                .publish
                .as_ref()
                .map(|publish| Publishers::new(publish, &plan)),
            siege: plan.siege.as_ref().map(|siege| Siege::new(siege, &plan)),
            with_connections: None,
            driver,
            plan,
        })
    }

    /// Runs the load to its end.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut completions = Vec::new();
        while self.phase != Phase::Done {
            self.advance()?;
            self.attack();
            self.flush();
            let wait = self.wait();
            self.driver.turn(wait, &mut completions)?;
            self.outbox.reclaim();
            self.sessions.reclaim();
            if let Some(siege) = &mut self.siege {
                siege.reclaim();
            }
            if let Some(publishers) = &mut self.publishers {
                publishers.reclaim();
            }
            self.now = self.driver.now();
            self.ring_alarms();
            for completion in completions.drain(..) {
                self.complete(completion);
            }
            let phase = self.siege_phase().unwrap_or(self.phase.name());
            let state = (phase, self.auditor.live_count());
            self.progress.report(self.now, state, &mut self.meter)?;
        }
        Ok(())
    }

    fn wait(&self) -> Wait {
        if self.has_more_to_do() || self.siege.as_ref().is_some_and(Siege::has_more_to_do) {
            return Wait::No;
        }
        let mut until = self.phase.deadline().min(self.progress.next_due());
        if self.phase.has_traffic()
            && let Some(due) = self.traffic.next_due()
        {
            until = until.min(due);
        }
        if self.phase.has_traffic()
            && let Some(due) = self.churn.as_ref().and_then(Churn::next_due)
        {
            until = until.min(due);
        }
        let has_traffic = self.phase.has_traffic();
        if has_traffic && let Some(due) = self.conflation.as_ref().and_then(Conflation::next_due) {
            until = until.min(due);
        }
        if (has_traffic || matches!(self.phase, Phase::Draining { .. }))
            && let Some(mixed) = &self.mixed
            && let Some(due) = mixed.next_due(has_traffic)
        {
            until = until.min(due);
        }
        if let Some(alarm) = self.sessions.next_alarm() {
            until = until.min(alarm);
        }
        if let Some(due) = self.siege.as_ref().and_then(Siege::next_due) {
            until = until.min(due);
        }
        Wait::Until(until)
    }

    fn flush(&mut self) {
        let (driver, fleet) = (&mut self.driver, &mut self.fleet);
        self.outbox.flush(|index, bytes| {
            let client = fleet.client_mut(index);
            client.seat = Seat::NONE;
            if client.can_send() {
                driver.push(Op::Send {
                    socket: client.socket,
                    bytes,
                });
            }
        });
        self.flush_cables();
        if let Some(publishers) = &mut self.publishers {
            publishers.flush(&mut self.driver);
        }
    }

    fn complete(&mut self, completion: Completion) {
        if let Some(siege) = &mut self.siege
            && Siege::owns(&completion)
        {
            return siege.complete(completion, &mut self.driver);
        }
        if self.publishers.is_some() && Publishers::owns(&completion) {
            return self.publisher_completed(completion);
        }
        if !self.plan.dialect.is_plain_websocket() {
            return self.cable_completed(completion);
        }
        match completion {
            Completion::Connected { token, result } => self.connected(token.index(), result),
            Completion::Received { token, buffer } => self.received(token.index(), buffer),
            Completion::ReceiveEnded { token, result } => {
                self.receive_ended(token.index(), result);
            }
            Completion::SendStalled { token, rest } => {
                let client = self.fleet.client_mut(token.index());
                if client.can_send() {
                    self.outbox.stall(token.index(), &mut client.seat, &rest);
                    let socket = client.socket;
                    self.driver.push(Op::AwaitWritable { socket });
                }
            }
            Completion::Writable { token } => {
                let client = self.fleet.client_mut(token.index());
                if client.can_send() {
                    self.outbox.resume(token.index(), &mut client.seat);
                }
            }
            Completion::SendFailed { token, error } => {
                self.lose(token.index(), Fault::Ended, &error);
            }
            Completion::Closed { token } => self.closed(token.index()),
            // Over TLS: a handshake is done, and what a connection needs besides.
            Completion::Introduced { .. } | Completion::Held { .. } => {}
            Completion::Accepted { .. }
            | Completion::AcceptFailed { .. }
            | Completion::Released { .. }
            | Completion::Unsent { .. }
            | Completion::Adopted { .. } => {
                unreachable!("a driver reports only what it was asked for")
            }
        }
    }

    /// Bytes of the longest message that a client takes.
    pub(super) fn message_bytes_max(&self) -> usize {
        self.plan.message_bytes + BESIDE_MESSAGE_BYTES
    }

    /// A client can send and receive messages now.
    pub(super) fn opened(&mut self, index: u32) {
        self.fleet.advance(index, State::Open);
        self.auditor.opened(index, self.now);
        self.opening_progressed();
        if let Some(mixed) = &mut self.mixed {
            mixed.opened(index, self.now);
        }
        if let Some(churn) = &mut self.churn {
            churn.opened(index, self.now);
        }
        self.join_rooms(index);
        self.join_in(index);
    }

    /// A client's connection is about to end as it was meant to.
    pub(super) fn left(&mut self, index: u32) {
        self.auditor.closed(index, self.now);
        self.leaving_progressed();
        if let Some(mixed) = &mut self.mixed {
            mixed.left(index, self.now);
        }
        if let Some(churn) = &mut self.churn {
            churn.left(index);
        }
    }

    /// The driver is done with a connection; with a late one, the client was over before.
    fn closed(&mut self, index: u32) {
        if self.fleet.client(index).state != State::Gone {
            self.fleet.advance(index, State::Gone);
            self.gone(index);
        }
    }

    /// A connection is over though nobody meant it to be.
    pub(super) fn lose(&mut self, index: u32, fault: Fault, why: &dyn std::fmt::Display) {
        if self.fleet.client(index).state < State::Ended {
            self.auditor.broke(index, fault, why);
            self.stays_away(index);
            self.close(index);
        }
    }

    pub(super) fn stays_away(&mut self, index: u32) {
        if let Some(mixed) = &mut self.mixed {
            mixed.broke(index);
        }
        if let Some(rooms) = &mut self.rooms {
            rooms.left(index);
        }
        if let Some(conflation) = &mut self.conflation {
            conflation.left(index);
        }
    }

    /// Closes a connection without a further word.
    pub(super) fn close(&mut self, index: u32) {
        if !self.plan.dialect.is_plain_websocket() {
            return self.end_session(index);
        }
        let socket = self.fleet.client(index).socket;
        self.fleet.advance(index, State::Ended);
        self.outbox.forget(index);
        self.driver.push(Op::Close {
            socket,
            token: token(index),
        });
    }
}

/// Whether all clients receive the same.
fn hears_the_same(plan: &Plan) -> bool {
    if plan.conflation.is_some() {
        return false;
    }
    let is_one_room = plan.rooms.is_some_and(|rooms| rooms.reaches_everyone());
    [Scenario::Broadcast, Scenario::Publish].contains(&plan.scenario) || is_one_room
}

/// Bytes that a message from the server may have beside one of ours: the name of a room, a key, the
/// number of a question. One that holds none of ours is shorter: a spark's id, a ping.
const BESIDE_MESSAGE_BYTES: usize = 1024;

/// The number of a client that is a plain WebSocket, which connects once, or else of a cable, which
/// is not used again before it is closed: it alone names the connection.
pub(super) fn token(index: u32) -> Token {
    Token::new(0, 0, index)
}
