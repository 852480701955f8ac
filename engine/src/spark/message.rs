//! What can be written to a spark.

use allspark_protocol::Value;
use allspark_protocol::parser::{EncodeError, Parser, ParserKind};
use allspark_protocol::transformer::Kind;
use serde::Serialize;

use super::Data;

/// Something that a parser can encode.
pub trait Message {
    /// Encodes the message, into `scratch` unless it is encoded already.
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError>;
}

/// Wraps something that serde can serialise, so that it can be written.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize> Message for Json<T> {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        let kind = parser.encode_serialize(&self.0, scratch)?;
        Ok((kind, scratch))
    }
}

impl Message for Data<'_> {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        if parser.passes_through(self.kind(), self.encoded()) {
            return Ok((parser.kind(self.kind()), self.encoded()));
        }
        let kind = parser.encode_checked(self.kind(), self.encoded(), scratch);
        Ok((kind, scratch))
    }
}

impl Message for Value {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        let kind = parser.encode_value(self, scratch)?;
        Ok((kind, scratch))
    }
}

impl Message for str {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        let kind = parser.encode_str(self, scratch);
        Ok((kind, scratch))
    }
}

impl Message for String {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        self.as_str().encode(parser, scratch)
    }
}

impl<M: Message + ?Sized> Message for &M {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        (**self).encode(parser, scratch)
    }
}

macro_rules! message_by_value {
    ($($type:ty),*) => {$(
        impl Message for $type {
            fn encode<'m>(
                &'m self,
                parser: ParserKind,
                scratch: &'m mut Vec<u8>,
            ) -> Result<(Kind, &'m [u8]), EncodeError> {
                let kind = parser.encode_value(&Value::from(*self), scratch)?;
                Ok((kind, scratch))
            }
        }
    )*};
}

message_by_value!(bool, i64, u64, f64);
