//! No parser at all: the message is the value. Text is a string, bytes are bytes, and the messages
//! of Primus are the bare text, without quotes around it.

use std::borrow::Cow;

use serde::de::value::{BytesDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::{DecodeError, EncodeError, ParseError, Parser, Scratch};
use crate::primus::packet::PREFIX;
use crate::transformer::Kind;
use crate::value::{Misfit, Value};

/// The parser `raw`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

impl Parser for Raw {
    fn name(&self) -> &'static str {
        "raw"
    }

    fn kind(&self, message: Kind) -> Kind {
        message
    }

    fn check(&self, _: Kind, _: &[u8]) -> Result<(), ParseError> {
        Ok(())
    }

    fn control<'m>(&self, kind: Kind, message: &'m [u8]) -> Option<Cow<'m, str>> {
        if kind == Kind::Binary || !message.starts_with(PREFIX.as_bytes()) {
            return None;
        }
        str::from_utf8(message).ok().map(Cow::Borrowed)
    }

    fn decode(&self, kind: Kind, message: &[u8], _: &mut Scratch) -> Result<Value, DecodeError> {
        Ok(match kind {
            Kind::Text => Value::from(text(message)?),
            Kind::Binary => Value::Bytes(message.into()),
        })
    }

    fn decode_as<T: DeserializeOwned>(
        &self,
        kind: Kind,
        message: &[u8],
        _: &mut Scratch,
    ) -> Result<T, DecodeError> {
        let value = match kind {
            Kind::Text => {
                let source: StrDeserializer<'_, Misfit> = text(message)?.into_deserializer();
                T::deserialize(source)
            }
            Kind::Binary => T::deserialize(BytesDeserializer::<Misfit>::new(message)),
        };
        value.map_err(|misfit| DecodeError::Mismatch(misfit.to_string()))
    }

    fn encode_value(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError> {
        let (kind, bytes) = match value {
            Value::String(text) => (Kind::Text, text.as_bytes()),
            Value::Bytes(bytes) => (Kind::Binary, &bytes[..]),
            other => {
                return Err(EncodeError::Unsupported {
                    parser: self.name(),
                    what: other.type_name(),
                });
            }
        };
        out.extend_from_slice(bytes);
        Ok(kind)
    }

    fn encode_str(&self, value: &str, out: &mut Vec<u8>) -> Kind {
        out.extend_from_slice(value.as_bytes());
        Kind::Text
    }

    fn passes_through(&self, _: Kind, _: &[u8]) -> bool {
        true
    }

    fn encode_checked(&self, kind: Kind, message: &[u8], out: &mut Vec<u8>) -> Kind {
        out.extend_from_slice(message);
        kind
    }
}

fn text(message: &[u8]) -> Result<&str, DecodeError> {
    simdutf8::basic::from_utf8(message).map_err(|_| DecodeError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(kind: Kind, message: &[u8]) -> Result<Value, DecodeError> {
        Raw.decode(kind, message, &mut Scratch::default())
    }

    #[test]
    fn text_stays_text_and_bytes_stay_bytes() {
        for (kind, message) in [(Kind::Text, &b"\"x"[..]), (Kind::Binary, &[0xff, 0][..])] {
            assert_eq!(Raw.check(kind, message), Ok(()));
            let mut out = Vec::new();
            let value = decoded(kind, message).unwrap();
            assert_eq!(Raw.encode_value(&value, &mut out), Ok(kind));
            assert_eq!(out, message);
            assert!(Raw.passes_through(kind, message));
            assert_eq!(Raw.encode_checked(kind, message, &mut out), Raw.kind(kind));
            assert_eq!(out, [message, message].concat());
        }
        assert_eq!(decoded(Kind::Text, b"\xff"), Err(DecodeError::NotUtf8));
    }

    #[test]
    fn the_apps_own_types_are_strings_and_bytes() {
        let scratch = &mut Scratch::default();
        assert_eq!(
            Raw.decode_as(Kind::Text, b"hi", scratch),
            Ok(String::from("hi"))
        );
        let number: Result<u32, _> = Raw.decode_as(Kind::Text, b"1", scratch);
        assert!(matches!(number, Err(DecodeError::Mismatch(_))));
        let mut out = Vec::new();
        assert_eq!(Raw.encode_serialize("hi", &mut out), Ok(Kind::Text));
        assert_eq!(out, b"hi");
    }

    #[test]
    fn other_values_have_no_message() {
        let mut out = b"before".to_vec();
        let error = Raw.encode_value(&Value::from(1), &mut out).unwrap_err();
        assert_eq!(error.to_string(), "the parser `raw` cannot encode a number");
        assert!(Raw.encode_serialize(&[true], &mut out).is_err());
        assert_eq!(out, b"before");
    }

    #[test]
    fn control_messages_are_bare_text() {
        let pong = b"primus::pong::1";
        assert_eq!(
            Raw.control(Kind::Text, pong),
            Some(Cow::Borrowed("primus::pong::1"))
        );
        assert_eq!(Raw.control(Kind::Binary, pong), None);
        assert_eq!(Raw.control(Kind::Text, b"\"primus::pong::1\""), None);
        assert_eq!(Raw.control(Kind::Text, b"primus::\xff"), None);
        let mut out = Vec::new();
        assert_eq!(Raw.encode_str("primus::id::", &mut out), Kind::Text);
        assert_eq!(out, b"primus::id::");
    }
}
