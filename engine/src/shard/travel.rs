//! Requests for a session that lives on another shard: the connection moves there, with the bytes
//! that were read from it and with what the door decided.
//!
//! # Invariants
//! - A connection leaves only when everything that was written to it is sent. If that takes too
//!   long it is closed instead.
//! - No byte of the peer is lost or seen twice: the request travels whole, what came behind it
//!   travels too, and the rest is still in the kernel.
//! - What connections take along is bounded, in number and in bytes, on each shard and on the way.

use std::io;

use allspark_protocol::http::{Reader, Request};
use allspark_protocol::transformer::Transformer;
use allspark_protocol::{Input, Payload};

use super::core::Core;
use super::owner::{Leaving, Owner};
use crate::app::host::Command;
use crate::http::Pass;
use crate::io::{Detached, Op, Socket, Token};
use crate::limits::MOVES_PER_TURN;
use crate::lines::Line;
use crate::memory::Key;
use crate::mesh::{Address, Parcel};
use crate::net::Counted;
use crate::refusals::RefusalReason;

/// The kind of tokens that name a connection on its way from another shard.
const ARRIVAL: u8 = 2;

impl<T: Transformer> Core<T> {
    /// Hands a connection to the shard `owner`, where the session of the request lives.
    pub(super) fn leave(
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
        let (wait, paid_until) = self.moves.leave(key.index, self.clock.now);
        let connection = self.net.connection(key);
        let from = (connection.peer, connection.listener);
        let parcel = Parcel::new(owner, from, request, address, pass, paid_until);
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
                self.leave_address(&connection);
                self.counters().connections_closed.add(1);
            }
            (_, Err(error)) => {
                self.leave_address(&connection);
                self.counters().connections_closed.add(1);
                tracing::debug!(shard = self.shard, %error, "a connection can't change its shard");
            }
        }
    }

    /// A connection comes from another shard.
    pub(super) fn arrive(&mut self, mut parcel: Box<Parcel>) {
        let Some(socket) = parcel.socket.take() else {
            return;
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
                return;
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
            address,
            head,
            body,
            pass,
            mut rest,
            ..
        } = parcel;
        let request = Request {
            head: head.head(),
            body: Payload::Owned(body),
        };
        let timeout_ms = self.options.keep_alive_timeout_ms.get();
        self.net.set_idle_timer_ms(key, timeout_ms);
        self.net.connection_mut(key).owner = Owner::Http(Reader::new(0));
        self.note_asked(key, &request.head);
        self.find_session(key, &request, pass, address);
        self.settle();
        let reader = Reader::new(self.body_bytes_max());
        let mut input = Input::new(&mut rest);
        if let Some(reader) = self.after_request(key, reader, &mut input) {
            self.read_requests(key, reader, &mut input);
        }
        self.charge(key);
    }
}
