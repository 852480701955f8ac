//! From bytes to requests and from requests to sparks.

use std::io;
use std::net::SocketAddr;

use allspark_protocol::Input;
use allspark_protocol::http::{Error as HttpError, Reader, Request, RequestHead, Response};
use allspark_protocol::transformer::{Answer, Transformer};

use super::browser::Browser;
use super::carried::{Carried, carrier_of};
use super::close::EndReason;
use super::connection::{Asked, Closing, Connection, Flags, Role, Waiting};
use super::core::Core;
use super::names::{Address, NameHash};
use super::room::unavailable;
use super::token_of;
use crate::io::{Op, Socket};
use crate::limits::{PENDING_BYTES_HIGHEST, PENDING_BYTES_MAX};
use crate::memory::Key;
use crate::proxies;

impl<T: Transformer> Core<T> {
    pub(super) fn accepted(&mut self, socket: Socket, peer: SocketAddr) {
        let is_ending = self.end_deadline.is_some();
        if !is_ending && !self.admit_connection() {
            return self.turn_away(socket, peer);
        }
        self.counters().connections_accepted.add(1);
        let key = self.insert_connection(socket, peer);
        if is_ending {
            self.close(key);
        } else {
            self.set_timer_ms(key, self.shared.options.request_timeout_ms);
        }
    }

    /// A connection of this shard, which is received from.
    pub(super) fn insert_connection(&mut self, socket: Socket, peer: SocketAddr) -> Key {
        let reader = Reader::new(self.transformer.request_body_bytes_max());
        let key = self
            .connections
            .insert(Connection::new(socket, peer, reader));
        self.ops.push(Op::Receive {
            socket,
            token: token_of(key),
        });
        key
    }

    pub(super) fn received(&mut self, key: Key, bytes: &mut [u8]) {
        let connection = self.connection_mut(key);
        match &mut connection.role {
            Role::Spark(spark) => {
                let spark = *spark;
                self.read_session(key, spark, &mut Input::new(bytes));
            }
            Role::Http(_) => {
                let role = std::mem::replace(&mut connection.role, Role::Discard);
                if let Role::Http(reader) = role {
                    self.read_requests(key, reader, &mut Input::new(bytes));
                }
            }
            Role::Waiting(_) | Role::Leaving(_) => self.keep_behind(key, bytes),
            Role::TurnedAway => self.answer_turned_away(key),
            Role::Paced(_) | Role::Discard => {}
        }
    }

    /// Keeps what the peer sends behind a request that has not been answered here.
    fn keep_behind(&mut self, key: Key, bytes: &[u8]) {
        let (kept, reason) = match &mut self.connection_mut(key).role {
            Role::Waiting(waiting) => {
                append(&mut waiting.pending, bytes);
                (waiting.pending.len(), Flags::BEHIND)
            }
            Role::Leaving(leaving) => (leaving.keep(bytes), Flags::LEAVING),
            Role::Http(_) | Role::Spark(_) | Role::Paced(_) | Role::TurnedAway | Role::Discard => {
                return;
            }
        };
        if kept > PENDING_BYTES_HIGHEST || (reason == Flags::LEAVING && self.luggage.is_over()) {
            self.counters().connections_overrun.add(1);
            self.close(key);
        } else if kept > PENDING_BYTES_MAX {
            // Who asks for more before the answer has come can wait for it.
            self.hold(key, reason);
        }
    }

    /// The peer sends nothing more.
    pub(super) fn input_ended(&mut self, key: Key, result: io::Result<()>) {
        if let Err(error) = result {
            self.broke(key, error);
            return;
        }
        self.connection_mut(key).flags.set(Flags::INPUT_ENDED);
        match self.connection(key).role {
            // Its next shard will see the end itself.
            Role::Leaving(_) => return,
            Role::Spark(spark) if !self.is_carried(spark) => self.lose(spark, EndReason::Gone),
            _ => self.drop_carrier(key),
        }
        if self.connection(key).closing == Closing::Lingering {
            self.close(key);
        } else {
            self.finish(key);
        }
    }

