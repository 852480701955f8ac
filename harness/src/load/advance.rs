//! Moves a load from phase to phase: connecting, warming up, measuring, draining, saying goodbye.
//!
//! What concerns every client is done for a bounded number of them per turn, so that what comes in
//! is never kept waiting for long.

use std::io;
use std::time::Duration;

use allspark_engine::io::{Driver, Op};
use allspark_protocol::Instant;
use allspark_protocol::websocket::{CloseCode, encode};

use super::churn::Churn;
use super::client::State;
use super::memory::Snapshot;
use super::mixed::Mixed;
use super::phase::{CLOSING_MAX, GOODBYE_MAX, OPENING_STALL, Phase, SETTLE};
use super::publish::Publishers;
use super::rooms::Rooms;
use super::runner::{Runner, WithConnections, token};
use crate::auditor::Fault;

/// Clients that are visited in one turn.
const CLIENTS_PER_TURN: u32 = 512;

impl<D: Driver> Runner<D> {
    /// Does what is due in this phase, and goes on to the next one when it is over.
    pub(super) fn advance(&mut self) -> io::Result<()> {
        match self.phase {
            Phase::Opening { give_up } => self.open(give_up <= self.now),
            Phase::Settling { until } => self.begin_traffic(until),
            Phase::WarmUp { until } if until <= self.now || self.is_siege_ready() => {
                self.begin_measuring()?;
            }
            Phase::Measuring { until } if until <= self.now => self.end_measuring()?,
            Phase::WarmUp { .. } | Phase::Measuring { .. } => self.send_due(),
            Phase::Broadcasting { left, until } => {
                if until <= self.now || self.auditor.outstanding() == 0 {
                    self.broadcasts.push(self.meter.end(self.now)?);
                    let is_late = self.auditor.outstanding() > 0;
                    self.broadcast_rounds(if is_late { 0 } else { left - 1 })?;
                }
            }
            Phase::Draining { until } => {
                self.disturb();
                if until <= self.now || self.is_drained() {
                    self.begin_counting(false);
                }
            }
            Phase::Counting {
                is_end,
                next,
                until,
            } => {
                if next <= self.now {
                    self.count(is_end, until <= self.now);
                }
            }
            Phase::Leaving { next, until } => self.leave(next, until <= self.now),
            Phase::Closing { until } => {
                if until <= self.now || self.fleet.is_gone() {
                    self.begin_counting(true);
                }
            }
            Phase::Done => {}
        }
        Ok(())
    }

    fn begin_measuring(&mut self) -> io::Result<()> {
        self.send_due();
        self.meter.begin(self.now)?;
        if let Some(churn) = &mut self.churn {
            churn.begin_window();
        }
        if let Some(publishers) = &mut self.publishers {
            publishers.begin_window(self.now);
        }
        self.begin_siege_period();
        let until = self.now + self.plan.duration;
        self.phase = Phase::Measuring { until };
        Ok(())
    }

    fn end_measuring(&mut self) -> io::Result<()> {
        self.send_due();
        let window = self.meter.end(self.now)?;
        let receivers = self.auditor.live_count();
        if let Some(publishers) = &mut self.publishers {
            publishers.end_window(self.now, receivers);
        }
        if self.besiege_further(&window)? {
            return Ok(());
        }
        let churn = self.churn.as_ref();
        self.churn_report = churn.map(|churn| churn.end_window(window.seconds));
        self.window = Some(self.window_of_all(window));
        self.with_connections = Some(WithConnections {
            memory: Snapshot::take(self.plan.server_pid)?,
            connections: self.auditor.live_count(),
        });
        self.broadcast_rounds(self.plan.broadcasts)?;
        self.calm_down();
        self.speed_up();
        Ok(())
    }

