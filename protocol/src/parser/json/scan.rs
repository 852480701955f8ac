//! Whether a text is JSON (RFC 8259), without building anything. Every message is scanned, most are
//! never decoded, so this is written for speed: no recursion, one bit per level, and strings and
//! digits skipped many bytes at once (see [`super::skip`]).
//!
//! The functions below the loop take the text and the offset to go on from, and give the offset
//! after what they read. None of them holds the state of the loop, which so stays in registers.

use super::skip::{digits, plain, white_space};
use crate::limits::JSON_DEPTH_MAX;
use crate::parser::ParseError;

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
            b'{' => {
                levels.enter(true, after)?;
                match token(text, after)? {
                    (b'"', after) => {
                        at = key(text, after)?;
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
#[inline(always)]
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
#[inline(always)]
fn key(text: &[u8], at: usize) -> After {
    match token(text, string(text, at)?)? {
        (b':', after) => Ok(after),
        (_, after) => Err(Stop(after - 1)),
    }
}

/// Reads a string after its opening quote.
#[inline(always)]
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

/// The arrays and objects that are open: one bit for each, set for an object.
#[derive(Default)]
struct Levels {
    depth: usize,
    in_object: bool,
    objects: [u64; LEVEL_WORDS],
}

impl Levels {
    /// Opens the one whose bracket ends at `after`.
    #[inline(always)]
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

    #[inline(always)]
    fn leave(&mut self) {
        self.depth -= 1;
        let outer = self.depth.saturating_sub(1);
        self.in_object = self.objects[outer / 64] >> (outer % 64) & 1 == 1;
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
