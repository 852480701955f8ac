//! What a shard keeps of one connection.

use std::net::SocketAddr;

use allspark_protocol::http::Reader;

use super::queue::SendQueue;
use crate::io::Socket;
use crate::memory::Key;

/// What the bytes of a connection are.
pub(crate) enum Role {
    /// HTTP requests.
    Http(Reader),
    /// The session of a spark, which may have ended and wait for the peer's goodbye.
    Spark(Key),
    /// Of no interest: the connection is about to be closed.
    Discard,
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

    /// Bytes that wait to be sent.
    pub(crate) fn queue_bytes(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.bytes())
    }
}
