//! The client half: protocol 4, as engine.io-client 6 speaks it.
//!
//! It polls with one request after the other, and sends what it has with one request after the
//! other, each with everything that waits. If it may, it probes a WebSocket as soon as the session
//! is open: pongs there, then no more polls, and once no request is under way any more, the
//! session lives on the WebSocket. If anything goes wrong before that, it polls on.
//!
//! It never speaks protocol 3, JSONP or WebTransport, keeps no cookie, and remembers nothing from
//! one connection to the next.
//!
//! # Invariants
//! - At most one poll and one request with a body are under way; what is sent keeps its order.
//! - Packets of a poll's answer are handled as they arrive; no more than one is held.
//! - After its end a client half holds no link and has no deadline.

mod handshake;
mod polling;
mod socket;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use allspark_protocol::http::{Misuse, write_request};
use allspark_protocol::limits::MESSAGE_BYTES_MAX_DEFAULT;
use allspark_protocol::transformer::{ClientOutputs, ClientTransport, End, Kind, Link};
use allspark_protocol::{Input, Instant};

use super::base64;
use super::format::Format;
use super::packet::{Data, Packet, PacketKind, ParseError, Protocol};
use crate::agent::{Agent, RequestId};
use crate::chance::Chance;
use crate::websockets::WebSocketClient;
use handshake::Terms;

/// The options of a client half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineIoClientOptions {
    /// The server as the `Host` header names it.
    pub host: String,
    /// Path and query, for instance `/primus/?user=1`. The parameters of engine.io are added.
    pub target: String,
    /// Bytes of the largest message. Default 10 MiB.
    pub message_bytes_max: usize,
    /// Which transports are used.
    pub transports: ClientTransports,
}

impl Default for EngineIoClientOptions {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            target: "/primus/".to_owned(),
            message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
            transports: ClientTransports::default(),
        }
    }
}

/// Which transports a client half uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientTransports {
    /// `['polling', 'websocket']`: polls, and changes to a WebSocket if the server offers it. What
    /// the client of Primus does.
    #[default]
    PollingThenWebSocket,
    /// `['polling']`.
    Polling,
    /// `['websocket']`.
    WebSocket,
}

/// The client half of `engine.io`.
#[derive(Debug)]
pub struct EngineIoClient {
    options: EngineIoClientOptions,
    chance: Chance,
    agent: Agent,
    state: State,
    stage: Stage,
    terms: Terms,
    /// When the client stops waiting: for the server's next ping or, while it closes, for the
    /// answer to its goodbye.
    deadline: Option<Instant>,
    poll: Option<RequestId>,
    /// The request whose body is under way.
    post: Option<RequestId>,
    /// What has come of the packet that the poll's answer is at.
    body: Vec<u8>,
    /// The WebSocket, from the moment when it begins to connect.
    socket: Option<Box<WebSocketClient>>,
    /// Packets that wait to be sent, in the polling format.
    outbox: VecDeque<Vec<u8>>,
    scratch: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Open,
    /// Everything that waits is sent, then the goodbye.
    Closing,
    SaidGoodbye,
    Ended,
}

/// What carries the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Polling,
    /// It polls, and tries a WebSocket at the same time.
    Probing,
    /// The WebSocket has answered: it takes over when no request is under way.
    Pausing,
    WebSocket,
}

/// The link of the WebSocket; the agent numbers its own from 1.
const SOCKET: Link = Link(0);

/// How long the server has to answer a goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(5);

const PING_TIMEOUT: &str = "ping timeout";
const MISUSED: &str = "a request could not be written";

impl EngineIoClient {
    /// A client half that has not begun to connect. `seed` must be random and new for each
    /// connection; it gives the nonce and the masking keys of the WebSocket.
    ///
    /// # Errors
    /// If `host` or `target` would change the structure of the requests.
    pub fn new(options: &EngineIoClientOptions, seed: u64) -> Result<Self, Misuse> {
        let mut probe = Vec::new();
        write_request(&mut probe, "GET", &options.target, &options.host, &[], None)?;
        let stage = match options.transports {
            ClientTransports::WebSocket => Stage::WebSocket,
            ClientTransports::Polling | ClientTransports::PollingThenWebSocket => Stage::Polling,
        };
        Ok(Self {
            options: options.clone(),
            chance: Chance::new(seed),
            agent: Agent::new(&options.host).never_again(),
            state: State::Opening,
            stage,
            terms: Terms::default(),
            deadline: None,
            poll: None,
            post: None,
            body: Vec::new(),
            socket: None,
            outbox: VecDeque::new(),
            scratch: Vec::new(),
        })
    }

    /// Path and query of a request: the user's, and what engine.io adds.
    fn target(&mut self, transport: &str) -> String {
        let target = &self.options.target;
        let joint = match target.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        let stamp = self.chance.number();
        let mut target = format!("{target}{joint}EIO=4&transport={transport}&t={stamp:016x}");
        if !self.terms.sid.is_empty() {
            target.push_str("&sid=");
            target.push_str(&self.terms.sid);
        }
        target
    }

    /// Takes a packet that the server sent as text.
    fn take_text(&mut self, now: Instant, text: &[u8], out: &mut ClientOutputs) {
        match Packet::from_text(Protocol::V4, text) {
            Ok(packet) => self.take_packet(now, &packet, out),
            Err(ParseError) => self.end(End::Violation(ParseError::SENTENCE), out),
        }
    }

