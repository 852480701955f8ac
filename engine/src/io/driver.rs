//! The contract of every driver: what it is asked to do, and what it reports. [`crate::io`] has the
//! invariants.

use std::io;
use std::net::SocketAddr;

use allspark_protocol::Instant;

use super::detached::Detached;
use super::introduction::Introduction;
use super::token::Token;
use super::waker::Waker;
use crate::memory::{LentBuffer, Slice};

/// A connection as its driver names it. Meaningless to any other driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Socket(pub u32);

/// What a driver is asked to do.
#[derive(Debug)]
pub enum Op {
    /// Accept connections from the driver's listener until [`Op::StopAccept`]. Asked for again, it
    /// looks whether connections wait of which the kernel has told somebody else.
    Accept,
    /// Accept no further connection and close the listener.
    StopAccept,
    /// Accept nobody until this moment: who comes waits in the backlog. Some that were on their
    /// way may still be accepted.
    RestAccept {
        /// When to go on.
        until: Instant,
    },
    /// Open a connection. Answered by [`Completion::Connected`].
    Connect {
        /// The peer.
        address: SocketAddr,
        /// Comes back in the answer.
        token: Token,
    },
    /// Receive until [`Op::StopReceive`], the end of the stream or an error. The token names the
    /// connection in every completion of this socket from now on.
    Receive {
        /// The connection.
        socket: Socket,
        /// Comes back in every completion.
        token: Token,
    },
    /// Stop receiving; `Receive` starts it again. Bytes that were already on their way may still
    /// be delivered, for one or two turns: never more than fit into the driver's receive buffers.
    StopReceive {
        /// The connection.
        socket: Socket,
    },
    /// Send without waiting. No completion means that everything was taken by the kernel.
    Send {
        /// The connection.
        socket: Socket,
        /// What to send.
        bytes: Slice,
    },
    /// As [`Op::Send`], for what lies in several slices, 1,024 at most.
    SendMany {
        /// The connection.
        socket: Socket,
        /// What to send.
        slices: Vec<Slice>,
    },
    /// Say once when the connection can be written to.
    AwaitWritable {
        /// The connection.
        socket: Socket,
    },
    /// Say how many of the bytes that were sent the peer has not acknowledged. Answered by
    /// [`Completion::Unsent`] in the turn that submits it.
    AskUnsent {
        /// The connection.
        socket: Socket,
    },
    /// Tell the peer that nothing more will be sent (FIN). Receiving goes on.
    Shutdown {
        /// The connection.
        socket: Socket,
    },
    /// Give the connection away, so that another driver can adopt it. Receiving and waiting for
    /// room stop; bytes that were already received are still delivered, under the connection's own
    /// token. Answered by [`Completion::Released`]; what is pushed for the socket after this is
    /// ignored. Nothing of a `Send` may be unsent: a rest that is reported before `Released` goes
    /// along only if the caller takes it along.
    ///
    /// The driver that adopts the connection reports the end of the stream, even if this driver has
    /// reported it already. `io_uring` can do it since Linux 6.8;
    /// [`probe_release`](super::probe_release) tells.
    Release {
        /// The connection.
        socket: Socket,
        /// Comes back in [`Completion::Released`].
        token: Token,
    },
    /// Take over a connection that another driver of the same kind released. Answered by
    /// [`Completion::Adopted`]; if the driver is full, the connection is closed.
    Adopt {
        /// The connection.
        socket: Detached,
        /// Comes back in the answer.
        token: Token,
    },
    /// Close the connection, ending everything that is pending on it.
    Close {
        /// The connection.
        socket: Socket,
        /// Comes back in [`Completion::Closed`].
        token: Token,
    },
}

