//! Base64 as `Buffer` of Node.js reads and writes it, because binary messages travel in it wherever
//! only text can.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Appends `bytes` in base64, with padding.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + encoded_bytes(bytes.len()), 0);
    STANDARD
        .encode_slice(bytes, &mut out[start..])
        .expect("the room was measured");
}

/// Characters that so many bytes become.
pub(super) const fn encoded_bytes(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Decodes in place and returns how many bytes there are at the front now. Like Node.js it knows
/// both alphabets, skips what belongs to neither, stops at the first `=`, and drops a character
/// that is left over.
pub(super) fn decode_in_place(text: &mut [u8]) -> usize {
    let (mut read, mut written) = (0, 0);
    // The usual text has nothing to skip; four characters at a time make three bytes.
    while let Some(&[a, b, c, d]) = text[read..].first_chunk::<4>() {
        let values = [a, b, c, d].map(|char| VALUES[usize::from(char)]);
        let [a, b, c, d] = values.map(u32::from);
        if a | b | c | d > 0x3f {
            break;
        }
        let group = (a << 18 | b << 12 | c << 6 | d).to_be_bytes();
        text[written..written + 3].copy_from_slice(&group[1..]);
        read += 4;
        written += 3;
    }
    written + decode_rest(text, read, written)
}

/// Decodes one character after the other from `read` on. Returns how many bytes it wrote.
fn decode_rest(text: &mut [u8], read: usize, written: usize) -> usize {
    let (mut bits, mut bit_count, mut at) = (0_u32, 0, written);
    for index in read..text.len() {
        let char = text[index];
        if char == b'=' {
            break;
        }
        let value = VALUES[usize::from(char)];
        if value == NO_VALUE {
            continue;
        }
        bits = bits << 6 | u32::from(value);
        bit_count += 6;
        if bit_count >= 8 {
            bit_count -= 8;
            text[at] = (bits >> bit_count) as u8;
            at += 1;
        }
    }
    at - written
}

/// The six bits that a character stands for, or [`NO_VALUE`].
const VALUES: [u8; 256] = values();
const NO_VALUE: u8 = 0xff;

const fn values() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NO_VALUE; 256];
    let mut value = 0;
    while value < alphabet.len() {
        values[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    // The alphabet for URLs.
    values[b'-' as usize] = 62;
    values[b'_' as usize] = 63;
    values
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        let length = decode_in_place(&mut bytes);
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn reads_what_node_reads() {
        // The right column is what `Buffer.from(text, 'base64')` gives.
        let cases: [(&str, &[u8]); 11] = [
            ("YQ==YQ==", b"a"),
            ("YQ=YQ", b"a"),
            ("YWJj\nZGVm", b"abcdef"),
            ("YW-_", b"ao\xbf"),
            ("YW+/", b"ao\xbf"),
            ("Y", b""),
            ("YQ", b"a"),
            ("YWI", b"ab"),
            ("YWJ*jZ", b"abc"),
            ("Y=Q=", b""),
            ("", b""),
        ];
        for (text, bytes) in cases {
            assert_eq!(decoded(text), bytes, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(bytes: Vec<u8>) {
            let mut text = b"before".to_vec();
            encode(&bytes, &mut text);
            prop_assert_eq!(decoded(std::str::from_utf8(&text[6..]).unwrap()), bytes);
        }

        #[test]
        fn nothing_panics(mut bytes: Vec<u8>) {
            let length = decode_in_place(&mut bytes);
            prop_assert!(length <= bytes.len());
        }
    }
}
