//! The session of a WebSocket. Its kind depends on which end keeps the context of compression.

use allspark_protocol::websocket::deflate::Inflater;

use super::carried::CarriedSession;
use super::streaming::Streaming;

/// The server half of one WebSocket connection.
#[derive(Debug)]
pub struct WebSocketSession(pub(super) State);

#[derive(Debug)]
pub(super) enum State {
    /// The usual one: it owns nothing that can be shared.
    Streaming(Streaming),
    /// Its client compresses messages with the help of those before them.
    Inflating(Box<(Streaming, Inflater)>),
    /// So does the server.
    Carried(Box<CarriedSession>),
}

const _: () = assert!(
    size_of::<WebSocketSession>() <= 24,
    "there is one for every idle connection"
);

impl WebSocketSession {
    /// Bytes of heap memory that a message under way takes.
    pub(super) fn held_bytes(&self) -> usize {
        match &self.0 {
            State::Streaming(streaming) => streaming.held_bytes(),
            State::Inflating(own) => own.0.held_bytes(),
            State::Carried(own) => own.held_bytes(),
        }
    }
}
