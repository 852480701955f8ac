//! The little of JSON that this transport needs by itself: strings as `JSON.stringify` writes them,
//! lengths as JavaScript counts them, and the parts of arrays and objects as they were written.

use std::borrow::Cow;

use allspark_protocol::parser::{Json, Parser};
use allspark_protocol::transformer::Kind;

/// A message and its kind.
pub(super) type Message<'m> = (Kind, Cow<'m, [u8]>);

/// Appends a string in quotes, as `JSON.stringify` writes it; U+2028 and U+2029 are escaped too, as
/// the package does it.
pub(super) fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let read = match rest {
            [0xe2, 0x80, 0xa8, ..] => push_escape(0x2028, 3, out),
            [0xe2, 0x80, 0xa9, ..] => push_escape(0x2029, 3, out),
            [byte, ..] => push_special(*byte, out),
            [] => 0,
        };
        rest = &rest[read..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends a string in quotes, in ASCII only. `<` is escaped as well, so that no script that it
/// becomes a part of can be ended by it.
pub(super) fn quote_ascii(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for char in text.chars() {
        match char {
            '<' => {
                push_escape(0x3c, 1, out);
            }
            ' '..='~' if !matches!(char, '"' | '\\') => out.push(char as u8),
            '\0'..='\x7f' => {
                push_special(char as u8, out);
            }
            _ => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    push_escape(*unit, 1, out);
                }
            }
        }
    }
    out.push(b'"');
}

/// Appends what `JSON.stringify` makes of a `Buffer` of Node.js.
pub(super) fn push_buffer(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"Buffer\",\"data\":[");
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_number(u64::from(*byte), out);
    }
    out.extend_from_slice(b"]}");
}

/// Appends a number in decimal.
pub(super) fn push_number(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut at = digits.len();
    while at == digits.len() || rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[at..]);
}

/// How many digits a number has.
pub(super) fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// The length of a string as JavaScript counts it, in UTF-16 code units.
pub(super) fn utf16_len(text: &[u8]) -> usize {
    let starts = |byte: &u8| usize::from(*byte & 0xc0 != 0x80) + usize::from(*byte >= 0xf0);
    text.iter().map(starts).sum()
}

/// Whether a text is JSON.
pub(super) fn is_valid(text: &[u8]) -> bool {
    Json.check(Kind::Text, text).is_ok()
}

/// The message that a value is: a string is a text, a `Buffer` is bytes, and everything else is
/// text that is JSON. The value must be valid.
pub(super) fn message(value: &[u8]) -> Message<'_> {
    if let Some(text) = text(value) {
        return (Kind::Text, text);
    }
    match buffer(value) {
        Some(bytes) => (Kind::Binary, Cow::Owned(bytes)),
        None => (Kind::Text, Cow::Borrowed(value.trim_ascii())),
    }
}

/// The string that a value is, if it is one. The value must be valid. Lone surrogates, which Rust
/// cannot hold, become U+FFFD.
pub(super) fn text(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let [b'"', inner @ .., b'"'] = value.trim_ascii() else {
        return None;
    };
    let Some(first) = memchr::memchr(b'\\', inner) else {
        return Some(Cow::Borrowed(inner));
    };
    let mut text = Vec::with_capacity(inner.len());
    text.extend_from_slice(&inner[..first]);
    let mut rest = &inner[first..];
    while let [b'\\', escape, after @ ..] = rest {
        rest = after;
        match escape {
            b'u' => rest = push_unicode(after, &mut text),
            escape => text.push(simple_escape(*escape)),
        }
        let next = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        text.extend_from_slice(&rest[..next]);
        rest = &rest[next..];
    }
    Some(Cow::Owned(text))
}

/// The elements of an array as they were written, if the value is one. The value must be valid.
pub(super) fn elements(value: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let [b'[', inner @ .., b']'] = value.trim_ascii() else {
        return None;
    };
    Some(split(inner, b',').map(<[u8]>::trim_ascii))
}

