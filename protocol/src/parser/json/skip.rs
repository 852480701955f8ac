//! Skips what a scan need not look into, many bytes at once: in words of eight bytes, where each
//! byte of a number stands for one of the text, and in blocks that the compiler turns into vector
//! instructions. Each function takes the text and an offset within it and gives the offset where
//! it stopped. One that lies beyond the text panics; the scan never makes one.

const WORD_BYTES: usize = 8;
const BLOCK_BYTES: usize = 32;

/// Skips to the first quote, backslash or control character, or to the end.
#[inline(always)]
pub(super) fn plain(text: &[u8], mut at: usize) -> usize {
    // Most strings are short: the first word is looked at before a whole block is.
    match plain_word(text, at) {
        Ok(end) => return end,
        Err(next) => at = next,
    }
    while let Some(block) = text[at..].first_chunk()
        && is_plain(block)
    {
        at += BLOCK_BYTES;
    }
    plain_words(text, at)
}

/// The same within one word; an error is the offset after it.
#[inline(always)]
pub(super) fn plain_word(text: &[u8], at: usize) -> Result<usize, usize> {
    match specials(word_at(text, at)) {
        0 => Err(at + WORD_BYTES),
        specials => Ok(at + first_byte(specials)),
    }
}

/// The same word by word.
#[inline(always)]
pub(super) fn plain_words(text: &[u8], mut at: usize) -> usize {
    loop {
        match plain_word(text, at) {
            Ok(end) => return end,
            Err(next) => at = next,
        }
    }
}

/// Skips to the first byte that is no digit, or to the end.
#[inline(always)]
pub(super) fn digits(text: &[u8], mut at: usize) -> usize {
    loop {
        let others = others_than_digits(word_at(text, at));
        if others != 0 {
            return at + first_byte(others);
        }
        at += WORD_BYTES;
    }
}

/// Skips white space, indentation by the word.
#[inline(never)]
pub(super) fn white_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
        while text[at..].starts_with(&[b' '; WORD_BYTES]) {
            at += WORD_BYTES;
        }
    }
    at
}

/// The eight bytes at an offset up to the end. What lies beyond the end is zero, which is a control
/// character and no digit, so a search for either of them stops at the end at the latest.
#[inline(always)]
fn word_at(text: &[u8], at: usize) -> u64 {
    match text[at..].first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => last_word(text, at),
    }
}

/// The same where fewer than eight bytes are left: of the last eight bytes of the text those that
/// lie before the offset are shifted out.
#[inline(always)]
fn last_word(text: &[u8], at: usize) -> u64 {
    let shift = (WORD_BYTES - (text.len() - at)) as u32 * u8::BITS;
    match text.last_chunk() {
        Some(word) => u64::from_le_bytes(*word).checked_shr(shift).unwrap_or(0),
        None => text[at..]
            .iter()
            .rev()
            .fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

const ONES: u64 = u64::MAX / 255;
const TOPS: u64 = ONES << 7;

/// Sets the top bit of the first byte that ends a plain run. Bytes after that one may be wrong.
#[inline(always)]
fn specials(word: u64) -> u64 {
    let below = |limit: u8, word: u64| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let equal = |byte: u8| below(1, word ^ (ONES * u64::from(byte)));
    (below(0x20, word) | equal(b'"') | equal(b'\\')) & TOPS
}

/// Sets the top bit of each byte that is no digit.
#[inline(always)]
fn others_than_digits(word: u64) -> u64 {
    let values = word ^ (ONES * u64::from(b'0'));
    (((values & !TOPS) + ONES * (0x7f - 9)) | values) & TOPS
}

/// The place of the first byte whose top bit is set.
#[inline(always)]
fn first_byte(tops: u64) -> usize {
    tops.trailing_zeros() as usize / 8
}

#[inline(always)]
fn is_plain(block: &[u8; BLOCK_BYTES]) -> bool {
    !block
        .iter()
        .fold(false, |any, &byte| any | is_special(byte))
}

#[inline(always)]
fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Special bytes, their neighbours, and both with the top bit set.
    const BYTES: &[u8] = b"\x00\x1f\x20\x21\"\x23[\\]\x7f\x80\x9f\xa2\xdc\xff";

    #[test]
    fn the_end_of_plain_bytes_is_found_at_every_place() {
        for len in 0..100 {
            for at in 0..len {
                for &byte in BYTES {
                    let mut text = vec![b'a'; len];
                    text[at] = byte;
                    text[len - 1] |= 0x80;
                    let expected = text.iter().take_while(|byte| !is_special(**byte)).count();
                    assert_eq!(plain(&text, 0), expected, "{len} {at} {byte:#x}");
                }
            }
        }
    }

    #[test]
    fn the_end_of_digits_is_found_at_every_place() {
        for len in 0..40 {
            for at in 0..len {
                for byte in *b"/:.e\xb0" {
                    let mut text = vec![b'7'; len];
                    text[at] = byte;
                    assert_eq!(digits(&text, 0), at, "{len} {at} {byte:#x}");
                }
            }
        }
    }
}
