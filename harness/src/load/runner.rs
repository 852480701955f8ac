//! The loop of a load: one thread that plays all clients, on the engine's own driver.
//!
//! A turn takes what the driver has to report, lets each client react, moves the phase on, and
//! hands the driver what the clients have said, in one send per client.

use std::io;
use std::time::Duration;

use allspark_engine::io::{Completion, Driver, Op, Socket, Token, Wait};
use allspark_engine::memory::LentBuffer;
use allspark_protocol::{Input, Instant};

use super::churn::{Churn, ChurnReport};
use super::client::{Fleet, State};
use super::handshake::Handshake;
use super::memory::Snapshot;
use super::meter::{Meter, Window};
use super::outbox::{Outbox, Seat};
use super::phase::{OPENING_STALL, Phase};
use super::plan::Plan;
use super::series::Series;
use super::server::ServerProcess;
use super::sessions::Sessions;
use super::storm::{Storm, StormReport};
use super::traffic::Traffic;
use super::transcript::Transcript;
use super::transport::{Fatal, Incoming, Transport};
use crate::auditor::{Auditor, Fault};
use crate::workload::Scenario;

/// Between two lines of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

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
    /// How long it took until every client was connected or refused.
    pub(super) opening: Duration,
    /// What the window showed, once it is over.
    pub(super) window: Option<Window>,
    /// What each broadcast at the end of an idle load showed.
    pub(super) broadcasts: Vec<Window>,
    pub(super) series: Series,
    /// Only where connections come and go.
    pub(super) churn: Option<Churn>,
    pub(super) churn_report: Option<ChurnReport>,
    /// Only where the server is killed.
    pub(super) storm: Option<Storm>,
    pub(super) storm_report: Option<StormReport>,
    /// Memory at the end of the window.
    pub(super) with_connections: Option<WithConnections>,
    next_progress: Instant,
}

/// Memory at a moment when so many clients were connected.
#[derive(Clone, Copy, Debug)]
pub(super) struct WithConnections {
    pub(super) memory: Snapshot,
    pub(super) connections: u32,
}

impl<D: Driver> Runner<D> {
    pub(super) fn new(driver: D, plan: Plan, server: Option<ServerProcess>) -> Self {
        let now = driver.now();
        let senders = plan.senders();
        Self {
            fleet: Fleet::new(plan.clients),
            outbox: Outbox::default(),
            sessions: Sessions::default(),
            auditor: Auditor::new(plan.scenario, plan.clients, senders, plan.heartbeat),
            meter: Meter::new(plan.server_pid),
            traffic: Traffic::new(&plan),
            transcript: (plan.scenario == Scenario::Broadcast && plan.dialect.is_plain_websocket())
                .then(|| Transcript::new(plan.clients, senders.count())),
            phase: Phase::Opening {
                give_up: now + OPENING_STALL,
            },
            now,
            begin: now,
            opening: Duration::ZERO,
            window: None,
            broadcasts: Vec::new(),
            series: Series::new(plan.server_pid),
            churn: (plan.scenario == Scenario::Churn).then(|| Churn::new(&plan)),
            churn_report: None,
            storm: server.map(|server| Storm::new(&plan, server)),
            storm_report: None,
            with_connections: None,
            next_progress: now + PROGRESS_INTERVAL,
            driver,
            plan,
        }
    }