/// The names and values of an object as they were written, if the value is one. The value must be
/// valid.
pub(super) fn members(value: &[u8]) -> Option<impl Iterator<Item = (Cow<'_, [u8]>, &[u8])>> {
    let [b'{', inner @ .., b'}'] = value.trim_ascii() else {
        return None;
    };
    let member = |member| {
        let mut parts = split(member, b':');
        let name = parts.next().and_then(text)?;
        Some((name, parts.next()?.trim_ascii()))
    };
    Some(split(inner, b',').filter_map(member))
}

/// The bytes of a `Buffer` of Node.js, if the value is one.
fn buffer(value: &[u8]) -> Option<Vec<u8>> {
    let mut members = members(value)?;
    let (first, second) = (members.next()?, members.next()?);
    let is_buffer = *first.0 == *b"type"
        && first.1 == b"\"Buffer\""
        && *second.0 == *b"data"
        && members.next().is_none();
    if !is_buffer {
        return None;
    }
    let byte = |element: &[u8]| str::from_utf8(element).ok()?.parse().ok();
    elements(second.1)?.map(byte).collect()
}

/// Splits what is between the brackets of a valid value.
fn split(inner: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(inner).filter(|inner| !inner.trim_ascii().is_empty());
    std::iter::from_fn(move || {
        let text = rest?;
        let end = end_of_part(text, separator);
        rest = text.get(end + 1..);
        Some(&text[..end])
    })
}

/// Where the next separator is that is not inside of a string, an array or an object.
fn end_of_part(text: &[u8], separator: u8) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = end_of_string(text, at + 1),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ if byte == separator && depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Where the quote is that ends a string.
fn end_of_string(text: &[u8], mut at: usize) -> usize {
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found;
        if text[at] == b'"' {
            return at;
        }
        at += 2;
    }
    text.len()
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'"' | b'\\' | 0xe2)
}

/// Appends a byte that may need an escape. Returns how many bytes that stands for: one.
fn push_special(byte: u8, out: &mut Vec<u8>) -> usize {
    let escape = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        0..0x20 => return push_escape(u16::from(byte), 1, out),
        _ => {
            out.push(byte);
            return 1;
        }
    };
    out.extend_from_slice(&[b'\\', escape]);
    1
}

/// Appends `\uXXXX`. Returns `read`, the bytes that it stands for.
fn push_escape(unit: u16, read: usize, out: &mut Vec<u8>) -> usize {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |shift: u16| HEX[usize::from(unit >> shift & 0xf)];
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
    read
}

fn simple_escape(escape: u8) -> u8 {
    match escape {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        itself => itself,
    }
}

/// Appends the character of a `\u` escape, of which `after` is what follows the `u`. Returns what
/// follows the escape, or both of them if it is a pair.
fn push_unicode<'t>(after: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    let (high, rest) = hex4(after);
    let (char, rest) = match rest {
        [b'\\', b'u', low @ ..] if (0xd800..0xdc00).contains(&high) => {
            let (low, behind) = hex4(low);
            match char::decode_utf16([high, low]).next() {
                Some(Ok(char)) => (char, behind),
                _ => (char::REPLACEMENT_CHARACTER, rest),
            }
        }
        _ => (
            char::from_u32(high.into()).unwrap_or(char::REPLACEMENT_CHARACTER),
            rest,
        ),
    };
    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

