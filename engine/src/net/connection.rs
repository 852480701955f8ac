//! What is kept of one connection.

use std::net::SocketAddr;

use super::queue::SendQueue;
use crate::io::Socket;

/// The state of a connection: a set of facts in two bytes. The first three are reasons not to
/// listen to it for now; each goes with its own cause, and none hides another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u16);

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
    /// Before its peer is judged by its silence, the kernel was asked what the peer took.
    pub(crate) const ASKED: Self = Self(64);
    /// Its timer belongs to its owner for now, so it is not watched.
    pub(crate) const OWNED: Self = Self(128);
    /// It is in the list of connections to be sent to.
    pub(crate) const DIRTY: Self = Self(2048);
    /// The kernel did not take everything; `Writable` will come.
    pub(crate) const BLOCKED: Self = Self(4096);

    /// It is counted for the address of its peer.
    pub(crate) const COUNTED: Self = Self(256);
    /// A request on it is under way.
    pub(crate) const UNDER_WAY: Self = Self(512);
    /// A handshake of TLS on it is under way.
    pub(crate) const SHAKING: Self = Self(1024);

    /// It was not listened to for a while since its peer was judged last by what it sends.
    pub(crate) const WAS_HELD: Self = Self(8192);
    /// Its timer says when an unfinished message of its peer is judged.
    pub(crate) const TIMED: Self = Self(16384);
    /// It is watched until its peer has everything, not only until everything is sent.
    pub(crate) const READING: Self = Self(32768);

    const HOLDS: u16 = Self::UNREAD.0 | Self::BEHIND.0 | Self::LEAVING.0;

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

/// How many requests and handshakes are under way on all connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnderWay {
    pub(crate) requests: usize,
    pub(crate) handshakes: usize,
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
pub(crate) struct Connection<O> {
    pub(crate) peer: SocketAddr,
    /// Through which of the server's listeners it came.
    pub(crate) listener: u8,
    /// Whom it belongs to. This module never looks at it.
    pub(crate) owner: O,
    pub(super) socket: Socket,
    pub(super) queue: Option<Box<SendQueue>>,
    /// The turn in which it was last sent to.
    pub(super) sent_turn: u32,
    pub(super) closing: Closing,
    pub(crate) flags: Flags,
    /// Bytes that the kernel took since it was asked last how much the peer has of them, and those
    /// that the peer did not have then.
    pub(super) taken_bytes: u32,
}

impl<O> Connection<O> {
    /// A connection that just came in.
    pub(super) fn new(socket: Socket, peer: SocketAddr, owner: O) -> Self {
        Self {
            peer,
            listener: 0,
            owner,
            socket,
            queue: None,
            sent_turn: 0,
            closing: Closing::No,
            flags: Flags::default(),
            taken_bytes: 0,
        }
    }

    /// How far its closing is.
    pub(crate) fn closing(&self) -> Closing {
        self.closing
    }

    /// Whether it is not being closed.
    pub(crate) fn is_open(&self) -> bool {
        self.closing == Closing::No
    }

    /// Whether something could be sent at once.
    pub(crate) fn is_free(&self) -> bool {
        self.queue.is_none() && !self.is_blocked() && self.is_open()
    }

    /// Whether something waits to be sent.
    pub(crate) fn has_unsent(&self) -> bool {
        self.queue.is_some() || self.is_blocked()
    }

    /// Whether the kernel has refused something, and has not yet said that it would take more.
    pub(crate) fn is_blocked(&self) -> bool {
        self.flags.has(Flags::BLOCKED)
    }

    /// More waits than before. Returns whether it comes into the list of those to be sent to.
    pub(super) fn begin_dirty(&mut self) -> bool {
        let begins = !self.flags.has(Flags::DIRTY.or(Flags::BLOCKED));
        if begins {
            self.flags.set(Flags::DIRTY);
        }
        begins
    }

    /// Whether the peer sends nothing more.
    pub(crate) fn input_ended(&self) -> bool {
        self.flags.has(Flags::INPUT_ENDED)
    }

    /// Whether its timer says when it is judged how much the peer took.
    pub(crate) fn is_watched(&self) -> bool {
        self.flags.has(Flags::WATCHED)
    }

    /// The kernel is given so many bytes.
    pub(super) fn count_taken(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.taken_bytes = self.taken_bytes.saturating_add(bytes);
    }

    /// It did not take so many of them.
    pub(super) fn count_refused(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.taken_bytes = self.taken_bytes.saturating_sub(bytes);
    }

    /// Bytes that wait to be sent.
    pub(crate) fn queue_bytes(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.bytes())
    }

    /// What they cost.
    pub(crate) fn queue_cost(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.cost())
    }

    /// What waits to be sent, if something does.
    pub(crate) fn queue(&self) -> Option<&SendQueue> {
        self.queue.as_deref()
    }
}
