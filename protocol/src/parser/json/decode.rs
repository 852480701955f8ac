//! Builds values with simd-json. A text that `JSON.parse` accepts and simd-json refuses is
//! rewritten so that both accept it, and decoded again.

use std::slice;

use serde::de::DeserializeOwned;
use simd_json::{Deserializer, Node, StaticNode, Tape};

use super::repair::repair;
use super::scan::scan;
use crate::parser::typed::from_value;
use crate::parser::{DecodeError, Scratch};
use crate::value::{Object, Value};

/// Builds the value of a text.
pub(super) fn value(text: &[u8], scratch: &mut Scratch) -> Result<Value, DecodeError> {
    decode(text, scratch, read_value)
}

/// Builds a value of the application's own type.
pub(super) fn typed<T: DeserializeOwned>(
    text: &[u8],
    scratch: &mut Scratch,
) -> Result<T, DecodeError> {
    match decode(text, scratch, read_type) {
        Err(DecodeError::Mismatch(_)) => by_value(text, scratch),
        result => result,
    }
}

/// As [`typed`], but it builds a [`Value`] first. That is slower, and its error says where in
/// the message the type of the application does not fit.
#[cold]
fn by_value<T: DeserializeOwned>(text: &[u8], scratch: &mut Scratch) -> Result<T, DecodeError> {
    from_value(value(text, scratch)?)
}

/// What was read of a tape, and the tape, whose memory is used again.
type Read<'t, R> = (Result<R, DecodeError>, Tape<'t>);

fn decode<R>(
    text: &[u8],
    scratch: &mut Scratch,
    read: for<'t> fn(Tape<'t>) -> Read<'t, R>,
) -> Result<R, DecodeError> {
    let result = match attempt(text, scratch, read) {
        Ok(result) => result,
        Err(_) => decode_repaired(text, scratch, read),
    };
    scratch.trim();
    result
}

/// Either the text is not valid, or simd-json is stricter than it should be.
#[cold]
fn decode_repaired<R>(
    text: &[u8],
    scratch: &mut Scratch,
    read: for<'t> fn(Tape<'t>) -> Read<'t, R>,
) -> Result<R, DecodeError> {
    scan(text)?;
    let text = str::from_utf8(text).map_err(|_| DecodeError::NotUtf8)?;
    attempt(repair(text).as_bytes(), scratch, read)
        .unwrap_or_else(|error| Err(DecodeError::Mismatch(error.to_string())))
}

/// The outer error is what simd-json says of the text, the inner one is about its meaning.
fn attempt<R>(
    text: &[u8],
    scratch: &mut Scratch,
    read: for<'t> fn(Tape<'t>) -> Read<'t, R>,
) -> simd_json::Result<Result<R, DecodeError>> {
    scratch.load(text);
    let mut tape = std::mem::replace(&mut scratch.tape, Tape(Vec::new())).reset();
    let Scratch { input, buffers, .. } = scratch;
    simd_json::fill_tape_padded(input, text.len(), buffers, &mut tape)?;
    let (result, tape) = read(tape);
    scratch.tape = tape.reset();
    Ok(result)
}

fn read_type<T: DeserializeOwned>(tape: Tape<'_>) -> Read<'_, T> {
    let mut deserializer = Deserializer::from_tape(tape);
    let result = T::deserialize(&mut deserializer);
    (
        result.map_err(|error| DecodeError::Mismatch(error.to_string())),
        deserializer.into_tape(),
    )
}

fn read_value(tape: Tape<'_>) -> Read<'_, Value> {
    let value = next_value(&mut tape.0.iter());
    (Ok(value), tape)
}

/// The tape holds each array and object before what is in it. It is not nested deeper than
/// [`crate::limits::VALUE_DEPTH_MAX`], and neither is this recursion.
fn next_value(nodes: &mut slice::Iter<'_, Node<'_>>) -> Value {
    match nodes.next() {
        None => Value::Null,
        Some(Node::Static(node)) => static_value(*node),
        Some(Node::String(text)) => Value::from(*text),
        Some(Node::Array { len, .. }) => {
            Value::Array((0..*len).map(|_| next_value(nodes)).collect())
        }
        Some(Node::Object { len, .. }) => Value::Object(next_members(*len, nodes)),
    }
}

fn next_members(len: usize, nodes: &mut slice::Iter<'_, Node<'_>>) -> Object {
    let mut members = Vec::with_capacity(len);
    for _ in 0..len {
        let Some(Node::String(key)) = nodes.next() else {
            break;
        };
        members.push(((*key).into(), next_value(nodes)));
    }
    Object::from(members)
}

fn static_value(node: StaticNode) -> Value {
    match node {
        StaticNode::Null => Value::Null,
        StaticNode::Bool(bool) => bool.into(),
        StaticNode::I64(number) => number.into(),
        StaticNode::U64(number) => number.into(),
        StaticNode::F64(number) => number.into(),
    }
}
