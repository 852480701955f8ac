//! Finds the messages of Primus among those of the application: strings that start with `primus::`.

use std::borrow::Cow;

use super::scan::scan;
use crate::primus::packet::PREFIX;

/// The string that the text consists of, if it starts with `primus::`. The first bytes of any other
/// text show that it is none of these, so only these are read to the end.
#[inline(never)]
pub(super) fn control(text: &[u8]) -> Option<Cow<'_, str>> {
    let text = trim(text);
    let (b'"', string) = text.split_first()? else {
        return None;
    };
    if starts_with_prefix(string) {
        whole(text)
    } else {
        None
    }
}

/// Whether [`control`] may find something, by the first byte.
#[inline]
pub(super) fn may_be_control(text: &[u8]) -> bool {
    let first = text.first();
    first.is_some_and(|&byte| byte <= b' ' || byte == b'"')
}

/// White space of JSON, which is less than that of Rust.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\n' | b'\r' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Whether what follows the opening quote is the prefix, however its characters are escaped.
fn starts_with_prefix(mut string: &[u8]) -> bool {
    PREFIX.bytes().all(|expected| {
        let Some((char, rest)) = first_char(string) else {
            return false;
        };
        string = rest;
        char == u32::from(expected)
    })
}

/// The first character if it is ASCII, not escaped or escaped by its number. The other escapes
/// stand for none of the prefix.
fn first_char(string: &[u8]) -> Option<(u32, &[u8])> {
    match string.split_first()? {
        (b'\\', [b'u', a, b, c, d, rest @ ..]) => Some((hex(&[*a, *b, *c, *d])?, rest)),
        (byte, rest) => Some((u32::from(*byte), rest)),
    }
}

/// Reads the whole text, which begins with a quote and is trimmed.
#[cold]
fn whole(text: &[u8]) -> Option<Cow<'_, str>> {
    scan(text).ok()?;
    let string = str::from_utf8(&text[1..text.len() - 1]).ok()?;
    Some(match string.find('\\') {
        Some(_) => Cow::Owned(unescape(string)),
        None => Cow::Borrowed(string),
    })
}

/// Resolves the escapes of a string that was scanned. Surrogates without a partner become U+FFFD.
fn unescape(string: &str) -> String {
    let mut units = Vec::with_capacity(string.len());
    let mut parts = string.split('\\');
    units.extend(parts.next().unwrap_or_default().encode_utf16());
    while let Some(part) = parts.next() {
        let (escape, plain) = part.split_at(part.len().min(1));
        match escape {
            "u" => {
                let (digits, plain) = plain.split_at(4);
                units.extend(hex(digits.as_bytes()).and_then(|unit| u16::try_from(unit).ok()));
                units.extend(plain.encode_utf16());
            }
            // A backslash that is itself escaped: the part after it holds no escape.
            "" => {
                units.push(u16::from(b'\\'));
                units.extend(parts.next().unwrap_or_default().encode_utf16());
            }
            short => {
                units.extend(short.bytes().map(|short| u16::from(short_escape(short))));
                units.extend(plain.encode_utf16());
            }
        }
    }
    String::from_utf16_lossy(&units)
}

fn short_escape(escape: u8) -> u8 {
    match escape {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        itself => itself,
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, &digit| {
        Some(number << 4 | char::from(digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        control(text.as_bytes()).map(Cow::into_owned)
    }

    #[test]
    fn a_string_with_the_prefix_is_found() {
        let pong = Some("primus::pong::17".into());
        assert_eq!(found(r#""primus::pong::17""#), pong);
        assert_eq!(found(" \t\r\n\"primus::pong::17\" \n"), pong);
        let text = br#""primus::id::""#;
        assert!(matches!(control(text), Some(Cow::Borrowed("primus::id::"))));
    }

    #[test]
    fn escapes_hide_nothing() {
        let pong = Some("primus::pong::1".into());
        assert_eq!(found(r#""primus\u003a:pong::1""#), pong);
        assert_eq!(found(r#""\u0070\u0072imus:\u003A\u0070ong::1""#), pong);
        assert_eq!(found(r#""primus::pong\u003a\u003a\u0031""#), pong);
        assert_eq!(
            found(r#""primus::\"\\\/\b\f\n\r\t\u00e9é\ud83e\udd16\ud83e\\\\u0041""#),
            Some("primus::\"\\/\u{8}\u{c}\n\r\téé🤖\u{fffd}\\\\u0041".into())
        );
    }

    #[test]
    fn everything_else_is_the_apps() {
        for text in [
            "",
            "\"",
            "\"\"",
            "\"primus:",
            "\"primus:\"",
            "\"primus:pong::1\"",
            "\"Primus::pong::1\"",
            "\"\\",
            "\"\\u0070",
            "\"\\u007",
            "\"\\u00zz\"",
            "\"\\n::pong\"",
            "primus::pong::1",
            "[\"primus::pong::1\"]",
            "{\"primus::pong::1\":1}",
            "\u{b}\"primus::pong::1\"",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn an_invalid_message_is_none_of_primus() {
        for text in [
            "\"primus::",
            "\"primus::\\\"",
            "\"primus::pong::1\" 2",
            "\"primus::\n\"",
            "\"primus::\\x\"",
            "\"primus::\\u12\"",
            "\"primus::\"\"",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
        assert_eq!(control(b"\"primus::\xff\""), None);
    }
}
