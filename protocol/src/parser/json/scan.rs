//! Whether a text is JSON (RFC 8259), without building anything. Every message is scanned, most are
//! never decoded, so this is written for speed: no recursion, one bit per level, strings and digits
//! skipped by the word, long strings in blocks that the compiler turns into vector instructions.
//!
//! The functions below the loop take the text and the offset to go on from, and give the offset
//! after what they read. None of them holds the state of the loop, which so stays in registers.

use crate::limits::JSON_DEPTH_MAX;
use crate::parser::ParseError;

const WORD_BYTES: usize = 8;
const BLOCK_BYTES: usize = 32;
/// Words of a string that are looked at one by one before whole blocks are: most strings are short.
const SINGLE_WORDS: usize = 4;
const LEVEL_WORDS: usize = JSON_DEPTH_MAX.div_ceil(u64::BITS as usize);

/// Reads a text to its end. It does not look at whether the text is UTF-8.
pub(super) fn scan(text: &[u8]) -> Result<(), ParseError> {
    document(text).map_err(|stop| stop.explain(text))
}

/// Where the text is wrong. One word, so that results stay in registers.
struct Stop(usize);

/// Set in the offset of a [`Stop`] where one level too many begins.
const TOO_DEEP: usize = 1 << (usize::BITS - 1);

/// The offset after what was read.
type After = Result<usize, Stop>;

impl Stop {
    #[cold]
    fn explain(self, text: &[u8]) -> ParseError {
        match self.0 {
            at if at & TOO_DEEP != 0 => ParseError::TooDeep { at: at & !TOO_DEEP },
            at if at >= text.len() => ParseError::UnexpectedEnd,
            at => ParseError::Unexpected { at },
        }
    }
}

fn document(text: &[u8]) -> Result<(), Stop> {
    let mut levels = Levels::default();
    let mut at = 0;
    loop {
        let (byte, after) = token(text, at)?;
        at = match byte {
            b'"' => string(text, after)?,
            b'{' | b'[' => {
                levels.enter(byte == b'{', after)?;
                let (inner, after_inner) = token(text, after)?;
                match (byte, inner) {
                    (b'{', b'"') => {
                        at = key(text, after_inner)?;
                        continue;
                    }
                    (b'{', b'}') | (b'[', b']') => levels.leave(),
                    (b'[', _) => {
                        at = after_inner - 1;
                        continue;
                    }
                    _ => return Err(Stop(after_inner - 1)),
                }
                after_inner
            }
            b'-' | b'0'..=b'9' => number(text, after - 1)?,
            b't' => word(text, after, b"rue")?,
            b'f' => word(text, after, b"alse")?,
            b'n' => word(text, after, b"ull")?,
            _ => return Err(Stop(after - 1)),
        };
        match next_value(text, at, &mut levels)? {
            Some(next) => at = next,
            None => return Ok(()),
        }
    }
}

/// Reads what follows a complete value, up to where the next value must begin; `None` if the text
/// has come to its proper end.
#[inline]
fn next_value(text: &[u8], mut at: usize, levels: &mut Levels) -> Result<Option<usize>, Stop> {
    while levels.depth > 0 {
        let (byte, after) = token(text, at)?;
        match (byte, levels.in_object) {
            (b',', false) => return Ok(Some(after)),
            (b',', true) => {
                return match token(text, after)? {
                    (b'"', after) => key(text, after).map(Some),
                    (_, after) => Err(Stop(after - 1)),
                };
            }
            (b']', false) | (b'}', true) => levels.leave(),
            _ => return Err(Stop(after - 1)),
        }
        at = after;
    }
    match white_space(text, at) {
        end if end == text.len() => Ok(None),
        at => Err(Stop(at)),
    }
}

/// Reads a key after its opening quote, and its colon.
#[inline]
fn key(text: &[u8], at: usize) -> After {
    match token(text, string(text, at)?)? {
        (b':', after) => Ok(after),
        (_, after) => Err(Stop(after - 1)),
    }
}

/// Reads a string after its opening quote.
#[inline]
fn string(text: &[u8], mut at: usize) -> After {
    loop {
        at = plain(text, at);
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(text, at + 1)?,
            _ => return Err(Stop(at)),
        }
    }
}

/// Reads an escape after its backslash. Surrogates need not come in pairs.
#[inline(never)]
fn escape(text: &[u8], at: usize) -> After {
    match text.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => {
            let digits = text[at + 1..].iter().take(4);
            match digits.take_while(|digit| digit.is_ascii_hexdigit()).count() {
                4 => Ok(at + 5),
                fewer => Err(Stop(at + 1 + fewer)),
            }
        }
        _ => Err(Stop(at)),
    }
}

/// Reads a number from its first character.
#[inline]
fn number(text: &[u8], mut at: usize) -> After {
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match text.get(at) {
        Some(b'0') => at + 1,
        _ => digits(text, at)?,
    };
    if text.get(at) == Some(&b'.') {
        at = digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = matches!(text.get(at + 1), Some(b'+' | b'-'));
        at = digits(text, at + 1 + usize::from(sign))?;
    }
    Ok(at)
}

