//! Received bytes that are parsed in place.

use std::ops::Range;

/// The bytes of one read that were not consumed yet.
///
/// Parsers take from the front. What they take keeps the lifetime of the read, not of the parser,
/// so a message can be handed on while the parser is already used again.
#[derive(Debug, Default)]
pub struct Input<'i> {
    rest: &'i mut [u8],
}

impl<'i> Input<'i> {
    /// Wraps the bytes of one read.
    #[inline]
    pub fn new(bytes: &'i mut [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is left, without taking it.
    #[inline]
    pub fn peek(&self) -> &[u8] {
        self.rest
    }

    /// How many bytes are left.
    #[inline]
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes the first `count` bytes, or all that is left if that is fewer.
    #[inline]
    pub fn take(&mut self, count: usize) -> &'i mut [u8] {
        let rest = std::mem::take(&mut self.rest);
        let (taken, rest) = rest.split_at_mut(count.min(rest.len()));
        self.rest = rest;
        taken
    }

    /// Takes everything that is left.
    #[inline]
    pub fn take_all(&mut self) -> &'i mut [u8] {
        std::mem::take(&mut self.rest)
    }
}

/// The bytes of one message: still in the read they came in, or put together from several.
#[derive(Debug)]
pub enum Payload<'i> {
    /// The message lies in one piece in the read.
    Borrowed(&'i mut [u8]),
    /// The same, with the header of its frame in front of it. Nobody needs that header any more:
    /// the header of another frame can be written in its place, and the message can be sent from
    /// where it lies.
    Framed {
        /// The frame.
        bytes: &'i mut [u8],
        /// Where the message begins in it.
        start: usize,
    },
    /// The message arrived in parts and was copied.
    Owned(Vec<u8>),
}

impl Payload<'_> {
    /// A part of the message: what a transport packed into it. Nothing is moved, unless the message
    /// was copied before.
    ///
    /// # Panics
    /// If the message is shorter.
    #[inline]
    #[must_use]
    pub fn part(self, range: Range<usize>) -> Self {
        match self {
            Self::Borrowed(bytes) => Self::Borrowed(&mut bytes[range]),
            Self::Framed { bytes, start } => Self::Framed {
                bytes: &mut bytes[..start + range.end],
                start: start + range.start,
            },
            Self::Owned(mut bytes) => {
                bytes.truncate(range.end);
                bytes.drain(..range.start);
                Self::Owned(bytes)
            }
        }
    }
}

impl AsRef<[u8]> for Payload<'_> {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Framed { bytes, start } => &bytes[*start..],
            Self::Owned(bytes) => bytes,
        }
    }
}

impl std::ops::Deref for Payload<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_ref()
    }
}

impl std::ops::DerefMut for Payload<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Framed { bytes, start } => &mut bytes[*start..],
            Self::Owned(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_outlives_the_next_take() {
        let mut bytes = *b"abcdef";
        let mut input = Input::new(&mut bytes);
        let first = input.take(2);
        let second = input.take(3);
        first[0] = b'x';
        assert_eq!(
            (&*first, &*second, input.peek()),
            (&b"xb"[..], &b"cde"[..], &b"f"[..])
        );
        assert_eq!(input.take(9), b"f");
        assert!(input.is_empty());
    }

    #[test]
    fn a_part_is_the_same_wherever_the_message_lies() {
        let (mut plain, mut framed) = (*b"abcdef", *b"headabcdef");
        let payloads = [
            Payload::Borrowed(&mut plain),
            Payload::Framed {
                bytes: &mut framed,
                start: 4,
            },
            Payload::Owned(b"abcdef".to_vec()),
        ];
        for payload in payloads {
            let mut part = payload.part(1..5).part(1..4);
            assert_eq!((&*part, part.len()), (&b"cde"[..], 3));
            part[0] = b'C';
            assert_eq!(part.as_ref(), b"Cde");
        }
        assert_eq!(&framed, b"headabCdef");
    }
}
