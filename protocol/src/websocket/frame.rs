//! The header of one frame (RFC 6455, 5.2).

use super::Violation;
use crate::limits::WEBSOCKET_CONTROL_BYTES_MAX;

/// Bytes of the longest header: two, eight of length, four of masking key.
pub const HEADER_BYTES_MAX: usize = 14;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_RSV3: u8 = 0x30;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
const LENGTH_IN_2_BYTES: u8 = 126;
const LENGTH_IN_8_BYTES: u8 = 127;

/// Bytes of a header that every frame has.
const FIRST_BYTES: usize = 2;

/// The first byte of a message in one frame that is not compressed.
const WHOLE_TEXT: u8 = FIN | Opcode::Text as u8;
const WHOLE_BINARY: u8 = FIN | Opcode::Binary as u8;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// More of the message that is under way.
    Continuation = 0x0,
    /// The begin of a text message.
    Text = 0x1,
    /// The begin of a binary message.
    Binary = 0x2,
    /// The last frame of this direction.
    Close = 0x8,
    /// A question that a pong answers.
    Ping = 0x9,
    /// The answer to a ping, or an unasked sign of life.
    Pong = 0xa,
}

impl Opcode {
    /// The opcode of that number, if it is defined.
    #[inline]
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xa => Some(Self::Pong),
            _ => None,
        }
    }

    /// Whether it is a close, ping or pong, which may come in the middle of a message.
    #[inline]
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// Everything in a frame but its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether the message ends with this frame.
    pub fin: bool,
    /// The first reserved bit. It marks a compressed message (RFC 7692, 6), for which the
    /// endpoints must have agreed on permessage-deflate: the receiver of the header has to check.
    pub rsv1: bool,
    /// What the frame is for.
    pub opcode: Opcode,
    /// The masking key, if the payload is masked.
    pub mask: Option<[u8; 4]>,
    /// Bytes of payload that follow; at most 2^63 - 1.
    pub payload_bytes: u64,
}

impl Header {
    /// Reads the header in front of `bytes`; also returns how many bytes it takes.
    /// `None` means that `bytes` ends before the header does.
    ///
    /// # Errors
    /// A [`Violation`] if no frame may have such a header, from either end and at any time.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        let (first, second) = (*first, *second);
        if first & RSV2_RSV3 != 0 {
            return Err(Violation::ReservedBit);
        }
        let Some(opcode) = Opcode::new(first & OPCODE) else {
            return Err(Violation::ReservedOpcode);
        };
        if opcode.is_control() {
            check_control(first, second)?;
        }
        Self::parse_rest(first, opcode, second, rest)
    }

    /// The same where that is the header of a whole message that is not compressed, as most are.
    /// `None` for any other one, whatever it is.
    #[inline]
    pub(super) fn parse_whole_message(bytes: &[u8]) -> Option<(Self, usize)> {
        let [first, second, rest @ ..] = bytes else {
            return None;
        };
        let opcode = match *first {
            WHOLE_TEXT => Opcode::Text,
            WHOLE_BINARY => Opcode::Binary,
            _ => return None,
        };
        Self::parse_rest(*first, opcode, *second, rest).ok()?
    }

    /// Reads what follows the first byte, which is valid.
    #[inline(always)]
    fn parse_rest(
        first: u8,
        opcode: Opcode,
        second: u8,
        rest: &[u8],
    ) -> Result<Option<(Self, usize)>, Violation> {
        let bytes = FIRST_BYTES + rest.len();
        let Some((payload_bytes, rest)) = parse_length(second & LENGTH, rest)? else {
            return Ok(None);
        };
        let (mask, rest) = if second & MASKED == 0 {
            (None, rest)
        } else if let Some((key, rest)) = rest.split_first_chunk() {
            (Some(*key), rest)
        } else {
            return Ok(None);
        };
        let header = Self {
            fin: first & FIN != 0,
            rsv1: first & RSV1 != 0,
            opcode,
            mask,
            payload_bytes,
        };
        Ok(Some((header, bytes - rest.len())))
    }

    /// Appends the header to `out`, its length in the fewest bytes possible.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut bytes = [0; HEADER_BYTES_MAX];
        let end = out.len() + self.write(&mut bytes);
        // To append all of them and cut takes a few moves; a number that varies takes a call.
        out.extend_from_slice(&bytes);
        out.truncate(end);
    }

    /// Writes the header to the end of `room`, so that what lies behind is its payload. Returns how
    /// many bytes it takes; `None`, and nothing is written, if there are fewer.
    #[inline]
    pub fn encode_before(&self, room: &mut [u8]) -> Option<usize> {
        let mut bytes = [0; HEADER_BYTES_MAX];
        let length = self.write(&mut bytes);
        let start = room.len().checked_sub(length)?;
        room[start..].copy_from_slice(&bytes[..length]);
        Some(length)
    }

    /// Writes the header to the front of `bytes` and returns how many it takes.
    #[inline]
    fn write(&self, bytes: &mut [u8; HEADER_BYTES_MAX]) -> usize {
        bytes[0] = self.opcode as u8;
        if self.fin {
            bytes[0] |= FIN;
        }
        if self.rsv1 {
            bytes[0] |= RSV1;
        }
        let mut end = 2;
        if let Ok(length) = u8::try_from(self.payload_bytes)
            && length < LENGTH_IN_2_BYTES
        {
            bytes[1] = length;
        } else if let Ok(length) = u16::try_from(self.payload_bytes) {
            bytes[1] = LENGTH_IN_2_BYTES;
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            end = 4;
        } else {
            bytes[1] = LENGTH_IN_8_BYTES;
            bytes[2..10].copy_from_slice(&self.payload_bytes.to_be_bytes());
            end = 10;
        }
        if let Some(key) = self.mask {
            bytes[1] |= MASKED;
            bytes[end..end + 4].copy_from_slice(&key);
            end += 4;
        }
        end
    }
}

