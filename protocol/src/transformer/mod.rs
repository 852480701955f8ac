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
mod progress;
mod server;

pub use client::{ClientOutput, ClientOutputs, ClientTransport, Link};
pub use outputs::{Output, Outputs};
pub use progress::{Meter, Progress};
pub use server::{Answer, Begun, Context, Event, PacedPart, SessionName, Transformer, Units};

use crate::websocket::CloseCode;

/// Whether a message is text or bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Bytes without further meaning.
    Binary,
}

/// One of the framing formats of a transformer. Sparks with the same wire receive the same bytes
/// for the same message. The formats are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wire(pub u8);

/// A TCP connection as a session knows it. A session has a carrier while a request on it waits for
/// its answer; after an upgrade it has the carrier until one of them ends. Only the engine knows
/// what the number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Carrier(pub u64);

/// Why a transport is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer said goodbye as the transport defines it, or went away without a goodbye: its
    /// carrier broke, or the peer was silent for too long. As in Primus, the spark emits no
    /// `error`.
    Goodbye,
    /// As [`End::Goodbye`]; the goodbye was a WebSocket close frame with this code.
    Closed(CloseCode),
    /// The peer broke a rule or a limit. The sentence says which.
    Violation(&'static str),
}

impl End {
    /// The end by a close frame, which need not have a code.
    pub fn closed(code: Option<CloseCode>) -> Self {
        code.map_or(Self::Goodbye, Self::Closed)
    }

    /// Whether the session ended without a violation.
    pub fn is_goodbye(&self) -> bool {
        !matches!(self, Self::Violation(_))
    }
}
