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
    /// Its end of the WebSocket.
    pub(super) fn streaming(&self) -> &Streaming {
        match &self.0 {
            State::Streaming(streaming) => streaming,
            State::Inflating(own) => &own.0,
            State::Carried(own) => own.streaming(),
        }
    }

    pub(super) fn streaming_mut(&mut self) -> &mut Streaming {
        match &mut self.0 {
            State::Streaming(streaming) => streaming,
            State::Inflating(own) => &mut own.0,
            State::Carried(own) => own.streaming_mut(),
        }
    }
}