    /// Begins to send, once the time to settle is over and everybody is in its rooms who will ever
    /// be.
    fn begin_traffic(&mut self, until: Instant) {
        if until > self.now {
            return;
        }
        self.give_up_joining();
        if !self.rooms.as_ref().is_none_or(Rooms::have_all_joined) {
            let until = self.now + SETTLE;
            self.phase = Phase::Settling { until };
            return;
        }
        let until = self.now + self.plan.warm_up;
        self.phase = Phase::WarmUp { until };
        self.traffic.begin(self.now);
        if let Some(churn) = &mut self.churn {
            churn.begin(self.now);
        }
        if let Some(conflation) = &mut self.conflation {
            conflation.begin(self.now);
        }
        self.begin_mixed();
        self.connect_publishers();
        self.send_due();
    }

    /// Whether the phase has work left that waits for nothing.
    pub(super) fn has_more_to_do(&self) -> bool {
        if self.sessions.has_cables_to_close() {
            return true;
        }
        match self.phase {
            Phase::Leaving { next, .. } => {
                (next < self.fleet.len() && self.may_leave() > 0) || self.fleet.is_gone()
            }
            Phase::Broadcasting { .. } => self.auditor.outstanding() == 0,
            Phase::Draining { .. } => self.is_drained(),
            Phase::Closing { .. } => self.fleet.is_gone(),
            Phase::Opening { .. } => self.fleet.is_settled(),
            Phase::WarmUp { .. } | Phase::Measuring { .. } => {
                self.traffic.has_unprimed() || self.churn.as_ref().is_some_and(Churn::has_ready)
            }
            Phase::Settling { .. } | Phase::Counting { .. } => false,
            Phase::Done => true,
        }
    }

    /// A client has got through: the next ones have all the time again.
    pub(super) fn opening_progressed(&mut self) {
        if let Phase::Opening { give_up } = &mut self.phase {
            *give_up = self.now + OPENING_STALL;
        }
    }

    /// A client has left in good form: the next ones have all the time again.
    pub(super) fn leaving_progressed(&mut self) {
        if let Phase::Leaving { until, .. } = &mut self.phase {
            *until = self.now + GOODBYE_MAX;
        }
    }

    /// Begins the next broadcast, each of which is a window of its own; after the last one, or
    /// if nobody is there to publish it, nobody sends any more.
    fn broadcast_rounds(&mut self, left: u32) -> io::Result<()> {
        let away_max = self.mixed.as_ref().map_or(Duration::ZERO, Mixed::away_max);
        let until = self.now + self.plan.drain_max + away_max;
        if left > 0 && self.publish()? {
            self.phase = Phase::Broadcasting { left, until };
        } else {
            self.phase = Phase::Draining { until };
        }
        Ok(())
    }

    fn open(&mut self, gave_up: bool) {
        if gave_up {
            self.give_up_opening();
        }
        for _ in 0..CLIENTS_PER_TURN {
            if self.fleet.opening() >= self.plan.opening_max {
                break;
            }
            let Some(index) = self.fleet.begin_next() else {
                break;
            };
            self.connect(index);
        }
        if !self.fleet.is_settled() {
            return;
        }
        self.opening.seconds = (self.now - self.begin).as_secs_f64();
        self.opening.opened = self.fleet.opened();
        if self.fleet.opened() == 0 {
            self.begin_leaving();
        } else {
            let until = self.now + SETTLE;
            self.phase = Phase::Settling { until };
        }
    }

    /// A client that has begun connects.
    pub(super) fn connect(&mut self, index: u32) {
        if let Some(churn) = &mut self.churn {
            churn.connecting(index, self.now);
        }
        if !self.plan.dialect.is_plain_websocket() {
            return self.begin_session(index);
        }
        self.driver.push(Op::Connect {
            address: self.plan.target.address_of(index),
            token: token(index),
        });
    }

    /// Whether everything that is under way has arrived.
    fn is_drained(&self) -> bool {
        let is_calm = self.mixed.as_ref().is_none_or(Mixed::is_calm);
        let is_calm = is_calm && self.publishers.as_ref().is_none_or(Publishers::is_calm);
        is_calm && self.auditor.outstanding() == 0 && self.fleet.opening() == 0
    }

