//! Requests for a session that lives on another shard: the connection moves there, with the bytes
//! that were read from it.
//!
//! # Invariants
//! - A connection leaves only when everything that was written to it is sent. If that takes too
//!   long it is closed instead.
//! - No byte of the peer is lost or seen twice: the request travels whole, what came behind it
//!   travels too, and the rest is still in the kernel.

use std::io;
use std::net::SocketAddr;

use allspark_protocol::Input;
use allspark_protocol::Payload;
use allspark_protocol::http::{Reader, Request, RequestHead};
use allspark_protocol::transformer::Transformer;

use super::connection::Role;
use super::core::Core;
use super::{ARRIVAL, token_of};
use crate::io::{Detached, Op, Socket, Token};
use crate::limits::REQUEST_TIMEOUT_MS;
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
    pub(super) rest: Vec<u8>,
    /// The socket, between the two drivers.
    socket: Option<Detached>,
}

impl Parcel {
    /// Bytes that it takes while it waits in a queue.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.head.len() + self.body.len() + self.rest.len()
    }
}

impl<T: Transformer> Core<T> {
    /// Hands the connection to the shard that owns the session of the request.
    pub(super) fn leave(&mut self, key: Key, owner: u16, request: &Request<'_>) {
        let connection = self.connection_mut(key);
        let parcel = Parcel {
            owner,
            peer: connection.peer,
            head: request.head.as_bytes().to_vec(),
            body: request.body.to_vec(),
            rest: Vec::new(),
            socket: None,
        };
        connection.role = Role::Leaving(Box::new(parcel));
        // It leaves at once, unless its peer has not read what was written to it before.
        self.set_timer_ms(key, REQUEST_TIMEOUT_MS);
        self.leaving.push(key);
    }

    /// Releases connections whose last bytes were submitted and taken.
    pub(super) fn release_leaving(&mut self) {
        for key in std::mem::take(&mut self.leaving) {
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
        self.settle_closed(key);
        let connection = self
            .connections
            .remove(key)
            .expect("the caller looked it up");
        self.recycle_queue(connection.queue);
        match (connection.role, result) {
            (Role::Leaving(mut parcel), Ok(socket)) => {
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
        self.request(key, &request);
        let reader = Reader::new(self.transformer.request_body_bytes_max());
        let mut input = Input::new(&mut rest);
        if let Some(reader) = self.after_request(key, reader, &mut input) {
            self.read_requests(key, reader, &mut input);
        }
        self.settle_input(key);
    }
}
