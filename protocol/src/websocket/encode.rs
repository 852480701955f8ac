//! Messages, pings, pongs and closes become bytes.
//!
//! Every function appends to `out`. `key` is the masking key: `None` for a server; a client must
//! hand in a new one for each frame that nobody can predict (RFC 6455, 5.3 and 10.3).

use super::frame::{HEADER_BYTES_MAX, Header, Opcode};
use super::{CloseCode, mask};
use crate::copy;
use crate::limits::WEBSOCKET_CONTROL_BYTES_MAX;
use crate::transformer::Kind;

/// Bytes of the longest reason: a control frame without the close code.
pub const REASON_BYTES_MAX: usize = WEBSOCKET_CONTROL_BYTES_MAX - size_of::<u16>();

/// Appends a message in one frame. Text must be UTF-8, or the peer will close the connection.
#[inline]
pub fn message(kind: Kind, payload: &[u8], key: Option<[u8; 4]>, out: &mut Vec<u8>) {
    frame(opcode(kind), payload, key, false, out);
}

/// Appends a message whose payload has been compressed (RFC 7692, 6), in one frame.
pub fn compressed(kind: Kind, payload: &[u8], key: Option<[u8; 4]>, out: &mut Vec<u8>) {
    frame(opcode(kind), payload, key, true, out);
}

/// Appends the header of an unmasked message in one frame: for a server that appends the payload
/// itself, or sends it from elsewhere.
#[inline]
pub fn message_header(kind: Kind, payload_bytes: usize, out: &mut Vec<u8>) {
    header(opcode(kind), payload_bytes, None, false).encode(out);
}

/// Writes the header of an unmasked message to the end of `room`, for a payload that lies right
/// behind it. Returns how many bytes that takes; `None` if there are fewer. The header of a frame
/// that a client has sent has room for it, as its mask takes four bytes.
#[inline]
pub fn message_header_before(kind: Kind, payload_bytes: usize, room: &mut [u8]) -> Option<usize> {
    header(opcode(kind), payload_bytes, None, false).encode_before(room)
}

/// Appends a ping.
///
/// # Panics
/// If `payload` has more than 125 bytes, which no control frame can hold.
pub fn ping(payload: &[u8], key: Option<[u8; 4]>, out: &mut Vec<u8>) {
    control(Opcode::Ping, payload, key, out);
}

/// Appends a pong. The payload of a ping always fits.
///
/// # Panics
/// If `payload` has more than 125 bytes, which no control frame can hold.
pub fn pong(payload: &[u8], key: Option<[u8; 4]>, out: &mut Vec<u8>) {
    control(Opcode::Pong, payload, key, out);
}

/// Appends a close. Of a reason that is too long, as many characters are kept as fit in
/// [`REASON_BYTES_MAX`]; without a code there is no room for a reason.
pub fn close(code: Option<CloseCode>, reason: &str, key: Option<[u8; 4]>, out: &mut Vec<u8>) {
    let mut payload = [0; WEBSOCKET_CONTROL_BYTES_MAX];
    let mut payload_bytes = 0;
    if let Some(code) = code {
        let reason = &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)];
        payload[..2].copy_from_slice(&code.number().to_be_bytes());
        payload_bytes = 2 + reason.len();
        payload[2..payload_bytes].copy_from_slice(reason.as_bytes());
    }
    control(Opcode::Close, &payload[..payload_bytes], key, out);
}

fn control(opcode: Opcode, payload: &[u8], key: Option<[u8; 4]>, out: &mut Vec<u8>) {
    assert!(
        payload.len() <= WEBSOCKET_CONTROL_BYTES_MAX,
        "a control frame holds 125 bytes"
    );
    frame(opcode, payload, key, false, out);
}

#[inline]
fn frame(opcode: Opcode, payload: &[u8], key: Option<[u8; 4]>, rsv1: bool, out: &mut Vec<u8>) {
    out.reserve(HEADER_BYTES_MAX + payload.len());
    header(opcode, payload.len(), key, rsv1).encode(out);
    let begin = out.len();
    copy::append(out, payload);
    if let Some(key) = key {
        mask::apply(&mut out[begin..], key, 0);
    }
}

#[inline]
fn header(opcode: Opcode, payload_bytes: usize, mask: Option<[u8; 4]>, rsv1: bool) -> Header {
    Header {
        fin: true,
        rsv1,
        opcode,
        mask,
        payload_bytes: payload_bytes as u64,
    }
}

#[inline]
fn opcode(kind: Kind) -> Opcode {
    match kind {
        Kind::Text => Opcode::Text,
        Kind::Binary => Opcode::Binary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_bytes_that_the_rfc_shows() {
        let mut out = Vec::new();
        message(Kind::Text, b"Hello", None, &mut out);
        assert_eq!(out, b"\x81\x05Hello");
        out.clear();
        message(
            Kind::Text,
            b"Hello",
            Some([0x37, 0xfa, 0x21, 0x3d]),
            &mut out,
        );
        assert_eq!(out, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        out.clear();
        ping(b"Hello", None, &mut out);
        pong(b"Hello", None, &mut out);
        assert_eq!(out, b"\x89\x05Hello\x8a\x05Hello");
    }

    #[test]
    fn a_header_and_its_payload_make_a_message() {
        for payload_bytes in [0, 125, 126, 65535, 65536] {
            let payload = vec![b'x'; payload_bytes];
            let (mut whole, mut parts) = (Vec::new(), Vec::new());
            message(Kind::Binary, &payload, None, &mut whole);
            message_header(Kind::Binary, payload_bytes, &mut parts);
            parts.extend_from_slice(&payload);
            assert_eq!(parts, whole);
        }
    }

    #[test]
    fn a_reason_is_cut_between_two_characters() {
        let mut out = Vec::new();
        close(Some(CloseCode::NORMAL), &"é".repeat(100), None, &mut out);
        assert_eq!(out[..4], [0x88, 2 + 122, 0x03, 0xe8]);
        assert_eq!(std::str::from_utf8(&out[4..]), Ok(&*"é".repeat(61)));
        out.clear();
        close(None, "unsaid", None, &mut out);
        assert_eq!(out, [0x88, 0]);
    }

    #[test]
    #[should_panic(expected = "125 bytes")]
    fn a_ping_does_not_hold_126_bytes() {
        ping(&[0; 126], None, &mut Vec::new());
    }
}