fn hex4(text: &[u8]) -> (u16, &[u8]) {
    let (digits, rest) = text.split_at(text.len().min(4));
    let digits = str::from_utf8(digits).unwrap_or_default();
    (u16::from_str_radix(digits, 16).unwrap_or_default(), rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        quote(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_written_as_node_writes_them() {
        let text = "a\"\\/\u{8}\t\n\u{c}\r\u{1}\u{1f}\u{7f}é\u{2027}\u{2028}\u{2029}😀";
        let expected = "\"a\\\"\\\\/\\b\\t\\n\\f\\r\\u0001\\u001f\u{7f}é\u{2027}\\u2028\\u2029😀\"";
        assert_eq!(quoted(text), expected);
        let mut ascii = Vec::new();
        quote_ascii("</a>\"\n\u{7f}é\u{2028}😀", &mut ascii);
        let expected = "\"\\u003c/a>\\\"\\n\u{7f}\\u00e9\\u2028\\ud83d\\ude00\"";
        assert_eq!(String::from_utf8(ascii).unwrap(), expected);
    }

    #[test]
    fn values_are_messages() {
        let message = |json: &'static str| {
            assert!(is_valid(json.as_bytes()));
            let (kind, bytes) = message(json.as_bytes());
            (kind, String::from_utf8(bytes.into_owned()).unwrap())
        };
        assert_eq!(
            message(" \"a\\u00e9\\ud83d\\ude00\" "),
            (Kind::Text, "aé😀".to_owned())
        );
        assert_eq!(
            message(r#""\ud83d\u0041\udc00""#),
            (Kind::Text, "\u{fffd}A\u{fffd}".to_owned())
        );
        assert_eq!(
            message(" {\"a\": 1}"),
            (Kind::Text, "{\"a\": 1}".to_owned())
        );
        assert_eq!(message("null"), (Kind::Text, "null".to_owned()));
        let buffer = r#"{ "type" : "Buffer" , "data" : [ 104 , 105 ] }"#;
        assert_eq!(message(buffer), (Kind::Binary, "hi".to_owned()));
        for other in [
            r#"{"type":"Buffer","data":[256]}"#,
            r#"{"type":"Buffer","data":[1],"x":1}"#,
            r#"{"type":"Buffer"}"#,
            r#"{"type":"Blob","data":[1]}"#,
        ] {
            assert_eq!(message(other), (Kind::Text, other.to_owned()));
        }
    }

    #[test]
    fn arrays_and_objects_fall_into_their_parts() {
        let parts = elements(br#" [1, "a,]\"", [2,[3]], {"b":[4]} ] "#);
        let parts: Vec<_> = parts.unwrap().collect();
        let expected: [&[u8]; 4] = [b"1", br#""a,]\"""#, b"[2,[3]]", br#"{"b":[4]}"#];
        assert_eq!(parts, expected);
        assert_eq!(elements(b"[]").unwrap().count(), 0);
        assert!(elements(b"{}").is_none());
        let object = br#"{"a:\u0062":1,"c":{"d":2}}"#;
        let members: Vec<_> = members(object).unwrap().collect();
        assert_eq!(members[0], (Cow::Borrowed(&b"a:b"[..]), &b"1"[..]));
        assert_eq!(members[1], (Cow::Borrowed(&b"c"[..]), &br#"{"d":2}"#[..]));
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 9, 10, 99, 100, u64::MAX] {
            let mut out = Vec::new();
            push_number(number, &mut out);
            assert_eq!(String::from_utf8(out.clone()).unwrap(), number.to_string());
            assert_eq!(out.len(), digits(number));
        }
    }

    proptest! {
        #[test]
        fn what_was_quoted_is_valid_and_reads_back(text in any::<String>()) {
            let quoted = quoted(&text);
            prop_assert!(is_valid(quoted.as_bytes()));
            let read = super::text(quoted.as_bytes()).unwrap();
            prop_assert_eq!(&*read, text.as_bytes());
            prop_assert_eq!(utf16_len(text.as_bytes()), text.encode_utf16().count());
            let mut ascii = Vec::new();
            quote_ascii(&text, &mut ascii);
            prop_assert!(ascii.is_ascii() && is_valid(&ascii));
            let read = super::text(&ascii).unwrap();
            prop_assert_eq!(&*read, text.as_bytes());
        }

        #[test]
        fn bytes_read_back(bytes in any::<Vec<u8>>()) {
            let mut out = Vec::new();
            push_buffer(&bytes, &mut out);
            prop_assert!(is_valid(&out));
            prop_assert_eq!(message(&out), (Kind::Binary, Cow::Owned(bytes)));
        }

        #[test]
        fn nothing_panics(bytes in "[\\[\\]{}\",:\\\\u0-9a-f]*") {
            let bytes = bytes.as_bytes();
            let _ = (elements(bytes).map(Iterator::count), text(bytes));
            let _ = members(bytes).map(Iterator::count);
            let _ = message(bytes);
        }
    }
}
