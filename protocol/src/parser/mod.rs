//! How a message becomes a value and a value a message. Primus calls this the parser.
//!
//! A parser is asked no more than someone needs: [`Parser::check`] reads a message without building
//! anything, [`Parser::control`] finds the messages of Primus itself, and only [`Parser::decode`]
//! builds a value. A message that is only passed on is never decoded: [`Parser::encode_checked`]
//! writes it again as it came.
//!
//! Each parser is one module with one type; [`ParserKind`] is the closed set of them that a server
//! stores. To add one is to write its module and to name it in the lists of this file.
//!
//! # Invariants
//! - Text that is handed in is UTF-8: the sessions of the transformers see to that.
//! - Nothing that a peer sends panics, recurses deeper than [`crate::limits::JSON_DEPTH_MAX`], or
//!   holds memory after its message is done with.
//! - What [`Parser::check`] accepts, [`Parser::decode`] decodes.
//! - An encoding that fails leaves `out` as it was.

mod error;
mod json;
mod raw;
mod scratch;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::{DecodeError, EncodeError, ParseError, UnknownParser};
pub use json::Json;
pub use raw::Raw;
pub use scratch::Scratch;

use crate::transformer::Kind;
use crate::value::Value;

/// What the engine needs of a parser.
pub trait Parser: Copy + Send + Sync + 'static {
    /// The name as Primus spells it, for instance `json`.
    fn name(&self) -> &'static str;

    /// As which kind a message of the kind `message` leaves when it is written again.
    fn kind(&self, message: Kind) -> Kind;

    /// Whether a received message is one that this parser understands. It builds nothing.
    ///
    /// # Errors
    /// The peer is at fault. As in Primus, the connection can go on.
    fn check(&self, kind: Kind, message: &[u8]) -> Result<(), ParseError>;

    /// The string that a message consists of, if it starts with `primus::` and so belongs to Primus
    /// (see [`crate::primus::Packet::parse`]). `None`, after a few bytes, for any message of the
    /// app, and for a message that is not valid. It need not have been checked.
    fn control<'m>(&self, kind: Kind, message: &'m [u8]) -> Option<Cow<'m, str>>;

    /// Builds the value of a message. It need not have been checked.
    ///
    /// # Errors
    /// If the message is not valid.
    fn decode(
        &self,
        kind: Kind,
        message: &[u8],
        scratch: &mut Scratch,
    ) -> Result<Value, DecodeError>;

    /// Builds a value of the app's own type. The message need not have been checked.
    ///
    /// # Errors
    /// If the message is not valid, or is not the message of a `T`.
    fn decode_as<T: DeserializeOwned>(
        &self,
        kind: Kind,
        message: &[u8],
        scratch: &mut Scratch,
    ) -> Result<T, DecodeError>;

    /// Appends the message of a value to `out` and says as which kind it is sent.
    ///
    /// # Errors
    /// If this parser has no message for such a value.
    fn encode_value(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError>;

    /// Appends the message of a value of the app's own type, like [`Parser::encode_value`].
    ///
    /// # Errors
    /// If this parser has no message for such a value, or its `Serialize` fails.
    fn encode_serialize<T: Serialize + ?Sized>(
        &self,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<Kind, EncodeError>;

    /// Appends the message of a string, for instance of one that [`crate::primus::Packet`] wrote.
    fn encode_str(&self, value: &str, out: &mut Vec<u8>) -> Kind;

    /// Whether a received message that passed [`Parser::check`] can be sent again byte for byte. If
    /// so the caller may share the bytes it has instead of calling [`Parser::encode_checked`].
    fn passes_through(&self, kind: Kind, message: &[u8]) -> bool;

    /// Appends a received message that passed [`Parser::check`], as decoding and encoding it would,
    /// but without either.
    fn encode_checked(&self, kind: Kind, message: &[u8], out: &mut Vec<u8>) -> Kind;
}

/// The parsers that a server can be started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ParserKind {
    /// JSON text, as `JSON.parse` and `JSON.stringify` understand it. What Primus does by default.
    #[default]
    Json,
    /// No parser: text is a string and stays text, bytes are bytes and stay bytes.
    Raw,
}

/// Calls the parser that a [`ParserKind`] stands for.
macro_rules! with_parser {
    ($kind:expr, $parser:ident => $call:expr) => {
        match $kind {
            ParserKind::Json => {
                let $parser = Json;
                $call
            }
            ParserKind::Raw => {
                let $parser = Raw;
                $call
            }
        }
    };
}

impl ParserKind {
    /// Every parser there is, in the order in which errors and help texts name them.
    pub const ALL: [Self; 2] = [Self::Json, Self::Raw];

    /// Finds a parser by its name, in any case.
    ///
    /// # Errors
    /// If there is none of that name. The error lists those that there are.
    pub fn from_name(name: &str) -> Result<Self, UnknownParser> {
        Self::ALL
            .into_iter()
            .find(|parser| parser.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownParser::new(name))
    }
}

impl FromStr for ParserKind {
    type Err = UnknownParser;

    fn from_str(name: &str) -> Result<Self, UnknownParser> {
        Self::from_name(name)
    }
}

impl fmt::Display for ParserKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Parser for ParserKind {
    fn name(&self) -> &'static str {
        with_parser!(self, parser => parser.name())
    }

    fn kind(&self, message: Kind) -> Kind {
        with_parser!(self, parser => parser.kind(message))
    }

    fn check(&self, kind: Kind, message: &[u8]) -> Result<(), ParseError> {
        with_parser!(self, parser => parser.check(kind, message))
    }

    fn control<'m>(&self, kind: Kind, message: &'m [u8]) -> Option<Cow<'m, str>> {
        with_parser!(self, parser => parser.control(kind, message))
    }

    fn decode(
        &self,
        kind: Kind,
        message: &[u8],
        scratch: &mut Scratch,
    ) -> Result<Value, DecodeError> {
        with_parser!(self, parser => parser.decode(kind, message, scratch))
    }

    fn decode_as<T: DeserializeOwned>(
        &self,
        kind: Kind,
        message: &[u8],
        scratch: &mut Scratch,
    ) -> Result<T, DecodeError> {
        with_parser!(self, parser => parser.decode_as(kind, message, scratch))
    }

    fn encode_value(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError> {
        with_parser!(self, parser => parser.encode_value(value, out))
    }

    fn encode_serialize<T: Serialize + ?Sized>(
        &self,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<Kind, EncodeError> {
        with_parser!(self, parser => parser.encode_serialize(value, out))
    }

    fn encode_str(&self, value: &str, out: &mut Vec<u8>) -> Kind {
        with_parser!(self, parser => parser.encode_str(value, out))
    }

    fn passes_through(&self, kind: Kind, message: &[u8]) -> bool {
        with_parser!(self, parser => parser.passes_through(kind, message))
    }

    fn encode_checked(&self, kind: Kind, message: &[u8], out: &mut Vec<u8>) -> Kind {
        with_parser!(self, parser => parser.encode_checked(kind, message, out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parser_is_found_by_its_name_in_any_case() {
        for parser in ParserKind::ALL {
            assert_eq!(ParserKind::from_name(parser.name()), Ok(parser));
            assert_eq!(parser.name().to_uppercase().parse(), Ok(parser));
            assert_eq!(parser.to_string(), parser.name());
        }
        assert_eq!(ParserKind::default().name(), "json");
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = ParserKind::from_name("bson").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown parser `bson`; the parsers are: json, raw"
        );
        let error = ParserKind::from_name("EJSON").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the parser `EJSON` is not available in this build yet; the parsers are: json, raw"
        );
    }
}
