//! A message inside of a value: what streams and channels within a connection write.

use allspark_protocol::Value;
use allspark_protocol::parser::{EncodeError, Parser, ParserKind, Scratch};
use allspark_protocol::transformer::Kind;

/// What stands around a message.
pub(crate) trait Around {
    /// The whole as JSON, of a message that is JSON.
    fn json(&self, message: &[u8], out: &mut Vec<u8>);

    /// The whole as a value.
    fn value(&self, message: Value) -> Value;
}

/// Appends what stands around an encoded message, and the message. Where messages are JSON they are
/// not looked at.
///
/// # Errors
/// The parser can't express it.
pub(crate) fn wrap(
    around: &impl Around,
    parser: ParserKind,
    kind: Kind,
    message: &[u8],
    out: &mut Vec<u8>,
) -> Result<Kind, EncodeError> {
    if matches!(parser, ParserKind::Json | ParserKind::Ejson) {
        around.json(message, out);
        return Ok(kind);
    }
    let inner = parser.decode(kind, message, &mut Scratch::default());
    // Of its own encoding only a parser of the application could say so.
    let inner = inner.map_err(|error| EncodeError::Serialize(error.to_string()))?;
    parser.encode_value(&around.value(inner), out)
}

/// Appends a text as JSON, with the escapes that Primus writes.
pub(crate) fn json_text(text: &str, out: &mut Vec<u8>) {
    ParserKind::Json.encode_str(text, out);
}

/// Where messages are text, whether one begins with this byte, after white space. Of others
/// nothing is known: then it says yes.
pub(crate) fn may_begin(kind: Kind, message: &[u8], byte: u8) -> bool {
    let mut bytes = message.iter();
    kind != Kind::Text || bytes.find(|byte| !byte.is_ascii_whitespace()) == Some(&byte)
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;

    use super::*;

    struct List;

    impl Around for List {
        fn json(&self, message: &[u8], out: &mut Vec<u8>) {
            out.extend_from_slice(&[b"[", message, b"]"].concat());
        }

        fn value(&self, message: Value) -> Value {
            Value::Array(vec![message])
        }
    }

    fn wrapped(parser: ParserKind, value: &Value) -> Result<Value, EncodeError> {
        let (mut inner, mut out) = (Vec::new(), Vec::new());
        let kind = parser.encode_value(value, &mut inner).unwrap();
        let kind = wrap(&List, parser, kind, &inner, &mut out)?;
        Ok(parser.decode(kind, &out, &mut Scratch::default()).unwrap())
    }

    #[test]
    fn it_is_the_same_with_every_parser_that_has_lists() {
        let value = value!({ "a": [1, null], "b": "c\u{2028}" });
        let expected = value!([{ "a": [1, null], "b": "c\u{2028}" }]);
        for parser in ParserKind::ALL {
            if parser != ParserKind::Raw {
                assert_eq!(wrapped(parser, &value), Ok(expected.clone()), "{parser}");
            }
        }
        let text = value!("text");
        assert!(wrapped(ParserKind::Raw, &text).is_err());
    }

    #[test]
    fn text_is_known_by_its_first_byte() {
        assert!(may_begin(Kind::Text, b" \n[1]", b'['));
        assert!(!may_begin(Kind::Text, b"{}", b'['));
        assert!(!may_begin(Kind::Text, b"", b'['));
        assert!(may_begin(Kind::Binary, b"{}", b'['));
    }
}
