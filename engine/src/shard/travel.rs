//! Requests for a session that lives on another shard: the connection moves there, with the bytes
//! that were read from it.
//!
//! # Invariants
//! - A connection leaves only when everything that was written to it is sent. If that takes too
//!   long it is closed instead.
//! - No byte of the peer is lost or seen twice: the request travels whole, what came behind it
//!   travels too, and the rest is still in the kernel.
//! - What connections take along is bounded, in number and in bytes, on each shard and on the way.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use allspark_protocol::Input;
use allspark_protocol::http::{Reader, Request, RequestHead};
use allspark_protocol::transformer::Transformer;
use allspark_protocol::{Instant, Payload};

use super::connection::Role;
use super::core::Core;
use super::receive::append;
use super::room::unavailable;
use super::{ARRIVAL, token_of};
use crate::io::{Detached, Op, Socket, Token};
use crate::limits::{LUGGAGE_BYTES_MAX, LUGGAGE_PARCELS_MAX, MOVES_PER_TURN};
use crate::lines::Line;
use crate::memory::Key;
use crate::mesh::Command;

/// A connection on its way to another shard.
#[derive(Debug)]
pub(crate) struct Parcel {
    owner: u16,
    peer: SocketAddr,
    /// The head of the request.
    head: Vec<u8>,
    /// Its body, without transfer coding.
    body: Vec<u8>,
    /// What came behind it.
    rest: Vec<u8>,
    /// How often it has moved, see [`Moves`](super::moves::Moves).
    paid_until: Instant,
    /// The socket, between the two drivers.
    socket: Option<Detached>,
}

impl Parcel {
    /// Bytes that it takes while it waits in a queue.
    pub(crate) fn bytes(&self) -> usize {
        let texts = [&self.head, &self.body, &self.rest];
        size_of::<Self>() + texts.map(Vec::capacity).iter().sum::<usize>()
    }
}

/// A connection that leaves as soon as it can.
pub(crate) struct Leaving {
    parcel: Box<Parcel>,
    /// It has moved too often and has to wait.
    waits: bool,
    share: Share,
}

impl Leaving {
    /// Keeps what came behind the request. Returns how much that is by now.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> usize {
        append(&mut self.parcel.rest, bytes);
        self.share.set(self.parcel.bytes());
        self.parcel.rest.len()
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.parcel.bytes()
    }

    /// Whether it has moved too often and has to wait.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }
}

/// What all connections of a shard take along that leave it.
#[derive(Debug, Default)]
pub(crate) struct Luggage(Rc<Cell<Tally>>);

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    parcels: usize,
    bytes: usize,
}

impl Luggage {
    /// Whether there is room for so much more. A single huge request passes when nothing else
    /// leaves, as in a queue.
    fn has_room(&self, bytes: usize) -> bool {
        let tally = self.0.get();
        tally.parcels == 0
            || (tally.parcels < LUGGAGE_PARCELS_MAX && tally.bytes + bytes <= LUGGAGE_BYTES_MAX)
    }

    /// Whether more came behind several requests than there is room for.
    pub(super) fn is_over(&self) -> bool {
        let tally = self.0.get();
        tally.parcels > 1 && tally.bytes > LUGGAGE_BYTES_MAX
    }

    fn add(&self, bytes: usize) -> Share {
        let mut tally = self.0.get();
        tally.parcels += 1;
        tally.bytes += bytes;
        self.0.set(tally);
        Share {
            bytes,
            tally: Rc::clone(&self.0),
        }
    }
}

/// One connection's share of the luggage, which ends with it.
struct Share {
    bytes: usize,
    tally: Rc<Cell<Tally>>,
}

impl Share {
    fn set(&mut self, bytes: usize) {
        let mut tally = self.tally.get();
        tally.bytes = tally.bytes - self.bytes + bytes;
        self.tally.set(tally);
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
        let mut tally = self.tally.get();
        tally.parcels -= 1;
        self.tally.set(tally);
    }
}