/// What a driver has to report.
#[derive(Debug)]
pub enum Completion {
    /// A connection came in.
    Accepted {
        /// The connection; the next operation on it is `Receive`, `Release` or `Close`.
        socket: Socket,
        /// Where it comes from; [`UNIX_PEER`](super::UNIX_PEER) if it came through a Unix socket.
        peer: SocketAddr,
        /// Through which of the driver's listeners it came, in the order in which it got them.
        listener: u8,
    },
    /// Connections can't be accepted for now (descriptors or memory ran out). The driver tries
    /// again by itself when a socket is closed or after a pause.
    AcceptFailed {
        /// What the kernel said.
        error: io::Error,
    },
    /// The answer to [`Op::Connect`].
    Connected {
        /// The token of the request.
        token: Token,
        /// The connection, or why there is none.
        result: io::Result<Socket>,
    },
    /// Something was learnt about a connection since it was accepted, before the first bytes that
    /// are for the shard. Decorators report it, each once.
    Introduced {
        /// The connection.
        token: Token,
        /// What was learnt.
        about: Box<Introduction>,
    },
    /// A decorator keeps so many bytes for a connection: a part of a record, what a handshake
    /// needs, what the kernel did not take. It says so when that is or was worth a note
    /// ([`HELD_BYTES_MIN`](crate::limits::HELD_BYTES_MIN)).
    Held {
        /// The connection.
        token: Token,
        /// How many bytes now.
        bytes: u32,
    },
    /// Bytes came in.
    Received {
        /// The connection.
        token: Token,
        /// The bytes; returned to the driver when dropped.
        buffer: LentBuffer,
    },
    /// Nothing more will come: the peer closed its side (`Ok`), or the connection broke.
    ReceiveEnded {
        /// The connection.
        token: Token,
        /// `Ok` at the end of the stream.
        result: io::Result<()>,
    },
    /// The kernel took none or only a part of a `Send`; `rest` is what it did not take. Of a
    /// `SendMany` each slice that was not taken whole is reported, the last one first. An empty
    /// rest says that everything was taken, but a decorator still keeps some of it: the connection
    /// is as full as with any other rest.
    SendStalled {
        /// The connection.
        token: Token,
        /// What was not taken.
        rest: Slice,
    },
    /// A `Send` failed; the connection is of no further use.
    SendFailed {
        /// The connection.
        token: Token,
        /// What the kernel said.
        error: io::Error,
    },
    /// The answer to [`Op::AskUnsent`].
    Unsent {
        /// The connection.
        token: Token,
        /// How many bytes; the end of the stream counts as one. `None` if the kernel can't say
        /// (`io_uring` before Linux 6.7).
        bytes: Option<u32>,
    },
    /// The answer to [`Op::AwaitWritable`].
    Writable {
        /// The connection.
        token: Token,
    },
    /// The answer to [`Op::Release`], the last word about the socket, as [`Completion::Closed`] is.
    Released {
        /// The token given to [`Op::Release`].
        token: Token,
        /// The connection, or why it can't be given away (it is broken, or the process has no
        /// descriptor left, or the kernel is too old); it is then closed.
        result: io::Result<Detached>,
    },
    /// The answer to [`Op::Adopt`].
    Adopted {
        /// The token of the request.
        token: Token,
        /// The connection, or why it was closed; the next operation on it is `Receive`, `Release`
        /// or `Close`.
        result: io::Result<Socket>,
    },
    /// The connection and everything pending on it is gone.
    Closed {
        /// The token given to [`Op::Close`].
        token: Token,
    },
}

/// How long a turn may sleep when there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Only submit and collect what is there.
    No,
    /// Sleep until something happens or this moment.
    Until(Instant),
    /// Sleep until something happens.
    Forever,
}

/// Which driver it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverKind {
    /// `io_uring`, Linux 6.1 or newer.
    Uring,
    /// `epoll`.
    Epoll,
    /// Virtual time and an in-memory network.
    Sim,
}

impl DriverKind {
    /// The name on the command line and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uring => "uring",
            Self::Epoll => "epoll",
            Self::Sim => "sim",
        }
    }
}

/// Does operations and reports completions, for one shard, on the shard's thread.
pub trait Driver {
    /// Which driver it is.
    fn kind(&self) -> DriverKind;

    /// The clock. Reading it is cheap, but a shard reads it once per turn.
    fn now(&self) -> Instant;

    /// Milliseconds since 1970, the clock that Primus pings carry.
    fn unix_ms(&self) -> u64;

    /// Queues an operation for the next turn.
    fn push(&mut self, op: Op);

    /// Submits what was pushed, sleeps as `wait` says, and appends what completed. A bounded
    /// number of completions is reported per turn; the rest follows in the next.
    fn turn(&mut self, wait: Wait, completions: &mut Vec<Completion>) -> io::Result<()>;

    /// The moment in which the last turn was ready to sleep, if the driver read the clock for that.
    /// If it did not, it did not sleep, or nothing had said for how long.
    fn rested_from(&self) -> Option<Instant> {
        None
    }

    /// Whether something had happened by the end of the last turn that was not reported, so that
    /// bytes which have arrived may still be unknown to the shard.
    fn has_more(&self) -> bool {
        false
    }

    /// Gives back memory that only a past peak needed. Called seldom, between two turns.
    fn give_back(&mut self) {}

    /// Ends a sleep from another thread.
    fn waker(&self) -> Waker;
}
