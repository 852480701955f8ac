//! The messages of a case, as a parser has them. The parser `raw` has them as they are; to any
//! other one text is a string and bytes are bytes.

use allspark_engine::Value;
use allspark_protocol::parser::{Parser, ParserKind, Scratch};
use allspark_protocol::transformer::Kind;
use allspark_transformers::contract::Content;

/// What a client sends.
pub(crate) fn encode(parser: ParserKind, kind: Kind, bytes: &[u8]) -> (Kind, Vec<u8>) {
    let is_text = kind == Kind::Text;
    // What is to be wrong is wrong whatever the parser.
    if matches!(parser, ParserKind::Raw) || (is_text && str::from_utf8(bytes).is_err()) {
        return (kind, bytes.to_vec());
    }
    let content = Content {
        kind,
        bytes: bytes.to_vec(),
    };
    let mut encoded = Vec::new();
    let kind = parser.encode_value(&value(&content), &mut encoded);
    (kind.expect("every parser has text and bytes"), encoded)
}

/// What somebody gets.
///
/// # Panics
/// It is no message of the parser: both sides write nothing else.
pub(crate) fn decode(parser: ParserKind, kind: Kind, bytes: &[u8]) -> Content {
    if matches!(parser, ParserKind::Raw) {
        let bytes = bytes.to_vec();
        return Content { kind, bytes };
    }
    match parser.decode(kind, bytes, &mut Scratch::default()) {
        Ok(Value::String(text)) => Content::text(&*text),
        Ok(Value::Bytes(bytes)) => Content::binary(&*bytes),
        Ok(other) => Content::binary(buffer(&other)),
        Err(error) => panic!("{kind:?} {}: {error}", bytes.escape_ascii()),
    }
}

/// The bytes of what JSON has for bytes: Node.js's `{"type":"Buffer","data":[..]}`.
fn buffer(value: &Value) -> Vec<u8> {
    let Value::Array(bytes) = &value["data"] else {
        panic!("neither text nor bytes: {value:?}");
    };
    let byte = |value: &Value| value.as_f64().expect("a number") as u8;
    bytes.iter().map(byte).collect()
}

/// A message as an application writes it.
pub(crate) fn value(content: &Content) -> Value {
    match (content.kind, str::from_utf8(&content.bytes)) {
        (Kind::Text, Ok(text)) => Value::from(text),
        (Kind::Text, Err(_)) => panic!("an application can't write bad text"),
        (Kind::Binary, _) => Value::Bytes(content.bytes.as_slice().into()),
    }
}
