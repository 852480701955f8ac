//! The way in: from bytes to requests, and to what sessions understand.

use std::io;
use std::net::SocketAddr;

use allspark_protocol::http::{Error as HttpError, Reader, Response};
use allspark_protocol::transformer::{Event, Transformer};
use allspark_protocol::{Input, Payload};

use super::core::Core;
use super::owner::Owner;
use crate::app::EndReason;
use crate::io::Socket;
use crate::limits::{
    BACKLOG_BYTES_MAX, PENDING_BYTES_HIGHEST, PENDING_BYTES_MAX, SHARE_BYTES, SHARES_PER_TURN,
};
use crate::memory::{Key, Lease};
use crate::net::{Closing, Flags};
use crate::refusals::RefusalReason;
use crate::session::carrier_of;

impl<T: Transformer> Core<T> {
    pub(super) fn accepted(&mut self, socket: Socket, peer: SocketAddr, listener: u8) {
        let is_ending = self.destroying.closes() && self.destroying.refuses_streams();
        if !is_ending && let Err(refusal) = self.admit(peer, listener) {
            return self.turn_away(socket, (peer, listener), refusal);
        }
        self.counters().connections_accepted.add(1);
        let key = self.insert_http(socket, peer, listener);
        if is_ending {
            self.close(key);
        } else {
            self.mark_counted(key);
            if self.server.shakes_hands(listener) && !self.begin_handshake(key) {
                return;
            }
            let timeout_ms = self.options.request_timeout_ms.get();
            self.net.set_timer_ms(key, timeout_ms);
        }
    }

    /// A connection on which requests come.
    pub(super) fn insert_http(&mut self, socket: Socket, peer: SocketAddr, listener: u8) -> Key {
        let owner = Owner::Http(Reader::new(self.body_bytes_max()));
        let key = self.net.insert(socket, peer, owner);
        self.net.connection_mut(key).listener = listener;
        key
    }

