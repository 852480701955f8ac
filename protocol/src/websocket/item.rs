//! What received bytes mean.

use std::borrow::Cow;

use super::deflate::Inflater;
use super::frame::Opcode;
use super::rules::Rules;
use super::{CloseCode, Violation, utf8};
use crate::input::Payload;
use crate::transformer::Kind;

/// What a [`Decoder`](super::Decoder) has read.
#[derive(Debug)]
pub enum Item<'i> {
    /// A whole message.
    Message {
        /// Text has been checked to be UTF-8.
        kind: Kind,
        /// The unmasked bytes of the message.
        payload: Payload<'i>,
    },
    /// A ping, which wants to be answered with a pong of the same payload; at most 125 bytes.
    Ping(Payload<'i>),
    /// A pong, asked for or not; at most 125 bytes.
    Pong(Payload<'i>),
    /// The peer sends nothing more. Unless we sent a close before, it waits for ours.
    Close {
        /// Why, if the peer said so.
        code: Option<CloseCode>,
        /// Words for the log, at most 123 bytes, often empty.
        reason: Cow<'i, str>,
    },
}

/// Reads a whole control frame.
pub(super) fn control_item(opcode: Opcode, payload: Payload<'_>) -> Result<Item<'_>, Violation> {
    match opcode {
        Opcode::Ping => Ok(Item::Ping(payload)),
        Opcode::Pong => Ok(Item::Pong(payload)),
        _ => close_item(payload),
    }
}

/// Inflates the joined payload of a message.
pub(super) fn inflated_item<'i>(
    kind: Kind,
    compressed: &[u8],
    rules: Rules,
    inflater: &mut Inflater,
) -> Result<Item<'i>, Violation> {
    let message = inflater.message(compressed, rules.message_bytes_max as usize)?;
    if kind == Kind::Text && !utf8::is_valid(&message) {
        return Err(Violation::InvalidUtf8);
    }
    let payload = Payload::Owned(message);
    Ok(Item::Message { kind, payload })
}

/// Reads the payload of a close frame: nothing, or a code and a reason (RFC 6455, 5.5.1).
fn close_item(payload: Payload<'_>) -> Result<Item<'_>, Violation> {
    let code = match *payload {
        [] => None,
        [_] => return Err(Violation::CloseCodeTruncated),
        [high, low, ..] => {
            let code = CloseCode::new(u16::from_be_bytes([high, low]));
            Some(code.ok_or(Violation::CloseCodeInvalid)?)
        }
    };
    let reason = match payload {
        Payload::Borrowed(bytes) => std::str::from_utf8(reason_of(bytes)).map(Cow::Borrowed),
        // It is short, so it is copied only if it was before.
        payload => {
            std::str::from_utf8(reason_of(&payload)).map(|reason| Cow::Owned(reason.to_owned()))
        }
    };
    let reason = reason.map_err(|_| Violation::InvalidUtf8)?;
    Ok(Item::Close { code, reason })
}

/// What follows the code in the payload of a close frame.
fn reason_of(payload: &[u8]) -> &[u8] {
    payload.get(2..).unwrap_or_default()
}
