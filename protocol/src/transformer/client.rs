//! The client half of a transport.

use std::ops::Range;

use super::{End, Kind};
use crate::input::Input;
use crate::time::Instant;

/// A TCP connection to the server as a client half names it. A number is not used again within
/// one client half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link(pub u32);

/// One thing that a client half wants done, or reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOutput {
    /// Connect to the server. The owner keeps what is written to the link before, and sends it as
    /// soon as the link is connected.
    Connect(Link),
    /// Send these bytes, found with [`ClientOutputs::bytes`].
    Write(Link, Range<usize>),
    /// Close the link as soon as everything that was written to it is sent. The owner reports
    /// nothing about this link any more.
    Close(Link),
    /// The connection is open: messages can be sent.
    Open,
    /// A message came.
    Message {
        /// Text has been checked to be UTF-8.
        kind: Kind,
        /// Where the message lies.
        bytes: Range<usize>,
    },
    /// The connection is over, or could not be opened. Nothing comes after it but
    /// [`ClientOutput::Close`].
    Ended(End),
}

/// What a client half wants done and has to tell, in order.
#[derive(Debug, Default)]
pub struct ClientOutputs {
    list: Vec<ClientOutput>,
    bytes: Vec<u8>,
}

impl ClientOutputs {
    /// Everything, in order.
    pub fn list(&self) -> &[ClientOutput] {
        &self.list
    }

    /// The bytes of an output.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Empties it for the next call.
    pub fn clear(&mut self) {
        self.list.clear();
        self.bytes.clear();
    }

    /// See [`ClientOutput::Connect`].
    pub fn connect(&mut self, link: Link) {
        self.list.push(ClientOutput::Connect(link));
    }

    /// See [`ClientOutput::Write`]. What `write` appends is sent; nothing if it appends nothing.
    pub fn write<R>(&mut self, link: Link, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let start = self.bytes.len();
        let result = write(&mut self.bytes);
        if self.bytes.len() > start {
            let bytes = start..self.bytes.len();
            self.list.push(ClientOutput::Write(link, bytes));
        }
        result
    }

    /// See [`ClientOutput::Close`].
    pub fn close(&mut self, link: Link) {
        self.list.push(ClientOutput::Close(link));
    }

    /// See [`ClientOutput::Open`].
    pub fn open(&mut self) {
        self.list.push(ClientOutput::Open);
    }

    /// See [`ClientOutput::Message`].
    pub fn message(&mut self, kind: Kind, payload: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        let bytes = start..self.bytes.len();
        self.list.push(ClientOutput::Message { kind, bytes });
    }

    /// See [`ClientOutput::Ended`].
    pub fn ended(&mut self, end: End) {
        self.list.push(ClientOutput::Ended(end));
    }
}

/// The client half of one connection in the sense of Primus. It may use several TCP connections,
/// one after another or at once.
///
/// Its owner calls [`ClientTransport::start`] once, then hands it whatever comes in, carries out
/// what it wants after each call, and calls [`ClientTransport::expired`] when the deadline passed.
/// It may be moved to another thread between two calls.
pub trait ClientTransport: Send + 'static {
    /// Begins to connect.
    fn start(&mut self, now: Instant, out: &mut ClientOutputs);

    /// Consumes all bytes that a link received.
    fn receive(&mut self, now: Instant, link: Link, input: &mut Input<'_>, out: &mut ClientOutputs);

    /// A link could not be connected, or was closed by the server, or broke.
    fn lost(&mut self, now: Instant, link: Link, out: &mut ClientOutputs);

    /// Sends a message, after [`ClientOutput::Open`].
    fn send(&mut self, now: Instant, kind: Kind, payload: &[u8], out: &mut ClientOutputs);

    /// Says goodbye. [`ClientOutput::Ended`] follows: at once, when the server has answered, or
    /// when the server's time to answer is over.
    fn close(&mut self, now: Instant, out: &mut ClientOutputs);

    /// The id of the spark, if the connection is open and the transport tells the id to its client.
    fn session_id(&self) -> Option<&str> {
        None
    }

    /// When the owner has to call [`ClientTransport::expired`]; `None` for never.
    fn deadline(&self) -> Option<Instant>;

    /// The deadline has passed.
    fn expired(&mut self, now: Instant, out: &mut ClientOutputs);
}