/// Reads the rest of `true`, `false` or `null`.
#[inline]
fn word(text: &[u8], at: usize, rest: &[u8]) -> After {
    let same = text[at..]
        .iter()
        .zip(rest)
        .take_while(|(one, other)| one == other);
    match same.count() {
        all if all == rest.len() => Ok(at + all),
        some => Err(Stop(at + some)),
    }
}

/// Takes the next byte that is not white space, and the offset after it.
#[inline]
fn token(text: &[u8], at: usize) -> Result<(u8, usize), Stop> {
    match text.get(at) {
        Some(&byte) if byte > b' ' => Ok((byte, at + 1)),
        _ => {
            let at = white_space(text, at);
            text.get(at).map(|&byte| (byte, at + 1)).ok_or(Stop(at))
        }
    }
}

/// Skips white space, indentation by the word.
#[inline(never)]
fn white_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
        while text[at..].starts_with(&[b' '; WORD_BYTES]) {
            at += WORD_BYTES;
        }
    }
    at
}

/// The arrays and objects that are open: one bit for each, set for an object.
#[derive(Default)]
struct Levels {
    depth: usize,
    in_object: bool,
    objects: [u64; LEVEL_WORDS],
}

impl Levels {
    /// Opens the one whose bracket ends at `after`.
    #[inline]
    fn enter(&mut self, object: bool, after: usize) -> Result<(), Stop> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(Stop((after - 1) | TOO_DEEP));
        }
        let (word, bit) = (self.depth / 64, self.depth % 64);
        self.objects[word] = self.objects[word] & !(1 << bit) | u64::from(object) << bit;
        self.in_object = object;
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn leave(&mut self) {
        self.depth -= 1;
        let outer = self.depth.saturating_sub(1);
        self.in_object = self.objects[outer / 64] >> (outer % 64) & 1 == 1;
    }
}

/// Skips to the first quote, backslash or control character, or to the end.
#[inline]
fn plain(text: &[u8], mut at: usize) -> usize {
    for _ in 0..SINGLE_WORDS {
        let specials = specials(word_at(text, at));
        if specials != 0 {
            return at + first_byte(specials);
        }
        at += WORD_BYTES;
    }
    plain_long(text, at)
}

/// The same for a string that goes on after a few words.
#[inline(never)]
fn plain_long(text: &[u8], mut at: usize) -> usize {
    let (blocks, _) = text[at..].as_chunks::<BLOCK_BYTES>();
    at += BLOCK_BYTES * blocks.iter().take_while(|block| is_plain(block)).count();
    loop {
        let specials = specials(word_at(text, at));
        if specials != 0 {
            return at + first_byte(specials);
        }
        at += WORD_BYTES;
    }
}

/// Reads digits, at least one.
#[inline]
fn digits(text: &[u8], start: usize) -> After {
    let mut at = start;
    loop {
        let others = others_than_digits(word_at(text, at));
        if others != 0 {
            at += first_byte(others);
            return if at > start { Ok(at) } else { Err(Stop(at)) };
        }
        at += WORD_BYTES;
    }
}

/// The eight bytes at an offset up to the end. What lies beyond the end is zero, which is a control
/// character and no digit, so whoever looks for the first of those stops at the end at the latest.
#[inline]
fn word_at(text: &[u8], at: usize) -> u64 {
    match text[at..].first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => last_word(text, at),
    }
}

/// The same where fewer than eight bytes are left: of the last eight bytes of the text those that
/// lie before the offset are shifted out.
#[inline]
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
#[inline]
fn specials(word: u64) -> u64 {
    let below = |limit: u8, word: u64| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let equal = |byte: u8| below(1, word ^ (ONES * u64::from(byte)));
    (below(0x20, word) | equal(b'"') | equal(b'\\')) & TOPS
}

/// Sets the top bit of each byte that is no digit.
#[inline]
fn others_than_digits(word: u64) -> u64 {
    let values = word ^ (ONES * u64::from(b'0'));
    (((values & !TOPS) + ONES * (0x7f - 9)) | values) & TOPS
}

/// The place of the first byte whose top bit is set.
#[inline]
fn first_byte(tops: u64) -> usize {
    tops.trailing_zeros() as usize / 8
}

#[inline]
fn is_plain(block: &[u8; BLOCK_BYTES]) -> bool {
    !block
        .iter()
        .fold(false, |any, &byte| any | is_special(byte))
}

#[inline]
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
                    let found = digits(&text, 0).ok();
                    assert_eq!(found, Some(at).filter(|at| *at > 0), "{len} {at} {byte:#x}");
                }
            }
        }
    }

    #[test]
    fn levels_remember_what_they_are() {
        let mut levels = Levels::default();
        let is_object = |depth: usize| depth % 3 == 1 || depth.is_power_of_two();
        for _ in 0..2 {
            for depth in 0..JSON_DEPTH_MAX {
                assert!(levels.enter(is_object(depth), 1).is_ok());
                assert_eq!(levels.in_object, is_object(depth));
            }
            for depth in (1..JSON_DEPTH_MAX).rev() {
                levels.leave();
                assert_eq!(levels.in_object, is_object(depth - 1), "{depth}");
            }
            levels.leave();
            assert_eq!(levels.depth, 0);
        }
    }
}
