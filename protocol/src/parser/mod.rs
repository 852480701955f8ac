//! How a message becomes a value and a value a message. Primus calls this the parser.
//!
//! The engine decodes a message only if the application reads its value: [`Parser::check`] reads a
//! message without building anything, [`Parser::control`] finds the messages of Primus itself, and
//! only [`Parser::decode`] builds a value. [`Parser::encode_checked`] writes a received message
//! again without decoding it.
//!
//! Each parser is one module with one type; [`ParserKind`] is the closed set of them that a server
//! stores. To add one is to write its module and to name it in the lists of `kind`. An application
//! adds one of its own as an object ([`CustomParser`]).
//!
//! # Invariants
//! - The caller hands in UTF-8 as text: the sessions of the transformers have checked it.
//! - Nothing that a peer sends panics, recurses deeper than [`crate::limits::VALUE_DEPTH_MAX`], or
//!   holds memory after its message was handled.
//! - What [`Parser::check`] accepts, [`Parser::decode`] decodes.
//! - An encoding that fails leaves `out` as it was.

mod custom;
mod ejson;
mod error;
mod float;
mod json;
mod kind;
mod packs;
mod raw;
mod scratch;
mod typed;

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use custom::{ClientHalf, Custom, CustomParser};
pub use ejson::Ejson;
pub use error::{DecodeError, EncodeError, ParseError};
pub use json::Json;
pub use kind::{ParserKind, UnknownParser};
pub use packs::{BinaryPack, MsgPack};
pub use raw::Raw;
pub use scratch::Scratch;

use crate::transformer::Kind;
use crate::value::Value;

/// What the engine needs of a parser.
pub trait Parser: Copy + Send + Sync + 'static {
    /// The name as Primus spells it, for instance `json`.
    fn name(&self) -> &'static str;

    /// The kind with which a received message of the kind `message` is sent again.
    fn kind(&self, message: Kind) -> Kind;

    /// Whether a received message is one that this parser understands. It builds nothing.
    ///
    /// # Errors
    /// The peer is at fault. As in Primus, the connection can go on.
    fn check(&self, kind: Kind, message: &[u8]) -> Result<(), ParseError>;

    /// The string that a message consists of, if it starts with `primus::` and so belongs to Primus
    /// (see [`crate::primus::Packet::parse`]). `None`, after a few bytes, for any message of the
    /// application, and for a message that is not valid. It need not have been checked.
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

    /// Builds a value of the application's own type. The message need not have been checked. Unless
    /// a parser can do better, it builds a [`Value`] first.
    ///
    /// # Errors
    /// If the message is not valid, or is not the message of a `T`.
    fn decode_as<T: DeserializeOwned>(
        &self,
        kind: Kind,
        message: &[u8],
        scratch: &mut Scratch,
    ) -> Result<T, DecodeError> {
        typed::from_value(self.decode(kind, message, scratch)?)
    }

    /// Appends the message of a value to `out` and says as which kind it is sent.
    ///
    /// # Errors
    /// If this parser has no message for such a value.
    fn encode_value(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError>;

    /// Appends the message of a value of the application's own type, like [`Parser::encode_value`].
    /// Unless a parser can do better, it makes a [`Value`] of it first.
    ///
    /// # Errors
    /// If this parser has no message for such a value, or its `Serialize` fails.
    fn encode_serialize<T: Serialize + ?Sized>(
        &self,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<Kind, EncodeError> {
        self.encode_value(&typed::to_value(value)?, out)
    }

    /// Appends the message of a string, for instance of one that [`crate::primus::Packet`] wrote.
    fn encode_str(&self, value: &str, out: &mut Vec<u8>) -> Kind;

    /// Whether a received message that passed [`Parser::check`] can be sent again byte for byte. If
    /// so the caller may share the bytes it has instead of calling [`Parser::encode_checked`].
    fn passes_through(&self, kind: Kind, message: &[u8]) -> bool;

    /// Appends the bytes that decoding and encoding a received message would give, without doing
    /// either. The message must have passed [`Parser::check`].
    fn encode_checked(&self, kind: Kind, message: &[u8], out: &mut Vec<u8>) -> Kind;
}
