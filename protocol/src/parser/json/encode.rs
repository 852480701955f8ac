//! Writes values as `JSON.stringify` does, with what Primus adds to that.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::separators;
use crate::parser::{EncodeError, float};

/// Appends a value. If that fails `out` is as it was.
pub(super) fn serialize<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let before = out.len();
    let mut serializer = Serializer::with_formatter(&mut *out, JavaScript);
    value.serialize(&mut serializer).map_err(|error| {
        out.truncate(before);
        EncodeError::Serialize(error.to_string())
    })
}

/// Appends a string in quotes.
pub(super) fn string(value: &str, out: &mut Vec<u8>) {
    serialize(value, out).expect("a string has a JSON text and a Vec takes it");
}

/// Appends what Node.js makes of a `Buffer`.
pub(super) fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    JavaScript
        .write_byte_array(out, bytes)
        .expect("a Vec takes every write");
}

/// What serde_json leaves to its caller. It is done as JavaScript and Primus do it. Not-a-number
/// and the infinities become null before they come here; escapes of control characters are the
/// same.
struct JavaScript;

impl Formatter for JavaScript {
    fn write_f32<W: ?Sized + Write>(&mut self, out: &mut W, number: f32) -> io::Result<()> {
        float::write_f32(out, number)
    }

    fn write_f64<W: ?Sized + Write>(&mut self, out: &mut W, number: f64) -> io::Result<()> {
        float::write_f64(out, number)
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        separators::write(fragment.as_bytes(), out)
    }

    fn write_byte_array<W: ?Sized + Write>(&mut self, out: &mut W, bytes: &[u8]) -> io::Result<()> {
        out.write_all(br#"{"type":"Buffer","data":["#)?;
        for (index, byte) in bytes.iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            self.write_u8(out, *byte)?;
        }
        out.write_all(b"]}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::Value;
    use crate::value;

    fn written<T: Serialize + ?Sized>(value: &T) -> String {
        let mut out = Vec::new();
        serialize(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The right-hand side is what Node.js prints, and the line separators as Primus writes them.
    #[test]
    fn strings_are_escaped_like_in_javascript() {
        let mut all: String = (0..0x20u8).map(char::from).collect();
        all.push_str("\"\\/\u{7f}é\u{2028}\u{2029}\u{ffff}🤖");
        let expected = concat!(
            r#""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#,
            r"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c",
            r#"\u001d\u001e\u001f\"\\/"#,
            "\u{7f}é\\u2028\\u2029\u{ffff}🤖\"",
        );
        assert_eq!(written(&all), expected);
        let mut out = Vec::new();
        string(&all, &mut out);
        assert_eq!(out, expected.as_bytes());
    }

    #[test]
    fn values_look_like_in_javascript() {
        let value = value!({
            "z": [null, true, 1, (-1), 1.0, 0.5, (f64::NAN), (f64::INFINITY), 1e21],
            "a\n": { "": "" },
            "big": (u64::MAX),
        });
        assert_eq!(
            written(&value),
            concat!(
                r#"{"z":[null,true,1,-1,1,0.5,null,null,1e+21],"#,
                r#""a\n":{"":""},"big":18446744073709551615}"#
            )
        );
    }

    #[test]
    fn bytes_become_a_buffer() {
        let expected = r#"{"type":"Buffer","data":[0,7,255]}"#;
        assert_eq!(written(&Value::Bytes(vec![0, 7, 255])), expected);
        let mut out = Vec::new();
        bytes(&[0, 7, 255], &mut out);
        assert_eq!(out, expected.as_bytes());
        assert_eq!(
            written(&Value::Bytes(Vec::new())),
            r#"{"type":"Buffer","data":[]}"#
        );
    }

    #[test]
    fn a_failure_leaves_no_trace() {
        let mut out = b"before".to_vec();
        let map = HashMap::from([((1, 2), 3)]);
        assert!(serialize(&vec![map], &mut out).is_err());
        assert_eq!(out, b"before");
    }
}
