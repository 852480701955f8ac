//! What is published: JSON, bytes, or an event. It is kept as it came, and becomes what the parser
//! of the server makes of it when it is written.

use allspark::{EncodeError, Kind, Message, ParserKind};
use allspark_protocol::parser::{Json, Parser, Scratch};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::error::CommandError;

/// Characters of the name of an event.
const EVENT_CHARS_MAX: usize = 256;

/// A message that was not encoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// JSON that [`Json::check`] has accepted.
    Json(Box<str>),
    Bytes(Box<[u8]>),
}

impl Published {
    /// A value that was said as JSON.
    ///
    /// # Errors
    /// It is deeper than what clients may send.
    pub(super) fn of_json(value: Box<RawValue>) -> Result<Self, CommandError> {
        Self::checked(value.into())
    }

    /// Bytes, as base64 (RFC 4648, 4) spells them.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn of_base64(text: &str) -> Result<Self, CommandError> {
        let bytes = STANDARD.decode(text);
        let bytes = bytes.map_err(|error| CommandError::invalid(format!("base64: {error}")))?;
        Ok(Self::Bytes(bytes.into()))
    }

    /// An event with its arguments, as primus-emit writes it: `{"emit":[name,..]}`.
    ///
    /// # Errors
    /// The arguments are no array, or the name is none.
    pub(super) fn of_event(name: &str, args: Option<&RawValue>) -> Result<Self, CommandError> {
        if name.is_empty() || name.chars().count() > EVENT_CHARS_MAX {
            let reason = format!("event: a name has 1 to {EVENT_CHARS_MAX} characters");
            return Err(CommandError::invalid(reason));
        }
        let args = args.map_or("[]", RawValue::get);
        let inner = args
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let inner = inner.ok_or_else(|| CommandError::invalid("args: it has to be an array"))?;
        let name = serde_json::to_string(name).expect("a text is JSON");
        let comma = if inner.trim().is_empty() { "" } else { "," };
        Self::checked(format!(r#"{{"emit":[{name}{comma}{inner}]}}"#).into())
    }

    fn checked(json: Box<str>) -> Result<Self, CommandError> {
        match Json.check(Kind::Text, json.as_bytes()) {
            Ok(()) => Ok(Self::Json(json)),
            Err(error) => Err(CommandError::invalid(format!("data: {error}"))),
        }
    }
}

impl Message for Published {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        let json = match self {
            Self::Json(json) => json.as_bytes(),
            Self::Bytes(bytes) => return bytes.encode(parser, scratch),
        };
        if parser != ParserKind::Json {
            let value = Json.decode(Kind::Text, json, &mut Scratch::default());
            let value = value.expect("what was checked can be decoded");
            let kind = parser.encode_value(&value, scratch)?;
            return Ok((kind, scratch));
        }
        // As it came, without a copy that would be thrown away.
        if Json.passes_through(Kind::Text, json) {
            return Ok((Kind::Text, json));
        }
        let kind = Json.encode_checked(Kind::Text, json, scratch);
        Ok((kind, scratch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(message: &Published, parser: ParserKind) -> Option<Vec<u8>> {
        let mut scratch = Vec::new();
        let encoded = message.encode(parser, &mut scratch).ok()?;
        Some(encoded.1.to_vec())
    }

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn json_goes_out_as_it_came_in() {
        let json = "{ \"b\": 12345678901234567890123, \"a\":[null]}";
        let message = Published::of_json(raw(json)).unwrap();
        assert_eq!(
            encoded(&message, ParserKind::Json).unwrap(),
            json.as_bytes()
        );
        let text = Published::of_json(raw("\"hi\"")).unwrap();
        assert_eq!(encoded(&text, ParserKind::Raw).unwrap(), b"hi");
        assert_eq!(encoded(&text, ParserKind::MsgPack).unwrap(), b"\xa2hi");
        assert_eq!(encoded(&message, ParserKind::Raw), None);
        let separator = Published::of_json(raw("\"\u{2028}\"")).unwrap();
        let escaped = encoded(&separator, ParserKind::Json).unwrap();
        assert_eq!(escaped, b"\"\\u2028\"", "as Primus does it");
    }

    #[test]
    fn what_is_too_deep_is_refused_without_recursion() {
        let deep = "[".repeat(1 << 20) + &"]".repeat(1 << 20);
        let error = Published::of_json(raw(&deep)).unwrap_err();
        assert!(error.message.starts_with("data: "), "{error:?}");
    }

    #[test]
    fn events_are_those_of_primus_emit() {
        let event = |name: &str, args: Option<&str>| {
            let args = args.map(raw);
            let message = Published::of_event(name, args.as_deref())?;
            let bytes = encoded(&message, ParserKind::Json).unwrap();
            Ok(String::from_utf8(bytes).unwrap())
        };
        let ok = |text: &str| Ok::<_, CommandError>(text.to_owned());
        assert_eq!(event("news", None), ok(r#"{"emit":["news"]}"#));
        assert_eq!(event("news", Some("[ ]")), ok(r#"{"emit":["news" ]}"#));
        let two = event("a\"b", Some(r#"[1,{"x":[]}]"#));
        assert_eq!(two, ok(r#"{"emit":["a\"b",1,{"x":[]}]}"#));
        assert!(event("news", Some("{}")).is_err());
        assert!(event("", None).is_err());
        assert!(event(&"é".repeat(257), None).is_err());
    }

    #[test]
    fn bytes_are_base64() {
        let bytes = Published::of_base64("aGk=").unwrap();
        assert_eq!(encoded(&bytes, ParserKind::Raw).unwrap(), b"hi");
        let buffer = br#"{"type":"Buffer","data":[104,105]}"#;
        assert_eq!(encoded(&bytes, ParserKind::Json).unwrap(), buffer);
        assert!(Published::of_base64("a").is_err());
    }
}