    pub(super) fn read_requests(&mut self, key: Key, mut reader: Reader, input: &mut Input<'_>) {
        // From its first byte the head of a request has so long, however slowly the rest drips in.
        let mut had_begun = !reader.is_idle();
        let mut had_head = reader.awaits_body();
        let mut answered = false;
        loop {
            match reader.next(input) {
                Ok(None) => break,
                Ok(Some(request)) => self.request(key, &request),
                Err(error) => return self.refuse(key, error),
            }
            reader = match self.after_request(key, reader, input) {
                Some(reader) => reader,
                None => return,
            };
            (had_begun, had_head, answered) = (false, false, true);
        }
        if reader.awaits_body() && !had_head && self.begin_request(key, &reader) {
            return;
        }
        if reader.take_continue() {
            self.queue_frame(key, |out| {
                Response::new(100).encode(out, true, false);
            });
            if self.connection(key).closing == Closing::Asked {
                return;
            }
        }
        let options = &self.shared.options;
        if reader.is_idle() {
            // An empty line is no reason to wait any longer.
            if answered {
                self.set_idle_timer_ms(key, options.keep_alive_timeout_ms);
            }
        } else if !had_begun || reader.awaits_body() != had_head {
            self.set_idle_timer_ms(key, options.request_timeout_ms);
        }
        self.connection_mut(key).role = Role::Http(reader);
    }

    /// Hands what follows a request to what the connection is now. Gives the reader back if that is
    /// an HTTP connection still.
    pub(super) fn after_request(
        &mut self,
        key: Key,
        reader: Reader,
        input: &mut Input<'_>,
    ) -> Option<Reader> {
        match &mut self.connection_mut(key).role {
            Role::Http(_) => return Some(reader),
            Role::Waiting(waiting) => {
                waiting.reader = reader;
                self.keep_behind(key, input.take_all());
            }
            Role::Spark(spark) => {
                let spark = *spark;
                self.read_session(key, spark, input);
            }
            Role::Leaving(_) => self.keep_behind(key, input.take_all()),
            Role::Paced(_) | Role::TurnedAway | Role::Discard => {}
        }
        None
    }

    pub(super) fn refuse(&mut self, key: Key, error: HttpError) {
        let peer = self.connection(key).peer;
        tracing::debug!(shard = self.shard, %peer, %error, "a request is refused");
        let response = Response::text(error.status(), &format!("{error}\n"));
        self.write_response(key, &response, false, false);
        self.finish(key);
    }

    /// Answers a request, or hands it to whom it is for. The connection's role says which.
    pub(super) fn request(&mut self, key: Key, request: &Request<'_>) {
        let head = &request.head;
        self.end_arrival(key);
        self.connection_mut(key).role = Role::Http(Reader::new(0));
        if !self.shared.is_ours(head) {
            return self.respond(key, head, &self.fallback(head));
        }
        proxies::look_at(head, self.connection(key).peer);
        let cors = &self.shared.options.cors;
        let browser = if self.transformer.is_upgrade(head) {
            if let Some(refusal) = cors.refuse_upgrade(head) {
                return self.respond_last(key, head, &refusal);
            }
            None
        } else {
            match Browser::of(cors, head) {
                Ok(browser) => Some(browser),
                Err(response) => return self.respond(key, head, &response),
            }
        };
        if !cors.allows_referer(head) && self.transformer.is_script(head) {
            return self.respond(key, head, &Response::text(403, "Forbidden\n"));
        }
        if let Some(browser) = &browser
            && let Some(response) = self.own_answer(head)
        {
            return self.respond(key, head, &browser.allow(cors, response));
        }
        match self.transformer.request(request) {
            Answer::Find(name) => {
                let address = Address::new(name, self.shared.id_key);
                self.find_session(key, request, browser, address);
            }
            // A server that was destroyed serves those who are there, but nobody new.
            _ if self.destroyed.is_some() => self.respond(key, head, &self.fallback(head)),
            answer => self.apply(key, request, browser, answer, None),
        }
    }

    /// What Primus itself answers, whatever the method: files (the library) and `/spec`.
    fn own_answer(&self, head: &RequestHead<'_>) -> Option<Response> {
        let options = &self.shared.options;
        let name = head.path().strip_prefix(&options.pathname)?;
        if name == "/spec" {
            let spec = self.shared.spec(self.transformer.name());
            return Some(Response::json(200, spec));
        }
        let (_, file) = options.files.iter().find(|(file, _)| *file == name)?;
        Some(file.answer(head))
    }

