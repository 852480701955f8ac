//! Payloads: the packets of one HTTP body.
//!
//! The packets `4hi` and `2` are:
//! - in protocol 4: `4hi`, byte 0x1e, `2`. Bytes travel as `b` and base64.
//! - in protocol 3: `3:4hi1:2`, with lengths in UTF-16 units. Bytes travel as `b4` and base64.
//! - in protocol 3, if the client can be sent bytes and there are some: for each packet byte 0
//!   (text) or 1, the digits of its length as bytes 0 to 9, byte 255, and the packet.
//!
//! # Invariants
//! - Text that is read has been checked to be UTF-8. The package replaces what is not; here it is a
//!   parse error, as on a WebSocket.
//! - A payload of too many packets is refused at the packet that is too many.

use allspark_protocol::limits::REQUEST_MESSAGES_MAX;
use allspark_protocol::websocket::utf8;

use super::base64;
use super::format::BINARY_MESSAGE_V3;
use super::packet::{Packet, ParseError, Protocol, SEPARATOR};

/// Reads the packets of a payload, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packets {
    form: Form,
    /// Where the next packet begins; nowhere behind the last one.
    at: Option<usize>,
    /// How many have been read.
    count: usize,
}

/// What a payload looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text(Protocol),
    /// Of protocol 3, the only one that has it.
    Binary,
}

impl Packets {
    /// Reads a payload of text.
    pub(super) fn of_text(protocol: Protocol, payload: &[u8]) -> Result<Self, ParseError> {
        match utf8::is_valid(payload) {
            true => Ok(Self::new(Form::Text(protocol))),
            false => Err(ParseError),
        }
    }

    /// Reads a payload of bytes.
    pub(super) fn of_binary() -> Self {
        Self::new(Form::Binary)
    }

    fn new(form: Form) -> Self {
        Self {
            form,
            at: Some(0),
            count: 0,
        }
    }

    /// The next packet of the payload. The caller always hands in the same payload. What comes
    /// before an error has been read when it is met.
    pub(super) fn next<'p>(&mut self, payload: &'p [u8]) -> Result<Option<Packet<'p>>, ParseError> {
        while let Some(at) = self.at {
            let rest = &payload[at..];
            let (packet, behind) = match self.form {
                Form::Text(Protocol::V4) => separated(rest)?,
                Form::Text(Protocol::V3) => counted(rest)?,
                Form::Binary if rest.is_empty() => (None, None),
                Form::Binary => measured(rest)?,
            };
            self.at = behind.map(|behind| at + behind);
            // An empty packet counts as well, because it costs time.
            self.count += 1;
            if self.count > REQUEST_MESSAGES_MAX {
                return Err(ParseError);
            }
            if packet.is_some() {
                return Ok(packet);
            }
        }
        Ok(None)
    }
}

/// A packet, unless it is to be skipped, and where the next one begins, if there is one.
type Split<'p> = (Option<Packet<'p>>, Option<usize>);

/// The first packet of a payload of protocol 4.
fn separated(payload: &[u8]) -> Result<Split<'_>, ParseError> {
    let end = memchr::memchr(SEPARATOR, payload);
    let text = &payload[..end.unwrap_or(payload.len())];
    let packet = Packet::from_text(Protocol::V4, text)?;
    Ok((Some(packet), end.map(|end| end + 1)))
}

/// The first packet of a payload of text of protocol 3, `<length>:<packet>`.
fn counted(payload: &[u8]) -> Result<Split<'_>, ParseError> {
    let window = &payload[..payload.len().min(LENGTH_DIGITS_MAX + 1)];
    let colon = window.iter().position(|&byte| byte == b':');
    let colon = colon.ok_or(ParseError)?;
    let digits = payload[..colon].iter();
    let units = length(digits.map(|digit| digit.wrapping_sub(b'0')))?;
    let rest = &payload[colon + 1..];
    let bytes = utf16_prefix_bytes(rest, units).ok_or(ParseError)?;
    // The package skips what is empty.
    let packet = match bytes {
        0 => None,
        _ => Some(Packet::from_text(Protocol::V3, &rest[..bytes])?),
    };
    let behind = colon + 1 + bytes;
    Ok((packet, (behind < payload.len()).then_some(behind)))
}

/// The first packet of a payload of bytes of protocol 3.
fn measured(payload: &[u8]) -> Result<Split<'_>, ParseError> {
    let (&marker, rest) = payload.split_first().ok_or(ParseError)?;
    let (length, rest) = split_length(rest)?;
    let (bytes, rest) = rest.split_at_checked(length).ok_or(ParseError)?;
    let packet = if marker != 0 {
        Packet::from_binary(Protocol::V3, bytes)
    } else if utf8::is_valid(bytes) {
        Packet::from_text(Protocol::V3, bytes)?
    } else {
        return Err(ParseError);
    };
    let behind = payload.len() - rest.len();
    Ok((Some(packet), (!rest.is_empty()).then_some(behind)))
}

