//! The binary parsers: `msgpack` and `binary`. Both pack a value into few bytes, each of which
//! begins with a byte that says what follows; they differ in some of these bytes and in how they
//! write numbers, which is their [`Dialect`].
//!
//! | module | what it does |
//! |---|---|
//! | [`read`] | takes messages apart: bounds, types, lengths; what a dialect is |
//! | [`write`] | writes what both write alike |
//! | [`decode`] | checks messages, and builds values |
//! | [`encode`] | writes values |
//! | [`msgpack`], [`binary`] | what only one of them knows |
//!
//! Crates for MessagePack write other bytes than the packages of Primus do (a whole number beyond
//! 32 bits is a double there, 255 bytes have a length of 16 bits, objects are never arrays), and
//! none knows the other format. So this is our own.
//!
//! Differences from the npm packages, all on purpose:
//! - arrays and maps nest at most [`crate::limits::VALUE_DEPTH_MAX`] levels;
//! - a message ends with its value: bytes behind it are an error, which the packages do not look
//!   at;
//! - integers that fit an `i64` or `u64` are exact; those that no double can hold are written with
//!   64 bits, which the packages read as the nearest double;
//! - keys are text, numbers, booleans or null, and become text as in JavaScript; others are an
//!   error;
//! - a received message is sent again byte for byte, even if it is packed more loosely than the
//!   packages do it.
//!
//! As in the packages, U+FFFD stands for whatever is not UTF-8 in a text.

mod binary;
mod decode;
mod encode;
mod msgpack;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::borrow::Cow;

pub use binary::BinaryPack;
pub use msgpack::MsgPack;

use super::{DecodeError, EncodeError, ParseError, Parser, Scratch};
use crate::primus::packet::PREFIX;
use crate::transformer::Kind;
use crate::value::Value;
use read::{Dialect, Reader, Token};

impl<D: Dialect> Parser for D {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn kind(&self, _: Kind) -> Kind {
        Kind::Binary
    }

    fn check(&self, kind: Kind, message: &[u8]) -> Result<(), ParseError> {
        decode::check::<D>(binary(kind, message)?)
    }

    #[inline]
    fn control<'m>(&self, kind: Kind, message: &'m [u8]) -> Option<Cow<'m, str>> {
        let mut reader = Reader::new(binary(kind, message).ok()?);
        match reader.token::<D>() {
            Ok(Token::Text(text)) if text.starts_with(PREFIX.as_bytes()) => {
                let is_all = reader.finish().is_ok();
                is_all.then(|| String::from_utf8_lossy(text))
            }
            _ => None,
        }
    }

    fn decode(&self, kind: Kind, message: &[u8], _: &mut Scratch) -> Result<Value, DecodeError> {
        Ok(decode::value::<D>(binary(kind, message)?)?)
    }

    fn encode_value(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError> {
        encode::value::<D>(value, out)?;
        Ok(Kind::Binary)
    }

    fn encode_str(&self, value: &str, out: &mut Vec<u8>) -> Kind {
        encode::text::<D>(value, out);
        Kind::Binary
    }

    fn passes_through(&self, _: Kind, _: &[u8]) -> bool {
        true
    }

    fn encode_checked(&self, kind: Kind, message: &[u8], out: &mut Vec<u8>) -> Kind {
        out.extend_from_slice(message);
        self.kind(kind)
    }
}

/// The message, if it came as bytes. Text is no message of these parsers, as in the packages.
fn binary(kind: Kind, message: &[u8]) -> Result<&[u8], ParseError> {
    match kind {
        Kind::Binary => Ok(message),
        Kind::Text => Err(ParseError::NotBinary),
    }
}
