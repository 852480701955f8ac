//! A message that carries its own proof: who sent it, as which of its messages, when, and a check
//! over everything, so that a receiver needs no memory of what was sent.
//!
//! On the wire it is a JSON array, `[from,sequence,sent_ns,check,"padding"]`, without spaces, as
//! `JSON.stringify` writes it; a server that decodes and encodes it again yields the same bytes.

use std::ops::Range;

use allspark_protocol::Dice;

/// Bytes of the shortest message that [`encode`] can make whatever the numbers are.
pub(crate) const MESSAGE_BYTES_MIN: usize = 64;

/// What a message says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Which sender, counted from 0.
    pub(crate) from: u32,
    /// Which of its messages, counted from 0.
    pub(crate) sequence: u32,
    /// When, in nanoseconds since the load began. Below 2^53, so that a JSON number can hold it.
    pub(crate) sent_ns: u64,
}

/// The bytes are not those of any message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// How a message begins that is for everyone, where not all are; the server's app `mixed` goes by
/// it.
const TO_ALL: &[u8] = br#"["all","#;

/// Appends a message of `message_bytes` bytes, or a little more if that is too short to hold it.
pub(crate) fn encode(stamp: Stamp, message_bytes: usize, out: &mut Vec<u8>) {
    encode_from(b"[", stamp, message_bytes, out);
}

/// As [`encode`], for everyone.
pub(crate) fn encode_to_all(stamp: Stamp, message_bytes: usize, out: &mut Vec<u8>) {
    encode_from(TO_ALL, stamp, message_bytes, out);
}

fn encode_from(opening: &[u8], stamp: Stamp, message_bytes: usize, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(opening);
    append_number(u64::from(stamp.from), out);
    out.push(b',');
    append_number(u64::from(stamp.sequence), out);
    out.push(b',');
    append_number(stamp.sent_ns, out);
    out.push(b',');
    append_number(u64::from(check(stamp)), out);
    out.extend_from_slice(b",\"");
    let padding_bytes = message_bytes.saturating_sub(out.len() - begin + 2);
    append_padding(stamp.sequence, padding_bytes, out);
    out.extend_from_slice(b"\"]");
}

/// Reads a message of either kind and checks every byte of it. `message_bytes` is what [`encode`]
/// was given.
pub(crate) fn decode(text: &[u8], message_bytes: usize) -> Result<Stamp, Corrupt> {
    if text.len() < message_bytes {
        return Err(Corrupt);
    }
    let to_all = || text.strip_prefix(TO_ALL);
    let own = || text.strip_prefix(b"[");
    let mut rest = to_all().or_else(own).ok_or(Corrupt)?;
    let from = take_number(&mut rest)?;
    let sequence = take_number(&mut rest)?;
    let sent_ns = take_number(&mut rest)?;
    let told_check = take_number(&mut rest)?;
    let stamp = Stamp {
        from: u32::try_from(from).map_err(|_| Corrupt)?,
        sequence: u32::try_from(sequence).map_err(|_| Corrupt)?,
        sent_ns,
    };
    let padding = rest
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\"]"))
        .ok_or(Corrupt)?;
    let too_long = text.len() > message_bytes && !padding.is_empty();
    if too_long || told_check != u64::from(check(stamp)) || !is_padding(stamp.sequence, padding) {
        return Err(Corrupt);
    }
    Ok(stamp)
}

/// Mixes all three numbers, so that one cannot change without the check.
fn check(stamp: Stamp) -> u32 {
    let identity = (u64::from(stamp.from) << 32) | u64::from(stamp.sequence);
    let mixed = Dice::new(identity).roll() ^ stamp.sent_ns;
    (Dice::new(mixed).roll() >> 32) as u32
}

fn append_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut begin = digits.len();
    loop {
        begin -= 1;
        digits[begin] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[begin..]);
}

/// Digits that a number may have, so that none overflows.
const DIGITS_MAX: usize = 19;

/// Takes digits and the comma that must follow them. A receiver does this four times for each
/// message, and may have millions of them per second.
#[inline]
fn take_number(rest: &mut &[u8]) -> Result<u64, Corrupt> {
    let mut number = 0;
    let mut count = 0;
    while let Some(&byte) = rest.get(count)
        && byte.is_ascii_digit()
        && count < DIGITS_MAX
    {
        number = number * 10 + u64::from(byte - b'0');
        count += 1;
    }
    if count == 0 || rest.get(count) != Some(&b',') {
        return Err(Corrupt);
    }
    *rest = &rest[count + 1..];
    Ok(number)
}

