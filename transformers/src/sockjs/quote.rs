//! Messages become JSON strings, as the function `utils.quote` of sockjs-node writes them.
//!
//! That is `JSON.stringify`, with more characters escaped: those that browsers of the time changed
//! or dropped on some transports. They are U+200C to U+200F, U+2028 to U+202F, U+2060 to U+206F,
//! U+FFF0 to U+FFFF and the surrogates, so every character beyond U+FFFF too.

use std::borrow::Cow;

use allspark_protocol::transformer::Kind;

/// The text of a message. sockjs-node turns whatever is written into a string, and a `Buffer` thus
/// into what it holds as UTF-8, with U+FFFD for what is none.
pub(super) fn text(kind: Kind, payload: &[u8]) -> Cow<'_, [u8]> {
    match kind {
        Kind::Text => Cow::Borrowed(payload),
        Kind::Binary => match String::from_utf8_lossy(payload) {
            Cow::Borrowed(_) => Cow::Borrowed(payload),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
    }
}

/// Appends a text, which is UTF-8, as a JSON string with its quotes.
pub(super) fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + text.len() / 8 + 2);
    out.push(b'"');
    let mut rest = text;
    loop {
        let plain = plain_bytes(rest);
        out.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
        let Some(&first) = rest.first() else {
            break;
        };
        rest = &rest[special(first, rest, out)..];
    }
    out.push(b'"');
}

