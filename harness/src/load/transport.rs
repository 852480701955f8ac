//! The client's half of the transformer `websockets`: the handshake, then messages.

use allspark_protocol::Input;
use allspark_protocol::input::Payload;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::{CloseCode, Decoder, Item, Role, Violation};
use thiserror::Error;

use super::handshake::{Handshake, Refusal};

/// What a client understands of the bytes that come in. Once open it owns no heap memory between
/// two messages.
#[derive(Debug)]
pub(crate) enum Transport {
    /// There is no connection.
    Ended,
    /// The answer to the upgrade is awaited.
    Handshake(Box<Handshake>),
    /// Messages come in.
    Open(Decoder),
}

/// What came in.
#[derive(Debug)]
pub(crate) enum Incoming<'i> {
    /// The server has accepted the connection.
    Opened,
    /// A message, of text or of bytes.
    Message(Kind, Payload<'i>),
    /// A ping of the transport, which wants a pong of the same payload.
    Ping(Payload<'i>),
    /// The server says goodbye, or answers ours.
    Goodbye(Option<CloseCode>),
}

/// The server did what it must not do, or did not accept the connection.
#[derive(Debug, Error)]
pub(crate) enum Fatal {
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("{0}")]
    Violated(#[from] Violation),
}

impl Transport {
    /// Whether the next byte that comes in begins a message.
    pub(crate) fn is_between_messages(&self) -> bool {
        matches!(self, Self::Open(decoder) if decoder.is_between_messages())
    }

    /// Takes from the input up to the next thing that came in, or all of it.
    pub(crate) fn next<'i>(
        &mut self,
        input: &mut Input<'i>,
        message_bytes_max: usize,
    ) -> Result<Option<Incoming<'i>>, Fatal> {
        match self {
            Self::Ended => {
                input.take_all();
                Ok(None)
            }
            Self::Handshake(handshake) => {
                let opened = handshake.receive(input)?;
                Ok(opened.then(|| {
                    *self = Self::Open(Decoder::new(Role::Client, message_bytes_max));
                    Incoming::Opened
                }))
            }
            Self::Open(decoder) => next_item(decoder, input),
        }
    }
}

fn next_item<'i>(
    decoder: &mut Decoder,
    input: &mut Input<'i>,
) -> Result<Option<Incoming<'i>>, Fatal> {
    loop {
        return Ok(match decoder.next(input)? {
            None => None,
            Some(Item::Message { kind, payload }) => Some(Incoming::Message(kind, payload)),
            Some(Item::Ping(payload)) => Some(Incoming::Ping(payload)),
            Some(Item::Pong(_)) => continue,
            Some(Item::Close { code, .. }) => Some(Incoming::Goodbye(code)),
        });
    }
}