/// Letters that repeat after this many bytes.
const PERIOD: usize = 64;

/// The letters, repeated, so that a long padding is compared in long pieces.
const LETTERS: [u8; 4096 + PERIOD] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut letters = [0; 4096 + PERIOD];
    let mut position = 0;
    while position < letters.len() {
        letters[position] = alphabet[position % PERIOD];
        position += 1;
    }
    letters
};

/// Bytes of padding that are written or compared at once; a multiple of the period, so that every
/// piece begins with the same letter.
const PIECE_BYTES: usize = 4096;

fn append_padding(sequence: u32, mut padding_bytes: usize, out: &mut Vec<u8>) {
    while padding_bytes > 0 {
        let piece_bytes = padding_bytes.min(PIECE_BYTES);
        out.extend_from_slice(&LETTERS[piece(sequence, piece_bytes)]);
        padding_bytes -= piece_bytes;
    }
}

fn is_padding(sequence: u32, padding: &[u8]) -> bool {
    padding
        .chunks(PIECE_BYTES)
        .all(|chunk| chunk == &LETTERS[piece(sequence, chunk.len())])
}

/// Which letters: another message of the same sender begins with another letter.
fn piece(sequence: u32, piece_bytes: usize) -> Range<usize> {
    let begin = sequence as usize % PERIOD;
    begin..begin + piece_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(stamp: Stamp, message_bytes: usize) -> Vec<u8> {
        let mut out = Vec::new();
        encode(stamp, message_bytes, &mut out);
        out
    }

    const LARGEST: Stamp = Stamp {
        from: u32::MAX,
        sequence: u32::MAX,
        sent_ns: (1 << 53) - 1,
    };

    #[test]
    fn every_size_comes_back() {
        for message_bytes in [MESSAGE_BYTES_MIN, 65, 200, 4096, 4097, 70_000] {
            for stamp in [
                Stamp {
                    from: 0,
                    sequence: 0,
                    sent_ns: 0,
                },
                LARGEST,
            ] {
                let mut to_all = Vec::new();
                encode_to_all(stamp, message_bytes, &mut to_all);
                for bytes in [encoded(stamp, message_bytes), to_all] {
                    assert_eq!(bytes.len(), message_bytes);
                    assert_eq!(decode(&bytes, message_bytes), Ok(stamp));
                }
            }
        }
    }

    #[test]
    fn is_the_json_that_another_encoder_writes() {
        let bytes = encoded(LARGEST, 100);
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(serde_json::to_vec(&value).unwrap(), bytes);
    }

    #[test]
    fn no_changed_byte_goes_unnoticed() {
        let stamp = Stamp {
            from: 12,
            sequence: 345,
            sent_ns: 67_890_123,
        };
        let mut to_all = Vec::new();
        encode_to_all(stamp, 96, &mut to_all);
        for bytes in [encoded(stamp, 96), to_all] {
            for position in 0..bytes.len() {
                for flip in [0x01, 0x02, 0x10, 0x80] {
                    let mut broken = bytes.clone();
                    broken[position] ^= flip;
                    assert_eq!(decode(&broken, 96), Err(Corrupt), "byte {position}");
                }
            }
        }
    }

    #[test]
    fn numbers_that_fit_nowhere_are_corrupt() {
        let number = "9".repeat(DIGITS_MAX);
        assert!(take_number(&mut format!("{number},").as_bytes()).is_ok());
        assert_eq!(
            take_number(&mut format!("{number}0,").as_bytes()),
            Err(Corrupt)
        );
        assert_eq!(take_number(&mut &b"12"[..]), Err(Corrupt));
        assert_eq!(take_number(&mut &b","[..]), Err(Corrupt));
    }

    #[test]
    fn no_missing_or_added_byte_goes_unnoticed() {
        let bytes = encoded(LARGEST, 96);
        assert_eq!(decode(&bytes[..95], 96), Err(Corrupt));
        assert_eq!(decode(b"", 96), Err(Corrupt));
        let mut longer = bytes[..94].to_vec();
        longer.extend_from_slice(b"x\"]");
        assert_eq!(decode(&longer, 96), Err(Corrupt));
        let twice = [bytes.clone(), bytes].concat();
        assert_eq!(decode(&twice, 96), Err(Corrupt));
    }
}
