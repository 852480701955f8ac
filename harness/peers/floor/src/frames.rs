//! Where a frame begins and ends (RFC 6455, section 5.2), and nothing else about it.

use allspark_protocol::websocket::mask;

/// Bytes of the longest frame that is taken. Only a client that means harm sends more: the load
/// generator's longest message has 8 MiB.
pub(crate) const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The opcode of a goodbye.
const CLOSE: u8 = 8;

const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const KEY_BYTES: usize = 4;

/// What [`unmask`] found. The frames are whole, have no mask any more, and lie at the front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unmasked {
    /// Bytes of frames.
    pub(crate) messages: usize,
    /// Bytes of the goodbye right behind them, if the client said one.
    pub(crate) goodbye: usize,
    /// Bytes that these were made of. What follows is the beginning of a frame, or, after a
    /// goodbye, of no interest.
    pub(crate) consumed: usize,
}

/// The bytes are no frames of a client, or too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfit;

/// Unmasks all whole frames in place and moves them together at the front.
pub(crate) fn unmask(bytes: &mut [u8]) -> Result<Unmasked, Unfit> {
    let mut found = Unmasked::default();
    while let Some(frame) = Frame::find(&bytes[found.consumed..])? {
        let is_goodbye = bytes[found.consumed] & OPCODE == CLOSE;
        let written = frame.move_to(bytes, found.consumed, found.messages);
        found.consumed += frame.bytes();
        if is_goodbye {
            found.goodbye = written;
            break;
        }
        found.messages += written;
    }
    Ok(found)
}

/// A whole frame of a client.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Bytes before the key.
    header: usize,
    payload: usize,
}

impl Frame {
    /// The frame at the front, if all of it is there.
    fn find(bytes: &[u8]) -> Result<Option<Self>, Unfit> {
        let &[_, length, ..] = bytes else {
            return Ok(None);
        };
        if length & MASKED == 0 {
            return Err(Unfit);
        }
        let (header, payload) = match length & !MASKED {
            126 => (4, bytes.get(2..4).map(big_endian)),
            127 => (10, bytes.get(2..10).map(big_endian)),
            short => (2, Some(usize::from(short))),
        };
        let Some(payload) = payload else {
            return Ok(None);
        };
        if payload > FRAME_BYTES_MAX {
            return Err(Unfit);
        }
        let frame = Self { header, payload };
        Ok((frame.bytes() <= bytes.len()).then_some(frame))
    }

    fn bytes(self) -> usize {
        self.header + KEY_BYTES + self.payload
    }

    /// Writes this frame, which begins at `from`, without its mask to `to`, which is not behind.
    /// Returns how many bytes it has there.
    fn move_to(self, bytes: &mut [u8], from: usize, to: usize) -> usize {
        let key_at = from + self.header;
        let payload = key_at + KEY_BYTES..key_at + KEY_BYTES + self.payload;
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(&bytes[key_at..key_at + KEY_BYTES]);
        mask::apply(&mut bytes[payload.clone()], key, 0);
        bytes[from + 1] &= !MASKED;
        bytes.copy_within(from..key_at, to);
        bytes.copy_within(payload, to + self.header);
        self.header + self.payload
    }
}

/// A length that does not fit is longer than any frame that is taken.
fn big_endian(bytes: &[u8]) -> usize {
    let number = bytes
        .iter()
        .fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use allspark_protocol::transformer::Kind;
    use allspark_protocol::websocket::encode;
    use proptest::prelude::*;

    use super::*;

    fn framed(payloads: &[Vec<u8>], key: Option<[u8; 4]>) -> Vec<u8> {
        let mut out = Vec::new();
        for payload in payloads {
            encode::message(Kind::Binary, payload, key, &mut out);
        }
        out
    }

    proptest! {
        #[test]
        fn what_a_client_frames_becomes_what_a_server_frames(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6),
            key: [u8; 4],
            cut in 0..2000usize,
        ) {
            let mut bytes = framed(&payloads, Some(key));
            let plain = framed(&payloads, None);
            let cut = cut.min(bytes.len());
            let first = unmask(&mut bytes[..cut]).unwrap();
            let mut out = bytes[..first.messages].to_vec();
            let mut rest = bytes.split_off(first.consumed);
            let second = unmask(&mut rest).unwrap();
            out.extend_from_slice(&rest[..second.messages]);
            prop_assert_eq!(out, plain);
            prop_assert_eq!(second.consumed, rest.len());
        }

        #[test]
        fn no_bytes_at_all_do_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let len = bytes.len();
            if let Ok(found) = unmask(&mut bytes) {
                prop_assert!(found.messages + found.goodbye <= found.consumed);
                prop_assert!(found.consumed <= len);
            }
        }
    }

    #[test]
    fn a_long_frame_comes_back() {
        let payloads = [vec![7; 70_000], vec![8; 200]];
        let mut bytes = framed(&payloads, Some([1, 2, 3, 4]));
        let found = unmask(&mut bytes).unwrap();
        assert_eq!(bytes[..found.messages], framed(&payloads, None));
    }

    #[test]
    fn a_goodbye_is_the_last_word() {
        let mut bytes = framed(&[vec![1; 9]], Some([5; 4]));
        encode::close(None, "", Some([6; 4]), &mut bytes);
        let end = bytes.len();
        bytes.extend_from_slice(b"whatever");
        let found = unmask(&mut bytes).unwrap();
        let expected = Unmasked {
            messages: 11,
            goodbye: 2,
            consumed: end,
        };
        assert_eq!(found, expected);
        assert_eq!(bytes[11..13], [0x88, 0]);
    }

    #[test]
    fn what_no_client_sends_is_refused() {
        assert_eq!(unmask(&mut framed(&[vec![1]], None)), Err(Unfit));
        let mut endless = [0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0];
        assert_eq!(unmask(&mut endless), Err(Unfit));
    }
}
