//! Polling for browsers without cross-origin requests: answers are scripts, and what the client
//! sends is a form.

use std::io::Write;

use allspark_protocol::http::{Query, decode_into};
use allspark_protocol::limits::JSONP_FORM_FIELDS_MAX;

/// Wraps a payload into a call of the client's function, `___eio[<index>]("..");`, escaped as
/// `JSON.stringify` does and so that it is JavaScript as well.
pub(super) fn wrap(index: &str, payload: &[u8]) -> Vec<u8> {
    let mut script = Vec::with_capacity(payload.len() + payload.len() / 8 + 32);
    script.extend_from_slice(b"___eio[");
    script.extend_from_slice(index.as_bytes());
    script.extend_from_slice(b"](\"");
    escape(payload, &mut script);
    script.extend_from_slice(b"\");");
    script
}

fn escape(mut text: &[u8], out: &mut Vec<u8>) {
    while let [byte, rest @ ..] = text {
        text = rest;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 => write!(out, "\\u{byte:04x}").expect("a Vec takes every byte"),
            // U+2028 and U+2029 end a line in older JavaScript.
            0xe2 if matches!(rest, [0x80, 0xa8 | 0xa9, ..]) => {
                let digit = if rest[1] == 0xa8 { b'8' } else { b'9' };
                out.extend_from_slice(b"\\u202");
                out.push(digit);
                text = &rest[2..];
            }
            _ => out.push(*byte),
        }
    }
}

/// The payload in a form, its field `d`. Line breaks come as `\n` there, because forms change real
/// ones, and what was `\n` before comes as `\\n`. `None` if there is not exactly one such field,
/// which the package ignores.
pub(super) fn unwrap(form: &[u8]) -> Option<Vec<u8>> {
    let form = std::str::from_utf8(form).ok()?;
    let fields = Query::new(form).fields().take(JSONP_FORM_FIELDS_MAX);
    let mut fields = fields.filter(|field| field.is("d"));
    let field = fields.next()?;
    if fields.next().is_some() {
        return None;
    }
    let mut payload = Vec::new();
    decode_into(field.value, &mut payload);
    unescape(&mut payload);
    Some(payload)
}

/// Undoes these escapes in place: the result is never longer.
fn unescape(payload: &mut Vec<u8>) {
    let (mut read, mut write) = (0, 0);
    while let Some(found) = memchr::memchr(b'\\', &payload[read..]) {
        payload.copy_within(read..read + found, write);
        (read, write) = (read + found, write + found);
        let (taken, put): (usize, &[u8]) = match payload[read..] {
            [b'\\', b'\\', b'n', ..] => (3, b"\\n"),
            [b'\\', b'n', ..] => (2, b"\n"),
            _ => (1, b"\\"),
        };
        payload[write..write + put.len()].copy_from_slice(put);
        (read, write) = (read + taken, write + put.len());
    }
    payload.copy_within(read.., write);
    payload.truncate(write + payload.len() - read);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(payload: &str) -> String {
        String::from_utf8(wrap("7", payload.as_bytes())).unwrap()
    }

    #[test]
    fn a_payload_becomes_a_script() {
        assert_eq!(wrapped("4hi"), r#"___eio[7]("4hi");"#);
        assert_eq!(
            wrapped("\"\\\n\r\t\u{8}\u{c}\u{1}\u{1e}\u{7f}é\u{2028}\u{2029}\u{2027}"),
            "___eio[7](\"\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u001e\u{7f}é\\u2028\\u2029\u{2027}\");"
        );
    }

    #[test]
    fn a_form_becomes_a_payload() {
        let text = |payload| String::from_utf8(payload).unwrap();
        let payload = |form: &str| unwrap(form.as_bytes()).map(text);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(payload("d=4%22hi%22+you%1e2"), some("4\"hi\" you\u{1e}2"));
        assert_eq!(payload("x=1&d=4a%5Cnb"), some("4a\nb"));
        assert_eq!(payload("d=4a%5C%5Cnb"), some("4a\\nb"));
        assert_eq!(payload("d=4%5C%5Ca%5Cn%5Cn%5C"), some("4\\\\a\n\n\\"));
        assert_eq!(payload("d="), some(""));
        assert_eq!(payload("d"), some(""));
        assert_eq!(payload("e=1"), None);
        assert_eq!(payload("d=1&d=2"), None);
        assert_eq!(unwrap(b"d=\xff"), None);
    }
}
