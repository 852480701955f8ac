//! The parsers by their names.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::{
    BinaryPack, Custom, DecodeError, Ejson, EncodeError, Json, MsgPack, ParseError, Parser, Raw,
    Scratch,
};
use crate::transformer::Kind;
use crate::value::Value;

/// The parsers that a server can be started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ParserKind {
    /// JSON text, as `JSON.parse` and `JSON.stringify` understand it. What Primus does by default.
    #[default]
    Json,
    /// Meteor's extended JSON, with the text of npm ejson.
    Ejson,
    /// MessagePack, with the bytes of npm primus-msgpack.
    MsgPack,
    /// BinaryPack, with the bytes of npm binary-pack.
    Binary,
    /// No parser: text is a string and stays text, bytes are bytes and stay bytes.
    Raw,
    /// A parser of the application.
    Custom(Custom),
}

/// Calls the parser that a [`ParserKind`] stands for.
macro_rules! with_parser {
    ($kind:expr, $parser:ident => $call:expr) => {
        match $kind {
            ParserKind::Json => {
                let $parser = Json;
                $call
            }
            ParserKind::Ejson => {
                let $parser = Ejson;
                $call
            }
            ParserKind::MsgPack => {
                let $parser = MsgPack;
                $call
            }
            ParserKind::Binary => {
                let $parser = BinaryPack;
                $call
            }
            ParserKind::Raw => {
                let $parser = Raw;
                $call
            }
            ParserKind::Custom(custom) => {
                let $parser = custom;
                $call
            }
        }
    };
}

impl ParserKind {
    /// Every parser that is built in, in the order in which errors and help texts name them.
    pub const ALL: [Self; 5] = [
        Self::Json,
        Self::Ejson,
        Self::MsgPack,
        Self::Binary,
        Self::Raw,
    ];

    /// Finds a built-in parser by its name, in any case.
    ///
    /// # Errors
    /// If there is none of that name. The error lists those that there are.
    pub fn from_name(name: &str) -> Result<Self, UnknownParser> {
        Self::ALL
            .into_iter()
            .find(|parser| parser.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownParser::new(name))
    }

    /// [`Parser::check`] of the parsers that are not the usual one, whose is inlined.
    #[inline(never)]
    fn check_rarely(self, kind: Kind, message: &[u8]) -> Result<(), ParseError> {
        with_parser!(self, parser => parser.check(kind, message))
    }

    /// The same for [`Parser::control`].
    #[inline(never)]
    fn control_rarely(self, kind: Kind, message: &[u8]) -> Option<Cow<'_, str>> {
        with_parser!(self, parser => parser.control(kind, message))
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

    #[inline]
    fn kind(&self, message: Kind) -> Kind {
        with_parser!(self, parser => parser.kind(message))
    }

    #[inline]
    fn check(&self, kind: Kind, message: &[u8]) -> Result<(), ParseError> {
        match self {
            Self::Json => Json.check(kind, message),
            other => other.check_rarely(kind, message),
        }
    }

    #[inline]
    fn control<'m>(&self, kind: Kind, message: &'m [u8]) -> Option<Cow<'m, str>> {
        match self {
            Self::Json => Json.control(kind, message),
            other => other.control_rarely(kind, message),
        }
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

    #[inline]
    fn passes_through(&self, kind: Kind, message: &[u8]) -> bool {
        with_parser!(self, parser => parser.passes_through(kind, message))
    }

    fn encode_checked(&self, kind: Kind, message: &[u8], out: &mut Vec<u8>) -> Kind {
        with_parser!(self, parser => parser.encode_checked(kind, message, out))
    }
}

/// No parser has this name. The configuration is at fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown parser `{}`; the parsers are: {}", .name.escape_debug(), known())]
pub struct UnknownParser {
    name: String,
}

impl UnknownParser {
    fn new(name: &str) -> Self {
        Self { name: name.into() }
    }
}

fn known() -> String {
    ParserKind::ALL.map(|parser| parser.name()).join(", ")
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
            "unknown parser `bson`; the parsers are: json, ejson, msgpack, binary, raw"
        );
    }
}
