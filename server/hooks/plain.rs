//! Whether a text of JSON means the same to every reader.
//!
//! Events of many clients go in one request. One message that the application's reader can't take
//! would have the whole request refused, again and again, so a client could hold up the messages of
//! others. JSON itself bounds nothing, and readers differ: Ruby's takes 100 levels, serde_json 128,
//! PHP's 512; Python's takes no integer of 4,301 digits, Go's no number beyond a double; PHP's and
//! serde_json take no half of a surrogate pair, and PHP's no name that begins with `\u0000`.

/// Levels of arrays and objects, with room for those of the request.
const LEVELS_MAX: usize = 64;

/// Characters of a number.
const NUMBER_CHARS_MAX: usize = 64;

/// Digits of its exponent: with the characters above it lies within what a double can be.
const EXPONENT_DIGITS_MAX: usize = 2;

/// Whether every reader takes it. `json` is valid JSON: only what is valid and odd is looked for.
pub(super) fn is_plain(json: &[u8]) -> bool {
    let (mut levels, mut rest) = (0_usize, json);
    while let Some((byte, behind)) = rest.split_first() {
        rest = match byte {
            b'[' | b'{' if levels == LEVELS_MAX => return false,
            b'[' | b'{' => {
                levels += 1;
                behind
            }
            b']' | b'}' => {
                levels = levels.saturating_sub(1);
                behind
            }
            b'"' => match behind_string(behind) {
                Some(behind) => behind,
                None => return false,
            },
            b'-' | b'0'..=b'9' => match behind_number(rest) {
                Some(behind) => behind,
                None => return false,
            },
            _ => behind,
        };
    }
    true
}

/// What follows a string. `None` if that is odd.
fn behind_string(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let special = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        rest = match &rest[special..] {
            [b'"', behind @ ..] => return Some(behind),
            [b'\\', b'u', behind @ ..] => behind_escape(behind)?,
            behind => behind.get(2..)?,
        };
    }
}

/// What follows `\u`. `None` if it is a half of a pair, or zero.
fn behind_escape(rest: &[u8]) -> Option<&[u8]> {
    match unit(rest)? {
        0 | 0xdc00..=0xdfff => None,
        0xd800..=0xdbff => {
            let second = rest.get(4..)?.strip_prefix(b"\\u")?;
            matches!(unit(second)?, 0xdc00..=0xdfff).then(|| &second[4..])
        }
        _ => Some(&rest[4..]),
    }
}

fn unit(rest: &[u8]) -> Option<u16> {
    let digits = str::from_utf8(rest.get(..4)?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

/// What follows a number. `None` if that is odd.
fn behind_number(rest: &[u8]) -> Option<&[u8]> {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let length = rest.iter().take_while(|byte| is_part(byte)).count();
    let (number, behind) = rest.split_at(length);
    let exponent = number.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let digits = exponent.map_or(0, |at| {
        number[at..]
            .iter()
            .filter(|byte| byte.is_ascii_digit())
            .count()
    });
    (length <= NUMBER_CHARS_MAX && digits <= EXPONENT_DIGITS_MAX).then_some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_reader_takes_is_plain() {
        let deep = format!("{}{}", "[".repeat(64), "]".repeat(64));
        let wide = format!("[{}[]]", "[],".repeat(1_000));
        let texts = [
            "1",
            "-0.5e+10",
            "\"\"",
            "null",
            "[]",
            r#"{"a":["[[[[","\\",7]}"#,
            r#""\ud83d\ude00 \u0041 \"""#,
            &deep,
            &wide,
        ];
        for text in texts {
            assert!(is_plain(text.as_bytes()), "{text}");
            let read = serde_json::from_str::<serde_json::Value>(text);
            assert!(read.is_ok(), "{text}");
        }
    }

    #[test]
    fn what_some_reader_stumbles_over_is_not() {
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        let objects = format!("{}1{}", "{\"a\":".repeat(65), "}".repeat(65));
        let long = "1".repeat(65);
        let texts = [
            "1e999",
            "[1E-400]",
            r#""\ud83d""#,
            r#""\ude00\ud83d""#,
            r#""\ud83d\n""#,
            r#"{"\u0000a":1}"#,
            r#""\ud83dx\ude00""#,
            &deep,
            &objects,
            &long,
        ];
        for text in texts {
            assert!(!is_plain(text.as_bytes()), "{text}");
        }
    }
}
