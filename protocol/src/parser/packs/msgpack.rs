//! MessagePack as npm primus-msgpack 1 (msgpack-lite) has it: a number that is no integer of 32
//! bits is a double, and dates and regular expressions are extensions of its own, and so are typed
//! arrays.

use super::read::{Dialect, Reader, Token};
use super::write::{self, Head};
use super::{decode, encode};
use crate::parser::{EncodeError, ParseError};
use crate::value::{Date, Extended, Number, Value};

/// The parser `msgpack`: MessagePack, in binary messages.
///
/// | in JavaScript | as a value |
/// |---|---|
/// | a `Buffer`, `Uint8Array`, `Uint8ClampedArray`, `ArrayBuffer`, `DataView` | bytes |
/// | a `Date` that is valid | [`Extended::Date`] |
/// | a `RegExp` | [`Extended::RegExp`] |
/// | a number, string or boolean in a box (`Object(5)`) | what is in the box |
/// | another typed array, an `Error`, any other extension | [`Extended::Extension`], as it is |
/// | what has no value (`undefined`, a function) | null |
///
/// Bytes are written as a `Buffer`, which browsers read as an `Uint8Array`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MsgPack;

const TEXT: Head = Head {
    max8: 0xff,
    ..Head::with_fix(0xa0, 31, 0xda)
};

// The package gives a length of 255 two bytes, for whatever reason.
const BYTES: Head = Head {
    fix: 0,
    fix_max: None,
    max8: 0xfe,
    kind16: 0xc5,
};

const EXTENSION: Head = Head {
    kind16: 0xc8,
    ..BYTES
};

// The extensions that are looked at.
const REG_EXP: u8 = 0x0a;
const BOXED_BOOLEAN: u8 = 0x0b;
const BOXED_STRING: u8 = 0x0c;
const DATE: u8 = 0x0d;
const BOXED_NUMBER: u8 = 0x0f;
const UINT8_ARRAY: u8 = 0x12;
const UINT8_CLAMPED_ARRAY: u8 = 0x19;
const ARRAY_BUFFER: u8 = 0x1a;
const BUFFER: u8 = 0x1b;
const DATA_VIEW: u8 = 0x1d;

impl Dialect for MsgPack {
    const NAME: &'static str = "msgpack";

    fn other<'m>(reader: &mut Reader<'m>, kind: u8) -> Result<Token<'m>, ParseError> {
        let length = match kind {
            0xa0..=0xbf => usize::from(kind & 0x1f),
            0xc4 | 0xc7 | 0xd9 => reader.length8()?,
            0xc5 | 0xc8 | 0xda => reader.length16()?,
            0xc6 | 0xc9 | 0xdb => reader.length32()?,
            0xd4..=0xd8 => 1 << (kind - 0xd4),
            _ => return Err(reader.unexpected()),
        };
        Ok(match kind {
            0xc4..=0xc6 => Token::Bytes(reader.take(length)?),
            0xc7..=0xc9 | 0xd4..=0xd8 => {
                let [kind] = reader.array()?;
                Token::Extension(kind, reader.take(length)?)
            }
            _ => Token::Text(reader.take(length)?),
        })
    }

    fn extension(kind: u8, bytes: &[u8]) -> Value {
        let known = match kind {
            UINT8_ARRAY | UINT8_CLAMPED_ARRAY | ARRAY_BUFFER | BUFFER | DATA_VIEW => {
                Some(Value::Bytes(bytes.into()))
            }
            DATE => number(bytes).and_then(Date::from_number).map(Value::from),
            REG_EXP => reg_exp(bytes).map(Value::from),
            BOXED_BOOLEAN | BOXED_STRING | BOXED_NUMBER => boxed(kind, bytes),
            _ => None,
        };
        known.unwrap_or_else(|| {
            let bytes = bytes.into();
            Extended::Extension { kind, bytes }.into()
        })
    }

    fn text_head(bytes: usize, out: &mut Vec<u8>) {
        TEXT.write(bytes, out);
    }

    fn bytes_head(bytes: usize, out: &mut Vec<u8>) {
        BYTES.write(bytes, out);
    }

    fn number(number: Number, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let whole = number.as_i64();
        match (whole.and_then(|whole| i32::try_from(whole).ok()), number) {
            (Some(small), _) => write::integer(small.into(), out),
            (None, Number::Signed(large)) if !is_double(large.into()) => {
                write::number(0xd3, large.to_be_bytes(), out);
            }
            (None, Number::Unsigned(large)) if !is_double(large.into()) => {
                write::number(0xcf, large.to_be_bytes(), out);
            }
            (None, number) => write::double(number.as_f64(), out),
        }
        Ok(())
    }

    fn extended(extended: &Extended, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut inner = Vec::new();
        match extended {
            Extended::Date(date) => {
                Self::number(Number::Signed(date.epoch_ms()), &mut inner)?;
                extension(DATE, &inner, out);
            }
            Extended::RegExp { source, flags } => {
                write::LIST.write(2, &mut inner);
                encode::text::<Self>(source, &mut inner);
                encode::text::<Self>(flags, &mut inner);
                extension(REG_EXP, &inner, out);
            }
            Extended::Extension { kind, bytes } => extension(*kind, bytes, out),
            Extended::Custom { .. } => {
                return Err(EncodeError::Unsupported {
                    parser: Self::NAME,
                    what: extended.type_name(),
                });
            }
        }
        Ok(())
    }
}

/// Whether a double holds it exactly.
fn is_double(whole: i128) -> bool {
    whole as f64 as i128 == whole
}

fn extension(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    match [1, 2, 4, 8, 16]
        .iter()
        .position(|&size| size == bytes.len())
    {
        Some(fixed) => out.push(0xd4 + fixed as u8),
        None => EXTENSION.write(bytes.len(), out),
    }
    out.push(kind);
    out.extend_from_slice(bytes);
}

/// The one token that an extension holds.
fn only_token(bytes: &[u8]) -> Option<Token<'_>> {
    let mut reader = Reader::new(bytes);
    let token = reader.token::<MsgPack>().ok()?;
    reader.finish().ok()?;
    Some(token)
}

fn number(bytes: &[u8]) -> Option<f64> {
    decode::plain(only_token(bytes)?).as_f64()
}

fn boxed(kind: u8, bytes: &[u8]) -> Option<Value> {
    match (kind, decode::plain(only_token(bytes)?)) {
        (BOXED_BOOLEAN, value @ Value::Bool(_)) => Some(value),
        (BOXED_STRING, value @ Value::String(_)) => Some(value),
        (BOXED_NUMBER, value @ Value::Number(_)) => Some(value),
        _ => None,
    }
}

fn reg_exp(bytes: &[u8]) -> Option<Extended> {
    let mut reader = Reader::new(bytes);
    let (list, source, flags) = (
        reader.token::<MsgPack>().ok()?,
        reader.token::<MsgPack>().ok()?,
        reader.token::<MsgPack>().ok()?,
    );
    reader.finish().ok()?;
    match (list, source, flags) {
        (Token::List(2), Token::Text(source), Token::Text(flags)) => Some(Extended::RegExp {
            source: String::from_utf8(source.into()).ok()?,
            flags: String::from_utf8(flags.into()).ok()?,
        }),
        _ => None,
    }
}