/// The length of a packet in a payload of bytes, and what follows it.
fn split_length(payload: &[u8]) -> Result<(usize, &[u8]), ParseError> {
    let window = &payload[..payload.len().min(LENGTH_DIGITS_MAX + 1)];
    let end = window.iter().position(|&byte| byte == 255);
    let end = end.ok_or(ParseError)?;
    Ok((length(payload[..end].iter().copied())?, &payload[end + 1..]))
}

/// Digits of a length. No body is so long that it would need more.
const LENGTH_DIGITS_MAX: usize = 10;

fn length(digits: impl Iterator<Item = u8>) -> Result<usize, ParseError> {
    let mut value = None;
    for digit in digits {
        if digit > 9 {
            return Err(ParseError);
        }
        value = Some(value.unwrap_or(0) * 10 + u64::from(digit));
    }
    let value = value.ok_or(ParseError)?;
    usize::try_from(value).map_err(|_| ParseError)
}

/// How many UTF-16 units UTF-8 text is as a string of JavaScript.
fn utf16_units(text: &[u8]) -> usize {
    text.iter().map(|&byte| utf16_units_begun(byte)).sum()
}

/// The UTF-16 units of the character that begins with this byte; none if none does.
fn utf16_units_begun(byte: u8) -> usize {
    match byte {
        0x80..0xc0 => 0,
        0xf0.. => 2,
        _ => 1,
    }
}

/// How many bytes of UTF-8 text are the first `units` UTF-16 units. `None` if there are fewer, or
/// if they end within a character.
fn utf16_prefix_bytes(text: &[u8], units: usize) -> Option<usize> {
    let mut left = units;
    for (at, &byte) in text.iter().enumerate() {
        let begun = utf16_units_begun(byte);
        if left == 0 && begun > 0 {
            return Some(at);
        }
        left = left.checked_sub(begun)?;
    }
    (left == 0).then_some(text.len())
}

/// How a session is answered that polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Protocol 4.
    Separated,
    /// Protocol 3, bytes in base64.
    CountedBase64,
    /// Protocol 3, bytes as they are.
    CountedBinary,
}

/// A payload of protocol 4 that grows, or the packets of one of protocol 3, whose form is known
/// only when all of them are.
#[derive(Debug)]
pub(super) struct Payload {
    encoding: Encoding,
    packets: Vec<u8>,
    /// Where each packet ends, in protocol 3.
    ends: Vec<usize>,
}

impl Payload {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            packets: Vec::new(),
            ends: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Adds a packet, as a unit of the session's polling format.
    pub(super) fn push(&mut self, packet: &[u8]) {
        if self.encoding == Encoding::Separated && !self.packets.is_empty() {
            self.packets.push(SEPARATOR);
        }
        self.packets.extend_from_slice(packet);
        if self.encoding != Encoding::Separated {
            self.ends.push(self.packets.len());
        }
    }

    /// The body, and whether it is bytes instead of text.
    pub(super) fn finish(self) -> (Vec<u8>, bool) {
        let is_binary = |packet: &[u8]| packet.first() == Some(&BINARY_MESSAGE_V3);
        match self.encoding {
            Encoding::Separated => (self.packets, false),
            Encoding::CountedBinary if self.each().any(is_binary) => {
                let mut body = Vec::with_capacity(self.packets.len() + self.ends.len() * 4);
                for packet in self.each() {
                    push_binary(packet, is_binary(packet), &mut body);
                }
                (body, true)
            }
            Encoding::CountedBinary | Encoding::CountedBase64 => {
                let mut body = Vec::with_capacity(self.packets.len() + self.ends.len() * 3);
                self.each()
                    .for_each(|packet| push_counted(packet, &mut body));
                (body, false)
            }
        }
    }

    fn each(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, &end)| &self.packets[start..end])
    }
}

/// Appends a packet to a payload of text of protocol 3.
fn push_counted(packet: &[u8], body: &mut Vec<u8>) {
    match packet {
        [BINARY_MESSAGE_V3, bytes @ ..] => {
            let length = "b4".len() + base64::encoded_bytes(bytes.len());
            body.extend_from_slice(length.to_string().as_bytes());
            body.extend_from_slice(b":b4");
            base64::encode(bytes, body);
        }
        text => {
            body.extend_from_slice(utf16_units(text).to_string().as_bytes());
            body.push(b':');
            body.extend_from_slice(text);
        }
    }
}

/// Appends a packet to a payload of bytes of protocol 3.
fn push_binary(packet: &[u8], is_binary: bool, body: &mut Vec<u8>) {
    body.push(u8::from(is_binary));
    let digits = packet.len().to_string();
    body.extend(digits.bytes().map(|digit| digit - b'0'));
    body.push(255);
    body.extend_from_slice(packet);
}

#[cfg(test)]
mod tests;
