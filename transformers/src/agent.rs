//! The HTTP side of client halves: like the `http.Agent` of Node.js it keeps a few connections to
//! one server, has one request at a time on each, uses them again, and opens another when all are
//! busy. It never pipelines, follows no redirect, keeps no cookie and waits for nothing: how long a
//! request may take is for its owner to say, with [`Agent::abort`].
//!
//! # Invariants
//! - A request ends exactly once: with [`Part::End`], with [`Part::Failed`], or by being aborted.
//! - A link is used again only if the server said that it reads on, and sent nothing that was not
//!   asked for.
//! - It holds nothing of a body. Of a request it holds only what it may have to send again.

use allspark_protocol::Input;
use allspark_protocol::http::{Misuse, ResponseHead, ResponsePart, ResponseReader, write_request};
use allspark_protocol::transformer::{ClientOutputs, Link};

/// Makes requests to one server. Links are numbered from 1, so that `Link(0)` is free for a
/// WebSocket beside them.
#[derive(Debug)]
pub struct Agent {
    host: String,
    connections: Vec<Connection>,
    requests: u64,
    link_last: u32,
    is_closing: bool,
    sends_again: bool,
}

/// Names one request among those of an [`Agent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(u64);

/// A part of the answer to a request, or its failure.
#[derive(Debug)]
pub enum Part<'a> {
    /// Status and headers of the answer. Interim answers (100, 103) are skipped.
    Head(ResponseHead<'a>),
    /// A part of the body, without transfer coding, as soon as it has arrived; never empty.
    Data(&'a mut [u8]),
    /// The body is complete. If the server allows it, the next request takes the same link.
    End,
    /// There is no answer, or not all of it. The sentence says why.
    Failed(&'static str),
}

impl Agent {
    /// An agent for the server at `host`: name or address, and the port if it is not 80. No link
    /// is opened before the first request.
    pub fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            connections: Vec::new(),
            requests: 0,
            link_last: 0,
            is_closing: false,
            sends_again: true,
        }
    }

    /// The same for a server whose answer to a `GET` takes messages out of a queue: it may have
    /// been on its way when the link broke, so to send the request again would lose them silently.
    pub fn never_again(self) -> Self {
        Self {
            sends_again: false,
            ..self
        }
    }

    /// Sends a request on an idle link, the one used last if there are several, or on a new one. A
    /// body, even an empty one, is announced by its length.
    ///
    /// # Errors
    /// What would change the structure of the request is refused, and nothing is sent; see
    /// [`write_request`].
    pub fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        out: &mut ClientOutputs,
    ) -> Result<RequestId, Misuse> {
        let mut bytes = Vec::new();
        write_request(&mut bytes, method, target, &self.host, headers, body)?;
        self.requests += 1;
        let id = RequestId(self.requests);
        let exchange = Exchange {
            id,
            head_only: method == "HEAD",
            stage: Stage::Sent { again: None },
            keep_alive: false,
        };
        let sends_again = self.sends_again && method == "GET";
        if let Some(connection) = self.idle() {
            out.write(connection.link, |out| out.extend_from_slice(&bytes));
            let again = sends_again.then_some(bytes);
            connection.state = State::Busy(Exchange {
                stage: Stage::Sent { again },
                ..exchange
            });
            connection.used_last = id;
        } else {
            self.connect(exchange, &bytes, out);
        }
        Ok(id)
    }

    /// Consumes from what a link received up to the next part, or all of it. Call it until it
    /// returns `None`, even if a request was aborted or made meanwhile.
    pub fn receive<'a, 'i: 'a>(
        &'a mut self,
        link: Link,
        input: &mut Input<'i>,
        out: &mut ClientOutputs,
    ) -> Option<(RequestId, Part<'a>)> {
        let is_closing = self.is_closing;
        let Some(connection) = self.find(link) else {
            input.take_all();
            return None;
        };
        connection.receive(input, is_closing, out)
    }

    /// A link could not be connected, was closed by the server or broke. A body that lasts until
    /// the connection ends is complete by this.
    ///
    /// A server may close a link that it kept idle at the very moment it is used again. The agent
    /// then sends a `GET` once more, on a link of its own, as browsers do, unless it was told
    /// otherwise ([`Agent::never_again`]). Any other request fails, because the server may have
    /// carried it out.
    pub fn lost(
        &mut self,
        link: Link,
        out: &mut ClientOutputs,
    ) -> Option<(RequestId, Part<'static>)> {
        let at = self.connections.iter().position(|c| c.link == link)?;
        let Connection { state, reader, .. } = self.connections.swap_remove(at);
        let State::Busy(mut exchange) = state else {
            return None;
        };
        let id = exchange.id;
        match std::mem::replace(&mut exchange.stage, Stage::Sent { again: None }) {
            Stage::Sent { again: Some(bytes) } => {
                self.connect(exchange, &bytes, out);
                None
            }
            Stage::Body if reader.close().is_ok() => Some((id, Part::End)),
            Stage::Sent { again: None } => Some((id, Part::Failed(UNANSWERED))),
            Stage::Head | Stage::Body => Some((id, Part::Failed(TRUNCATED))),
        }
    }

    /// Gives up a request: closes its link, and reports nothing more about it. Does nothing if the
    /// request has ended.
    pub fn abort(&mut self, id: RequestId, out: &mut ClientOutputs) {
        let is_busy_with = |c: &&mut Connection| matches!(&c.state, State::Busy(e) if e.id == id);
        if let Some(connection) = self.connections.iter_mut().find(is_busy_with) {
            connection.close(out);
        }
    }

    /// Closes all links that are idle, and from now on each that becomes idle. Requests that were
    /// made still end, and new ones can be made.
    pub fn close(&mut self, out: &mut ClientOutputs) {
        self.is_closing = true;
        for connection in &mut self.connections {
            if matches!(connection.state, State::Idle) {
                connection.close(out);
            }
        }
    }

    /// The link used last of those that are idle: the server is the least likely to have given it
    /// up.
    fn idle(&mut self) -> Option<&mut Connection> {
        self.forget_closed();
        let idle = |c: &&mut Connection| matches!(c.state, State::Idle);
        let connections = self.connections.iter_mut().filter(idle);
        connections.max_by_key(|connection| connection.used_last.0)
    }

    fn find(&mut self, link: Link) -> Option<&mut Connection> {
        self.forget_closed();
        self.connections.iter_mut().find(|c| c.link == link)
    }

    /// A connection can't forget itself while a part of its answer is lent out.
    fn forget_closed(&mut self) {
        self.connections
            .retain(|c| !matches!(c.state, State::Closed));
    }

    fn connect(&mut self, exchange: Exchange, bytes: &[u8], out: &mut ClientOutputs) {
        self.link_last = self.link_last.checked_add(1).unwrap_or(1);
        let link = Link(self.link_last);
        out.connect(link);
        out.write(link, |out| out.extend_from_slice(bytes));
        self.connections.push(Connection {
            link,
            reader: ResponseReader::default(),
            used_last: exchange.id,
            state: State::Busy(exchange),
        });
    }
}

