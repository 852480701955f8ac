//! Whether a text is JSON (RFC 8259), without building anything. Every message is scanned, most are
//! never decoded, so this is written for speed: no recursion, one bit per level, and strings and
//! numbers skipped many bytes at once, by words (see [`super::skip`]) or by vectors (see
//! [`super::vector`]).
//!
//! The functions below the loop take the text and the offset to go on from, and give the offset
//! after what they read. None of them holds the state of the loop, which so stays in registers.

use multiversion::multiversion;
use multiversion::target::match_target;

use super::skip::{self, digits, white_space};
#[cfg(target_arch = "x86_64")]
use super::vector;
use crate::limits::VALUE_DEPTH_MAX;
use crate::parser::ParseError;

const LEVEL_WORDS: usize = VALUE_DEPTH_MAX / LEVELS_PER_WORD;
const LEVELS_PER_WORD: usize = u64::BITS as usize;
const _: () = assert!(VALUE_DEPTH_MAX.is_multiple_of(LEVELS_PER_WORD));

/// From here on the wider vectors of the CPU that we run on are worth the choice between them.
const VECTOR_BYTES_MIN: usize = 40;

/// Reads a text to its end. It does not look at whether the text is UTF-8.
#[inline]
pub(super) fn scan(text: &[u8]) -> Result<(), ParseError> {
    let end = if text.len() < VECTOR_BYTES_MIN {
        by_words(text)
    } else {
        by_vectors(text)
    };
    end.map_err(|stop| stop.explain(text))
}

pub(super) fn by_words(text: &[u8]) -> Result<(), Stop> {
    document(text, skip::plain, number)
}

/// The same as [`by_words`], faster where the CPU has wide vectors.
#[multiversion(targets("x86_64+avx+avx2+bmi1+bmi2"))]
pub(super) fn by_vectors(text: &[u8]) -> Result<(), Stop> {
    // Only this function, and closures within it, may call the functions for vectors without
    // `unsafe`; functions that it calls may not.
    match_target! {
        "x86_64+avx+avx2+bmi1+bmi2" => document(
            text,
            #[inline(always)]
            |text: &[u8], at: usize| vector::plain(text, at),
            #[inline(always)]
            |text: &[u8], at: usize| match vector::number(text, at) {
                Some(after) => Ok(after),
                None => other_number(text, at),
            },
        ),
        _ => by_words(text),
    }
}

/// Where the text is wrong. One word, so that results stay in registers.
#[derive(Debug, PartialEq)]
pub(super) struct Stop(usize);

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

/// The loop. `plain` and `number` skip what their namesakes do.
#[inline(always)]
fn document<P, N>(text: &[u8], plain: P, number: N) -> Result<(), Stop>
where
    P: Fn(&[u8], usize) -> usize + Copy,
    N: Fn(&[u8], usize) -> After,
{
    let mut levels = Levels::default();
    let mut at = 0;
    loop {
        let (byte, after) = token(text, at)?;
        at = match byte {
            b'"' => string(text, after, plain)?,
            b'{' => {
                levels.enter(true, after)?;
                match token(text, after)? {
                    (b'"', after) => {
                        at = key(text, after, plain)?;
                        continue;
                    }
                    (b'}', after) => {
                        levels.leave();
                        after
                    }
                    (_, after) => return Err(Stop(after - 1)),
                }
            }
            b'[' => {
                levels.enter(false, after)?;
                match token(text, after)? {
                    (b']', after) => {
                        levels.leave();
                        after
                    }
                    (_, after) => {
                        at = after - 1;
                        continue;
                    }
                }
            }
            // One digit, as in flags and small counts: nothing else is to be looked at.
            b'0'..=b'9' if let Some(b',' | b']' | b'}') = text.get(after) => after,
            b'-' | b'0'..=b'9' => number(text, after - 1)?,
            b't' => word(text, after, b"rue")?,
            b'f' => word(text, after, b"alse")?,
            b'n' => word(text, after, b"ull")?,
            _ => return Err(Stop(after - 1)),
        };
        match next_value(text, at, &mut levels, plain)? {
            Some(next) => at = next,
            None => return Ok(()),
        }
    }
}

