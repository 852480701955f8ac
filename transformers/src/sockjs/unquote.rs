//! JSON that clients send becomes messages: an array of them, or a single one.
//!
//! A message is a string, which is unescaped where it lies. What is not a string is not for SockJS,
//! but sockjs-node hands it to the application as it is, and Primus does not decode a second time
//! what is no string. So its JSON text is the message here: the parser `json` makes the same of it.
//! A lone surrogate, which JavaScript's strings can hold, becomes U+FFFD.
//!
//! # Invariants
//! - A body is all delivered or not at all: nothing of one that is not JSON to its last byte.
//! - What is delivered is UTF-8 if the body is, and never longer than it was in the body.

use allspark_protocol::parser::{Json, Parser};
use allspark_protocol::transformer::Kind;

/// The body is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// What a body holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Messages {
    /// One message. Nearly every frame of a WebSocket holds one.
    One(Span),
    /// Any number of them, to be walked.
    Several(Walk),
}

/// Where a message lies in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A walk through the messages of a body. Each is unescaped, where it lies, when it is its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// The first one, if it has been unescaped before it was clear that others follow.
    first: Option<Span>,
    /// Where the next one begins, or white space in front of it, or the end of the array.
    at: usize,
}

/// How many messages are to come, and how many bytes the longest of them has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) count: usize,
    pub(super) longest_bytes: usize,
}

/// Reads a frame of a WebSocket. If it is no array it is a message itself.
///
/// # Errors
/// If the frame, which is UTF-8, is not JSON.
#[inline]
pub(super) fn frame(body: &mut [u8]) -> Result<Messages, Broken> {
    if !body.starts_with(b"[\"") {
        return frame_of_other_kind(body);
    }
    let Unescaped { span, after } = unescape(body, 2).ok_or(Broken)?;
    if &body[after..] == b"]" {
        return Ok(Messages::One(span));
    }
    after_first(body, span, after)
}

/// Reads a body that must be an array. `None` if it is JSON, but no array.
///
/// # Errors
/// If the body, which is UTF-8, is not JSON.
pub(super) fn array(body: &[u8]) -> Result<Option<Walk>, Broken> {
    check(body)?;
    let start = skip_space(body, 0);
    Ok((body[start] == b'[').then_some(Walk {
        first: None,
        at: start + 1,
    }))
}

/// Unescapes a body that is a JSON string, and says where its text lies; `None` if it is other
/// JSON.
///
/// # Errors
/// If the body, which is UTF-8, is not JSON.
pub(super) fn string(body: &mut [u8]) -> Result<Option<Span>, Broken> {
    check(body)?;
    let start = skip_space(body, 0);
    if body[start] != b'"' {
        return Ok(None);
    }
    let Unescaped { span, .. } = unescape(body, start + 1).ok_or(Broken)?;
    Ok(Some(span))
}

impl Walk {
    /// The next message of the body, which is always the same.
    pub(super) fn next(&mut self, body: &mut [u8]) -> Option<Span> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let start = self.element(body)?;
        let Element { span, after } = element(body, start);
        self.pass(body, after);
        Some(span)
    }

    /// Measures what is to come without changing it, up to one message more than `count_max`.
    pub(super) fn measure(&self, body: &[u8], count_max: usize) -> Measure {
        let mut measure = Measure::default();
        if let Some(Span { start, end }) = self.first {
            measure.add(end - start);
        }
        let mut walk = self.clone();
        while measure.count <= count_max
            && let Some(start) = walk.element(body)
        {
            let (bytes, after) = measured(body, start);
            measure.add(bytes);
            walk.pass(body, after);
        }
        measure
    }

    /// Where the next element of the array begins. The array has been checked, so it ends before
    /// the body does.
    fn element(&self, body: &[u8]) -> Option<usize> {
        let at = skip_space(body, self.at);
        (!matches!(body.get(at), None | Some(b']'))).then_some(at)
    }

    /// Goes on behind an element.
    fn pass(&mut self, body: &[u8], after: usize) {
        let at = skip_space(body, after);
        self.at = at + usize::from(body.get(at) == Some(&b','));
    }
}

impl Measure {
    fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.longest_bytes = self.longest_bytes.max(bytes);
    }
}

/// What follows the first string of an array is looked at as an array of its own, which begins in
/// the place of the comma.
#[cold]
fn after_first(body: &mut [u8], first: Span, after: usize) -> Result<Messages, Broken> {
    let at = skip_space(body, after);
    match body.get(at) {
        Some(b']') if skip_space(body, at + 1) == body.len() => Ok(Messages::One(first)),
        Some(b',') if body.get(skip_space(body, at + 1)) != Some(&b']') => {
            body[at] = b'[';
            check(&body[at..])?;
            Ok(Messages::Several(Walk {
                first: Some(first),
                at: at + 1,
            }))
        }
        _ => Err(Broken),
    }
}

/// sockjs-node looks at the very first character only: an array after white space is one message.
#[cold]
fn frame_of_other_kind(body: &mut [u8]) -> Result<Messages, Broken> {
    check(body)?;
    if body[0] == b'[' {
        return Ok(Messages::Several(Walk { first: None, at: 1 }));
    }
    let start = skip_space(body, 0);
    Ok(Messages::One(element(body, start).span))
}

