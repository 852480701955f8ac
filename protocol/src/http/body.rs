//! Bodies as they arrive: by length, in chunks (RFC 9112, 7.1), or until the connection ends.

use super::error::Error;
use super::fields::{is_token_byte, is_value_byte};
use super::framing::Framing;
use super::query::hex;
use crate::input::Input;
use crate::limits::{
    HTTP_CHUNK_EXTENSION_BYTES_MAX, HTTP_CHUNK_LINE_BYTES_MAX, HTTP_TRAILER_BYTES_MAX,
};

/// What the next bytes of a body are.
#[derive(Debug)]
pub(super) enum Piece<'i> {
    /// A part of the body; never empty.
    Data(&'i mut [u8]),
    /// The input is used up.
    More,
    /// The body is complete. What follows in the input belongs to the next message.
    End,
}

/// Takes one body out of the input, piece by piece, and holds none of it.
#[derive(Debug)]
pub(super) enum Body {
    /// That many bytes are still to come.
    Length(u64),
    /// A chunked body.
    Chunked(Chunked),
    /// Everything up to the end of the connection. Only a response can have such a body.
    UntilClose,
}

impl From<Framing> for Body {
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunked::default()),
        }
    }
}

impl Body {
    /// Takes the next piece.
    pub(super) fn next<'i>(&mut self, input: &mut Input<'i>) -> Result<Piece<'i>, Error> {
        match self {
            Self::Length(0) => Ok(Piece::End),
            Self::Length(left) => Ok(take_up_to(left, input)),
            Self::Chunked(chunked) => chunked.next(input),
            Self::UntilClose => Ok(match input.take_all() {
                [] => Piece::More,
                data => Piece::Data(data),
            }),
        }
    }
}

fn take_up_to<'i>(left: &mut u64, input: &mut Input<'i>) -> Piece<'i> {
    if input.is_empty() {
        return Piece::More;
    }
    let taken = input.take(usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= taken.len() as u64;
    Piece::Data(taken)
}

/// Where in the chunked coding the next byte belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The first digit of a size.
    #[default]
    Start,
    /// Behind a digit of the size.
    Size,
    Extension,
    /// The LF behind a size.
    SizeEnd,
    Data,
    /// The CR behind the data of a chunk.
    DataReturn,
    /// The LF behind the data of a chunk.
    DataEnd,
    /// The first byte of a trailer line, or the CR of the empty line.
    TrailerStart,
    TrailerName,
    /// Behind the colon of a trailer line.
    Trailer,
    /// The LF behind a trailer.
    TrailerEnd,
    /// The last LF.
    LastEnd,
    Done,
}

/// The chunked coding. Extensions and trailers are checked, bounded and dropped.
///
/// White space behind a size is refused, even where RFC 9112, 7.1.1 would have a recipient put up
/// with it (before a semicolon): no client sends it, Node.js refuses it too, and readers that take
/// it for something else are what request smuggling lives on. Within an extension everything but
/// control characters is taken, as it is dropped and its end is beyond doubt.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    state: State,
    /// Bytes of the chunk that are still to come.
    left: u64,
    /// Bytes of the current size line.
    line_bytes: usize,
    extension_bytes: usize,
    trailer_bytes: usize,
}

/// Digits of a size, leading zeros included: what fits 64 bits.
const SIZE_DIGITS_MAX: usize = 16;

