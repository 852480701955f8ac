//! What a shard keeps of one connection.

use std::net::SocketAddr;

use allspark_protocol::http::{BodyFraming, Reader, RequestHead};

use super::browser::Browser;
use super::paced::Paced;
use super::queue::SendQueue;
use super::travel::Leaving;
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
    Leaving(Box<Leaving>),
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
            // Something on the way may take whatever answers a request for an upgrade for the
            // upgrade, and the bytes behind it for another protocol's: they must not be requests.
            keep_alive: head.keep_alive() && !names_upgrade(head),
            head_only: head.method() == "HEAD",
            minor_version: head.minor_version(),
        }
    }
}

/// Whether it has the header `Upgrade`, whatever else it has.
fn names_upgrade(head: &RequestHead<'_>) -> bool {
    let mut names = head.headers().map(|(name, _)| name);
    names.any(|name| name.eq_ignore_ascii_case("upgrade"))
}

/// What is the case about a connection: a set in one byte. The first three are reasons not to
/// listen to it for now; each goes with its own cause, and none hides another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    /// Its peer reads too slowly to be listened to, until everything is sent.
    pub(crate) const UNREAD: Self = Self(1);
    /// Its peer sends behind a request that is not answered yet.
    pub(crate) const BEHIND: Self = Self(2);
    /// It is on its way to another shard, which will listen to it.
    pub(crate) const LEAVING: Self = Self(4);
    /// The peer sends nothing more.
    pub(crate) const INPUT_ENDED: Self = Self(8);
    /// Its timer says when it is judged how much the peer took of what waits to be sent.
    pub(crate) const WATCHED: Self = Self(16);
    /// It is known where that measurement began.
    pub(crate) const MEASURED: Self = Self(32);

    /// Before its spark is judged by its silence, the kernel was asked what the peer took.
    pub(crate) const ASKED: Self = Self(64);

    const HOLDS: u8 = Self::UNREAD.0 | Self::BEHIND.0 | Self::LEAVING.0;

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether one of these is the case.
    pub(crate) fn has(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    /// Whether there is a reason not to listen.
    pub(crate) fn is_held(self) -> bool {
        self.0 & Self::HOLDS != 0
    }

    pub(crate) fn set(&mut self, flags: Self) {
        self.0 |= flags.0;
    }

    pub(crate) fn clear(&mut self, flags: Self) {
        self.0 &= !flags.0;
    }

    /// Drops all reasons not to listen. Returns whether there was one.
    pub(crate) fn clear_holds(&mut self) -> bool {
        let was_held = self.is_held();
        self.0 &= !Self::HOLDS;
        was_held
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
    pub(crate) flags: Flags,
    /// Bytes that the kernel took since it was asked last how much the peer has of them, and those
    /// that the peer did not have then.
    pub(crate) taken_bytes: u32,
}

// There may be a million of them.
const _: () = assert!(size_of::<Connection>() == 80);

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
            flags: Flags::default(),
            taken_bytes: 0,
        }
    }

    /// Whether something could be sent at once.
    pub(crate) fn is_free(&self) -> bool {
        self.queue.is_none() && !self.blocked && self.closing == Closing::No
    }

    /// Whether something waits to be sent.
    pub(crate) fn has_unsent(&self) -> bool {
        self.queue.is_some() || self.blocked
    }

    /// Whether the peer sends nothing more.
    pub(crate) fn input_ended(&self) -> bool {
        self.flags.has(Flags::INPUT_ENDED)
    }

    /// The kernel is given so many bytes.
    pub(crate) fn count_taken(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.taken_bytes = self.taken_bytes.saturating_add(bytes);
    }

    /// It did not take so many of them.
    pub(crate) fn count_refused(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.taken_bytes = self.taken_bytes.saturating_sub(bytes);
    }

    /// Bytes that wait to be sent.
    pub(crate) fn queue_bytes(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.bytes())
    }
}
