//! U+2028 and U+2029. JSON may hold them in strings as they are, but to older JavaScript they are
//! line breaks, which break a message that is evaluated as a script. Primus writes them escaped.

use std::io::{self, Write};

use crate::ascii::is_ascii;

const LEAD: u8 = 0xe2;
const LINE_SEPARATOR: &[u8] = "\u{2028}".as_bytes();
const PARAGRAPH_SEPARATOR: &[u8] = "\u{2029}".as_bytes();

/// Below this length, to look whether the text is ASCII takes less time than a search for a byte.
const SHORT_BYTES: usize = 256;

/// Where the first one is.
#[inline]
pub(super) fn find(text: &[u8]) -> Option<usize> {
    if text.len() < SHORT_BYTES && is_ascii(text) {
        return None;
    }
    search(text)
}

fn search(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(LEAD, text).find(|&at| escaped(&text[at..]).is_some())
}

/// Writes the text with all of them escaped.
pub(super) fn write<W: ?Sized + Write>(mut text: &[u8], out: &mut W) -> io::Result<()> {
    while let Some(at) = find(text) {
        out.write_all(&text[..at])?;
        out.write_all(escaped(&text[at..]).unwrap_or_default())?;
        text = &text[at + LINE_SEPARATOR.len()..];
    }
    out.write_all(text)
}

/// Appends the text with all of them escaped.
pub(super) fn escape(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len());
    write(text, out).expect("a Vec takes every write");
}

fn escaped(text: &[u8]) -> Option<&'static [u8]> {
    if text.starts_with(LINE_SEPARATOR) {
        Some(b"\\u2028")
    } else if text.starts_with(PARAGRAPH_SEPARATOR) {
        Some(b"\\u2029")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_escaped_and_nothing_else() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("\u{2028}", r"\u2028"),
            ("a\u{2028}b\u{2029}\u{2029}c", r"a\u2028b\u2029\u2029c"),
            ("“€ \u{2027}\u{202a}”", "“€ \u{2027}\u{202a}”"),
        ] {
            let mut out = b"<".to_vec();
            escape(text.as_bytes(), &mut out);
            assert_eq!(out, format!("<{expected}").as_bytes());
            assert_eq!(find(text.as_bytes()).is_some(), text != expected);
        }
    }

    #[test]
    fn a_cut_off_character_is_left_alone() {
        assert_eq!(find(b"\xe2"), None);
        assert_eq!(find(b"\xe2\x80"), None);
    }
}
