//! JSON as JavaScript understands it: what `JSON.parse` accepts and what `JSON.stringify` writes.
//!
//! | module | what it does |
//! |---|---|
//! | [`scan`] | whether a text is JSON, without building anything |
//! | [`skip`] | skips strings and digits fast, on any CPU |
//! | [`vector`] | skips strings and numbers faster, on CPUs with AVX2 |
//! | [`control`] | finds the messages of Primus among those of the application |
//! | [`decode`] | builds values |
//! | [`repair`] | rewrites what the library that builds them does not take |
//! | [`encode`] | writes values |
//! | [`separators`] | the two line separators that Primus escapes |
//!
//! Differences from `JSON.parse`, all on purpose:
//! - arrays and objects nest at most [`crate::limits::VALUE_DEPTH_MAX`] levels;
//! - integers that fit an `i64` or `u64` are exact;
//! - a lone surrogate decodes to U+FFFD, because Rust's strings hold none;
//! - a number too large for a float decodes to the largest float, not to infinity, which JSON
//!   could not express again;
//! - keys that look like numbers stay in their place and do not move to the front.

mod control;
mod decode;
mod encode;
mod repair;
mod scan;
mod separators;
mod skip;
#[cfg(target_arch = "x86_64")]
mod vector;

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::value::BytesDeserializer;

use super::{DecodeError, EncodeError, ParseError, Parser, Scratch};
use crate::transformer::Kind;
use crate::value::{Misfit, Value};

/// The parser `json`, the one that Primus uses by default.
///
/// Bytes are no JSON. As in Primus, a binary message passes through undecoded and is a value of
/// bytes; written again, bytes become what Node.js makes of a `Buffer`:
/// `{"type":"Buffer","data":[1,2]}`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Parser for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn kind(&self, _: Kind) -> Kind {
        Kind::Text
    }

    #[inline]
    fn check(&self, kind: Kind, message: &[u8]) -> Result<(), ParseError> {
        match kind {
            Kind::Text => scan::scan(message),
            Kind::Binary => Ok(()),
        }
    }

    #[inline]
    fn control<'m>(&self, kind: Kind, message: &'m [u8]) -> Option<Cow<'m, str>> {
        match kind {
            Kind::Text if control::may_be_control(message) => control::control(message),
            _ => None,
        }
    }

    fn decode(
        &self,
        kind: Kind,
        message: &[u8],
        scratch: &mut Scratch,
    ) -> Result<Value, DecodeError> {
        match kind {
            Kind::Text => decode::value(message, scratch),
            Kind::Binary => Ok(Value::Bytes(message.into())),
        }
    }

    fn decode_as<T: DeserializeOwned>(
        &self,
        kind: Kind,
        message: &[u8],
        scratch: &mut Scratch,
    ) -> Result<T, DecodeError> {
        match kind {
            Kind::Text => decode::typed(message, scratch),
            Kind::Binary => T::deserialize(BytesDeserializer::<Misfit>::new(message))
                .map_err(|misfit| DecodeError::Mismatch(misfit.to_string())),
        }
    }

    fn encode_value(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError> {
        self.encode_serialize(value, out)
    }

    fn encode_serialize<T: Serialize + ?Sized>(
        &self,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<Kind, EncodeError> {
        encode::serialize(value, out)?;
        Ok(Kind::Text)
    }

    fn encode_str(&self, value: &str, out: &mut Vec<u8>) -> Kind {
        encode::string(value, out);
        Kind::Text
    }

    #[inline]
    fn passes_through(&self, kind: Kind, message: &[u8]) -> bool {
        kind == Kind::Text && separators::find(message).is_none()
    }

    fn encode_checked(&self, kind: Kind, message: &[u8], out: &mut Vec<u8>) -> Kind {
        match kind {
            Kind::Text => separators::escape(message, out),
            Kind::Binary => encode::bytes(message, out),
        }
        Kind::Text
    }
}

#[cfg(test)]
mod tests;
