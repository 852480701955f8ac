//! A connection on its way to another shard.

use std::net::SocketAddr;
use std::sync::Arc;

use allspark_protocol::Instant;
use allspark_protocol::http::{OwnedHead, Request};

use super::address::Address;
use crate::http::Pass;
use crate::io::Detached;
use crate::known::Known;

/// A connection with a request for a session of another shard.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// The shard that it is for.
    pub(crate) owner: u16,
    pub(crate) peer: SocketAddr,
    pub(crate) listener: u8,
    /// Where the session of the request lives, as the transport said.
    pub(crate) address: Address,
    /// The head of the request.
    pub(crate) head: OwnedHead,
    /// Its body, without transfer coding.
    pub(crate) body: Vec<u8>,
    /// What the door decided about it. Nobody asks the door again where it arrives.
    pub(crate) pass: Pass,
    /// What came behind it.
    pub(crate) rest: Vec<u8>,
    /// How often it has moved, see [`Moves`](crate::net::Moves).
    pub(crate) paid_until: Instant,
    /// What is known of the connection.
    pub(crate) known: Option<Arc<Known>>,
    /// The socket, between the two drivers.
    pub(crate) socket: Option<Detached>,
}

impl Parcel {
    /// A parcel with this request, which nothing follows yet.
    pub(crate) fn new(
        owner: u16,
        (peer, listener): (SocketAddr, u8),
        request: &Request<'_>,
        address: Address,
        pass: Pass,
        paid_until: Instant,
    ) -> Box<Self> {
        Box::new(Self {
            owner,
            peer,
            listener,
            address,
            head: request.head.into(),
            body: request.body.to_vec(),
            pass,
            rest: Vec::new(),
            paid_until,
            known: None,
            socket: None,
        })
    }

    /// Bytes that it takes while it waits in a queue.
    pub(crate) fn bytes(&self) -> usize {
        let texts = self.body.capacity() + self.rest.capacity();
        size_of::<Self>() + self.head.held_bytes() + texts
    }
}