/// Reads what follows a complete value, up to where the next value must begin; `None` if the text
/// has come to its proper end.
#[inline(always)]
fn next_value(
    text: &[u8],
    mut at: usize,
    levels: &mut Levels,
    plain: impl Fn(&[u8], usize) -> usize,
) -> Result<Option<usize>, Stop> {
    while levels.depth > 0 {
        let (byte, after) = token(text, at)?;
        match (byte, levels.in_object()) {
            (b',', false) => return Ok(Some(after)),
            (b',', true) => {
                return match token(text, after)? {
                    (b'"', after) => key(text, after, plain).map(Some),
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

/// Reads a key after its opening quote, and its colon. Most keys are short: the first word is
/// looked at before more is.
#[inline(always)]
fn key(text: &[u8], at: usize, plain: impl Fn(&[u8], usize) -> usize) -> After {
    let plain = |text: &[u8], at| skip::plain_word(text, at).unwrap_or_else(|at| plain(text, at));
    match token(text, string(text, at, plain)?)? {
        (b':', after) => Ok(after),
        (_, after) => Err(Stop(after - 1)),
    }
}

/// Reads a string after its opening quote.
#[inline(always)]
fn string(text: &[u8], mut at: usize, plain: impl Fn(&[u8], usize) -> usize) -> After {
    loop {
        at = plain(text, at);
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(text, at + 1)?,
            _ => return Err(Stop(at)),
        }
    }
}

/// Reads an escape after its backslash. Those of one letter are told from others by a table, so
/// that no branch depends on the letter.
#[inline(always)]
fn escape(text: &[u8], at: usize) -> After {
    const LETTERS: [bool; 256] = table(br#""\/bfnrt"#);
    match text.get(at) {
        Some(&letter) if LETTERS[usize::from(letter)] => Ok(at + 1),
        Some(b'u') => unit(text, at + 1),
        _ => Err(Stop(at)),
    }
}

/// Reads the four digits of an escape by number. Surrogates need not come in pairs.
#[inline(always)]
fn unit(text: &[u8], at: usize) -> After {
    match text[at..].first_chunk::<4>() {
        // All are looked at, without a branch for each.
        Some(digits) if digits.iter().fold(true, |all, digit| all & is_hex(*digit)) => Ok(at + 4),
        _ => Err(wrong_unit(text, at)),
    }
}

#[inline(always)]
fn is_hex(digit: u8) -> bool {
    const DIGITS: [bool; 256] = table(b"0123456789abcdefABCDEF");
    DIGITS[usize::from(digit)]
}

#[cold]
fn wrong_unit(text: &[u8], at: usize) -> Stop {
    let digits = text[at..].iter().take_while(|digit| is_hex(**digit));
    Stop(at + digits.count())
}

/// Which bytes are among some.
const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut index = 0;
    while index < bytes.len() {
        table[bytes[index] as usize] = true;
        index += 1;
    }
    table
}

/// Reads a number from its first character.
#[inline(always)]
fn number(text: &[u8], mut at: usize) -> After {
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match text.get(at) {
        Some(b'0') => at + 1,
        _ => some_digits(text, at)?,
    };
    if text.get(at) == Some(&b'.') {
        at = some_digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = matches!(text.get(at + 1), Some(b'+' | b'-'));
        at = some_digits(text, at + 1 + usize::from(sign))?;
    }
    Ok(at)
}

/// The same, for what is seldom there: a number that is long, or that ends with the text, or none.
#[cold]
fn other_number(text: &[u8], at: usize) -> After {
    number(text, at)
}

#[inline(always)]
fn some_digits(text: &[u8], at: usize) -> After {
    match digits(text, at) {
        none if none == at => Err(Stop(at)),
        after => Ok(after),
    }
}

/// Reads the rest of `true`, `false` or `null`.
#[inline(always)]
fn word(text: &[u8], at: usize, rest: &[u8]) -> After {
    if text[at..].starts_with(rest) {
        Ok(at + rest.len())
    } else {
        Err(wrong_word(text, at, rest))
    }
}

#[cold]
fn wrong_word(text: &[u8], at: usize, rest: &[u8]) -> Stop {
    let both = text[at..].iter().zip(rest);
    Stop(at + both.take_while(|(one, other)| one == other).count())
}

/// Takes the next byte that is not white space, and the offset after it.
#[inline(always)]
fn token(text: &[u8], at: usize) -> Result<(u8, usize), Stop> {
    match text.get(at) {
        Some(&byte) if byte > b' ' => Ok((byte, at + 1)),
        _ => {
            let at = white_space(text, at);
            text.get(at).map(|&byte| (byte, at + 1)).ok_or(Stop(at))
        }
    }
}

/// The arrays and objects that are open: one bit for each, set for an object. The innermost of them
/// are in one word, the innermost of all in its lowest bit.
#[derive(Default)]
struct Levels {
    depth: usize,
    inner: u64,
    /// What `inner` was when a multiple of its bits was open.
    outer: [u64; LEVEL_WORDS],
}

impl Levels {
    /// Opens the one whose bracket ends at `after`.
    #[inline(always)]
    fn enter(&mut self, object: bool, after: usize) -> Result<(), Stop> {
        if self.depth.is_multiple_of(LEVELS_PER_WORD) {
            match self.outer.get_mut(self.depth / LEVELS_PER_WORD) {
                Some(outer) => *outer = self.inner,
                None => return Err(Stop((after - 1) | TOO_DEEP)),
            }
        }
        self.inner = self.inner << 1 | u64::from(object);
        self.depth += 1;
        Ok(())
    }

    #[inline(always)]
    fn leave(&mut self) {
        self.depth -= 1;
        self.inner = if self.depth.is_multiple_of(LEVELS_PER_WORD) {
            self.outer[self.depth / LEVELS_PER_WORD]
        } else {
            self.inner >> 1
        };
    }

    #[inline(always)]
    fn in_object(&self) -> bool {
        self.inner & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_remember_what_they_are() {
        let mut levels = Levels::default();
        let is_object = |depth: usize| depth % 3 == 1 || depth.is_power_of_two();
        for _ in 0..2 {
            for depth in 0..VALUE_DEPTH_MAX {
                assert!(levels.enter(is_object(depth), 1).is_ok());
                assert_eq!(levels.in_object(), is_object(depth));
            }
            for depth in (1..VALUE_DEPTH_MAX).rev() {
                levels.leave();
                assert_eq!(levels.in_object(), is_object(depth - 1), "{depth}");
            }
            levels.leave();
            assert_eq!(levels.depth, 0);
        }
    }
}
