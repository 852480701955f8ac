//! What messages mean, once they are values.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::limits::DECODE_SCRATCH_BYTES_KEPT_MAX;
use crate::value;

#[test]
fn numbers_are_what_they_are_in_javascript() {
    for (text, expected) in [
        ("9223372036854775807", Value::from(i64::MAX)),
        ("-9223372036854775808", Value::from(i64::MIN)),
        ("18446744073709551615", Value::from(u64::MAX)),
        (
            "18446744073709551616",
            Value::from(18_446_744_073_709_551_616.0),
        ),
        (
            "-9223372036854775809",
            Value::from(-9_223_372_036_854_775_808.0),
        ),
        (
            "123456789012345678901234567890",
            Value::from(1.234_567_890_123_456_8e29),
        ),
        ("1e400", Value::from(f64::MAX)),
        ("-1e400", Value::from(-f64::MAX)),
        ("[1e-400, 1.0, -0]", value!([0, 1, 0])),
    ] {
        assert_eq!(decode(text), Ok(expected), "{text}");
    }
    let digits = "9".repeat(1_000_000);
    assert_eq!(decode(&digits), Ok(Value::from(f64::MAX)));
    assert_eq!(decode(&format!("0.{digits}")), Ok(Value::from(1.0)));
}

#[test]
fn lone_surrogates_are_replaced() {
    let text = r#"{"\ud800a":["\udc00\ud83e\udd16", "\ud83e \\ud83e"]}"#;
    let expected = value!({ "\u{fffd}a": ["\u{fffd}🤖", "\u{fffd} \\ud83e"] });
    assert_eq!(decode(text), Ok(expected));
}

#[test]
fn the_last_of_equal_keys_counts() {
    let object = decode(r#"{"a":1,"b":2,"a":3}"#).unwrap();
    assert_eq!(encode(&object), r#"{"a":3,"b":2}"#);
}

#[test]
fn bytes_are_no_json_and_pass_undecoded() {
    let bytes = &[0xff, b'"'][..];
    assert_eq!(Json.check(Kind::Binary, bytes), Ok(()));
    assert_eq!(Json.control(Kind::Binary, b"\"primus::pong::1\""), None);
    let scratch = &mut Scratch::default();
    let value = Json.decode(Kind::Binary, bytes, scratch);
    assert_eq!(value, Ok(Value::Bytes(bytes.into())));
    assert_eq!(Json.decode_as(Kind::Binary, bytes, scratch), value);
    assert!(!Json.passes_through(Kind::Binary, bytes));
    let mut out = Vec::new();
    assert_eq!(
        Json.encode_checked(Kind::Binary, bytes, &mut out),
        Json.kind(Kind::Binary)
    );
    assert_eq!(out, br#"{"type":"Buffer","data":[255,34]}"#);
}

#[test]
fn text_that_is_not_utf8_is_an_error() {
    let decoded = Json.decode(Kind::Text, b"\"\xff\"", &mut Scratch::default());
    assert_eq!(decoded, Err(DecodeError::NotUtf8));
}

#[derive(Debug, PartialEq, Deserialize)]
struct Move {
    name: String,
    at: (f64, i32),
    #[serde(default)]
    tags: BTreeMap<String, Option<bool>>,
}

#[test]
fn decodes_the_apps_own_types() {
    let scratch = &mut Scratch::default();
    let text = br#"{"at":[1,-2],"extra":[{}],"name":"\ud800","tags":{"x":null,"y":true}}"#;
    let expected = Move {
        name: "\u{fffd}".into(),
        at: (1.0, -2),
        tags: BTreeMap::from([("x".into(), None), ("y".into(), Some(true))]),
    };
    assert_eq!(Json.decode_as(Kind::Text, text, scratch), Ok(expected));
    for (text, invalid) in [("{\"name\":1}", false), ("[]", false), ("{\"name\":", true)] {
        let result: Result<Move, _> = Json.decode_as(Kind::Text, text.as_bytes(), scratch);
        let error = result.unwrap_err();
        assert_eq!(matches!(error, DecodeError::Invalid(_)), invalid, "{error}");
    }
}

#[test]
fn a_scratch_is_used_again_and_does_not_grow() {
    let scratch = &mut Scratch::default();
    let large = format!("[{}0]", "0,".repeat(DECODE_SCRATCH_BYTES_KEPT_MAX));
    let mut small = |text: &str| Json.decode(Kind::Text, text.as_bytes(), scratch);
    for _ in 0..3 {
        assert_eq!(small("[1,\"a\\n\"]"), Ok(value!([1, "a\n"])));
        assert!(small("[1,\"a\\n\"").is_err());
        assert!(small(&large).is_ok());
        assert!(small("[1e400]").is_ok());
    }
    assert!(scratch.input.capacity() <= DECODE_SCRATCH_BYTES_KEPT_MAX);
    assert!(scratch.tape.0.capacity() <= DECODE_SCRATCH_BYTES_KEPT_MAX);
}

#[test]
fn only_line_separators_keep_a_message_from_passing_through() {
    assert!(Json.passes_through(Kind::Text, "[\"“é🤖\"]".as_bytes()));
    let text = "[\"a\u{2028}\",1]";
    assert!(!Json.passes_through(Kind::Text, text.as_bytes()));
    let mut out = Vec::new();
    assert_eq!(
        Json.encode_checked(Kind::Text, text.as_bytes(), &mut out),
        Kind::Text
    );
    assert_eq!(out, br#"["a\u2028",1]"#);
}

#[test]
fn a_mismatch_names_the_place() {
    #[derive(Debug, Deserialize)]
    struct Order {
        #[expect(dead_code, reason = "only read by serde")]
        items: Vec<Item>,
    }
    #[derive(Debug, Deserialize)]
    struct Item {
        #[expect(dead_code, reason = "only read by serde")]
        count: u32,
    }
    let refusal = |text: &str| {
        let order: Result<Order, _> =
            Json.decode_as(Kind::Text, text.as_bytes(), &mut Scratch::default());
        order.unwrap_err().to_string()
    };
    assert_eq!(
        refusal(r#"{"items":[{"count":1},{"count":"two"}]}"#),
        r#"unexpected message: items[1].count: invalid type: string "two", expected u32"#
    );
    assert_eq!(
        refusal(r#"{"items":[{}]}"#),
        "unexpected message: items[0]: missing field `count`"
    );
    assert_eq!(
        refusal("7"),
        "unexpected message: invalid type: integer `7`, expected struct Order"
    );
    let long = refusal(&format!(r#"{{"items":"{}"}}"#, "x".repeat(1_000_000)));
    assert!(long.len() < 400, "{}", long.len());
}
