//! From bytes to messages: HTTP until a request becomes a spark, then the spark's session.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use allspark_protocol::Input;
use allspark_protocol::http::{Error as HttpError, Reader, Request, RequestHead, Response};
use allspark_protocol::parser::Parser;
use allspark_protocol::primus::{Heartbeat, Packet};
use allspark_protocol::transformer::{Answer, End, Event, Kind, Session, Transformer};

use super::connection::{Closing, Connection, Role};
use super::core::{Core, Slot};
use super::host::Host;
use super::token_of;
use crate::io::{Op, Socket};
use crate::limits::{KEEP_ALIVE_TIMEOUT_MS, REQUEST_BODY_BYTES_MAX, REQUEST_TIMEOUT_MS};
use crate::memory::Key;
use crate::spark::{KeptRequest, ReadyState, SparkError, SparkState};

/// What becomes of an HTTP connection after a request.
enum After {
    /// The next request.
    Next,
    /// It belongs to a spark now.
    Upgraded(Key),
    /// It is closed.
    Close,
}

impl<T: Transformer> Core<T> {
    pub(super) fn accepted(&mut self, socket: Socket, peer: SocketAddr) {
        self.counters().connections_accepted.add(1);
        let reader = Reader::new(REQUEST_BODY_BYTES_MAX);
        let key = self
            .connections
            .insert(Connection::new(socket, peer, reader));
        self.ops.push(Op::Receive {
            socket,
            token: token_of(key),
        });
        if self.end_deadline.is_some() {
            self.close(key);
        } else {
            self.set_timer_ms(key, REQUEST_TIMEOUT_MS);
        }
    }

    pub(super) fn received(&mut self, key: Key, bytes: &mut [u8]) {
        let mut input = Input::new(bytes);
        match std::mem::replace(&mut self.connection_mut(key).role, Role::Discard) {
            Role::Http(reader) => self.read_requests(key, reader, &mut input),
            Role::Spark(spark) => {
                self.connection_mut(key).role = Role::Spark(spark);
                self.read_session(key, spark, &mut input);
            }
            Role::Discard => {}
        }
    }

    /// The peer sends nothing more.
    pub(super) fn input_ended(&mut self, key: Key, result: io::Result<()>) {
        if let Err(error) = result {
            self.broke(key, error);
            return;
        }
        self.connection_mut(key).input_ended = true;
        if let Role::Spark(spark) = self.connection(key).role {
            self.lose(spark);
        }
        if self.connection(key).closing == Closing::Lingering {
            self.close(key);
        } else {
            self.finish(key);
        }
    }

    fn read_requests(&mut self, key: Key, mut reader: Reader, input: &mut Input<'_>) {
        let mut is_new = reader.is_idle();
        loop {
            let after = match reader.next(input) {
                Ok(None) => break,
                Ok(Some(request)) => self.request(key, &request),
                Err(error) => self.refuse(key, error),
            };
            match after {
                After::Next => is_new = true,
                After::Upgraded(spark) => {
                    self.read_session(key, spark, input);
                    return;
                }
                After::Close => return,
            }
        }
        if reader.is_idle() {
            self.set_timer_ms(key, KEEP_ALIVE_TIMEOUT_MS);
        } else if is_new {
            // From its first byte a request has this long, however slowly the rest drips in.
            self.set_timer_ms(key, REQUEST_TIMEOUT_MS);
        }
        self.connection_mut(key).role = Role::Http(reader);
    }

    fn refuse(&mut self, key: Key, error: HttpError) -> After {
        let response = Response::text(error.status(), &format!("{error}\n"));
        self.respond(key, &response, false, false);
        After::Close
    }

    fn request(&mut self, key: Key, request: &Request<'_>) -> After {
        let head = &request.head;
        let keep_alive = head.keep_alive();
        let head_only = head.method() == "HEAD";
        match self.answer(head) {
            Answer::Respond(response) => {
                self.respond(key, &response, keep_alive, head_only);
                let is_open = self.connection(key).closing == Closing::No;
                if is_open { After::Next } else { After::Close }
            }
            Answer::Upgrade { response, session } => {
                self.write_response(key, &response, true, false);
                After::Upgraded(self.open(key, session, head))
            }
        }
    }

