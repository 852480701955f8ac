//! From requests to sparks: a request is answered here, or goes to the session that it is for.

use std::net::SocketAddr;

use allspark_protocol::http::{Error as HttpError, Reader, Request, RequestHead, Response};
use allspark_protocol::transformer::{Answer, PacedPart, Transformer};

use super::core::Core;
use super::judged::Judged;
use super::owner::{self, Answerer, Owner};
use crate::app;
use crate::http::{Asked, Next, Paced, Parked, Pass, Way, Whole, look_at_proxy};
use crate::memory::Key;
use crate::mesh::{Address, NameHash};
use crate::session::{Carried, carrier_of};

impl<T: Transformer> Core<T> {
    /// Answers a request, or hands it to whom it is for. The connection's owner says which.
    pub(super) fn request(&mut self, key: Key, request: &Request<'_>) {
        let head = &request.head;
        self.note_asked(key, head);
        if self.is_head_too_long(head) {
            return self.refuse(key, HttpError::HeadTooLarge);
        }
        let begun = self.end_arrival(key);
        self.end_coming(key);
        self.net.connection_mut(key).owner = Owner::Http(Reader::new(0));
        let Judged { way, address } = match self.take_judged(key) {
            Some(judged) => judged,
            None => Judged {
                way: self.judge_head(key, head),
                address: None,
            },
        };
        self.go(key, request, way, address);
        if let Some(spark) = begun.filter(|_| self.is_held(key)) {
            self.begin_arrival(key, spark);
        }
    }

    /// Whether the head of a request is longer than this server wants it.
    pub(super) fn is_head_too_long(&self, head: &RequestHead<'_>) -> bool {
        head.as_bytes().len() > self.options.head_bytes_max.size()
    }

    /// Sends a request where it goes. It may be known where its session lives.
    pub(super) fn go(
        &mut self,
        key: Key,
        request: &Request<'_>,
        way: Way,
        address: Option<Address>,
    ) {
        let mut next = self.take_way(key, request, way, address);
        while let Some(way) = next {
            next = self.take_way(key, request, way, None);
        }
    }

    /// Takes a way. Returns another one if layers that are asked about openings send the request
    /// there instead.
    fn take_way(
        &mut self,
        key: Key,
        request: &Request<'_>,
        way: Way,
        address: Option<Address>,
    ) -> Option<Way> {
        let head = &request.head;
        match way {
            Way::Answer(response) => {
                self.note_layers(key, head, &response);
                self.respond(key, head, &response);
            }
            Way::LastAnswer(response) => {
                self.note_layers(key, head, &response);
                self.respond_last(key, head, &response);
            }
            Way::Elsewhere => self.respond_elsewhere(key, request),
            Way::Route(taken) => self.respond_taken(key, request, *taken),
            Way::Later(walk) => {
                let whole = Some(Whole::of(request));
                self.await_layer(key, *walk, Reader::new(0), whole);
            }
            Way::Transport(_) if request.body.len() > self.transport_body_bytes_max() => {
                self.respond(key, head, &Response::text(413, "Content Too Large\n"));
            }
            Way::Transport(pass) => {
                look_at_proxy(head, self.net.connection(key).peer);
                return match address {
                    Some(address) => self.find_session(key, request, pass, address),
                    None => self.request_transport(key, request, pass),
                };
            }
        }
        None
    }

    /// Hands a request that the door has let in to the transport.
    fn request_transport(&mut self, key: Key, request: &Request<'_>, pass: Pass) -> Option<Way> {
        match self.sessions.transformer.request(request) {
            Answer::Find(name) => {
                let address = Address::new(name, self.server.name_key);
                self.find_session(key, request, pass, address)
            }
            answer if self.refuses(&answer) => {
                self.refuse_new(key, request);
                None
            }
            answer => self.apply(key, request, pass, answer, None),
        }
    }

