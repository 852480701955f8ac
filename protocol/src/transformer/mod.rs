//! What a transport must offer so that the engine can serve it, and what its client half looks
//! like. Primus calls a transport a transformer.
//!
//! Both halves are sans-IO: bytes and a moment go in, [`Outputs`] come out. A [`Transformer`] is
//! the server half of a transport, shared by all sessions of a shard; a [`ClientTransport`] is the
//! client half of one connection in the sense of Primus.
//!
//! A **session** is what a spark is to its transport. It is reached through **carriers**: TCP
//! connections that the engine owns. The session of a WebSocket has one carrier for life. That of a
//! polling transport has none, one or several at a time, and outlives them.
//!
//! # Invariants
//! - What is written to one carrier is sent in that order.
//! - After [`End`] no further message comes from a session.

mod client;
mod outputs;
mod server;

pub use client::{ClientOutput, ClientOutputs, ClientTransport, Link};
pub use outputs::{Output, Outputs};
pub use server::{Answer, Context, Event, PacedPart, SessionName, Transformer, Units};

use crate::websocket::CloseCode;

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

/// A TCP connection as a session knows it: while a request on it waits for its answer, and from
/// an upgrade on for good. Meaningless to anybody but the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Carrier(pub u64);

/// Why a transport is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer said goodbye in the words of the transport, or is gone without a word: its carrier
    /// was lost, or it was silent for too long. As in Primus no `error` tells of it.
    Goodbye,
    /// As before, and the words were a close frame with this code.
    Closed(CloseCode),
    /// The peer broke a rule or a limit. The sentence says which.
    Violation(&'static str),
}

impl End {
    /// The end by a close frame, which need not have a code.
    pub fn closed(code: Option<CloseCode>) -> Self {
        code.map_or(Self::Goodbye, Self::Closed)
    }

    /// Whether it is the peer's doing or fate, and nothing was wrong.
    pub fn is_goodbye(&self) -> bool {
        !matches!(self, Self::Violation(_))
    }
}
