//! A message as it came in, to be kept.

use allspark_protocol::Value;
use allspark_protocol::parser::{DecodeError, EncodeError, Parser, ParserKind, Scratch};
use allspark_protocol::transformer::Kind;
use serde::de::DeserializeOwned;

use super::data::{Data, Decoded};
use super::message::Message;

/// A message of a client, as [`Data`], but owned: it can be kept and sent to other threads. Whoever
/// keeps it keeps its memory.
#[derive(Clone, Debug)]
pub struct OwnedData {
    bytes: Box<[u8]>,
    parser: ParserKind,
    kind: Kind,
    decoded: Decoded,
}

impl PartialEq for OwnedData {
    fn eq(&self, other: &Self) -> bool {
        let facts = |data: &Self| (data.parser, data.kind);
        facts(self) == facts(other) && self.bytes == other.bytes
    }
}

impl Eq for OwnedData {}

impl OwnedData {
    pub(crate) fn new(data: Data<'_>) -> Self {
        Self {
            bytes: data.encoded().into(),
            parser: data.parser(),
            kind: data.kind(),
            decoded: Decoded::default(),
        }
    }

    /// The message, borrowed.
    pub fn data(&self) -> Data<'_> {
        Data::new(self.parser, self.kind, &self.bytes, &self.decoded)
    }

    /// As [`Data::kind`].
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// As [`Data::encoded`].
    pub fn encoded(&self) -> &[u8] {
        &self.bytes
    }

    /// As [`Data::value`], for who keeps the value.
    ///
    /// # Errors
    /// The message is no value of the parser, or one that it can't decode.
    pub fn value(&self) -> Result<Value, DecodeError> {
        let scratch = &mut Scratch::default();
        self.parser.decode(self.kind, &self.bytes, scratch)
    }

    /// As [`Data::parse`].
    ///
    /// # Errors
    /// The message is no such type; the error names the place that does not fit.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.data().parse()
    }

    /// What it costs while it waits, in bytes: with its structure, and with what an allocator needs
    /// for itself.
    pub(crate) fn cost(&self) -> usize {
        const ALLOCATOR_BYTES: usize = 16;
        self.bytes.len() + size_of::<Self>() + ALLOCATOR_BYTES
    }
}

impl Message for OwnedData {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        if parser.passes_through(self.kind, &self.bytes) {
            return Ok((parser.kind(self.kind), &self.bytes));
        }
        let kind = parser.encode_checked(self.kind, &self.bytes, scratch);
        Ok((kind, scratch))
    }
}