    /// Hands a request to the session that lives at an address, here or on another shard. Returns
    /// another way if that is where it goes.
    pub(super) fn find_session(
        &mut self,
        key: Key,
        request: &Request<'_>,
        mut pass: Pass,
        address: Address,
    ) -> Option<Way> {
        let owner = address.shard(self.mesh().shards(), self.server.id_key);
        if owner != self.shard {
            self.leave_whole(key, request, pass, address, owner);
            return None;
        }
        if let Some(spark) = self.session_at(address) {
            if self.untaken.is_full(spark) && !request.body.is_empty() {
                self.hold_request(key, request, pass, address, spark);
                return None;
            }
            let is_declined = self.exchange(key, spark, request, pass);
            // Before the session is over and takes the connections along that are still its own.
            let declined = is_declined.then(|| self.take_back(key)).flatten();
            self.settle();
            self.woke(spark);
            pass = declined?;
        }
        let answer = self.sessions.transformer.absent(request);
        if !matches!(answer, Answer::Respond(_)) && self.refuses(&answer) {
            self.refuse_new(key, request);
            return None;
        }
        let name = match address {
            Address::Spark(_) => None,
            Address::Chosen(hash) => Some(hash),
        };
        self.apply(key, request, pass, answer, name)
    }

    /// The session that lives at an address of this shard, if there is one.
    pub(super) fn session_at(&self, address: Address) -> Option<Key> {
        match address {
            Address::Spark(id) => {
                let index = id.parts(self.server.id_key).index;
                self.sessions.find(id, index)
            }
            Address::Chosen(hash) => self.sessions.named(hash),
        }
    }

    /// A server that was destroyed serves those who are there, but nobody new.
    fn refuses(&self, answer: &Answer<'_, T::Session>) -> bool {
        match answer {
            Answer::Upgrade { .. } => self.destroying.refuses_streams(),
            _ => self.destroying.refuses_sessions(self.clock.now),
        }
    }

    /// After a destroy such a request goes where all others go. A server that drains says that
    /// others are there.
    fn refuse_new(&mut self, key: Key, request: &Request<'_>) {
        match self.destroying.is_destroyed() {
            true => self.respond_elsewhere(key, request),
            false => {
                let response = self.unavailable();
                self.respond_last(key, &request.head, &response);
            }
        }
    }

    /// Hands a request to a session. Returns whether that declines it.
    fn exchange(&mut self, key: Key, spark: Key, request: &Request<'_>, pass: Pass) -> bool {
        let parked = Parked::new(&request.head, pass);
        let by = Answerer::Session(spark);
        let request_of = owner::Request {
            by,
            parked,
            present: None,
        };
        self.net.connection_mut(key).owner = Owner::Request(Box::new(request_of));
        self.net.cancel_idle_timer(key);
        self.sessions.add_carrier(spark, key);
        self.sessions
            .exchange(spark, self.clock.now, carrier_of(key), request)
    }

    /// A session has declined the request on this connection, which is an HTTP connection again.
    fn take_back(&mut self, key: Key) -> Option<Pass> {
        let Owner::Request(request) = &mut self.net.connection_mut(key).owner else {
            return None;
        };
        let pass = std::mem::take(&mut request.parked.pass);
        self.take_up(key, Next::Http);
        Some(pass)
    }

