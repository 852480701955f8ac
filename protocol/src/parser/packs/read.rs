//! Takes a message apart, token by token. It builds nothing, and what a message says about lengths
//! is believed only as far as there are bytes.

use crate::parser::{EncodeError, ParseError};
use crate::value::{Extended, Number, Value};

/// One piece of a message: a value, or how many values follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::parser) enum Token<'m> {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    /// It need not be UTF-8.
    Text(&'m [u8]),
    Bytes(&'m [u8]),
    Extension(u8, &'m [u8]),
    /// So many values.
    List(usize),
    /// So many keys, and as many values.
    Map(usize),
}

/// What distinguishes one binary parser from the other.
pub(in crate::parser) trait Dialect: Copy + Send + Sync + 'static {
    /// The name of the parser.
    const NAME: &'static str;

    /// Reads what follows a type that the other one does not know, or reads otherwise.
    ///
    /// # Errors
    /// If there is no such type, or the message ends too early.
    fn other<'m>(reader: &mut Reader<'m>, kind: u8) -> Result<Token<'m>, ParseError>;

    /// The value of an extension.
    fn extension(kind: u8, bytes: &[u8]) -> Value;

    /// Appends the type and the length of a text.
    fn text_head(bytes: usize, out: &mut Vec<u8>);

    /// Appends the type and the length of bytes.
    fn bytes_head(bytes: usize, out: &mut Vec<u8>);

    /// Appends a number.
    ///
    /// # Errors
    /// If there is no way to write it.
    fn number(number: Number, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Appends a value that not every parser knows.
    ///
    /// # Errors
    /// If this one does not.
    fn extended(extended: &Extended, out: &mut Vec<u8>) -> Result<(), EncodeError>;
}

/// A message, and how far it has been read.
#[derive(Debug)]
pub(in crate::parser) struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    pub(in crate::parser) fn new(message: &'m [u8]) -> Self {
        Self { message, at: 0 }
    }

    /// Bytes that have been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The error that the last byte means.
    pub(super) fn unexpected(&self) -> ParseError {
        ParseError::Unexpected { at: self.at - 1 }
    }

    /// Whether everything has been read.
    pub(super) fn finish(&self) -> Result<(), ParseError> {
        match self.at == self.message.len() {
            true => Ok(()),
            false => Err(ParseError::Unexpected { at: self.at }),
        }
    }

    /// Reads the next token.
    #[inline]
    pub(super) fn token<D: Dialect>(&mut self) -> Result<Token<'m>, ParseError> {
        let [kind] = self.array()?;
        Ok(match kind {
            0x00..=0x7f => Token::Signed(kind.into()),
            0xe0..=0xff => Token::Signed(kind.cast_signed().into()),
            0x80..=0x8f => self.map((kind & 0xf).into())?,
            0x90..=0x9f => self.list((kind & 0xf).into())?,
            0xc0 => Token::Null,
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xca..=0xd3 => self.number(kind)?,
            0xdc => {
                let length = self.length16()?;
                self.list(length)?
            }
            0xdd => {
                let length = self.length32()?;
                self.list(length)?
            }
            0xde => {
                let length = self.length16()?;
                self.map(length)?
            }
            0xdf => {
                let length = self.length32()?;
                self.map(length)?
            }
            _ => D::other(self, kind)?,
        })
    }

    fn number(&mut self, kind: u8) -> Result<Token<'m>, ParseError> {
        Ok(match kind {
            0xca => Token::Float(f32::from_be_bytes(self.array()?).into()),
            0xcb => Token::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Token::Signed(u8::from_be_bytes(self.array()?).into()),
            0xcd => Token::Signed(u16::from_be_bytes(self.array()?).into()),
            0xce => Token::Signed(u32::from_be_bytes(self.array()?).into()),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            0xd0 => Token::Signed(i8::from_be_bytes(self.array()?).into()),
            0xd1 => Token::Signed(i16::from_be_bytes(self.array()?).into()),
            0xd2 => Token::Signed(i32::from_be_bytes(self.array()?).into()),
            _ => Token::Signed(i64::from_be_bytes(self.array()?)),
        })
    }

    /// A value takes a byte at least.
    fn list(&self, count: usize) -> Result<Token<'m>, ParseError> {
        self.has(count).map(|()| Token::List(count))
    }

    fn map(&self, count: usize) -> Result<Token<'m>, ParseError> {
        self.has(count.saturating_mul(2))
            .map(|()| Token::Map(count))
    }

    pub(super) fn length8(&mut self) -> Result<usize, ParseError> {
        Ok(u8::from_be_bytes(self.array()?).into())
    }

    pub(super) fn length16(&mut self) -> Result<usize, ParseError> {
        Ok(u16::from_be_bytes(self.array()?).into())
    }

    pub(super) fn length32(&mut self) -> Result<usize, ParseError> {
        Ok(u32::from_be_bytes(self.array()?) as usize)
    }

    /// The next so many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'m [u8], ParseError> {
        self.has(count)?;
        let taken = &self.message[self.at..][..count];
        self.at += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let rest = &self.message[self.at..];
        let array = rest.first_chunk().ok_or(ParseError::UnexpectedEnd)?;
        self.at += N;
        Ok(*array)
    }

    fn has(&self, count: usize) -> Result<(), ParseError> {
        match count <= self.message.len() - self.at {
            true => Ok(()),
            false => Err(ParseError::UnexpectedEnd),
        }
    }
}
