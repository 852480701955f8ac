//! What is JSON and what is not. The texts follow the well-known traps of other parsers.

use serde::de::IgnoredAny;

use super::{check, decode, encode};
use crate::limits::VALUE_DEPTH_MAX;
use crate::parser::{DecodeError, ParseError};

const JSON: &[&str] = &[
    "0",
    "-0",
    "-1",
    "10",
    "0.0",
    "-0.1",
    "1.25",
    "1e5",
    "1E5",
    "1e+5",
    "1e-05",
    "0e0",
    "0E+9",
    "123456789012345678901234567890",
    "-9999999999999999999.5e-300",
    "1e999999999",
    "true",
    "false",
    "null",
    "\"\"",
    "\"a\"",
    "[]",
    "{}",
    "[ ]",
    "{ }",
    " \t\r\n1 \t\r\n",
    "[1,2]",
    "[[],[[]],{}]",
    "{\"a\":1}",
    "{\"a\":1,\"a\":2}",
    "{\"\":{}}",
    "[1 , 2\n]",
    "{ \"a\" : [ 1 , { } ] , \"b\" : null }",
    r#""\"\\\/\b\f\n\r\t""#,
    r#""\u0000\uABcd""#,
    r#""\ud800""#,
    r#""\udc00\ud800""#,
    r#""\ud83e\udd16""#,
    r#""\uD800\n""#,
    "\"\u{7f}\"",
    "\"\u{2028}\u{2029}\u{feff}\"",
    "\"é🤖\"",
    "[\"\\\\\"]",
    "[-0]",
    "\"//\"",
    "[0e1]",
    "                        [                         ]                        ",
];

const NOT_JSON: &[&str] = &[
    "",
    " ",
    "\n\n",
    "\u{feff}",
    "\u{feff}1",
    "\u{a0}1",
    "\u{c}1",
    "\u{b}1",
    "1\u{0}",
    "\u{0}",
    "-",
    "+1",
    "--1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "-.5",
    "1.e5",
    "1e",
    "1e+",
    "1E-",
    "1ee5",
    "1e5.5",
    "1.2.3",
    "0x1",
    "0b1",
    "1_000",
    "1 000",
    "Infinity",
    "-Infinity",
    "NaN",
    "-x",
    "1a",
    "tru",
    "truE",
    "True",
    "nul",
    "nulll",
    "falsy",
    "undefined",
    "a",
    "'a'",
    "`a`",
    "\"",
    "\"a",
    "\"\\",
    "\"\\\"",
    "\"\\x\"",
    "\"\\'\"",
    "\"\\a\"",
    "\"\\0\"",
    "\"\\u\"",
    "\"\\u123\"",
    "\"\\u12g4\"",
    "\"\\U1234\"",
    "\"\\ud800\\u\"",
    "\"\\\u{1}\"",
    "\"\\é\"",
    "\"\n\"",
    "\"\t\"",
    "\"\u{0}\"",
    "\"a\u{1f}b\"",
    "\"01234567890123456789012345678901234\u{1f}56\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[,",
    "[,1]",
    "[1,]",
    "[1,,2]",
    "[1 2]",
    "[1:2]",
    "[\"a\":1]",
    "[1]]",
    "[1}",
    "[a]",
    "[\"",
    "[1,\n1\n,1",
    "{",
    "}",
    "{]",
    "{1",
    "{1:1}",
    "{a:1}",
    "{'a':1}",
    "{\"a\"",
    "{\"a\"}",
    "{\"a\",1}",
    "{\"a\":",
    "{\"a\":}",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{\"a\":1]",
    "{\"a\":1 \"b\"}",
    "{\"a\" 1}",
    "{\"a\"::1}",
    "{,}",
    "{,\"a\":1}",
    "{\"a\":1,,}",
    "{\"a\":1,1}",
    "{null:1}",
    "{\"a\":1}x",
    "{\"a\":1}{",
    "1 2",
    "1,",
    ",1",
    "\"a\"\"b\"",
    "[] []",
    "{} 1",
    "// c\n1",
    "1 // c",
    "/* c */1",
    "[1/**/]",
    "#1",
    "*",
    "?",
    ":",
    ",",
    "\\",
    "\\n1",
    "\u{2028}1",
    "[\u{2029}]",
    "{\"a\":1\u{2028}}",
    "é",
];

#[test]
fn accepts_what_is_json() {
    for text in JSON {
        assert_eq!(check(text), Ok(()), "{text}");
        assert!(decode(text).is_ok(), "{text}");
    }
}

#[test]
fn refuses_what_is_not() {
    for text in NOT_JSON {
        assert!(check(text).is_err(), "{text:?}");
        assert!(
            matches!(decode(text), Err(DecodeError::Invalid(_))),
            "{text:?}"
        );
        assert!(
            serde_json::from_str::<IgnoredAny>(text).is_err(),
            "the test is wrong: {text:?}"
        );
    }
}

#[test]
fn says_where_a_message_is_wrong() {
    assert_eq!(check("[1,]"), Err(ParseError::Unexpected { at: 3 }));
    assert_eq!(check("  \"a\n\""), Err(ParseError::Unexpected { at: 4 }));
    assert_eq!(check("{\"a\":1} x"), Err(ParseError::Unexpected { at: 8 }));
    assert_eq!(check("[\"abc"), Err(ParseError::UnexpectedEnd));
}

#[test]
fn nesting_is_bounded() {
    let deepest = nested(VALUE_DEPTH_MAX);
    assert_eq!(check(&deepest), Ok(()));
    let value = decode(&deepest).unwrap();
    assert_eq!(encode(&value), deepest);
    let too_deep = nested(VALUE_DEPTH_MAX + 1);
    assert!(matches!(check(&too_deep), Err(ParseError::TooDeep { .. })));
    assert!(matches!(
        decode(&too_deep),
        Err(DecodeError::Invalid(ParseError::TooDeep { .. }))
    ));
    assert!(decode(&"[".repeat(1_000_000)).is_err());
    // Side by side, levels do not add up.
    let wide = format!("[{}0]", "[],{},".repeat(VALUE_DEPTH_MAX));
    assert_eq!(check(&wide), Ok(()));
}

#[test]
fn the_deepest_message_needs_little_stack() {
    let deepest = nested(VALUE_DEPTH_MAX);
    let thread = std::thread::Builder::new().stack_size(1024 * 1024);
    let decoded = thread.spawn(move || decode(&deepest).map(|value| encode(&value)).is_ok());
    assert!(decoded.unwrap().join().unwrap());
}

/// `levels` arrays and objects in turn, one in the other.
fn nested(levels: usize) -> String {
    let open = (0..levels).map(|level| ["[", "{\"\":"][level % 2]);
    let close = (0..levels).rev().map(|level| ["]", "}"][level % 2]);
    open.chain(["0"]).chain(close).collect()
}