    /// Bytes came in; with a lease they lie in a receive buffer.
    pub(super) fn received<'i>(
        &mut self,
        key: Key,
        bytes: &'i mut [u8],
        lease: Option<&Lease<'i>>,
    ) {
        let owner = &mut self.net.connection_mut(key).owner;
        match owner {
            Owner::Session(spark) => {
                let (spark, mut input) = (*spark, Input::new(bytes));
                if !self.backlog.has(key) {
                    self.read_session(key, spark, &mut input, lease);
                }
                self.put_behind(key, input.take_all());
            }
            Owner::Http(_) => {
                if let Owner::Http(reader) = std::mem::replace(owner, Owner::Nobody) {
                    self.read_requests(key, reader, &mut Input::new(bytes));
                }
            }
            Owner::Request(_) | Owner::Layered(_) | Owner::Leaving(_) => {
                self.keep_behind(key, bytes);
            }
            Owner::TurnedAway => self.answer_turned_away(key),
            Owner::Paced(_) | Owner::Nobody => {}
        }
        self.charge(key);
        self.settle();
    }

    /// Keeps what was not looked at for a later turn, and does not listen to its peer until then.
    fn put_behind(&mut self, key: Key, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.backlog.keep(key, bytes) > BACKLOG_BYTES_MAX {
            self.counters().connections_overrun.add(1);
            self.note_refused(key, RefusalReason::Overrun, None);
            self.close(key);
        } else {
            self.net.hold(key, Flags::BEHIND);
        }
    }

    /// Looks at a share of what waits, of each peer whose turn it is.
    pub(super) fn read_backlog(&mut self) {
        let count = self.backlog.len().min(SHARES_PER_TURN);
        for _ in 0..count {
            if self.is_congested() {
                return;
            }
            let Some((key, mut rest)) = self.backlog.next() else {
                return;
            };
            let Some(Owner::Session(spark)) = self.net.get(key).map(|found| &found.owner) else {
                continue;
            };
            let spark = *spark;
            if self.untaken.is_full(spark) {
                self.backlog.park(key, rest);
                self.untaken.park(spark, key);
                continue;
            }
            let mut input = Input::new(rest.unread());
            self.read_session(key, spark, &mut input, None);
            let left = input.len();
            rest.leave(left);
            if left > 0 {
                self.backlog.put_back(key, rest);
            } else {
                self.net.let_go(key, Flags::BEHIND);
                if rest.has_ended() {
                    self.input_ended(key, Ok(()));
                }
            }
            self.charge(key);
            self.settle();
        }
    }

    /// Keeps what the peer sends behind a request that has not been answered here.
    pub(super) fn keep_behind(&mut self, key: Key, mut bytes: &mut [u8]) {
        if self.has_upload(key) {
            bytes = self.take_upload(key, bytes);
            if bytes.is_empty() {
                return;
            }
        }
        // What is under way when a connection leaves may be much of the request's own body. All
        // that leave have a bound together.
        let mut own_bytes_max = 0;
        let (kept, reason) = match &mut self.net.connection_mut(key).owner {
            Owner::Request(request) => (request.parked.keep(bytes), Flags::BEHIND),
            Owner::Layered(layered) => (layered.keep(bytes), Flags::BEHIND),
            Owner::Leaving(leaving) => {
                own_bytes_max = leaving.parcel.cargo.missing_bytes_max();
                (leaving.keep(bytes), Flags::LEAVING)
            }
            _ => return,
        };
        let is_over = match self.is_held(key) {
            true => self.held_luggage.is_over(),
            false => reason == Flags::LEAVING && self.luggage.is_over(),
        };
        if kept.saturating_sub(own_bytes_max) > PENDING_BYTES_HIGHEST || is_over {
            self.counters().connections_overrun.add(1);
            self.note_refused(key, RefusalReason::Overrun, None);
            self.close(key);
        } else if kept > PENDING_BYTES_MAX {
            // Who asks for more before the answer has come can wait for it.
            self.net.hold(key, reason);
        }
    }

    /// The peer sends nothing more.
    pub(super) fn input_ended(&mut self, key: Key, result: io::Result<()>) {
        if let Err(error) = result {
            self.note_fault(key, &error);
            return self.broke(key, error);
        }
        if self.backlog.end(key) {
            return;
        }
        self.net.input_ended(key);
        if self.end_upgraded_input(key) {
            return;
        }
        match self.net.connection(key).owner {
            // Its next shard will see the end itself.
            Owner::Leaving(_) if !self.is_held(key) => return,
            Owner::Session(spark) if !self.is_carried(spark) => self.lose(spark, EndReason::Gone),
            _ => self.drop_carrier(key),
        }
        if self.net.connection(key).closing() == Closing::Lingering {
            self.close(key);
        } else {
            self.finish(key);
        }
    }

    pub(super) fn is_carried(&self, spark: Key) -> bool {
        let slot = self.sessions.get(spark);
        slot.is_some_and(|slot| slot.is_carried())
    }

    /// Hands bytes of an upgraded carrier to the session of a spark. What is left of them is for a
    /// later turn.
    fn read_session<'i>(
        &mut self,
        key: Key,
        spark: Key,
        input: &mut Input<'i>,
        lease: Option<&Lease<'i>>,
    ) {
        let (carrier, now) = (carrier_of(key), self.clock.now);
        let mut share_bytes = SHARE_BYTES;
        // A session may have understood more than it has said: it is asked until it has nothing.
        while share_bytes > 0 || input.is_empty() {
            if self.untaken.is_full(spark) && !input.is_empty() {
                break;
            }
            let receive = |transformer: &mut T, session: &mut _, context, out: &mut _| {
                transformer.receive(session, context, carrier, input, out)
            };
            let event = self.sessions.call(spark, now, receive);
            // What it says about these bytes comes before what it understood in them.
            if self.sessions.has_wants() {
                self.settle();
            }
            match event.flatten() {
                None => break,
                Some(Event::Message { kind, payload }) => {
                    share_bytes = share_bytes.saturating_sub(payload.len());
                    match payload {
                        Payload::Framed { bytes, start } if let Some(lease) = lease => {
                            self.framed_message(spark, kind, (bytes, start), lease);
                        }
                        payload => self.message(spark, kind, &payload),
                    }
                }
                Some(Event::Alive) => self.alive(spark),
                Some(Event::Ended(end)) => {
                    // Nothing that follows means anything.
                    input.take_all();
                    self.transport_ended(spark, &end);
                    self.finish(key);
                    self.settle();
                    break;
                }
            }
            self.settle();
        }
        self.time_message(key, spark);
        if self.is_carried(spark) {
            self.woke(spark);
        }
    }

    /// Hands requests to whom they are for.
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
            self.settle();
            reader = match self.after_request(key, reader, input) {
                Some(reader) => reader,
                None => return,
            };
            (had_begun, had_head, answered) = (false, false, true);
        }
        if reader.awaits_body() && !had_head && self.begin_request(key, &mut reader) {
            return;
        }
        if reader.take_continue() {
            self.write_frame(key, |out| {
                Response::new(100).encode(out, true, false);
            });
            if self.net.connection(key).closing() == Closing::Asked {
                return;
            }
        }
        let options = &self.options;
        if reader.is_idle() {
            // An empty line is no reason to wait any longer.
            if answered {
                self.net
                    .set_idle_timer_ms(key, options.keep_alive_timeout_ms.get());
            }
        } else if !had_begun || reader.awaits_body() != had_head {
            self.net
                .set_idle_timer_ms(key, options.request_timeout_ms.get());
        }
        self.net.connection_mut(key).owner = Owner::Http(reader);
    }

    /// Hands what follows a request to what the connection is now. Gives the reader back if that is
    /// an HTTP connection still.
    pub(super) fn after_request(
        &mut self,
        key: Key,
        reader: Reader,
        input: &mut Input<'_>,
    ) -> Option<Reader> {
        match &mut self.net.connection_mut(key).owner {
            Owner::Http(_) => return Some(reader),
            Owner::Request(request) => {
                request.parked.reader = reader;
                self.keep_behind(key, input.take_all());
            }
            Owner::Layered(layered) => {
                layered.reader = reader;
                self.keep_behind(key, input.take_all());
            }
            Owner::Session(spark) => {
                let spark = *spark;
                self.read_session(key, spark, input, None);
                self.put_behind(key, input.take_all());
            }
            Owner::Leaving(_) => self.keep_behind(key, input.take_all()),
            Owner::Paced(_) | Owner::TurnedAway | Owner::Nobody => {}
        }
        None
    }

    pub(super) fn refuse(&mut self, key: Key, error: HttpError) {
        let peer = self.net.connection(key).peer;
        tracing::debug!(shard = self.shard, %peer, %error, "a request is refused");
        let (reason, status) = (RefusalReason::BadRequest, error.status());
        self.note_refused_because(key, reason, Some(status), &error.to_string());
        let response = Response::text(error.status(), &format!("{error}\n"));
        self.write_response(key, &response, false, false);
        self.finish(key);
    }

    /// Goes on with connections whose peers sent more while a request waited for its answer, and
    /// with requests that waited for a layer.
    pub(super) fn resume(&mut self) {
        for key in std::mem::take(&mut self.resumed) {
            if self.is_held(key) {
                self.take_up_request(key);
                continue;
            }
            match self.net.get(key).map(|connection| &connection.owner) {
                Some(Owner::Layered(_)) => self.go_on_layered(key),
                Some(Owner::Request(request)) if let Some(next) = request.parked.next => {
                    let mut pending = self.take_up(key, next);
                    self.net.let_go(key, Flags::BEHIND);
                    self.received(key, &mut pending, None);
                }
                _ => {}
            }
        }
    }
}