    fn answer(&self, head: &RequestHead<'_>) -> Answer<T::Session> {
        if self.destroyed.is_some() || !self.shared.is_ours(head) {
            let not_found = || Response::text(404, "Not Found\n");
            let fallback = self.shared.options.fallback.as_ref();
            return Answer::Respond(fallback.map_or_else(not_found, |answer| answer(head)));
        }
        if head.path().strip_prefix(&self.shared.options.pathname) == Some("/spec") {
            let spec = self.shared.spec(self.transformer.name());
            return Answer::Respond(no_cache(Response::json(200, spec)));
        }
        match self.transformer.request(head) {
            Answer::Respond(response) => Answer::Respond(no_cache(response)),
            upgrade => upgrade,
        }
    }

    fn respond(&mut self, key: Key, response: &Response, keep_alive: bool, head_only: bool) {
        self.write_response(key, response, keep_alive, head_only);
        if !keep_alive {
            self.finish(key);
        }
    }

    fn open(&mut self, key: Key, session: T::Session, head: &RequestHead<'_>) -> Key {
        let request = KeptRequest::new(head, &self.shared.options.keep_headers);
        let wire = session.wire();
        let seen = self.streams[usize::from(wire.0)].head();
        let new_id = self.new_id();
        let spark = self.sparks.insert_with(|spark| {
            let state = SparkState {
                id: new_id(spark.index),
                connection: key,
                request,
                handlers: None,
                seen,
                wire,
                ready: ReadyState::Open,
                heartbeat: Heartbeat::new(),
            };
            Slot { state, session }
        });
        self.connection_mut(key).role = Role::Spark(spark);
        self.counters().sparks_opened.add(1);
        self.start_heartbeat(key);
        tracing::debug!(shard = self.shard, spark = %self.spark(spark).id, "connection");
        self.emit_connection(spark, head);
        spark
    }

    fn read_session(&mut self, key: Key, spark: Key, input: &mut Input<'_>) {
        loop {
            let Some(slot) = self.sparks.get_mut(spark) else {
                return;
            };
            let mut replies = std::mem::take(&mut self.replies);
            let event = slot.session.receive(input, &mut replies);
            if !replies.is_empty() {
                self.write_exempt(key, &replies);
                replies.clear();
            }
            self.replies = replies;
            match event {
                None => return,
                Some(Event::Message { kind, payload }) => self.message(spark, kind, &payload),
                Some(Event::Alive) => self.alive(spark),
                Some(Event::Ended(end)) => {
                    self.session_ended(key, spark, &end);
                    return;
                }
            }
        }
    }

    fn message(&mut self, key: Key, kind: Kind, payload: &[u8]) {
        self.counters().messages_received.add(1);
        let Some(slot) = self.sparks.get(key) else {
            return;
        };
        if slot.state.ready != ReadyState::Open {
            return;
        }
        let parser = self.shared.options.parser;
        if let Some(text) = parser.control(kind, payload) {
            match Packet::parse(&text) {
                Some(Packet::Pong(_)) => self.alive(key),
                // Primus does not look at the value of a request.
                Some(Packet::IdRequest | Packet::Id(_)) => self.write_id(key),
                // Nothing that begins like a message of Primus reaches the application.
                _ => {}
            }
            return;
        }
        match parser.check(kind, payload) {
            Ok(()) => self.emit_data(key, kind, payload),
            Err(error) => {
                self.fail(key, SparkError::Parse(error));
                // Before the next message, which may lie in the same read.
                self.settle();
            }
        }
    }

    fn session_ended(&mut self, key: Key, spark: Key, end: &End) {
        if let End::Violation(reason) = end
            && self.spark(spark).ready == ReadyState::Open
        {
            self.fail(spark, SparkError::Violation(reason));
        }
        self.lose(spark);
        self.finish(key);
    }

    /// The client gave a sign of life.
    fn alive(&mut self, key: Key) {
        let Some(slot) = self.sparks.get_mut(key) else {
            return;
        };
        if slot.state.ready == ReadyState::Open {
            slot.state.heartbeat.alive();
            self.emit_heartbeat(key);
        }
    }

    pub(super) fn set_timer_ms(&mut self, key: Key, delay_ms: u64) {
        self.wheel
            .set(key.index, self.now + Duration::from_millis(delay_ms));
    }
}

/// The headers that Primus adds to every answer of its own.
fn no_cache(response: Response) -> Response {
    response
        .header(
            "Cache-Control",
            "no-store, no-cache, must-revalidate, max-age=0",
        )
        .header("Pragma", "no-cache")
}