impl Chunked {
    fn next<'i>(&mut self, input: &mut Input<'i>) -> Result<Piece<'i>, Error> {
        loop {
            if self.state == State::Done {
                return Ok(Piece::End);
            }
            if self.state == State::Data {
                let piece = take_up_to(&mut self.left, input);
                if self.left == 0 {
                    self.state = State::DataReturn;
                }
                return Ok(piece);
            }
            let [byte] = input.take(1) else {
                return Ok(Piece::More);
            };
            self.state = self.step(*byte)?;
        }
    }

    /// The state behind a byte that is not data.
    fn step(&mut self, byte: u8) -> Result<State, Error> {
        match (self.state, byte) {
            (State::Start, _) => {
                self.line_bytes = 0;
                self.size_digit(byte)
            }
            (State::Size | State::Extension, b'\r') => Ok(State::SizeEnd),
            (State::Size, b';') | (State::Extension, _) => self.extension(byte),
            (State::Size, _) => self.size_digit(byte),
            (State::SizeEnd, b'\n') if self.left == 0 => Ok(State::TrailerStart),
            (State::SizeEnd, b'\n') => Ok(State::Data),
            (State::SizeEnd, _) => Err(Error::ChunkSize),
            (State::DataReturn, b'\r') => Ok(State::DataEnd),
            (State::DataEnd, b'\n') => Ok(State::Start),
            (State::DataReturn | State::DataEnd, _) => Err(Error::ChunkEnd),
            (State::TrailerStart, b'\r') => Ok(State::LastEnd),
            (State::TrailerName, b':') => self.trailer(byte, State::Trailer),
            (State::TrailerStart | State::TrailerName, _) if !is_token_byte(byte) => {
                Err(Error::Trailer)
            }
            (State::TrailerStart | State::TrailerName, _) => self.trailer(byte, State::TrailerName),
            (State::Trailer, b'\r') => Ok(State::TrailerEnd),
            (State::Trailer, _) => self.trailer(byte, State::Trailer),
            (State::TrailerEnd, b'\n') => Ok(State::TrailerStart),
            (State::LastEnd, b'\n') => Ok(State::Done),
            (State::TrailerEnd | State::LastEnd, _) => Err(Error::Trailer),
            (State::Data | State::Done, _) => unreachable!("handled before the byte was taken"),
        }
    }

    fn size_digit(&mut self, byte: u8) -> Result<State, Error> {
        let digit = hex(byte).ok_or(Error::ChunkSize)?;
        if self.line_bytes == SIZE_DIGITS_MAX {
            return Err(Error::ChunkSize);
        }
        // The size of the chunk before is used up, so `left` starts at 0 and cannot overflow.
        self.left = self.left << 4 | u64::from(digit);
        self.line_bytes += 1;
        Ok(State::Size)
    }

    fn extension(&mut self, byte: u8) -> Result<State, Error> {
        if !is_value_byte(byte) {
            return Err(Error::ChunkExtension);
        }
        self.line_bytes += 1;
        self.extension_bytes += 1;
        if self.line_bytes > HTTP_CHUNK_LINE_BYTES_MAX
            || self.extension_bytes > HTTP_CHUNK_EXTENSION_BYTES_MAX
        {
            return Err(Error::ChunkExtensionsTooLarge);
        }
        Ok(State::Extension)
    }

    fn trailer(&mut self, byte: u8, next: State) -> Result<State, Error> {
        if !is_value_byte(byte) {
            return Err(Error::Trailer);
        }
        self.trailer_bytes += 1;
        if self.trailer_bytes > HTTP_TRAILER_BYTES_MAX {
            return Err(Error::TrailersTooLarge);
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body, and what follows it in the input.
    type BodyAndRest = (Vec<u8>, Vec<u8>);

    /// Decodes a chunked body that arrives in pieces of `step` bytes, and returns it with what is
    /// left behind it; no body if it is not complete.
    fn decode(bytes: &[u8], step: usize) -> Result<Option<BodyAndRest>, Error> {
        let mut body = Body::from(Framing::Chunked);
        let mut decoded = Vec::new();
        for (index, part) in bytes.chunks(step).enumerate() {
            let mut part = part.to_vec();
            let mut input = Input::new(&mut part);
            loop {
                match body.next(&mut input)? {
                    Piece::Data(data) => decoded.extend_from_slice(data),
                    Piece::More => break,
                    Piece::End => {
                        let end = (index * step + step).min(bytes.len()) - input.len();
                        return Ok(Some((decoded, bytes[end..].to_vec())));
                    }
                }
            }
        }
        Ok(None)
    }

    #[test]
    fn joins_chunks_and_drops_extensions_and_trailers() {
        let bytes = b"5\r\nhello\r\n0A;x=\"y z\";n\r\n, chunked!\r\n3; a\r\n\r\n!\r\n\
            000\r\nSome: trailer\r\nMore:\r\n\r\nGET";
        for step in 1..=bytes.len() {
            let (body, rest) = decode(bytes, step).unwrap().unwrap();
            assert_eq!(body, b"hello, chunked!\r\n!");
            assert_eq!(rest, b"GET");
        }
    }

    #[test]
    fn refuses_what_is_malformed_at_whatever_place_it_is_cut() {
        let cases: [(&[u8], Error); 32] = [
            (b"\r\n", Error::ChunkSize),
            (b";x\r\n", Error::ChunkSize),
            (b"-1\r\n", Error::ChunkSize),
            (b"+1\r\n", Error::ChunkSize),
            (b"0x1\r\n", Error::ChunkSize),
            (b"g\r\n", Error::ChunkSize),
            (b" 1\r\n", Error::ChunkSize),
            (b"1 1\r\n", Error::ChunkSize),
            (b"1\n", Error::ChunkSize),
            (b"1\rx", Error::ChunkSize),
            (b"00000000000000001\r\n", Error::ChunkSize),
            (b"1;a\nb\r\n", Error::ChunkExtension),
            (b"1;a\0b\r\n", Error::ChunkExtension),
            (b"1;a\rb\r\n", Error::ChunkSize),
            (b"1\r\naa\r\n", Error::ChunkEnd),
            (b"1\r\na\n", Error::ChunkEnd),
            (b"1\r\na\rb", Error::ChunkEnd),
            (b"0\r\n folded: x\r\n\r\n", Error::Trailer),
            (b"0\r\n\n", Error::Trailer),
            (b"0\r\nA: b\n", Error::Trailer),
            (b"0\r\nA: \0\r\n", Error::Trailer),
            (b"0\r\n\rx", Error::Trailer),
            (b"1 \r\n", Error::ChunkSize),
            (b"1\t\r\n", Error::ChunkSize),
            (b"1 ;a\r\n", Error::ChunkSize),
            (b"1\x0b\r\n", Error::ChunkSize),
            (b"0 \r\n\r\n", Error::ChunkSize),
            (b"0\r\nno colon\r\n\r\n", Error::Trailer),
            (b"0\r\nname\r\n\r\n", Error::Trailer),
            (b"0\r\nname : value\r\n\r\n", Error::Trailer),
            (b"0\r\n: value\r\n\r\n", Error::Trailer),
            (b"0\r\na: b\r\n c\r\n\r\n", Error::Trailer),
        ];
        for (bytes, error) in cases {
            for step in [1, 2, bytes.len()] {
                let shown = bytes.escape_ascii();
                assert_eq!(decode(bytes, step), Err(error), "{shown} by {step}");
            }
        }
    }

    #[test]
    fn bounds_extensions_and_trailers() {
        let line = |extension_bytes: usize| format!("1;{}\r\n", "x".repeat(extension_bytes));
        let longest = HTTP_CHUNK_LINE_BYTES_MAX - "1;".len();
        let too_large = Err(Error::ChunkExtensionsTooLarge);
        assert_eq!(decode(line(longest).as_bytes(), 7), Ok(None));
        assert_eq!(decode(line(longest + 1).as_bytes(), 7), too_large);

        let many = format!("{}a\r\n", line(longest)).repeat(17);
        assert_eq!(decode(many.as_bytes(), 100), too_large);

        let trailers = |bytes: usize| format!("0\r\nt:{}\r\n\r\n", "t".repeat(bytes - 2));
        let fits = decode(trailers(HTTP_TRAILER_BYTES_MAX).as_bytes(), 100);
        assert_eq!(fits, Ok(Some((vec![], vec![]))));
        let too_much = decode(trailers(HTTP_TRAILER_BYTES_MAX + 1).as_bytes(), 100);
        assert_eq!(too_much, Err(Error::TrailersTooLarge));
        let many = format!("0\r\n{}", "t:\r\n".repeat(HTTP_TRAILER_BYTES_MAX / 2 + 1));
        assert_eq!(decode(many.as_bytes(), 100), Err(Error::TrailersTooLarge));
    }

    #[test]
    fn takes_no_more_than_the_length() {
        let mut bytes = *b"abcdef";
        let mut input = Input::new(&mut bytes);
        let mut body = Body::from(Framing::Length(4));
        assert!(matches!(body.next(&mut input), Ok(Piece::Data(data)) if data == b"abcd"));
        assert!(matches!(body.next(&mut input), Ok(Piece::End)));
        assert_eq!(input.peek(), b"ef");
    }
}
