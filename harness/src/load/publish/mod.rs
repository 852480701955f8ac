//! Messages are published over the server's HTTP API, by connections that are no clients; every
//! client gets every message, as in a broadcast.
//!
//! | module | what it knows |
//! |---|---|
//! | [`plan`] | who publishes, and how |
//! | [`line`] | one connection: requests out, answers in |
//! | [`wire`] | how a request is put |
//!
//! # Invariants
//! - The auditor is told of a message before it is sent, and judges it as one of a client.
//! - A request that is not answered with 200, and a connection that ends, is a fault.

mod line;
pub(crate) mod plan;
mod wire;

use std::collections::HashMap;
use std::time::Duration;

use allspark_engine::io::{Completion, Driver, Op, Token};
use allspark_protocol::Instant;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::meter::{Latency, histogram};
use super::outbox::{Outbox, Seat};
use super::plan::Plan;
use super::target::Target;
use crate::auditor::Fault;
use crate::workload::message::{self, Stamp};
use line::{Answer, Line, State};
use plan::PublishPlan;

/// The kind of the tokens of these connections; clients and attackers have others.
const TOKEN_KIND: u8 = 2;

/// Messages whose last receiver is waited for. Of more the time is not measured.
const OPEN_MAX: usize = 100_000;

/// What was seen of publishing.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PublishReport {
    pub(crate) connections: u32,
    /// Messages of each request.
    pub(crate) batch: u16,
    pub(crate) receivers: u32,
    pub(crate) requests: u64,
    pub(crate) requests_per_second: f64,
    pub(crate) messages_per_second: f64,
    /// From a request to its answer.
    pub(crate) answer_us: Latency,
    /// From a request to the arrival of its messages at the last receiver.
    pub(crate) last_us: Latency,
}

/// A request that is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) due: Instant,
    pub(super) now: Instant,
    /// When the load began.
    pub(super) begin: Instant,
    pub(super) receivers: u32,
    pub(super) message_bytes: usize,
}

/// The connections that publish, and what was measured.
pub(super) struct Publishers {
    plan: PublishPlan,
    target: Target,
    lines: Vec<Line>,
    outbox: Outbox,
    /// Where a request is put together.
    scratch: wire::Scratch,
    /// Whose turn it is.
    next: usize,
    /// By sender and number, how many have not got a message yet, and when it was sent.
    open: HashMap<(u32, u32), (u32, Instant)>,
    answer_ns: Histogram<u64>,
    last_ns: Histogram<u64>,
    requests: u64,
    began: Instant,
    report: Option<PublishReport>,
}

