//! A message as it came in.

use std::sync::OnceLock;

use allspark_protocol::Value;
use allspark_protocol::parser::{DecodeError, Parser, ParserKind, Scratch};
use allspark_protocol::transformer::Kind;
use serde::de::DeserializeOwned;

/// A message of a client. It was checked to be a value of the parser, but is decoded only when
/// somebody looks.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    parser: ParserKind,
    kind: Kind,
    bytes: &'a [u8],
    decoded: &'a Decoded,
}

/// The value of a message, once somebody has looked at it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decoded(OnceLock<Value>);

impl<'a> Data<'a> {
    pub(crate) fn new(
        parser: ParserKind,
        kind: Kind,
        bytes: &'a [u8],
        decoded: &'a Decoded,
    ) -> Self {
        Self {
            parser,
            kind,
            bytes,
            decoded,
        }
    }

    /// Whether it came as text or as bytes.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn parser(&self) -> ParserKind {
        self.parser
    }

    /// The message as the parser of the client encoded it; for JSON this is the JSON text.
    pub fn encoded(&self) -> &'a [u8] {
        self.bytes
    }

    /// The message as a value. It is decoded once, however many functions look at it: transforms,
    /// plugins, listeners.
    ///
    /// # Errors
    /// The message is no value of the parser, or one that it can't decode.
    pub fn value(&self) -> Result<&'a Value, DecodeError> {
        if let Some(value) = self.decoded.0.get() {
            return Ok(value);
        }
        let scratch = &mut Scratch::default();
        let value = self.parser.decode(self.kind, self.bytes, scratch)?;
        Ok(self.decoded.0.get_or_init(|| value))
    }

    /// The message as a type of the application. An error names the place that does not fit.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Order {
    ///     symbol: String,
    ///     count: u32,
    /// }
    ///
    /// fn ordered(data: allspark_engine::Data<'_>) -> Result<u32, String> {
    ///     // `count: invalid type: string "two", expected u32`
    ///     let order: Order = data.parse().map_err(|error| error.to_string())?;
    ///     Ok(order.count)
    /// }
    /// ```
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.parser
            .decode_as(self.kind, self.bytes, &mut Scratch::default())
    }
}
