//! What a shard keeps of one connection.

use std::net::SocketAddr;

use allspark_protocol::http::{BodyFraming, Reader, RequestHead};

use super::browser::Browser;
use super::paced::Paced;
use super::queue::SendQueue;
use super::travel::Parcel;
use crate::io::Socket;
use crate::memory::Key;

/// What the bytes of a connection are.
pub(crate) enum Role {
    /// HTTP requests.
    Http(Reader),
    /// A request that a session has not answered yet.
    Waiting(Box<Waiting>),
    /// Bytes for the session of a spark, which may have ended and wait for the peer's goodbye.
    Spark(Key),
    /// Answered in parts with pauses; the bytes are of no interest.
    Paced(Box<Paced>),
    /// On its way to the shard that owns the session its request is for.
    Leaving(Box<Parcel>),
    /// Whatever it is, the answer is that there are too many.
    TurnedAway,
    /// Of no interest: the connection is about to be closed.
    Discard,
}

impl Role {
    /// Whether it is still of interest when the connection is being closed.
    pub(crate) fn stays(&self) -> bool {
        matches!(self, Self::Spark(_) | Self::TurnedAway)
    }
}

/// An HTTP connection while a session has its request.
pub(crate) struct Waiting {
    pub(crate) spark: Key,
    pub(crate) reader: Reader,
    /// What came behind the request.
    pub(crate) pending: Vec<u8>,
    pub(crate) asked: Asked,
    /// What to say to the browser that asks, unless it asks for an upgrade.
    pub(crate) browser: Option<Browser>,
    /// How the body is framed, once the answer has begun.
    pub(crate) body: Option<BodyFraming>,
    /// What the connection becomes as soon as `pending` can be looked at.
    pub(crate) next: Option<Next>,
}

impl Waiting {
    /// Bytes that it holds for the peer.
    pub(crate) fn held_bytes(&self) -> usize {
        self.reader.held_bytes() + self.pending.capacity()
    }
}

/// A request that a session leaves to be answered as if it were not there.
pub(crate) struct Declined {
    /// As in [`Waiting`].
    pub(crate) browser: Option<Browser>,
}

/// What a connection becomes after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// An HTTP connection again.
    Http,
    /// A carrier whose bytes are the session's.
    Upgraded,
}

/// What an answer has to know of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) keep_alive: bool,
    pub(crate) head_only: bool,
    /// The `x` of `HTTP/1.x`.
    pub(crate) minor_version: u8,
}

impl Asked {
    pub(crate) fn of(head: &RequestHead<'_>) -> Self {
        Self {
            keep_alive: head.keep_alive(),
            head_only: head.method() == "HEAD",
            minor_version: head.minor_version(),
        }
    }
}

/// How far the closing of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// It is not being closed.
    No,
    /// Everything that waits is sent; then it is shut down, and read until the peer closes too.
    AfterSending,
    /// It was shut down and is read until the peer closes too.
    Lingering,
    /// The driver was asked to close it.
    Asked,
}

/// One connection. Idle, it owns no memory outside of this structure.
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    pub(crate) socket: Socket,
    pub(crate) role: Role,
    pub(crate) queue: Option<Box<SendQueue>>,
    /// The turn in which it was last sent to.
    pub(crate) sent_turn: u32,
    pub(crate) closing: Closing,
    /// The kernel took not everything; `Writable` will come.
    pub(crate) blocked: bool,
    /// It is in the list of connections to be sent to.
    pub(crate) dirty: bool,
    /// Its peer reads too slowly to be listened to.
    pub(crate) paused: bool,
    /// The kernel took something since the last heartbeat.
    pub(crate) progress: bool,
    /// The peer sends nothing more.
    pub(crate) input_ended: bool,
}

impl Connection {
    /// A connection that just came in.
    pub(crate) fn new(socket: Socket, peer: SocketAddr, reader: Reader) -> Self {
        Self {
            peer,
            socket,
            role: Role::Http(reader),
            queue: None,
            sent_turn: 0,
            closing: Closing::No,
            blocked: false,
            dirty: false,
            paused: false,
            progress: false,
            input_ended: false,
        }
    }

    /// Whether something could be sent at once.
    pub(crate) fn is_free(&self) -> bool {
        self.queue.is_none() && !self.blocked && self.closing == Closing::No
    }

    /// Bytes that wait to be sent.
    pub(crate) fn queue_bytes(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.bytes())
    }
}