    /// Does what the transport answers. Returns another way if layers are asked about the spark
    /// that it would open.
    fn apply(
        &mut self,
        key: Key,
        request: &Request<'_>,
        mut pass: Pass,
        answer: Answer<'_, T::Session>,
        name: Option<NameHash>,
    ) -> Option<Way> {
        let head = &request.head;
        if let Some(refusal) = pass.take_refusal() {
            self.refuse_newcomer(key, head, &pass, refusal);
            return None;
        }
        if matches!(answer, Answer::Upgrade { .. } | Answer::Open { .. }) {
            match self.judge_opening(key, head, pass) {
                // The transport is asked again once it is decided.
                Ok(way) => return Some(way),
                Err(unasked) => pass = unasked,
            }
        }
        let cors = &self.options.cors;
        match answer {
            Answer::Respond(response) => {
                let response = pass.complete(cors, response);
                self.respond(key, head, &response);
            }
            Answer::Paced { response, parts } => {
                let response = pass.complete(cors, response);
                self.begin_paced(key, head, &response, parts);
            }
            Answer::Upgrade { .. }
                if !self.admit_spark_of(self.client_of(key, &pass), key, head) =>
            {
                let response = self.unavailable();
                self.respond_last(key, head, &response);
            }
            Answer::Upgrade { response, session } => {
                self.write_response(key, &response, true, false);
                self.belong_to(key, self.client_of(key, &pass));
                self.open_upgraded(key, session, head, pass.take_attached());
            }
            Answer::Open { .. }
                if !self.admit_session(key, head)
                    || !self.admit_spark_of(self.client_of(key, &pass), key, head) =>
            {
                let response = self.unavailable();
                let response = pass.complete(&self.options.cors, response);
                self.respond(key, head, &response);
            }
            Answer::Open { session, port } => {
                let peer = self.net.connection(key).peer;
                let mut peer = pass.address().unwrap_or(peer);
                if let Some(port) = port {
                    peer.set_port(port);
                }
                let (carried, attached) = (Carried::new(peer, name), pass.take_attached());
                let spark = self.open_carried(session, carried, head, attached);
                self.introductions.carry(spark, key);
                self.exchange(key, spark, request, pass);
                // Before anything else about it.
                app::connection(self, spark, head);
                self.settle();
                self.woke(spark);
            }
            // The contract of `absent`.
            Answer::Find(_) => self.respond_elsewhere(key, request),
        }
        None
    }

    /// A layer lets only those through who have a session, and this request is for none.
    fn refuse_newcomer(
        &mut self,
        key: Key,
        head: &RequestHead<'_>,
        pass: &Pass,
        refusal: Response,
    ) {
        self.note_layers(key, head, &refusal);
        if head.wants_upgrade() {
            return self.respond_last(key, head, &refusal);
        }
        let response = pass.complete(&self.options.cors, refusal);
        self.respond(key, head, &response);
    }

    /// Whom a request comes from.
    fn client_of(&self, key: Key, pass: &Pass) -> SocketAddr {
        pass.address().unwrap_or(self.net.connection(key).peer)
    }

    pub(super) fn respond(&mut self, key: Key, head: &RequestHead<'_>, response: &Response) {
        let asked = Asked::of(head);
        if asked.keep_alive && !self.destroying.closes() {
            self.write_response(key, response, true, asked.head_only);
        } else {
            self.respond_last(key, head, response);
        }
    }

    /// Answers a request and closes the connection. What follows an upgrade that was refused may be
    /// anything but HTTP.
    pub(super) fn respond_last(&mut self, key: Key, head: &RequestHead<'_>, response: &Response) {
        let asked = Asked::of(head);
        self.write_response(key, response, false, asked.head_only);
        self.finish(key);
    }

    fn begin_paced(
        &mut self,
        key: Key,
        head: &RequestHead<'_>,
        response: &Response,
        parts: Vec<PacedPart>,
    ) {
        let asked = Asked::of(head);
        if asked.head_only {
            self.write_response(key, response, false, true);
            return self.finish(key);
        }
        let framing = response.framing(asked.minor_version, asked.head_only);
        self.note_answer_begun(key, response);
        let response = response.at(self.door.date(self.clock.unix_ms));
        self.write_frame(key, |out| {
            response.encode_begin(out, framing, false);
        });
        // The timer is for its parts from now on.
        self.net.own_timer(key);
        let paced = Paced::new(framing, parts);
        self.net.connection_mut(key).owner = Owner::Paced(Box::new(paced));
        self.go_on_paced(key);
    }
}