    /// Runs the load to its end.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut completions = Vec::new();
        if let Some(storm) = &self.storm {
            self.series.follow(storm.server_pid());
        }
        self.series.begin(self.now)?;
        while self.phase != Phase::Done {
            self.advance()?;
            self.flush();
            let wait = self.wait();
            self.driver.turn(wait, &mut completions)?;
            self.outbox.reclaim();
            self.sessions.reclaim();
            self.now = self.driver.now();
            self.ring_alarms();
            for completion in completions.drain(..) {
                self.complete(completion);
            }
            self.report_progress()?;
        }
        Ok(())
    }

    fn wait(&self) -> Wait {
        if self.has_more_to_do() {
            return Wait::No;
        }
        let mut until = self.phase.deadline().min(self.next_progress);
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
        if self.phase.has_traffic()
            && let Some(due) = self.storm.as_ref().and_then(Storm::next_due)
        {
            until = until.min(due);
        }
        if let Some(alarm) = self.sessions.next_alarm() {
            until = until.min(alarm);
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
        self.flush_wires();
    }

    fn complete(&mut self, completion: Completion) {
        if !self.plan.dialect.is_plain_websocket() {
            return self.wire_completed(completion);
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
            Completion::Accepted { .. }
            | Completion::AcceptFailed { .. }
            | Completion::Released { .. }
            | Completion::Adopted { .. } => {
                unreachable!("a driver reports only what it was asked for")
            }
        }
    }

    fn connected(&mut self, index: u32, result: io::Result<Socket>) {
        let is_late = self.fleet.client(index).state != State::Connecting;
        match result {
            // Nobody waits for this connection any more.
            Ok(socket) if is_late => self.driver.push(Op::Close {
                socket,
                token: token(index),
            }),
            Ok(socket) => self.shake_hands(index, socket),
            Err(_) if is_late => {}
            Err(_) if self.is_turned_away(index) => {}
            Err(error) => {
                let address = self.plan.target.address_of(index);
                let why = format!("{address}: {error}");
                self.auditor.broke(index, Fault::Refused, &why);
                self.fleet.advance(index, State::Gone);
            }
        }
    }

    fn shake_hands(&mut self, index: u32, socket: Socket) {
        self.fleet.advance(index, State::Handshaking);
        self.driver.push(Op::Receive {
            socket,
            token: token(index),
        });
        let target = &self.plan.target;
        let nonce = self.traffic.handshake_nonce();
        let client = self.fleet.client_mut(index);
        client.socket = socket;
        let mut begun = None;
        self.outbox
            .say(index, &mut client.seat, |out| {
                begun = Some(Handshake::begin(out, target, index, nonce));
            })
            .expect("nothing waits for a new connection");
        match begun.expect("the outbox lets everybody speak") {
            Ok(handshake) => client.transport = Transport::Handshake(Box::new(handshake)),
            Err(misuse) => self.lose(index, Fault::Refused, &misuse),
        }
    }

    fn received(&mut self, index: u32, mut buffer: LentBuffer) {
        let mut input = Input::new(&mut buffer);
        let message_bytes_max = self.message_bytes_max();
        loop {
            if self.fleet.client(index).transport.is_between_messages() {
                self.recognize(index, &mut input);
            }
            let transport = &mut self.fleet.client_mut(index).transport;
            match transport.next(&mut input, message_bytes_max) {
                Ok(Some(incoming)) => self.incoming(index, incoming),
                Ok(None) => return,
                Err(Fatal::Refused(refusal)) => {
                    return self.lose(index, Fault::Refused, &refusal);
                }
                Err(Fatal::Violated(violation)) => {
                    return self.lose(index, Fault::Violated, &violation);
                }
            }
        }
    }

    /// Bytes of the longest message that a client takes.
    pub(super) fn message_bytes_max(&self) -> usize {
        self.plan.message_bytes.max(MESSAGE_BYTES_FLOOR)
    }

    /// A client can send and receive messages now.
    pub(super) fn opened(&mut self, index: u32) {
        self.fleet.advance(index, State::Open);
        self.auditor.opened(index, self.now);
        self.opening_progressed();
        self.came_back(index);
        if let Some(churn) = &mut self.churn {
            churn.opened(index, self.now);
        }
        self.join_in(index);
    }

    /// A client's connection is about to end as it was meant to.
    pub(super) fn left(&mut self, index: u32) {
        self.auditor.closed(index, self.now);
        self.leaving_progressed();
        if let Some(churn) = &mut self.churn {
            churn.left(index);
        }
    }

    fn incoming(&mut self, index: u32, incoming: Incoming<'_>) {
        match incoming {
            Incoming::Opened => self.opened(index),
            Incoming::Message(kind, payload) => self.message(index, kind, &payload),
            Incoming::Ping(payload) => self.pong(index, &payload),
            Incoming::Goodbye(code) if self.fleet.client(index).state < State::Leaving => {
                let code = code.map_or("no code".to_owned(), |code| format!("{code:?}"));
                self.lose(
                    index,
                    Fault::Ended,
                    &format!("the server said goodbye ({code})"),
                );
            }
            // The answer to our own goodbye: the server is to close the connection now.
            Incoming::Goodbye(_) => self.fleet.advance(index, State::Answered),
        }
    }

    fn receive_ended(&mut self, index: u32, result: io::Result<()>) {
        match (self.fleet.client(index).state, result) {
            (State::Answered, Ok(())) => {
                self.left(index);
                self.close(index);
            }
            (State::Leaving, Ok(())) => {
                self.lose(
                    index,
                    Fault::Unanswered,
                    &"the server closed without a goodbye",
                );
            }
            (State::Ended | State::Gone, _) => {}
            (_, Ok(())) => self.lose(index, Fault::Ended, &"the server closed the connection"),
            (_, Err(error)) => self.lose(index, Fault::Ended, &error),
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
        if self.is_blown_away(index) {
            return;
        }
        if self.fleet.client(index).state < State::Ended {
            self.auditor.broke(index, fault, why);
            self.close(index);
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

    fn report_progress(&mut self) -> io::Result<()> {
        if self.now < self.next_progress {
            return Ok(());
        }
        self.next_progress = self.now + PROGRESS_INTERVAL;
        let tick = self.meter.tick();
        let (since_begin, open) = (self.now - self.begin, self.auditor.live_count());
        let state = (self.phase.name(), open);
        self.series.tick((self.now, since_begin), state, tick)?;
        if self.plan.progress {
            eprintln!(
                "{:>6.1} s  {:<12}  {open} of {} connected, {} messages received",
                since_begin.as_secs_f64(),
                self.phase.name(),
                self.plan.clients,
                tick.received,
            );
        }
        Ok(())
    }
}

/// Bytes that a message from the server may have even if our own are shorter: a spark's id, a ping.
const MESSAGE_BYTES_FLOOR: usize = 1024;

/// The number of a client that is a plain WebSocket, which connects once, or else of a wire, which
/// is not used again before it is closed: it alone names the connection.
pub(super) fn token(index: u32) -> Token {
    Token::new(0, 0, index)
}
