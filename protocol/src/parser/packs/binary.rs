//! BinaryPack as npm binary-pack 1 has it: an early MessagePack, with other types of text and
//! bytes, and without extensions.

use super::read::{Dialect, Reader, Token};
use super::write::{self, Head};
use crate::parser::{EncodeError, ParseError};
use crate::value::{Extended, Number, Value};

/// The parser `binary`: BinaryPack, in binary messages.
///
/// It knows bytes, but no dates: the npm package writes a date as text, in the time zone of the
/// writer. A whole number from 2^64 on, or below -2^63, and infinity have no message, as with npm.
/// Types that npm reads as `undefined` are an error.
///
/// The npm package writes whole numbers beyond 32 bits in a way that it can't read again itself,
/// and 2^63 as if it were negative. The bytes are the same here.
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryPack;

const TEXT: Head = Head::with_fix(0xb0, 15, 0xd8);
const BYTES: Head = Head::with_fix(0xa0, 15, 0xda);

impl Dialect for BinaryPack {
    const NAME: &'static str = "binary";

    fn other<'m>(reader: &mut Reader<'m>, kind: u8) -> Result<Token<'m>, ParseError> {
        let length = match kind {
            0xa0..=0xbf => usize::from(kind & 0xf),
            0xd8 | 0xda => reader.length16()?,
            0xd9 | 0xdb => reader.length32()?,
            _ => return Err(reader.unexpected()),
        };
        let taken = reader.take(length)?;
        Ok(match kind {
            0xa0..=0xaf | 0xda | 0xdb => Token::Bytes(taken),
            _ => Token::Text(taken),
        })
    }

    fn extension(_: u8, _: &[u8]) -> Value {
        Value::Null
    }

    fn text_head(bytes: usize, out: &mut Vec<u8>) {
        TEXT.write(bytes, out);
    }

    fn bytes_head(bytes: usize, out: &mut Vec<u8>) {
        BYTES.write(bytes, out);
    }

    fn number(number: Number, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        const SIGNED_END: u64 = 1 << 63;
        match (number.as_i64(), number.as_u64(), number) {
            (Some(small @ -0x8000_0000..=0xffff_ffff), ..) => write::integer(small, out),
            (Some(large), ..) => write::number(0xd3, large.to_be_bytes(), out),
            (None, Some(SIGNED_END), _) => write::number(0xd3, SIGNED_END.to_be_bytes(), out),
            (None, Some(large), _) => write::number(0xcf, large.to_be_bytes(), out),
            (None, None, Number::Float(part)) if part.is_nan() || part.fract().abs() > 0.0 => {
                write::double(part, out);
            }
            _ => {
                return Err(EncodeError::Unsupported {
                    parser: Self::NAME,
                    what: "a whole number of more than 64 bits",
                });
            }
        }
        Ok(())
    }

    fn extended(extended: &Extended, _: &mut Vec<u8>) -> Result<(), EncodeError> {
        Err(EncodeError::Unsupported {
            parser: Self::NAME,
            what: extended.type_name(),
        })
    }
}