    /// Nothing moves any more: who is not connected by now never will be.
    fn give_up_opening(&mut self) {
        self.opening.opened = self.fleet.opened();
        let never_begun = self.fleet.len() - self.fleet.begun();
        self.opening.stop(self.fleet.opening(), never_begun);
        let first_waiting = self.fleet.begin_no_more();
        for index in first_waiting..self.plan.clients {
            self.auditor
                .broke(index, Fault::Refused, &"it was never its turn to connect");
        }
        self.give_up_connecting();
    }

    /// Who is connecting has waited long enough.
    fn give_up_connecting(&mut self) {
        for index in 0..self.fleet.len() {
            match self.fleet.client(index).state {
                State::Handshaking => self.lose(index, Fault::Refused, &"no answer to the upgrade"),
                // The driver still owes an answer; if it comes after all, it changes nothing.
                State::Connecting => {
                    self.auditor
                        .broke(index, Fault::Refused, &"no answer to the connection");
                    self.fleet.advance(index, State::Gone);
                }
                _ => {}
            }
        }
    }

    pub(super) fn begin_leaving(&mut self) {
        self.close_publishers();
        if self.fleet.opening() > 0 {
            self.give_up_connecting();
        }
        let until = self.now + GOODBYE_MAX;
        self.phase = Phase::Leaving { next: 0, until };
    }

    /// How many clients may begin to leave now: half as many at once as may open. A server that is
    /// to close all connections at once has no time for those that stay.
    fn may_leave(&self) -> u32 {
        let at_once = self.plan.opening_max.div_ceil(2);
        at_once
            .saturating_sub(self.fleet.parting())
            .min(CLIENTS_PER_TURN)
    }

    /// Says goodbye for the next clients, and waits for the server to close all connections.
    fn leave(&mut self, next: u32, is_over: bool) {
        // Nobody waits longer for those that the server does not close.
        let count = if is_over {
            CLIENTS_PER_TURN
        } else {
            self.may_leave()
        };
        let end = (next + count).min(self.fleet.len());
        for index in next..end {
            if self.fleet.client(index).state == State::Open {
                self.say_goodbye(index);
            }
        }
        let until = if next < end {
            self.now + GOODBYE_MAX
        } else {
            self.phase.deadline()
        };
        self.phase = Phase::Leaving { next: end, until };
        if self.fleet.is_gone() || (is_over && next == end) {
            self.close_the_rest();
        }
    }

    /// An open client says goodbye.
    pub(super) fn say_goodbye(&mut self, index: u32) {
        self.fleet.advance(index, State::Leaving);
        if !self.plan.dialect.is_plain_websocket() {
            return self.leave_session(index);
        }
        let key = Some(self.traffic.masking_key());
        self.say(index, |out| {
            encode::close(Some(CloseCode::NORMAL), "", key, out);
        });
    }

    fn close_the_rest(&mut self) {
        for index in 0..self.fleet.len() {
            self.lose(
                index,
                Fault::Unanswered,
                &"the server did not close the connection",
            );
        }
        let until = self.now + CLOSING_MAX;
        self.phase = Phase::Closing { until };
    }

    /// Sends a message for a client.
    pub(super) fn say_message(&mut self, index: u32, message: &[u8]) {
        let kind = self.plan.wording.kind();
        if !self.plan.dialect.is_plain_websocket() {
            return self.send_by_session(index, kind, message);
        }
        let key = Some(self.traffic.masking_key());
        self.say(index, |out| encode::message(kind, message, key, out));
    }

    /// Sends bytes for a client.
    pub(super) fn say(&mut self, index: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let client = self.fleet.client_mut(index);
        if client.can_send() && self.outbox.say(index, &mut client.seat, write).is_err() {
            self.lose(index, Fault::Ended, &"the server reads nothing any more");
        }
    }
}
