//! A connection on its way to another shard.

use std::net::SocketAddr;
use std::sync::Arc;

use allspark_protocol::Instant;
use allspark_protocol::http::Reader;

use super::address::Address;
use crate::http::{Pass, Whole};
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
    pub(crate) cargo: Cargo,
    /// What the door decided about it. Nobody asks the door again where it arrives.
    pub(crate) pass: Pass,
    /// What came behind that, and was not looked at.
    pub(crate) rest: Vec<u8>,
    /// How often it has moved, see [`Moves`](crate::net::Moves).
    pub(crate) paid_until: Instant,
    /// What is known of the connection.
    pub(crate) known: Option<Arc<Known>>,
    /// The socket, between the two drivers.
    pub(crate) socket: Option<Detached>,
}

/// The request of a parcel.
#[derive(Debug)]
pub(crate) enum Cargo {
    Whole(Whole),
    /// The body is still to come. The reader has the head, and as much of the body as has come.
    Begun(Reader),
}

impl Cargo {
    /// How much of the body may still come.
    pub(crate) fn missing_bytes_max(&self) -> usize {
        match self {
            Self::Whole(_) => 0,
            Self::Begun(reader) => reader.missing_bytes_max(),
        }
    }

    fn held_bytes(&self) -> usize {
        match self {
            Self::Whole(whole) => whole.held_bytes(),
            Self::Begun(reader) => reader.held_bytes(),
        }
    }
}

impl Parcel {
    /// A parcel with this request, which nothing follows yet.
    pub(crate) fn new(
        owner: u16,
        (peer, listener): (SocketAddr, u8),
        cargo: Cargo,
        address: Address,
        pass: Pass,
        paid_until: Instant,
    ) -> Box<Self> {
        Box::new(Self {
            owner,
            peer,
            listener,
            address,
            cargo,
            pass,
            rest: Vec::new(),
            paid_until,
            known: None,
            socket: None,
        })
    }

    /// Bytes that it takes while it waits in a queue.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.cargo.held_bytes() + self.rest.capacity()
    }
}
