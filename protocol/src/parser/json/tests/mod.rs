//! The parser as a whole: against the grammar, in what messages mean, and against other parsers;
//! and its two ways of skipping against each other.

mod grammar;
mod meaning;
mod oracles;
mod ways;

use super::*;

fn check(text: &str) -> Result<(), ParseError> {
    Json.check(Kind::Text, text.as_bytes())
}

fn decode(text: &str) -> Result<Value, DecodeError> {
    Json.decode(Kind::Text, text.as_bytes(), &mut Scratch::default())
}

fn encode(value: &Value) -> String {
    let mut out = Vec::new();
    assert_eq!(Json.encode_value(value, &mut out), Ok(Kind::Text));
    String::from_utf8(out).unwrap()
}
