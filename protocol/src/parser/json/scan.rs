//! Whether a text is JSON (RFC 8259), without building anything. Every message is scanned, most are
//! never decoded, so this is written for speed: no recursion, one bit per level, strings skipped
//! in blocks that the compiler turns into vector instructions.

use crate::limits::JSON_DEPTH_MAX;
use crate::parser::ParseError;

const WORD_BYTES: usize = 8;
const BLOCK_BYTES: usize = 32;
/// Words of a string that are looked at one by one before whole blocks are: most strings are short.
const SINGLE_WORDS: usize = 4;
const LEVEL_WORDS: usize = JSON_DEPTH_MAX.div_ceil(u64::BITS as usize);

/// Reads a text to its end. It does not look at whether the text is UTF-8.
pub(super) fn scan(text: &[u8]) -> Result<(), ParseError> {
    let mut scan = Scan {
        text,
        at: 0,
        levels: Levels::default(),
    };
    scan.document()
}

struct Scan<'t> {
    text: &'t [u8],
    at: usize,
    levels: Levels,
}

impl Scan<'_> {
    fn document(&mut self) -> Result<(), ParseError> {
        loop {
            let value_is_complete = self.value()?;
            if value_is_complete && self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Reads a value, or of an array or object that is not empty just enough that the next value
    /// can follow. Returns whether a value is complete.
    #[inline]
    fn value(&mut self) -> Result<bool, ParseError> {
        match self.token()? {
            b'"' => self.string()?,
            b'{' => {
                self.enter(true)?;
                match self.token()? {
                    b'"' => return self.key(),
                    b'}' => self.levels.leave(),
                    _ => return Err(self.unexpected()),
                }
            }
            b'[' => {
                self.enter(false)?;
                if self.token()? != b']' {
                    self.at -= 1;
                    return Ok(false);
                }
                self.levels.leave();
            }
            b'0' => self.fraction_and_exponent()?,
            b'1'..=b'9' => self.integer()?,
            b'-' => match self.byte()? {
                b'0' => self.fraction_and_exponent()?,
                b'1'..=b'9' => self.integer()?,
                _ => return Err(self.unexpected()),
            },
            b't' => self.word(b"rue")?,
            b'f' => self.word(b"alse")?,
            b'n' => self.word(b"ull")?,
            _ => return Err(self.unexpected()),
        }
        Ok(true)
    }

    /// Reads what follows a complete value, up to where the next value must begin. Returns whether
    /// the text has come to its proper end.
    #[inline]
    fn after_value(&mut self) -> Result<bool, ParseError> {
        loop {
            if self.levels.depth == 0 {
                return match self.token() {
                    Err(_) => Ok(true),
                    Ok(_) => Err(self.unexpected()),
                };
            }
            match (self.token()?, self.levels.in_object) {
                (b',', false) => return Ok(false),
                (b',', true) => {
                    return match self.token()? {
                        b'"' => self.key(),
                        _ => Err(self.unexpected()),
                    };
                }
                (b']', false) | (b'}', true) => self.levels.leave(),
                _ => return Err(self.unexpected()),
            }
        }
    }

    /// Reads a key after its opening quote, and its colon. A value must follow: never complete.
    #[inline]
    fn key(&mut self) -> Result<bool, ParseError> {
        self.string()?;
        match self.token()? {
            b':' => Ok(false),
            _ => Err(self.unexpected()),
        }
    }

    /// Reads a string after its opening quote.
    #[inline]
    fn string(&mut self) -> Result<(), ParseError> {
        loop {
            self.at += plain_bytes(&self.text[self.at..]);
            match self.byte()? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                _ => return Err(self.unexpected()),
            }
        }
    }

    /// Reads an escape after its backslash. Surrogates need not come in pairs.
    fn escape(&mut self) -> Result<(), ParseError> {
        match self.byte()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                for _ in 0..4 {
                    if !self.byte()?.is_ascii_hexdigit() {
                        return Err(self.unexpected());
                    }
                }
                Ok(())
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Reads a number after its first digit, which was not zero.
    #[inline]
    fn integer(&mut self) -> Result<(), ParseError> {
        self.digits();
        self.fraction_and_exponent()
    }

    /// Reads a number after its integer part.
    #[inline]
    fn fraction_and_exponent(&mut self) -> Result<(), ParseError> {
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn some_digits(&mut self) -> Result<(), ParseError> {
        if !self.byte()?.is_ascii_digit() {
            return Err(self.unexpected());
        }
        self.digits();
        Ok(())
    }

    #[inline]
    fn digits(&mut self) {
        self.at += digits(&self.text[self.at..]);
    }

    /// Reads the rest of `true`, `false` or `null`.
    #[inline]
    fn word(&mut self, rest: &[u8]) -> Result<(), ParseError> {
        for &expected in rest {
            if self.byte()? != expected {
                return Err(self.unexpected());
            }
        }
        Ok(())
    }

    fn enter(&mut self, object: bool) -> Result<(), ParseError> {
        if self.levels.depth == JSON_DEPTH_MAX {
            return Err(ParseError::TooDeep { at: self.at - 1 });
        }
        self.levels.enter(object);
        Ok(())
    }

    /// Takes the next byte that is not white space.
    #[inline]
    fn token(&mut self) -> Result<u8, ParseError> {
        let byte = self.byte()?;
        if byte > b' ' {
            return Ok(byte);
        }
        self.at -= 1;
        self.at += white_space(&self.text[self.at..]);
        self.byte()
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, ParseError> {
        let &byte = self.text.get(self.at).ok_or(ParseError::UnexpectedEnd)?;
        self.at += 1;
        Ok(byte)
    }

    /// The byte that was taken last is wrong.
    #[cold]
    fn unexpected(&self) -> ParseError {
        ParseError::Unexpected { at: self.at - 1 }
    }
}

/// The arrays and objects that are open: one bit for each, set for an object.
#[derive(Default)]
struct Levels {
    depth: usize,
    in_object: bool,
    objects: [u64; LEVEL_WORDS],
}

impl Levels {
    #[inline]
    fn enter(&mut self, object: bool) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        self.objects[word] = self.objects[word] & !(1 << bit) | u64::from(object) << bit;
        self.in_object = object;
        self.depth += 1;
    }

    #[inline]
    fn leave(&mut self) {
        self.depth -= 1;
        let outer = self.depth.saturating_sub(1);
        self.in_object = self.objects[outer / 64] >> (outer % 64) & 1 == 1;
    }
}

/// How many bytes come before the first quote, backslash or control character.
#[inline]
fn plain_bytes(text: &[u8]) -> usize {
    let (words, _) = text.as_chunks::<WORD_BYTES>();
    let first = &words[..words.len().min(SINGLE_WORDS)];
    let plain = plain_bytes_of_words(first);
    if plain < first.len() * WORD_BYTES {
        return plain;
    }
    plain + plain_bytes_wide(&text[plain..])
}

/// The same for what goes on after a few words, and for the bytes after the last whole word.
fn plain_bytes_wide(text: &[u8]) -> usize {
    let (blocks, _) = text.as_chunks::<BLOCK_BYTES>();
    let skipped = BLOCK_BYTES * blocks.iter().take_while(|block| is_plain(block)).count();
    let (words, _) = text[skipped..].as_chunks::<WORD_BYTES>();
    let plain = skipped + plain_bytes_of_words(words);
    let tail = text[plain..].iter().take_while(|byte| !is_special(**byte));
    plain + tail.count()
}

#[inline]
fn plain_bytes_of_words(words: &[[u8; WORD_BYTES]]) -> usize {
    for (index, word) in words.iter().enumerate() {
        let specials = specials(u64::from_le_bytes(*word));
        if specials != 0 {
            return index * WORD_BYTES + specials.trailing_zeros() as usize / 8;
        }
    }
    words.len() * WORD_BYTES
}

/// Sets the top bit of the lowest byte that is special. Bytes above that one may be wrong.
#[inline]
fn specials(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    let below = |limit: u8, word: u64| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let equal = |byte: u8| below(1, word ^ (ONES * u64::from(byte)));
    (below(0x20, word) | equal(b'"') | equal(b'\\')) & TOPS
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

#[inline]
fn digits(text: &[u8]) -> usize {
    let (words, _) = text.as_chunks::<WORD_BYTES>();
    let all_digits = |word: &&[u8; WORD_BYTES]| word.iter().all(u8::is_ascii_digit);
    let skipped = WORD_BYTES * words.iter().take_while(all_digits).count();
    let tail = text[skipped..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    skipped + tail.count()
}

/// How much white space there is. Indentation is skipped in words.
fn white_space(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
        while text[at..].starts_with(&[b' '; WORD_BYTES]) {
            at += WORD_BYTES;
        }
    }
    at
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
                    assert_eq!(plain_bytes(&text), expected, "{len} {at} {byte:#x}");
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
                    assert_eq!(digits(&text), at, "{len} {at} {byte:#x}");
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
                levels.enter(is_object(depth));
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
