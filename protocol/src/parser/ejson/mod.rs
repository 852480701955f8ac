//! EJSON, Meteor's extended JSON, as npm ejson 2 has it: JSON text in which objects with certain
//! names stand for what JSON lacks.
//!
//! | in the text | as a value |
//! |---|---|
//! | `{"$date":0}` | [`Extended::Date`](crate::value::Extended::Date) |
//! | `{"$binary":"AAE="}` | bytes |
//! | `{"$InfNaN":0}`, `1`, `-1` | not-a-number and the infinities |
//! | `{"$regexp":"a","$flags":"g"}` | [`Extended::RegExp`](crate::value::Extended::RegExp) |
//! | `{"$type":"T","$value":..}` | [`Extended::Custom`](crate::value::Extended::Custom) |
//! | `{"$escape":{"$date":0}}` | an object of the application that looks like one of these |
//!
//! The value of a custom type is JSON and is not looked at. Of flags those are kept that the
//! package keeps (`gimuy`).
//!
//! | module | what it does |
//! |---|---|
//! | [`forms`] | which objects stand for something |
//! | [`judge`] | whether what they hold makes sense, without building anything |
//! | [`read`] | makes values of them |
//! | [`write`] | writes them |
//!
//! Differences from the package, all on purpose, beside those of [`super::Json`]:
//! - a form with a content that makes no sense (a date that is no number or too far away, bytes
//!   that are no base64) is an error. The package makes of some of them whatever JavaScript makes
//!   of them;
//! - a custom type need not be known here. The package refuses what nobody added by `addType`;
//! - whether a regular expression is one is left to who uses it.

mod forms;
mod judge;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::borrow::Cow;

use memchr::memmem;
use serde::de::DeserializeOwned;

use super::{DecodeError, EncodeError, Json, ParseError, Parser, Scratch, typed};
use crate::transformer::Kind;
use crate::value::Value;

/// The parser `ejson`, in text messages. Bytes are no message of it, as in Primus.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ejson;

impl Parser for Ejson {
    fn name(&self) -> &'static str {
        "ejson"
    }

    fn kind(&self, _: Kind) -> Kind {
        Kind::Text
    }

    fn check(&self, kind: Kind, message: &[u8]) -> Result<(), ParseError> {
        Json.check(Kind::Text, text(kind, message)?)?;
        if !may_hold_forms(message) {
            return Ok(());
        }
        judge::judge(message).map_err(|what| ParseError::Refused { what })
    }

    #[inline]
    fn control<'m>(&self, kind: Kind, message: &'m [u8]) -> Option<Cow<'m, str>> {
        Json.control(kind, message)
    }

    fn decode(
        &self,
        kind: Kind,
        message: &[u8],
        scratch: &mut Scratch,
    ) -> Result<Value, DecodeError> {
        let value = Json.decode(Kind::Text, text(kind, message)?, scratch)?;
        if !may_hold_forms(message) {
            return Ok(value);
        }
        let value = read::from_json(value).map_err(|what| ParseError::Refused { what })?;
        Ok(value)
    }

    fn decode_as<T: DeserializeOwned>(
        &self,
        kind: Kind,
        message: &[u8],
        scratch: &mut Scratch,
    ) -> Result<T, DecodeError> {
        match may_hold_forms(message) {
            true => typed::from_value(self.decode(kind, message, scratch)?),
            false => Json.decode_as(Kind::Text, text(kind, message)?, scratch),
        }
    }

    fn encode_value(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError> {
        Json.encode_serialize(&write::Written(value), out)
    }

    fn encode_str(&self, value: &str, out: &mut Vec<u8>) -> Kind {
        Json.encode_str(value, out)
    }

    fn passes_through(&self, kind: Kind, message: &[u8]) -> bool {
        Json.passes_through(kind, message)
    }

    fn encode_checked(&self, _: Kind, message: &[u8], out: &mut Vec<u8>) -> Kind {
        Json.encode_checked(Kind::Text, message, out)
    }
}

fn text(kind: Kind, message: &[u8]) -> Result<&[u8], ParseError> {
    match kind {
        Kind::Text => Ok(message),
        Kind::Binary => Err(ParseError::NotText),
    }
}

/// Whether a name of the message may begin with a dollar, however that is written.
fn may_hold_forms(message: &[u8]) -> bool {
    memmem::find(message, b"\"$").is_some() || memmem::find(message, b"\"\\u0024").is_some()
}