/// Appends a text that has no control characters, for instance the frame of a session, as the JSON
/// string that `JSON.stringify` makes of it, with its quotes. A `</` becomes `<\/`, which means the
/// same but does not end the script it stands in.
pub(super) fn stringify(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = memchr::memchr3(b'"', b'\\', b'/', rest) {
        out.extend_from_slice(&rest[..at]);
        if rest[at] != b'/' || rest[..at].ends_with(b"<") {
            out.push(b'\\');
        }
        out.push(rest[at]);
        // The `<` before the slash plays no part in what comes next.
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// How many bytes at the front can be copied as they are.
#[inline]
fn plain_bytes(text: &[u8]) -> usize {
    let (words, _) = text.as_chunks::<8>();
    let plain_words = words
        .iter()
        .take_while(|word| is_plain_word(**word))
        .count();
    let from = plain_words * 8;
    let rest = text[from..].iter();
    from + rest.take_while(|byte| is_plain(**byte)).count()
}

/// Whether none of eight bytes may need to be escaped. Any byte beyond ASCII may.
#[inline]
fn is_plain_word(word: [u8; 8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(word);
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    let quotes = zeros(word ^ (ONES * u64::from(b'"')));
    let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
    (word | controls | quotes | backslashes) & HIGH == 0
}

/// Whether a byte never needs to be escaped.
#[inline]
fn is_plain(byte: u8) -> bool {
    !matches!(byte, 0..=0x1f | b'"' | b'\\' | 0xe2 | 0xef | 0xf0..)
}

/// Appends the character at the front, which begins with a byte that is not plain, and gives the
/// bytes it takes.
fn special(first: u8, text: &[u8], out: &mut Vec<u8>) -> usize {
    match first {
        b'"' | b'\\' => {
            out.extend_from_slice(&[b'\\', first]);
            1
        }
        ..=0x1f => {
            control(first, out);
            1
        }
        _ => beyond_ascii(text, out),
    }
}

fn control(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => return unit(u16::from(byte), out),
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn beyond_ascii(text: &[u8], out: &mut Vec<u8>) -> usize {
    let Some(char) = first_char(text) else {
        // It is not UTF-8, although the caller promised so. It is passed on, so that it is not
        // lost.
        out.push(text[0]);
        return 1;
    };
    if is_escapable(char) {
        char.encode_utf16(&mut [0; 2])
            .iter()
            .for_each(|half| unit(*half, out));
    } else {
        out.extend_from_slice(&text[..char.len_utf8()]);
    }
    char.len_utf8()
}

/// The characters beyond ASCII that sockjs-node escapes.
fn is_escapable(char: char) -> bool {
    matches!(
        char,
        '\u{200c}'..='\u{200f}'
            | '\u{2028}'..='\u{202f}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff0}'..='\u{ffff}'
            | '\u{10000}'..
    )
}

fn first_char(text: &[u8]) -> Option<char> {
    let bytes = &text[..text.len().min(4)];
    let valid = match std::str::from_utf8(bytes) {
        Ok(valid) => valid,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
    };
    valid.chars().next()
}

/// Appends `\u` and the four digits of a UTF-16 unit.
fn unit(unit: u16, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |shift: u16| DIGITS[usize::from(unit >> shift & 0xf)];
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

#[cfg(test)]
mod tests {
    use allspark_protocol::parser::{Json, Parser};
    use proptest::prelude::*;

    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        quote(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn stringified(text: &str) -> String {
        let mut out = Vec::new();
        stringify(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn decoded(json: &str) -> String {
        let mut scratch = allspark_protocol::parser::Scratch::default();
        let value = Json
            .decode(Kind::Text, json.as_bytes(), &mut scratch)
            .unwrap();
        value.as_str().unwrap().to_owned()
    }

    #[test]
    fn strings_are_quoted_as_the_npm_package_quotes_them() {
        // What sockjs 0.3.24 makes of the same strings.
        let cases = [
            ("", r#""""#),
            (r#"a"b\c/"#, r#""a\"b\\c/""#),
            (
                "\0\u{8}\t\n\u{c}\r\u{1f}\u{7f}",
                "\"\\u0000\\b\\t\\n\\f\\r\\u001f\u{7f}\"",
            ),
            (
                "\u{200b}\u{200c}\u{200f}\u{2010}",
                "\"\u{200b}\\u200c\\u200f\u{2010}\"",
            ),
            (
                "\u{2027}\u{2028}\u{202f}\u{2030}",
                "\"\u{2027}\\u2028\\u202f\u{2030}\"",
            ),
            (
                "\u{205f}\u{2060}\u{206f}\u{2070}",
                "\"\u{205f}\\u2060\\u206f\u{2070}\"",
            ),
            (
                "\u{ffef}\u{fff0}\u{fffd}\u{ffff}",
                "\"\u{ffef}\\ufff0\\ufffd\\uffff\"",
            ),
            ("\u{1f600}é", r#""\ud83d\ude00é""#),
        ];
        for (text, json) in cases {
            assert_eq!(quoted(text), json);
        }
    }

    #[test]
    fn a_special_byte_is_found_at_every_place_of_a_word() {
        for at in 0..20 {
            for (special, escaped) in [("\"", "\\\""), ("\\", "\\\\"), ("\x1f", "\\u001f")] {
                let (before, after) = ("\x20".repeat(at), "\x7f".repeat(20 - at));
                let json = format!("\"{before}{escaped}{after}\"");
                assert_eq!(quoted(&format!("{before}{special}{after}")), json);
            }
        }
    }

    #[test]
    fn bytes_become_the_text_that_a_buffer_becomes() {
        assert_eq!(&*text(Kind::Binary, b"a\xffb"), "a\u{fffd}b".as_bytes());
        assert!(matches!(text(Kind::Binary, b"ab"), Cow::Borrowed(b"ab")));
    }

    #[test]
    fn a_script_is_not_ended_by_what_it_quotes() {
        assert_eq!(stringified(r#"a["\\"]"#), r#""a[\"\\\\\"]""#);
        assert_eq!(stringified("</script><//a/"), r#""<\/script><\//a/""#);
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_json_for_the_same_text(text in any::<String>()) {
            prop_assert_eq!(decoded(&quoted(&text)), text.clone());
            prop_assert_eq!(decoded(&stringified(&quoted(&text))), quoted(&text));
        }

        #[test]
        fn bytes_that_are_no_text_do_no_harm(bytes in any::<Vec<u8>>()) {
            quote(&bytes, &mut Vec::new());
        }
    }
}
