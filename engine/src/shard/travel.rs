//! Requests for a session that lives on another shard: the connection moves there, with the bytes
//! that were read from it and with what the door decided. It does so as soon as the head of the
//! request has come, so that its body is gathered, bounded and judged where the session lives.
//!
//! # Invariants
//! - A connection leaves only when everything that was written to it is sent. If that takes too
//!   long it is closed instead.
//! - No byte of the peer is lost or seen twice: the request travels as far as it has come, what
//!   came behind it travels too, and the rest is still in the kernel.
//! - Of a request whose body is still to come the other shard hears, whether its connection arrives
//!   or breaks before.
//! - What connections take along is bounded, in number and in bytes, on each shard and on the way.

use std::io;

use allspark_protocol::Input;
use allspark_protocol::http::{Reader, Request};
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::effects::Effect;
use super::judged::Judged;
use super::owner::{Leaving, Owner};
use crate::app::host::Command;
use crate::http::{Pass, Way, Whole};
use crate::io::{Detached, Op, Socket, Token};
use crate::limits::MOVES_PER_TURN;
use crate::lines::Line;
use crate::memory::Key;
use crate::mesh::{Address, Cargo, Parcel};
use crate::net::Counted;
use crate::refusals::RefusalReason;

/// The kind of tokens that name a connection on its way from another shard.
const ARRIVAL: u8 = 2;

impl<T: Transformer> Core<T> {
    /// Hands a connection to the shard `owner`, where the session of the request lives.
    pub(super) fn leave_whole(
        &mut self,
        key: Key,
        request: &Request<'_>,
        pass: Pass,
        address: Address,
        owner: u16,
    ) {
        let bytes = request.head.as_bytes().len() + request.body.len();
        if !self.luggage.has_room(bytes) {
            return self.refuse_to_leave(key);
        }
        let cargo = Cargo::Whole(Whole::of(request));
        self.leave(key, cargo, pass, address, owner);
    }

    /// The same for a request whose body is still to come.
    pub(super) fn leave_begun(
        &mut self,
        key: Key,
        reader: Reader,
        pass: Pass,
        address: Address,
        owner: u16,
    ) {
        if !self.luggage.has_room(reader.held_bytes()) {
            return self.refuse_to_leave(key);
        }
        self.leave(key, Cargo::Begun(reader), pass, address, owner);
    }

    fn leave(&mut self, key: Key, cargo: Cargo, pass: Pass, address: Address, owner: u16) {
        let (wait, paid_until) = self.moves.leave(key.index, self.clock.now);
        let connection = self.net.connection(key);
        let from = (connection.peer, connection.listener);
        let parcel = Parcel::new(owner, from, cargo, address, pass, paid_until);
        let leaving = Leaving {
            share: self.luggage.add(parcel.bytes()),
            waits: !wait.is_zero(),
            parcel,
        };
        self.net.connection_mut(key).owner = Owner::Leaving(Box::new(leaving));
        if wait.is_zero() {
            self.depart(key);
        } else {
            self.counters().moves_delayed.add(1);
            self.net.set_idle_timer_ms(key, wait.as_millis() as u64 + 1);
        }
    }

