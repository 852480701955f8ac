//! What a transport must offer so that the engine can serve it. Primus calls it a transformer.
//!
//! A [`Transformer`] answers requests under the pathname. When it accepts one as a new connection
//! it makes a [`Session`], and from then on the bytes of that socket belong to the session. Both
//! are sans-IO: bytes in, events and bytes out.
//!
//! # Invariants
//! - After an event [`Event::Ended`] a session yields no further event and takes no further byte.
//! - What a session appends to `out` is sent in that order, before anything written later.
//! - [`Transformer::frame`] depends on its arguments alone, so that one frame can be shared by
//!   every spark of the same [`Wire`] format.

use crate::http::{RequestHead, Response};
use crate::input::{Input, Payload};

/// Whether a message is text or bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Bytes without further meaning.
    Binary,
}

/// Names one way of framing among those of a transformer: all sparks that share it can be sent
/// the same bytes. Small numbers, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wire(pub u8);

/// What becomes of a request.
#[derive(Debug)]
pub enum Answer<S> {
    /// An ordinary HTTP answer; the connection stays an HTTP connection.
    Respond(Response),
    /// The answer is sent, and from then on the connection belongs to the session.
    Upgrade {
        /// The `101` answer.
        response: Response,
        /// The new session.
        session: S,
    },
}

/// What a session understood.
#[derive(Debug)]
pub enum Event<'i> {
    /// A whole message.
    Message {
        /// Text has been checked to be UTF-8.
        kind: Kind,
        /// The bytes of the message.
        payload: Payload<'i>,
    },
    /// A sign of life below the level of messages, which counts like a Primus pong.
    Alive,
    /// The transport is over. What `out` holds is still sent, then the socket is closed.
    Ended(End),
}

/// Why a transport is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer said goodbye in the words of the transport.
    Goodbye,
    /// The peer broke a rule or a limit. The sentence names it.
    Violation(&'static str),
}

/// The server half of a transport, shared by all connections of a shard.
pub trait Transformer: Clone + Send + 'static {
    /// The state of one connection.
    type Session: Session;

    /// How many wire formats there are: `Wire(0)` to `Wire(WIRES - 1)`.
    const WIRES: u8;

    /// The name as Primus spells it, for instance `websockets`.
    fn name(&self) -> &'static str;

    /// Answers a request under the pathname that is none of Primus's own (spec, library).
    fn request(&self, head: &RequestHead<'_>) -> Answer<Self::Session>;

    /// Appends the frame of one message to `out`.
    fn frame(wire: Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>);
}

/// The server half of one connection.
pub trait Session: 'static {
    /// The wire format of everything that is sent here.
    fn wire(&self) -> Wire;

    /// Consumes from `input` up to the next event, or all of it. Answers that the transport itself
    /// owes (a pong, a closing frame) are appended to `out`.
    fn receive<'i>(&mut self, input: &mut Input<'i>, out: &mut Vec<u8>) -> Option<Event<'i>>;

    /// Says goodbye in the words of the transport. Returns whether the peer is expected to answer
    /// before the socket is closed.
    fn close(&mut self, out: &mut Vec<u8>) -> bool;
}
