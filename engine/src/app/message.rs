//! What can be written to a spark.

use std::sync::Arc;

use allspark_protocol::Value;
use allspark_protocol::parser::{EncodeError, Parser, ParserKind};
use allspark_protocol::transformer::Kind;
use serde::{Serialize, Serializer};

use super::data::Data;
use super::error::SparkError;
use crate::memory::frame_bytes_max;

/// Something that a parser can encode: text, a number, a truth value, `()` for null, bytes, a
/// [`Value`] or `serde_json::Value`, the [`Data`] that just came in, an `Option` of these, or
/// [`Json`] around anything that serde can serialise.
pub trait Message {
    /// Encodes the message, into `scratch` unless it is encoded already.
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError>;
}

/// Encodes a message that is to be written, wherever to.
///
/// # Errors
/// The parser can't express it, or no frame can carry it. Nothing was copied then that would have
/// to be thrown away.
pub(crate) fn encode<'m, M: Message + ?Sized>(
    message: &'m M,
    parser: ParserKind,
    scratch: &'m mut Vec<u8>,
) -> Result<(Kind, &'m [u8]), SparkError> {
    let encoded = message.encode(parser, scratch);
    let (kind, payload) = encoded.map_err(SparkError::Encode)?;
    match payload.len() <= frame_bytes_max() {
        true => Ok((kind, payload)),
        false => Err(SparkError::TooLong),
    }
}

/// Wraps something that serde can serialise, so that it can be written.
///
/// ```
/// #[derive(serde::Serialize)]
/// struct Price {
///     symbol: &'static str,
///     cents: u64,
/// }
///
/// fn tell(spark: &mut allspark_engine::Spark<'_>) {
///     spark.write(allspark_engine::Json(Price { symbol: "AAA", cents: 1999 }));
/// }
/// ```
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

/// Bytes. Under JSON they become what Node.js makes of a `Buffer`; to write an array of numbers,
/// wrap it in [`Json`].
impl Message for [u8] {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        let kind = parser.encode_serialize(&Bytes(self), scratch)?;
        Ok((kind, scratch))
    }
}

struct Bytes<'b>(&'b [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Nothing is null.
impl<M: Message> Message for Option<M> {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        match self {
            Some(message) => message.encode(parser, scratch),
            None => ().encode(parser, scratch),
        }
    }
}

/// Types that are written as what serde makes of them.
macro_rules! message_by_serde {
    ($($type:ty),* $(,)?) => {$(
        impl Message for $type {
            fn encode<'m>(
                &'m self,
                parser: ParserKind,
                scratch: &'m mut Vec<u8>,
            ) -> Result<(Kind, &'m [u8]), EncodeError> {
                let kind = parser.encode_serialize(self, scratch)?;
                Ok((kind, scratch))
            }
        }
    )*};
}

message_by_serde!(
    bool,
    i8,
    i16,
    i32,
    i64,
    isize,
    u8,
    u16,
    u32,
    u64,
    usize,
    f32,
    f64,
    char,
    ()
);
message_by_serde!(Value, serde_json::Value);

/// Types that are written as what they lead to.
macro_rules! message_by_reference {
    ($([$($generics:tt)*] $type:ty),* $(,)?) => {$(
        impl<$($generics)*> Message for $type {
            fn encode<'m>(
                &'m self,
                parser: ParserKind,
                scratch: &'m mut Vec<u8>,
            ) -> Result<(Kind, &'m [u8]), EncodeError> {
                (**self).encode(parser, scratch)
            }
        }
    )*};
}

message_by_reference!(
    [] String,
    [] Vec<u8>,
    [M: Message + ?Sized] &M,
    [M: Message + ?Sized] Box<M>,
    [M: Message + ?Sized] Arc<M>,
);

impl<const N: usize> Message for [u8; N] {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        self.as_slice().encode(parser, scratch)
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;

    use super::*;

    fn json(message: impl Message) -> String {
        encoded(ParserKind::Json, message).1
    }

    fn encoded(parser: ParserKind, message: impl Message) -> (Kind, String) {
        let mut scratch = Vec::new();
        let (kind, bytes) = message.encode(parser, &mut scratch).unwrap();
        (kind, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn what_people_write_first_is_a_message() {
        assert_eq!(json(42), "42");
        assert_eq!(json(-1.5), "-1.5");
        assert_eq!(json(()), "null");
        assert_eq!(json(true), "true");
        assert_eq!(json("text"), "\"text\"");
        assert_eq!(json(String::from("text")), "\"text\"");
        assert_eq!(json(Some(7_usize)), "7");
        assert_eq!(json(None::<&str>), "null");
        assert_eq!(json(value!({ "a": [1, null] })), r#"{"a":[1,null]}"#);
        assert_eq!(
            json(serde_json::json!({ "a": [1, null] })),
            r#"{"a":[1,null]}"#
        );
        assert_eq!(json(Json([1, 2])), "[1,2]");
        let shared: Arc<str> = "text".into();
        assert_eq!(json(&shared), "\"text\"");
    }

    #[test]
    fn bytes_are_a_buffer_or_themselves() {
        let buffer = r#"{"type":"Buffer","data":[104,105]}"#;
        assert_eq!(json(b"hi"), buffer);
        assert_eq!(json(&b"hi"[..]), buffer);
        assert_eq!(json(b"hi".to_vec()), buffer);
        let raw = encoded(ParserKind::Raw, b"hi".to_vec());
        assert_eq!(raw, (Kind::Binary, "hi".to_owned()));
    }
}