/// Checks what is particular to control frames (RFC 6455, 5.5), in the two bytes that show it.
#[inline]
fn check_control(first: u8, second: u8) -> Result<(), Violation> {
    if first & FIN == 0 {
        return Err(Violation::ControlFragmented);
    }
    if usize::from(second & LENGTH) > WEBSOCKET_CONTROL_BYTES_MAX {
        return Err(Violation::ControlTooLong);
    }
    if first & RSV1 != 0 {
        return Err(Violation::ReservedBit);
    }
    Ok(())
}

/// Reads the payload length, whose first seven bits are `short`; also returns what follows it.
#[inline]
fn parse_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    match short {
        LENGTH_IN_2_BYTES => {
            let Some((length, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            let length = u16::from_be_bytes(*length);
            if length < u16::from(LENGTH_IN_2_BYTES) {
                return Err(Violation::LengthNotMinimal);
            }
            Ok(Some((u64::from(length), rest)))
        }
        LENGTH_IN_8_BYTES => {
            let Some((length, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            let length = u64::from_be_bytes(*length);
            if length <= u64::from(u16::MAX) {
                return Err(Violation::LengthNotMinimal);
            }
            if length > i64::MAX as u64 {
                return Err(Violation::LengthOver63Bits);
            }
            Ok(Some((length, rest)))
        }
        _ => Ok(Some((u64::from(short), rest))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Header = Header {
        fin: true,
        rsv1: false,
        opcode: Opcode::Text,
        mask: None,
        payload_bytes: 0,
    };

    fn encoded(header: Header) -> Vec<u8> {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        bytes
    }

    #[test]
    fn a_header_has_the_bytes_that_the_rfc_shows() {
        let hello = Header {
            payload_bytes: 5,
            ..TEXT
        };
        assert_eq!(encoded(hello), [0x81, 0x05]);
        let mask = Some([0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(
            encoded(Header { mask, ..hello }),
            [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d]
        );
        let opcode = Opcode::Binary;
        let medium = Header {
            opcode,
            payload_bytes: 256,
            ..TEXT
        };
        assert_eq!(encoded(medium), [0x82, 0x7e, 0x01, 0x00]);
        let large = Header {
            payload_bytes: 65536,
            ..medium
        };
        assert_eq!(encoded(large), [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn every_header_comes_back_and_no_prefix_of_it_is_mistaken_for_one() {
        let opcodes = (0..16).filter_map(Opcode::new);
        for opcode in opcodes {
            for payload_bytes in [0, 1, 125, 126, 127, 65535, 65536, i64::MAX as u64] {
                for (fin, mask) in [(true, None), (false, None), (true, Some([9, 8, 7, 6]))] {
                    let header = Header {
                        fin,
                        rsv1: false,
                        opcode,
                        mask,
                        payload_bytes,
                    };
                    if opcode.is_control() && !(fin && payload_bytes <= 125) {
                        continue;
                    }
                    let mut bytes = encoded(header);
                    for end in 0..bytes.len() {
                        assert_eq!(Header::parse(&bytes[..end]), Ok(None), "{header:?}");
                    }
                    let length = bytes.len();
                    bytes.extend([0xff; 3]);
                    assert_eq!(Header::parse(&bytes), Ok(Some((header, length))));
                }
            }
        }
    }

    #[test]
    fn the_header_of_a_whole_message_is_what_it_is_for_any_header_and_no_other_is_one() {
        let mut count = 0;
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                for rest in [[0; 12], [1; 12], [0x80; 12]] {
                    let bytes = [&[first, second], &rest[..]].concat();
                    for end in 0..=bytes.len() {
                        let parsed = Header::parse(&bytes[..end]).ok().flatten();
                        let expected = parsed.filter(|(header, _)| {
                            header.fin && !header.rsv1 && begins_message(header.opcode)
                        });
                        assert_eq!(Header::parse_whole_message(&bytes[..end]), expected);
                        count += usize::from(expected.is_some());
                    }
                }
            }
        }
        assert!(count > 1000, "{count}");
    }

    fn begins_message(opcode: Opcode) -> bool {
        matches!(opcode, Opcode::Text | Opcode::Binary)
    }

    #[test]
    fn a_header_is_written_before_its_payload_if_there_is_room() {
        for payload_bytes in [0, 126, 65536] {
            let header = Header {
                payload_bytes,
                ..TEXT
            };
            let expected = encoded(header);
            let mut room = [b'-'; HEADER_BYTES_MAX];
            assert_eq!(header.encode_before(&mut room), Some(expected.len()));
            assert!(room.ends_with(&expected));
            let before = &room[..room.len() - expected.len()];
            assert!(before.iter().all(|byte| *byte == b'-'));
            let mut short = vec![b'-'; expected.len() - 1];
            assert_eq!(header.encode_before(&mut short), None);
            assert!(short.iter().all(|byte| *byte == b'-'));
        }
    }

    #[test]
    fn only_the_first_reserved_bit_of_a_message_may_be_set() {
        for opcode in (0..16).filter_map(Opcode::new) {
            for bits in 1..8_u8 {
                let bytes = [FIN | bits << 4 | opcode as u8, 0];
                let parsed = Header::parse(&bytes);
                if bits == 4 && !opcode.is_control() {
                    assert!(matches!(parsed, Ok(Some((Header { rsv1: true, .. }, 2)))));
                } else {
                    assert_eq!(parsed, Err(Violation::ReservedBit));
                }
            }
        }
    }

    #[test]
    fn what_no_frame_may_be_is_refused_as_soon_as_it_shows() {
        let cases: [(&[u8], Violation); 10] = [
            (&[0x83, 0], Violation::ReservedOpcode),
            (&[0x87, 0], Violation::ReservedOpcode),
            (&[0x8b, 0], Violation::ReservedOpcode),
            (&[0x09, 0], Violation::ControlFragmented),
            (&[0x88, 126], Violation::ControlTooLong),
            (&[0x8a, 0xff], Violation::ControlTooLong),
            (&[0x81, 126, 0, 125], Violation::LengthNotMinimal),
            (
                &[0x81, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
                Violation::LengthNotMinimal,
            ),
            (
                &[0x81, 127, 0, 0, 0, 0, 0, 0, 0, 0],
                Violation::LengthNotMinimal,
            ),
            (
                &[0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
                Violation::LengthOver63Bits,
            ),
        ];
        for (bytes, violation) in cases {
            assert_eq!(Header::parse(bytes), Err(violation), "{bytes:?}");
            assert_eq!(
                Header::parse(&bytes[..bytes.len() - 1]),
                Ok(None),
                "{bytes:?}"
            );
        }
    }
}