    fn find_session(
        &mut self,
        key: Key,
        request: &Request<'_>,
        mut browser: Option<Browser>,
        address: Address,
    ) {
        let owner = address.shard(self.mesh().shards(), self.shared.id_key);
        if owner != self.shard {
            return self.leave(key, owner, request);
        }
        let (found, name) = match address {
            Address::Spark(id) => (self.session_with(id), None),
            Address::Chosen(hash) => (self.names.get(hash), Some(hash)),
        };
        if let Some(spark) = found {
            self.exchange(key, spark, request, browser);
            self.perform(spark);
            self.woke(spark);
            match self.declined.take() {
                Some(declined) => browser = declined.browser,
                None => return,
            }
        }
        let answer = self.transformer.absent(request);
        if self.destroyed.is_some() && !matches!(answer, Answer::Respond(_)) {
            return self.respond(key, &request.head, &self.fallback(&request.head));
        }
        self.apply(key, request, browser, answer, name);
    }

    fn apply(
        &mut self,
        key: Key,
        request: &Request<'_>,
        browser: Option<Browser>,
        answer: Answer<'_, T::Session>,
        name: Option<NameHash>,
    ) {
        match answer {
            Answer::Respond(response) => {
                let response = self.complete_for(browser.as_ref(), response);
                self.respond(key, &request.head, &response);
            }
            Answer::Paced { response, parts } => {
                let response = self.complete_for(browser.as_ref(), response);
                self.begin_paced(key, &request.head, &response, parts);
            }
            Answer::Upgrade { response, session } => {
                self.write_response(key, &response, true, false);
                self.open_upgraded(key, session, &request.head);
            }
            Answer::Open { .. } if !self.admit_session() => {
                let response = self.complete_for(browser.as_ref(), unavailable());
                self.respond(key, &request.head, &response);
            }
            Answer::Open { session, port } => {
                let mut peer = self.connection(key).peer;
                if let Some(port) = port {
                    peer.set_port(port);
                }
                let carried = Carried::new(peer, name);
                let spark = self.open_carried(session, carried, &request.head);
                self.exchange(key, spark, request, browser);
                self.perform_opening(spark, Some(&request.head));
                self.woke(spark);
            }
            // The contract of `absent`.
            Answer::Find(_) => self.respond(key, &request.head, &self.fallback(&request.head)),
        }
    }

    /// Hands a request to a session. What that wants is still to be carried out.
    fn exchange(&mut self, key: Key, spark: Key, request: &Request<'_>, browser: Option<Browser>) {
        let waiting = Waiting {
            spark,
            reader: Reader::new(0),
            pending: Vec::new(),
            asked: Asked::of(&request.head),
            browser,
            body: None,
            next: None,
        };
        self.connection_mut(key).role = Role::Waiting(Box::new(waiting));
        self.cancel_idle_timer(key);
        self.add_carrier(spark, key);
        self.ask_session(spark, |transformer, session, context, out| {
            transformer.exchange(session, context, carrier_of(key), request, out);
        });
    }

    pub(super) fn respond(&mut self, key: Key, head: &RequestHead<'_>, response: &Response) {
        let asked = Asked::of(head);
        if asked.keep_alive && self.end_deadline.is_none() {
            self.write_response(key, response, true, asked.head_only);
        } else {
            self.respond_last(key, head, response);
        }
    }

    /// Answers a request and closes the connection. What follows an upgrade that was refused may be
    /// anything but HTTP.
    fn respond_last(&mut self, key: Key, head: &RequestHead<'_>, response: &Response) {
        let asked = Asked::of(head);
        self.write_response(key, response, false, asked.head_only);
        self.finish(key);
    }
}

/// Keeps bytes behind others. What is beyond the limit takes no more room than it needs: then
/// hardly anything follows.
pub(super) fn append(kept: &mut Vec<u8>, bytes: &[u8]) {
    if kept.len() + bytes.len() > PENDING_BYTES_MAX {
        kept.reserve_exact(bytes.len());
    }
    kept.extend_from_slice(bytes);
}