impl<T: Transformer> Core<T> {
    /// Hands the connection to the shard that owns the session of the request.
    pub(super) fn leave(&mut self, key: Key, owner: u16, request: &Request<'_>) {
        let bytes = request.head.as_bytes().len() + request.body.len();
        if !self.luggage.has_room(bytes) {
            return self.refuse_to_leave(key);
        }
        let (wait, paid_until) = self.moves.leave(key.index, self.now);
        let parcel = Box::new(Parcel {
            owner,
            peer: self.connection(key).peer,
            head: request.head.as_bytes().to_vec(),
            body: request.body.to_vec(),
            rest: Vec::new(),
            paid_until,
            socket: None,
        });
        let leaving = Leaving {
            share: self.luggage.add(parcel.bytes()),
            waits: !wait.is_zero(),
            parcel,
        };
        self.connection_mut(key).role = Role::Leaving(Box::new(leaving));
        if wait.is_zero() {
            self.depart(key);
        } else {
            self.counters().moves_delayed.add(1);
            self.set_idle_timer_ms(key, wait.as_millis() as u64 + 1);
        }
    }

    fn refuse_to_leave(&mut self, key: Key) {
        self.counters().moves_refused.add(1);
        if let Some(line) = self.may_log(Line::MoveRefused) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::warn!(
                shard,
                unlogged,
                "a request is refused: too much is on its way to other shards"
            );
        }
        self.write_response(key, &unavailable(), false, false);
        self.finish(key);
    }

    /// Lets a connection leave. It does so at once, unless its peer has not read what was written
    /// to it before.
    pub(super) fn depart(&mut self, key: Key) {
        let timeout_ms = self.shared.options.request_timeout_ms;
        self.set_idle_timer_ms(key, timeout_ms);
        if let Role::Leaving(leaving) = &mut self.connection_mut(key).role {
            leaving.waits = false;
            self.leaving.push_back(key);
        }
    }

    /// Releases connections whose last bytes were submitted and taken.
    pub(super) fn release_leaving(&mut self) {
        for _ in 0..self.leaving.len().min(MOVES_PER_TURN) {
            let key = self.leaving.pop_front().expect("counted above");
            let Some(connection) = self.connections.get(key) else {
                continue;
            };
            // Otherwise it is put into the list again once everything is sent.
            if connection.is_free() {
                self.ops.push(Op::Release {
                    socket: connection.socket,
                    token: token_of(key),
                });
            }
        }
    }

    /// The driver has let go of a connection.
    pub(super) fn released(&mut self, key: Key, result: io::Result<Detached>) {
        self.wheel.cancel(key.index);
        self.moves.closed(key.index);
        self.settle_closed(key);
        let connection = self
            .connections
            .remove(key)
            .expect("the caller looked it up");
        self.recycle_queue(connection.queue);
        match (connection.role, result) {
            (Role::Leaving(leaving), Ok(socket)) => {
                let mut parcel = leaving.parcel;
                parcel.socket = Some(socket);
                self.send_to_shard(parcel.owner, Command::Arrive(parcel));
            }
            (_, Ok(_)) => self.counters().connections_closed.add(1),
            (_, Err(error)) => {
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
        self.ops.push(Op::Adopt {
            socket,
            token: Token::new(ARRIVAL, key.generation, key.index),
        });
    }

    /// The driver has taken over a connection, or could not.
    pub(super) fn adopted(&mut self, token: Token, result: io::Result<Socket>) {
        let Some(parcel) = self.arrivals.remove(super::key_of(token)) else {
            self.counters().completions_stale.add(1);
            return;
        };
        let socket = match result {
            Ok(socket) => socket,
            Err(error) => {
                self.counters().connections_closed.add(1);
                if let Some(line) = self.may_log(Line::TravelFailed) {
                    let (shard, unlogged) = (self.shard, line.unlogged);
                    tracing::warn!(shard, %error, unlogged, "a connection can't be taken over");
                }
                return;
            }
        };
        self.counters().connections_adopted.add(1);
        let key = self.insert_connection(socket, parcel.peer);
        self.moves.arrived(key.index, parcel.paid_until, self.now);
        self.take_in(key, *parcel);
    }

    /// Goes on where the other shard left off.
    fn take_in(&mut self, key: Key, parcel: Parcel) {
        let Parcel {
            head,
            body,
            mut rest,
            ..
        } = parcel;
        let Ok(head) = RequestHead::parse(&head) else {
            // It was parsed once already.
            return self.close(key);
        };
        let request = Request {
            head,
            body: Payload::Owned(body),
        };
        self.set_timer_ms(key, self.shared.options.keep_alive_timeout_ms);
        self.request(key, &request);
        let reader = Reader::new(self.transformer.request_body_bytes_max());
        let mut input = Input::new(&mut rest);
        if let Some(reader) = self.after_request(key, reader, &mut input) {
            self.read_requests(key, reader, &mut input);
        }
        self.settle_input(key);
    }
}
