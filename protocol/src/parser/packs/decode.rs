//! Checks messages without building anything, and builds values. Both go through a message alike,
//! so that what one accepts the other accepts.

use super::read::{Dialect, Reader, Token};
use crate::limits::VALUE_DEPTH_MAX;
use crate::parser::{ParseError, float};
use crate::value::{Number, Object, Value};

/// A message may say that many values follow. Room is made at once for so many at most.
const RESERVED_VALUES_MAX: usize = 1024;

/// Whether the message is one value and nothing else.
pub(super) fn check<D: Dialect>(message: &[u8]) -> Result<(), ParseError> {
    let mut reader = Reader::new(message);
    skip::<D>(&mut reader, 0)?;
    reader.finish()
}

/// Builds the value of a message.
pub(super) fn value<D: Dialect>(message: &[u8]) -> Result<Value, ParseError> {
    let mut reader = Reader::new(message);
    let value = next::<D>(&mut reader, 0)?;
    reader.finish()?;
    Ok(value)
}

fn skip<D: Dialect>(reader: &mut Reader<'_>, depth: usize) -> Result<(), ParseError> {
    let at = reader.at();
    match reader.token::<D>()? {
        Token::List(count) => {
            let depth = deeper(depth, at)?;
            for _ in 0..count {
                skip::<D>(reader, depth)?;
            }
        }
        Token::Map(count) => {
            let depth = deeper(depth, at)?;
            for _ in 0..count {
                let at = reader.at();
                let key = reader.token::<D>()?;
                can_be_key(key, at)?;
                skip::<D>(reader, depth)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn next<D: Dialect>(reader: &mut Reader<'_>, depth: usize) -> Result<Value, ParseError> {
    let at = reader.at();
    Ok(match reader.token::<D>()? {
        Token::List(count) => {
            let depth = deeper(depth, at)?;
            let mut values = Vec::with_capacity(count.min(RESERVED_VALUES_MAX));
            for _ in 0..count {
                values.push(next::<D>(reader, depth)?);
            }
            Value::Array(values)
        }
        Token::Map(count) => {
            let depth = deeper(depth, at)?;
            let mut members = Vec::with_capacity(count.min(RESERVED_VALUES_MAX));
            for _ in 0..count {
                members.push((key::<D>(reader)?, next::<D>(reader, depth)?));
            }
            Value::Object(Object::from(members))
        }
        Token::Extension(kind, bytes) => D::extension(kind, bytes),
        token => plain(token),
    })
}

fn deeper(depth: usize, at: usize) -> Result<usize, ParseError> {
    match depth < VALUE_DEPTH_MAX {
        true => Ok(depth + 1),
        false => Err(ParseError::TooDeep { at }),
    }
}

/// The value of a token that nothing belongs to.
pub(super) fn plain(token: Token<'_>) -> Value {
    match token {
        Token::Bool(bool) => bool.into(),
        Token::Signed(number) => number.into(),
        Token::Unsigned(number) => number.into(),
        Token::Float(number) => Value::Number(whole_if_it_is(number)),
        Token::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        Token::Bytes(bytes) => Value::Bytes(bytes.into()),
        Token::Null | Token::Extension(..) | Token::List(_) | Token::Map(_) => Value::Null,
    }
}

/// JavaScript has no integers: which of its numbers are sent as doubles says nothing to a type of
/// the application.
fn whole_if_it_is(number: f64) -> Number {
    let whole = Number::Float(number);
    match (whole.as_i64(), whole.as_u64()) {
        (Some(0), _) if number.is_sign_negative() => whole,
        (Some(signed), _) => signed.into(),
        (None, Some(unsigned)) => unsigned.into(),
        (None, None) => whole,
    }
}

fn key<D: Dialect>(reader: &mut Reader<'_>) -> Result<String, ParseError> {
    let at = reader.at();
    let token = reader.token::<D>()?;
    can_be_key(token, at)?;
    Ok(match token {
        Token::Bool(bool) => bool.to_string(),
        Token::Signed(number) => number.to_string(),
        Token::Unsigned(number) => number.to_string(),
        Token::Float(number) => float::text(number),
        Token::Text(text) => String::from_utf8_lossy(text).into_owned(),
        _ => "null".to_owned(),
    })
}

fn can_be_key(token: Token<'_>, at: usize) -> Result<(), ParseError> {
    match token {
        Token::Bytes(_) | Token::Extension(..) | Token::List(_) | Token::Map(_) => {
            Err(ParseError::Unexpected { at })
        }
        _ => Ok(()),
    }
}