    /// Takes a packet. One that a client can't be sent is ignored, as in the package.
    fn take_packet(&mut self, now: Instant, packet: &Packet<'_>, out: &mut ClientOutputs) {
        match (packet.kind, packet.data) {
            (PacketKind::Open, Data::Text(terms)) => self.take_terms(now, terms, out),
            _ if self.state == State::Opening => {
                self.end(End::Violation(handshake::NOT_OPENED), out);
            }
            (PacketKind::Close, _) => self.end(End::Goodbye, out),
            (PacketKind::Ping, _) => {
                self.await_ping(now);
                self.outbox.push_back(b"3".to_vec());
                self.flush(out);
            }
            (PacketKind::Message, Data::Text(text)) => out.message(Kind::Text, text),
            (PacketKind::Message, Data::Binary(bytes)) => out.message(Kind::Binary, bytes),
            (PacketKind::Message, Data::Base64(text)) => {
                self.scratch.clear();
                self.scratch.extend_from_slice(text);
                let length = base64::decode_in_place(&mut self.scratch);
                out.message(Kind::Binary, &self.scratch[..length]);
            }
            _ => {}
        }
    }

    /// The session is open.
    fn take_terms(&mut self, now: Instant, json: &[u8], out: &mut ClientOutputs) {
        if self.state != State::Opening {
            return;
        }
        let Some(terms) = Terms::parse(json) else {
            return self.end(End::Violation(handshake::NOT_OPENED), out);
        };
        self.terms = terms;
        self.await_ping(now);
        self.state = State::Open;
        out.open();
        if self.stage == Stage::Polling
            && self.options.transports == ClientTransports::PollingThenWebSocket
            && self.terms.offers_websocket
        {
            self.stage = Stage::Probing;
            self.connect_socket(out);
        }
    }

    /// The server pings once in every interval; it is gone if it is late by more than the time-out.
    fn await_ping(&mut self, now: Instant) {
        if matches!(self.state, State::Opening | State::Open) {
            self.deadline = Some(now + self.terms.ping_window);
        }
    }

    /// Sends what waits, as far as the transport is ready for it, and then the goodbye.
    fn flush(&mut self, out: &mut ClientOutputs) {
        match self.stage {
            Stage::Polling | Stage::Probing => self.flush_by_post(out),
            Stage::Pausing => {}
            Stage::WebSocket => self.flush_by_socket(out),
        }
    }

    /// Ends the connection: closes its links, drops what waits, and reports the end.
    fn end(&mut self, end: End, out: &mut ClientOutputs) {
        if self.state == State::Ended {
            return;
        }
        self.state = State::Ended;
        self.deadline = None;
        self.outbox.clear();
        self.body = Vec::new();
        out.ended(end);
        for request in [self.poll.take(), self.post.take()].into_iter().flatten() {
            self.agent.abort(request, out);
        }
        self.agent.close(out);
        if self.socket.take().is_some() {
            out.close(SOCKET);
        }
    }
}

impl ClientTransport for EngineIoClient {
    fn start(&mut self, _now: Instant, out: &mut ClientOutputs) {
        match self.stage {
            Stage::WebSocket => self.connect_socket(out),
            Stage::Polling | Stage::Probing | Stage::Pausing => self.send_poll(out),
        }
    }

    fn receive(
        &mut self,
        now: Instant,
        link: Link,
        input: &mut Input<'_>,
        out: &mut ClientOutputs,
    ) {
        if link == SOCKET {
            self.receive_socket(now, input, out);
        } else {
            self.receive_answers(now, link, input, out);
        }
        input.take_all();
    }

    fn lost(&mut self, now: Instant, link: Link, out: &mut ClientOutputs) {
        if link == SOCKET {
            self.lost_socket(out);
        } else {
            self.lost_link(now, link, out);
        }
    }

    fn send(&mut self, _now: Instant, kind: Kind, payload: &[u8], out: &mut ClientOutputs) {
        if self.state != State::Open {
            return;
        }
        if self.stage == Stage::WebSocket {
            return self.send_by_socket(kind, payload, out);
        }
        let mut unit = Vec::with_capacity(1 + payload.len());
        Format::PollingV4.frame(kind, payload, &mut unit);
        self.outbox.push_back(unit);
        self.flush(out);
    }

    fn close(&mut self, now: Instant, out: &mut ClientOutputs) {
        match self.state {
            State::Opening => self.end(End::Goodbye, out),
            State::Open => {
                self.state = State::Closing;
                self.deadline = Some(now + GOODBYE_TIMEOUT);
                if self.stage == Stage::Probing {
                    self.drop_probe(out);
                }
                self.flush(out);
            }
            State::Closing | State::SaidGoodbye | State::Ended => {}
        }
    }

    fn session_id(&self) -> Option<&str> {
        (self.state == State::Open).then_some(&*self.terms.sid)
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn expired(&mut self, now: Instant, out: &mut ClientOutputs) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        let end = match self.state {
            State::Closing | State::SaidGoodbye => End::Goodbye,
            State::Opening | State::Open | State::Ended => End::Violation(PING_TIMEOUT),
        };
        self.end(end, out);
    }
}