fn check(body: &[u8]) -> Result<(), Broken> {
    Json.check(Kind::Text, body).map_err(|_| Broken)
}

struct Element {
    span: Span,
    after: usize,
}

/// The message that begins at `start` in JSON that has been checked.
fn element(body: &mut [u8], start: usize) -> Element {
    if body[start] == b'"'
        && let Some(Unescaped { span, after }) = unescape(body, start + 1)
    {
        return Element { span, after };
    }
    let end = value_end(body, start);
    let span = Span { start, end };
    Element { span, after: end }
}

/// How many bytes the message has that begins at `start` in JSON that has been checked, and where
/// it ends.
fn measured(body: &[u8], start: usize) -> (usize, usize) {
    if body[start] != b'"' {
        let end = value_end(body, start);
        return (end - start, end);
    }
    let end = string_end(body, start + 1);
    let (mut at, mut bytes) = (start + 1, end - (start + 1));
    while let Some(found) = memchr::memchr(b'\\', &body[at..end]) {
        at += found;
        let (written, after) = match unicode(body, at) {
            Some((char, after)) => (char.len_utf8(), after),
            None => (1, at + 2),
        };
        bytes -= after - at - written;
        at = after;
    }
    (bytes, (end + 1).min(body.len()))
}

/// Where a value ends that is not a string, in JSON that has been checked.
fn value_end(body: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0usize);
    while let Some(&byte) = body.get(at) {
        match byte {
            b'"' => at = string_end(body, at + 1),
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth <= 1 => return at + depth,
            b']' | b'}' => depth -= 1,
            b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at.min(body.len())
}

/// Where the closing quote of a string stands.
fn string_end(body: &[u8], mut at: usize) -> usize {
    while let Some(found) = memchr::memchr2(b'"', b'\\', body.get(at..).unwrap_or_default()) {
        if body[at + found] == b'"' {
            return at + found;
        }
        at += found + 2;
    }
    body.len()
}

fn skip_space(body: &[u8], at: usize) -> usize {
    let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    at + body[at..].iter().take_while(is_space).count()
}

struct Unescaped {
    /// The text, without quotes and escapes.
    span: Span,
    /// Where the rest begins, after the closing quote.
    after: usize,
}

/// Unescapes the string whose text begins at `start`, in place. `None` if it is no JSON string.
#[inline]
fn unescape(body: &mut [u8], start: usize) -> Option<Unescaped> {
    let (mut read, mut write) = (start, start);
    loop {
        let plain = plain_bytes(&body[read..]);
        if read != write {
            body.copy_within(read..read + plain, write);
        }
        read += plain;
        write += plain;
        match *body.get(read)? {
            b'"' => {
                let span = Span { start, end: write };
                let after = read + 1;
                return Some(Unescaped { span, after });
            }
            b'\\' => {
                let short = short_escape(*body.get(read + 1)?);
                if let Some(byte) = short {
                    body[write] = byte;
                    (read, write) = (read + 2, write + 1);
                } else {
                    (read, write) = unescape_unicode(body, read, write)?;
                }
            }
            _ => return None,
        }
    }
}

/// How many bytes at the front are none of quote, backslash and control character.
#[inline]
fn plain_bytes(text: &[u8]) -> usize {
    let (words, _) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let specials = specials(u64::from_le_bytes(*word));
        if specials != 0 {
            return index * 8 + specials.trailing_zeros() as usize / 8;
        }
    }
    let from = words.len() * 8;
    let is_plain = |byte: &&u8| !matches!(byte, 0..=0x1f | b'"' | b'\\');
    from + text[from..].iter().take_while(is_plain).count()
}

/// The highest bit of each byte that is special. Those above the lowest one that is set may be
/// wrong, because subtraction carries; it never is itself.
#[inline]
fn specials(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    let quotes = zeros(word ^ (ONES * u64::from(b'"')));
    let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
    (controls | quotes | backslashes) & HIGH
}

#[inline]
fn short_escape(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' | b'/' => byte,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

/// Unescapes `\uXXXX`, or two of them that are one character, and gives where to go on.
fn unescape_unicode(body: &mut [u8], read: usize, write: usize) -> Option<(usize, usize)> {
    let (char, read) = unicode(body, read)?;
    // At most three bytes for each escape of six, so this does not run into what is still to read.
    let char_bytes = char.encode_utf8(&mut body[write..read]).len();
    Some((read, write + char_bytes))
}

/// The character that `\uXXXX`, or two of them, stand for, and where to go on.
fn unicode(body: &[u8], at: usize) -> Option<(char, usize)> {
    let unit = unit(body, at)?;
    let after = at + ESCAPE_BYTES;
    Some(match char::from_u32(u32::from(unit)) {
        Some(char) => (char, after),
        None => match pair(unit, self::unit(body, after)) {
            Some(char) => (char, after + ESCAPE_BYTES),
            None => (char::REPLACEMENT_CHARACTER, after),
        },
    })
}

const ESCAPE_BYTES: usize = r"\uXXXX".len();

/// The UTF-16 unit that is escaped at `at`.
fn unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..)?.strip_prefix(b"\\u")?.first_chunk::<4>()?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | digit as u16)
    })
}

/// The character that two surrogates stand for.
fn pair(high: u16, low: Option<u16>) -> Option<char> {
    char::decode_utf16([high, low?]).next()?.ok()
}

#[cfg(test)]
mod tests;