const UNANSWERED: &str = "the connection failed before the server answered";
const TRUNCATED: &str = "the connection ended in the middle of the answer";
const MALFORMED: &str = "the answer breaks the rules of HTTP";
const SWITCHED: &str = "the server switched protocols without being asked";

/// One link.
#[derive(Debug)]
struct Connection {
    link: Link,
    reader: ResponseReader,
    used_last: RequestId,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle,
    Busy(Exchange),
    /// Nothing more is heard of it.
    Closed,
}

/// A request and its answer.
#[derive(Debug)]
struct Exchange {
    id: RequestId,
    head_only: bool,
    stage: Stage,
    /// The server reads on after the answer.
    keep_alive: bool,
}

/// How far an exchange has come.
#[derive(Debug)]
enum Stage {
    /// No byte of the answer has arrived.
    Sent {
        /// What can be sent again.
        again: Option<Vec<u8>>,
    },
    /// Some of the head has arrived.
    Head,
    /// All of the head has arrived.
    Body,
}

impl Connection {
    fn receive<'a, 'i: 'a>(
        &'a mut self,
        input: &mut Input<'i>,
        is_closing: bool,
        out: &mut ClientOutputs,
    ) -> Option<(RequestId, Part<'a>)> {
        let State::Busy(exchange) = &mut self.state else {
            if !input.take_all().is_empty() {
                // The server has sent an answer that nobody asked for, for instance a `408`.
                self.close(out);
            }
            return None;
        };
        let id = exchange.id;
        if matches!(exchange.stage, Stage::Sent { .. }) && !input.is_empty() {
            exchange.stage = Stage::Head;
        }
        let failure = match self.reader.next(input, exchange.head_only) {
            Ok(None) => return None,
            Ok(Some(ResponsePart::Head(head))) if head.status() != 101 => {
                exchange.stage = Stage::Body;
                exchange.keep_alive = head.keep_alive();
                return Some((id, Part::Head(head)));
            }
            Ok(Some(ResponsePart::Data(data))) => return Some((id, Part::Data(data))),
            Ok(Some(ResponsePart::End)) => {
                // What follows an answer would be taken for the next one.
                let is_reusable = exchange.keep_alive && !is_closing && input.is_empty();
                self.state = State::Idle;
                if !is_reusable {
                    close(self.link, &mut self.state, out);
                }
                return Some((id, Part::End));
            }
            Ok(Some(ResponsePart::Head(_))) => SWITCHED,
            Err(_) => MALFORMED,
        };
        close(self.link, &mut self.state, out);
        input.take_all();
        Some((id, Part::Failed(failure)))
    }

    fn close(&mut self, out: &mut ClientOutputs) {
        close(self.link, &mut self.state, out);
    }
}

/// Closes a link, also while a part of its answer is lent out.
fn close(link: Link, state: &mut State, out: &mut ClientOutputs) {
    if !matches!(state, State::Closed) {
        *state = State::Closed;
        out.close(link);
    }
}

#[cfg(test)]
mod tests;
