//! What becomes of a client when something happens to its connection. Each function is an internal
//! event of Primus (`incoming::open` and its kin) or the end of one of its timers.

use std::borrow::Cow;

use allspark_protocol::Instant;
use allspark_protocol::parser::Parser;
use allspark_protocol::primus::Packet;
use allspark_protocol::transformer::{End, Kind};

use super::client::is_some_time;
use super::recovery::{Phase, Recovery, TIMER_MIN};
use super::transforms::{Message, Verdict};
use super::{Client, ClientError, Direction, Event, Outputs, ReadyState};

/// Why a connection that ends before it was open has failed, when nobody says so.
const NEVER_OPENED: &str = "the connection was closed before it was open";

impl Client {
    /// The connection is open (`incoming::open`).
    pub(super) fn opened(&mut self, now: Instant, out: &mut Outputs) {
        if let Some(mut recovery) = self.recovery.take() {
            recovery.note_duration(now);
            out.event(Event::Reconnected(recovery.attempt()));
        }
        if !self.is_online {
            self.is_online = true;
            out.event(Event::Online);
        }
        self.set_ready_state(ReadyState::Open, out);
        self.connect_deadline = None;
        self.restart_ping_timeout(now);
        out.event(Event::Open);
    }

    /// A message came (`incoming::data`).
    pub(super) fn received(&mut self, now: Instant, kind: Kind, payload: &[u8], out: &mut Outputs) {
        let parser = self.options.parser;
        if let Some(text) = parser.control(kind, payload) {
            if let Some(packet) = Packet::parse(&text) {
                self.received_packet(now, packet, out);
            }
        } else if let Err(error) = parser.check(kind, payload) {
            out.event(Event::Error(ClientError::Parse(error)));
        } else if let Some((kind, payload)) =
            self.transform_message(Direction::Incoming, kind, payload, out)
        {
            out.data(kind, &payload);
        }
    }

    /// The connection is over.
    pub(super) fn connection_ended(&mut self, now: Instant, end: End, out: &mut Outputs) {
        match end {
            End::Violation(what) => self.connection_failed(now, ClientError::Transport(what), out),
            End::Goodbye | End::Closed(_) if self.ready_state == ReadyState::Opening => {
                self.connection_failed(now, ClientError::Transport(NEVER_OPENED), out);
            }
            End::Goodbye | End::Closed(_) => self.connection_lost(now, out),
        }
    }

    /// The connection is over, with an error (`incoming::error`, then `incoming::end`).
    ///
    /// During a reconnect nobody hears of the error: the attempt has failed. Before the first
    /// connection was open it leads to a reconnect or to the end.
    pub(super) fn connection_failed(
        &mut self,
        now: Instant,
        error: ClientError,
        out: &mut Outputs,
    ) {
        if self.recovery.is_some() {
            self.attempt_failed(now, out);
            return self.connection_lost(now, out);
        }
        out.event(Event::Error(error));
        if self.connect_deadline.take().is_some() {
            if !self.options.strategy.timeout {
                return self.finish(now, out);
            }
            self.reconnect(now, out);
        }
        self.connection_lost(now, out);
    }

    /// The connection is gone (`incoming::end`).
    pub(super) fn connection_lost(&mut self, now: Instant, out: &mut Outputs) {
        self.pongs.clear();
        if self.is_dismissed {
            return self.finish(now, out);
        }
        let was_open = self.ready_state == ReadyState::Open;
        self.set_ready_state(ReadyState::Closed, out);
        if !was_open {
            return;
        }
        self.stop_timers();
        out.event(Event::Close);
        if self.options.strategy.disconnect {
            self.reconnect(now, out);
        } else {
            out.event(Event::End);
        }
    }

    /// Everything ends (`primus.end()`).
    pub(super) fn finish(&mut self, now: Instant, out: &mut Outputs) {
        self.set_ready_state(ReadyState::Closed, out);
        self.stop_timers();
        self.recovery = None;
        self.leave(now, out);
        out.event(Event::Close);
        out.event(Event::End);
    }

    /// Begins a reconnect, unless one is under way. It has limits of its own, so that of the first
    /// connection is void.
    pub(super) fn reconnect(&mut self, now: Instant, out: &mut Outputs) {
        self.connect_deadline = None;
        if self.recovery.is_none() {
            let recovery = Recovery::new(self.options.reconnect, now);
            self.schedule(now, Box::new(recovery), out);
        }
    }