impl Publishers {
    pub(super) fn new(plan: &PublishPlan, load: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            target: load.target.clone(),
            lines: (0..plan.connections).map(|_| Line::new()).collect(),
            outbox: Outbox::default(),
            scratch: wire::Scratch::default(),
            next: 0,
            open: HashMap::new(),
            answer_ns: histogram(),
            last_ns: histogram(),
            requests: 0,
            began: Instant::ZERO,
            report: None,
        }
    }

    /// Whether a completion is one of these connections.
    pub(super) fn owns(completion: &Completion) -> bool {
        token_of(completion).is_some_and(|token| token.kind() == TOKEN_KIND)
    }

    /// Whether no request is under way.
    pub(super) fn is_calm(&self) -> bool {
        let is_under_way = |line: &Line| matches!(line.state, State::Waiting(_));
        !self.lines.iter().any(is_under_way)
    }

    /// What was measured, once the window is over.
    pub(super) fn report(&self) -> Option<PublishReport> {
        self.report.clone()
    }

    /// Everybody connects.
    pub(super) fn connect(&mut self, driver: &mut impl Driver) {
        for index in 0..self.plan.connections {
            driver.push(Op::Connect {
                address: self.target.address_of(index),
                token: token(index),
            });
        }
    }

    /// Nobody asks any more.
    pub(super) fn close(&mut self, driver: &mut impl Driver) {
        for (index, line) in (0..).zip(&mut self.lines) {
            if matches!(line.state, State::Ready | State::Waiting(_)) {
                line.state = State::Over;
                self.outbox.forget(index);
                driver.push(Op::Close {
                    socket: line.socket,
                    token: token(index),
                });
            }
        }
    }

    /// Hands the driver what was said in this turn.
    pub(super) fn flush(&mut self, driver: &mut impl Driver) {
        let lines = &mut self.lines;
        self.outbox.flush(|index, bytes| {
            let line = &mut lines[index as usize];
            line.seat = Seat::NONE;
            if line.state != State::Over {
                let socket = line.socket;
                driver.push(Op::Send { socket, bytes });
            }
        });
    }

    pub(super) fn reclaim(&mut self) {
        self.outbox.reclaim();
    }

    /// From now on it is measured.
    pub(super) fn begin_window(&mut self, now: Instant) {
        self.answer_ns.reset();
        self.last_ns.reset();
        (self.requests, self.began) = (0, now);
    }

    /// It was measured for so many seconds, with so many receivers.
    pub(super) fn end_window(&mut self, now: Instant, receivers: u32) {
        let seconds = (now - self.began).as_secs_f64().max(1e-6);
        let requests = self.requests as f64 / seconds;
        self.report = Some(PublishReport {
            connections: self.plan.connections,
            batch: self.plan.batch,
            receivers,
            requests: self.requests,
            requests_per_second: requests,
            messages_per_second: requests * f64::from(self.plan.batch),
            answer_us: Latency::of(&self.answer_ns),
            last_us: Latency::of(&self.last_ns),
        });
    }

    /// A client got a message.
    pub(super) fn heard(&mut self, stamp: Stamp, now: Instant) {
        let at = (stamp.from, stamp.sequence);
        if let Some((left, sent)) = self.open.get_mut(&at) {
            *left -= 1;
            if *left == 0 {
                record(&mut self.last_ns, now - *sent);
                self.open.remove(&at);
            }
        }
    }

    /// The next connection that may ask, in turn.
    pub(super) fn take_ready(&mut self) -> Option<u32> {
        let count = self.lines.len();
        let order = (self.next..count).chain(0..self.next);
        let mut ready = order.filter(|index| self.lines[*index].state == State::Ready);
        let index = ready.next()?;
        self.next = (index + 1) % count;
        u32::try_from(index).ok()
    }

    /// Sends one request over a connection that may ask. Calls `told` with the number of each of
    /// its messages before that.
    pub(super) fn ask(&mut self, index: u32, asked: Asked, mut told: impl FnMut(u32)) {
        let Asked {
            due,
            now,
            begin,
            receivers,
            message_bytes,
        } = asked;
        let line = &mut self.lines[index as usize];
        self.scratch.begin();
        for _ in 0..self.plan.batch {
            let stamp = Stamp {
                from: index,
                sequence: line.sequence,
                sent_ns: u64::try_from((due - begin).as_nanos()).unwrap_or(u64::MAX),
            };
            line.sequence += 1;
            told(stamp.sequence);
            if receivers > 0 && self.open.len() < OPEN_MAX {
                let at = (index, stamp.sequence);
                self.open.insert(at, (receivers, due));
            }
            self.scratch
                .add(|out| message::encode(stamp, message_bytes, out));
        }
        line.state = State::Waiting(now);
        let (plan, host) = (&self.plan, self.target.host());
        let scratch = &mut self.scratch;
        let said = self.outbox.say(index, &mut line.seat, |out| {
            scratch.finish(plan, host, out);
        });
        said.expect("one request at a time waits");
    }

    /// Something happened to a connection.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub(super) fn complete(
        &mut self,
        completion: Completion,
        now: Instant,
        driver: &mut impl Driver,
    ) -> Result<(), (Fault, String)> {
        let index = token_of(&completion)
            .expect("it was asked whose it is")
            .index();
        let line = &mut self.lines[index as usize];
        match completion {
            Completion::Connected { result, .. } => match result {
                Ok(socket) => {
                    (line.socket, line.state) = (socket, State::Ready);
                    let token = token(index);
                    driver.push(Op::Receive { socket, token });
                }
                Err(error) => {
                    line.state = State::Over;
                    return Err((Fault::Refused, format!("publisher {index}: {error}")));
                }
            },
            _ if line.state == State::Over => {}
            Completion::Received { mut buffer, .. } => {
                let answer = line.read(&mut buffer);
                let answer = answer.map_err(|why| (Fault::Violated, why))?;
                if let Some(Answer { status, told }) = answer {
                    return self.answered(index, status, told, now);
                }
            }
            Completion::SendStalled { rest, .. } => {
                self.outbox.stall(index, &mut line.seat, &rest);
                let socket = line.socket;
                driver.push(Op::AwaitWritable { socket });
            }
            Completion::Writable { .. } => self.outbox.resume(index, &mut line.seat),
            Completion::ReceiveEnded { .. } | Completion::SendFailed { .. } => {
                line.state = State::Over;
                self.outbox.forget(index);
                let (socket, token) = (line.socket, token(index));
                driver.push(Op::Close { socket, token });
                let why = format!("publisher {index}: the server closed the connection");
                return Err((Fault::Ended, why));
            }
            _ => {}
        }
        Ok(())
    }

    fn answered(
        &mut self,
        index: u32,
        status: u16,
        told: String,
        now: Instant,
    ) -> Result<(), (Fault, String)> {
        let line = &mut self.lines[index as usize];
        let State::Waiting(asked) = line.state else {
            let why = format!("publisher {index}: an answer to no request");
            return Err((Fault::Violated, why));
        };
        line.state = State::Ready;
        self.requests += 1;
        record(&mut self.answer_ns, now - asked);
        match status {
            200 => Ok(()),
            _ => Err((
                Fault::Refused,
                format!("publisher {index}: {status} {told}"),
            )),
        }
    }
}

fn record(histogram: &mut Histogram<u64>, time: Duration) {
    let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    histogram.saturating_record(ns);
}

fn token(index: u32) -> Token {
    Token::new(TOKEN_KIND, 0, index)
}

fn token_of(completion: &Completion) -> Option<Token> {
    match completion {
        Completion::Connected { token, .. }
        | Completion::Received { token, .. }
        | Completion::ReceiveEnded { token, .. }
        | Completion::SendStalled { token, .. }
        | Completion::SendFailed { token, .. }
        | Completion::Unsent { token, .. }
        | Completion::Writable { token }
        | Completion::Released { token, .. }
        | Completion::Introduced { token, .. }
        | Completion::Held { token, .. }
        | Completion::Adopted { token, .. }
        | Completion::Closed { token } => Some(*token),
        Completion::Accepted { .. } | Completion::AcceptFailed { .. } => None,
    }
}
