//! A connection on its way to another shard.

use std::net::SocketAddr;

use allspark_protocol::Instant;

use crate::http::Pass;
use crate::io::Detached;

/// A connection with a request for a session of another shard.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// The shard that it is for.
    pub(crate) owner: u16,
    pub(crate) peer: SocketAddr,
    /// The head of the request.
    pub(crate) head: Vec<u8>,
    /// Its body, without transfer coding.
    pub(crate) body: Vec<u8>,
    /// What the door decided about it. It is not judged again where it arrives.
    pub(crate) pass: Pass,
    /// What came behind it.
    pub(crate) rest: Vec<u8>,
    /// How often it has moved, see [`Moves`](crate::net::Moves).
    pub(crate) paid_until: Instant,
    /// The socket, between the two drivers.
    pub(crate) socket: Option<Detached>,
}

impl Parcel {
    /// Bytes that it takes while it waits in a queue.
    pub(crate) fn bytes(&self) -> usize {
        let texts = [&self.head, &self.body, &self.rest];
        size_of::<Self>() + texts.map(Vec::capacity).iter().sum::<usize>()
    }
}