    pub(super) fn refuse_to_leave(&mut self, key: Key) {
        self.counters().moves_refused.add(1);
        self.note_refused(key, RefusalReason::Moves, Some(503));
        if let Some(line) = self.may_log(Line::MoveRefused) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::warn!(
                shard,
                unlogged,
                "a request is refused: too much is on its way to other shards, or waits for the \
                 application"
            );
        }
        let response = self.unavailable();
        self.write_response(key, &response, false, false);
        self.finish(key);
    }

    /// Lets a connection leave. It does so at once, unless its peer has not read what was written
    /// to it before.
    pub(super) fn depart(&mut self, key: Key) {
        let timeout_ms = self.options.request_timeout_ms.get();
        self.net.set_idle_timer_ms(key, timeout_ms);
        if let Owner::Leaving(leaving) = &mut self.net.connection_mut(key).owner {
            leaving.waits = false;
            self.leaving.push_back(key);
        }
    }

    /// Releases connections whose last bytes were submitted and taken.
    pub(super) fn release_leaving(&mut self) {
        for _ in 0..self.leaving.len().min(MOVES_PER_TURN) {
            let key = self.leaving.pop_front().expect("counted above");
            // Otherwise it is put into the list again once everything is sent.
            if self.net.get(key).is_some_and(|c| c.is_free()) {
                self.net.release(key);
            }
        }
    }

    /// The driver has let go of a connection.
    pub(super) fn released(&mut self, key: Key, result: io::Result<Detached>) {
        self.moves.closed(key.index);
        let known = self.introductions.closed(key);
        if let Some(accesses) = &mut self.accesses {
            accesses.forget(key);
        }
        let connection = self.net.remove(key);
        match (&connection.owner, result) {
            (Owner::Leaving(_), Ok(socket)) => {
                let Owner::Leaving(leaving) = connection.owner else {
                    unreachable!("it was just looked at");
                };
                let mut parcel = leaving.parcel;
                (parcel.socket, parcel.known) = (Some(socket), known);
                self.send_to_shard(parcel.owner, Command::Arrive(parcel));
            }
            (_, Ok(_)) => {
                self.leave_address(key, connection.peer, connection.flags);
                self.counters().connections_closed.add(1);
            }
            (_, Err(error)) => {
                self.leave_address(key, connection.peer, connection.flags);
                self.counters().connections_closed.add(1);
                tracing::debug!(shard = self.shard, %error, "a connection can't change its shard");
                if let Owner::Leaving(leaving) = connection.owner {
                    self.send_without_socket(leaving.parcel);
                }
            }
        }
    }

    /// A connection that leaves is closed before it could: if its request has begun, the shard that
    /// it is for is told.
    pub(super) fn give_up_leaving(&mut self, key: Key) {
        let owner = &mut self.net.connection_mut(key).owner;
        if !matches!(owner, Owner::Leaving(_)) {
            return;
        }
        if let Owner::Leaving(leaving) = std::mem::replace(owner, Owner::Nobody) {
            self.send_without_socket(leaving.parcel);
        }
    }

    fn send_without_socket(&mut self, parcel: Box<Parcel>) {
        if let Cargo::Begun(_) = parcel.cargo {
            self.send_to_shard(parcel.owner, Command::Arrive(parcel));
        }
    }

    /// A connection comes from another shard, or has broken on its way.
    pub(super) fn arrive(&mut self, mut parcel: Box<Parcel>) {
        let Some(socket) = parcel.socket.take() else {
            return self.effects.push(Effect::CutOff(parcel));
        };
        let key = self.arrivals.insert(parcel);
        self.net.push_op(Op::Adopt {
            socket,
            token: Token::new(ARRIVAL, key.generation, key.index),
        });
    }

    /// The driver has taken over a connection, or could not.
    pub(super) fn adopted(&mut self, token: Token, result: io::Result<Socket>) {
        let arrival = Key {
            index: token.index(),
            generation: token.generation(),
        };
        let Some(mut parcel) = self.arrivals.remove(arrival) else {
            self.counters().completions_stale.add(1);
            return;
        };
        let socket = match result {
            Ok(socket) => socket,
            Err(error) => {
                self.counters().connections_closed.add(1);
                self.server
                    .addresses
                    .leave(Counted::Connection, parcel.peer);
                if let Some(line) = self.may_log(Line::TravelFailed) {
                    let (shard, unlogged) = (self.shard, line.unlogged);
                    tracing::warn!(shard, %error, unlogged, "a connection can't be taken over");
                }
                return self.effects.push(Effect::CutOff(parcel));
            }
        };
        self.counters().connections_adopted.add(1);
        let key = self.insert_http(socket, parcel.peer, parcel.listener);
        self.mark_counted(key);
        if let Some(known) = parcel.known.take() {
            self.introductions.arrived(key, known);
        }
        self.moves
            .arrived(key.index, parcel.paid_until, self.clock.now);
        self.take_in(key, *parcel);
    }

    /// Goes on where the other shard left off: what it found out about the request is not found out
    /// again.
    pub(super) fn take_in(&mut self, key: Key, parcel: Parcel) {
        let Parcel {
            cargo,
            pass,
            address,
            mut rest,
            ..
        } = parcel;
        let mut input = Input::new(&mut rest);
        match cargo {
            Cargo::Whole(whole) => self.take_in_whole(key, whole, pass, address, &mut input),
            Cargo::Begun(reader) => self.take_in_begun(key, reader, pass, address, &mut input),
        }
        self.charge(key);
    }

    fn take_in_whole(
        &mut self,
        key: Key,
        mut whole: Whole,
        pass: Pass,
        address: Address,
        input: &mut Input<'_>,
    ) {
        let body = whole.take_body();
        let request = Request {
            head: whole.head.head(),
            body,
        };
        let timeout_ms = self.options.keep_alive_timeout_ms.get();
        self.net.set_idle_timer_ms(key, timeout_ms);
        self.net.connection_mut(key).owner = Owner::Http(Reader::new(0));
        self.note_asked(key, &request.head);
        if let Some(way) = self.find_session(key, &request, pass, address) {
            self.go(key, &request, way, None);
        }
        self.settle();
        let reader = Reader::new(self.body_bytes_max());
        if let Some(reader) = self.after_request(key, reader, input) {
            self.read_requests(key, reader, input);
        }
    }

    fn take_in_begun(
        &mut self,
        key: Key,
        reader: Reader,
        pass: Pass,
        address: Address,
        input: &mut Input<'_>,
    ) {
        let Some(head) = reader.begun() else {
            return self.close(key);
        };
        if self.destroying.has_closed_idle {
            // The session is gone, and so are connections whose requests are still to come.
            return self.finish(key);
        }
        let timeout_ms = self.options.request_timeout_ms.get();
        self.net.set_idle_timer_ms(key, timeout_ms);
        self.note_asked(key, &head);
        if self.announce(key, &head, &pass, address) {
            return;
        }
        let judged = Judged {
            way: Way::Transport(pass),
            address: Some(address),
        };
        self.judged.insert(key, judged);
        self.read_requests(key, reader, input);
    }
}
