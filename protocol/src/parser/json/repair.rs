//! Rewrites valid JSON that simd-json refuses, so that simd-json accepts it: lone surrogates become
//! U+FFFD and numbers too large for a float become the largest float.

use std::borrow::Cow;
use std::fmt::Write;

/// Bytes of `\uXXXX`.
const ESCAPE_BYTES: usize = 6;

/// Rewrites a text that was scanned.
pub(super) fn repair(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
        out.push_str(&rest[..at]);
        let (token, after) = rest[at..].split_at(token_bytes(&rest.as_bytes()[at..]));
        out.push_str(&if token.starts_with('"') {
            repair_string(token)
        } else {
            repair_number(token)
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The bytes of the string or number that the text begins with.
fn token_bytes(text: &[u8]) -> usize {
    if text[0] != b'"' {
        let in_number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        return text.iter().take_while(in_number).count();
    }
    let mut at = 1;
    loop {
        match text.get(at) {
            None => return text.len(),
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

fn repair_number(number: &str) -> Cow<'_, str> {
    match number.parse::<f64>() {
        Ok(float) if float.is_infinite() => {
            let mut largest = String::new();
            write!(largest, "{:e}", f64::MAX.copysign(float)).expect("a String takes it");
            Cow::Owned(largest)
        }
        _ => Cow::Borrowed(number),
    }
}

fn repair_string(string: &str) -> Cow<'_, str> {
    if !string.contains("\\u") {
        return Cow::Borrowed(string);
    }
    let mut out = String::with_capacity(string.len());
    let mut rest = string;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (escape, bytes) = match (unit(rest), rest.get(ESCAPE_BYTES..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => {
                (&rest[..2 * ESCAPE_BYTES], 2 * ESCAPE_BYTES)
            }
            (Some(0xd800..=0xdfff), _) => ("\\ufffd", ESCAPE_BYTES),
            _ => (&rest[..2], 2),
        };
        out.push_str(escape);
        rest = &rest[bytes..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The number of the escape `\uXXXX` that the text begins with.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_replaced() {
        for (text, expected) in [
            (r#""\ud800""#, r#""\ufffd""#),
            (r#""\uDFFF\ud800x""#, r#""\ufffd\ufffdx""#),
            (r#""\ud800\ud83e\udd16""#, r#""\ufffd\ud83e\udd16""#),
            (r#""\\ud800\"\ud800\n""#, r#""\\ud800\"\ufffd\n""#),
            (r#"{"\udc00":["\ud800",1]}"#, r#"{"\ufffd":["\ufffd",1]}"#),
        ] {
            assert_eq!(repair(text), expected);
        }
    }

    #[test]
    fn numbers_without_bounds_are_bounded() {
        let text = r#"[1e400,-1e400, 1e-400,12,"1e400",true]"#;
        let largest = "1.7976931348623157e308";
        let expected = format!(r#"[{largest},-{largest}, 1e-400,12,"1e400",true]"#);
        assert_eq!(repair(text), expected);
    }
}