    /// An attempt begins or is out of time.
    pub(super) fn recovery_expired(&mut self, now: Instant, out: &mut Outputs) {
        let Some(recovery) = &mut self.recovery else {
            return;
        };
        match recovery.phase() {
            Phase::Scheduled => {
                recovery.begin(now);
                let attempt = recovery.attempt();
                self.set_ready_state(ReadyState::Opening, out);
                out.event(Event::Reconnect(attempt));
                self.connect(now, out);
            }
            Phase::Trying => {
                recovery.note_duration(now);
                out.event(Event::ReconnectTimeout(recovery.attempt()));
                self.leave(now, out);
                self.attempt_failed(now, out);
                if self.recovery.is_none() {
                    self.set_ready_state(ReadyState::Closed, out);
                }
            }
        }
    }

    /// The first connection took too long.
    pub(super) fn connect_timed_out(&mut self, now: Instant, out: &mut Outputs) {
        self.connect_deadline = None;
        out.event(Event::Timeout);
        if self.options.strategy.timeout {
            self.leave(now, out);
            self.reconnect(now, out);
        } else {
            self.finish(now, out);
        }
    }

    /// The server has been silent for too long. If the network is known to be gone, that is why.
    pub(super) fn ping_timed_out(&mut self, now: Instant, out: &mut Outputs) {
        if !self.is_online {
            return;
        }
        self.is_online = false;
        out.event(Event::Offline);
        self.leave(now, out);
        self.connection_lost(now, out);
    }

    pub(super) fn start_connect_timeout(&mut self, now: Instant) {
        if let Some(timeout) = self.options.timeout.filter(is_some_time) {
            let deadline = now + timeout.max(TIMER_MIN);
            self.connect_deadline.get_or_insert(deadline);
        }
    }

    pub(super) fn set_ready_state(&mut self, ready_state: ReadyState, out: &mut Outputs) {
        if self.ready_state != ready_state {
            self.ready_state = ready_state;
            out.event(Event::ReadyState(ready_state));
        }
    }

    /// What the transforms make of a message, if they let it pass.
    pub(super) fn transform_message<'p>(
        &mut self,
        direction: Direction,
        kind: Kind,
        payload: &'p [u8],
        out: &mut Outputs,
    ) -> Option<(Kind, Cow<'p, [u8]>)> {
        let Some(transforms) = &mut self.transforms else {
            return Some((kind, Cow::Borrowed(payload)));
        };
        let bytes = payload.to_vec();
        let mut message = Message { kind, bytes };
        match transforms.run(direction, &mut message) {
            Verdict::Pass => Some((message.kind, Cow::Owned(message.bytes))),
            Verdict::Drop => None,
            Verdict::Fail(why) => {
                out.event(Event::Error(ClientError::Transform(why)));
                None
            }
        }
    }

    fn received_packet(&mut self, now: Instant, packet: Packet<'_>, out: &mut Outputs) {
        match packet {
            Packet::Ping(value) => {
                self.is_online = true;
                self.restart_ping_timeout(now);
                // The npm client answers before listeners of its `incoming::ping` are called.
                out.event(Event::Pong(value.parse().ok()));
                out.event(Event::Ping(value.parse().ok()));
                self.pongs.push(value.into());
            }
            Packet::ServerClose => self.is_dismissed = true,
            Packet::Id(id) => out.event(Event::Id(id.to_owned())),
            Packet::IdRequest | Packet::Pong(_) | Packet::Authorization(_) | Packet::Unknown => {}
        }
    }

    /// The attempt that is under way has failed: there is another one, or the client ends.
    fn attempt_failed(&mut self, now: Instant, out: &mut Outputs) {
        match self.recovery.take() {
            Some(recovery) if recovery.phase() == Phase::Trying => {
                self.schedule(now, recovery, out);
            }
            waiting => self.recovery = waiting,
        }
    }

    fn schedule(&mut self, now: Instant, mut recovery: Box<Recovery>, out: &mut Outputs) {
        if recovery.schedule(now, &mut self.random) {
            out.event(Event::ReconnectScheduled(recovery.attempt()));
            self.recovery = Some(recovery);
        } else {
            out.event(Event::End);
            out.event(Event::ReconnectFailed(recovery.attempt()));
        }
    }

    fn restart_ping_timeout(&mut self, now: Instant) {
        self.ping_timeout.restart(now);
    }

    fn stop_timers(&mut self) {
        self.connect_deadline = None;
        self.ping_timeout.stop();
    }
}
