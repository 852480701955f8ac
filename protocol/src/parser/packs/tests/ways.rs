//! Whatever is written is read again, and the ways to do one thing agree.

use std::borrow::Cow;
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::parser::ParseError;
use crate::value;
use crate::value::{Date, Extended, Object};

/// Values of any kind; those that both parsers know, or those of MessagePack.
fn any_value(extended: bool) -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        // What no integer of 64 bits is has no message of BinaryPack.
        (-1e6..1e6).prop_map(Value::from),
    ];
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        any::<String>().prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
    ];
    let date =
        (-Date::MS_MAX..=Date::MS_MAX).prop_map(|ms| Value::from(Date::from_epoch_ms(ms).unwrap()));
    let extension = prop::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| {
        let kind = 0x55;
        Value::from(Extended::Extension { kind, bytes })
    });
    let leaf = match extended {
        true => prop_oneof![4 => plain, 1 => date, 1 => extension].boxed(),
        false => plain.boxed(),
    };
    leaf.prop_recursive(5, 60, 20, |inner| {
        let member = (any::<String>(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..20).prop_map(Value::Array),
            prop::collection::vec(member, 0..20)
                .prop_map(|members| Value::Object(Object::from(members))),
        ]
    })
}

/// What is written is checked, read and written again, and is broken wherever it is cut off.
fn there_and_back<P: Parser>(parser: P, value: &Value) {
    let message = encoded(parser, value).unwrap();
    assert_eq!(parser.check(Kind::Binary, &message), Ok(()));
    assert_eq!(decoded(parser, &message).as_ref(), Ok(value));
    assert!(parser.passes_through(Kind::Binary, &message));
    let mut again = Vec::new();
    parser.encode_checked(Kind::Binary, &message, &mut again);
    assert_eq!(again, message);
    for end in (0..message.len()).take(200) {
        let cut = &message[..end];
        assert_eq!(
            parser.check(Kind::Binary, cut),
            Err(ParseError::UnexpectedEnd)
        );
        assert_eq!(parser.control(Kind::Binary, cut), None);
    }
    let longer = [&message[..], &[0xc0]].concat();
    let at = message.len();
    assert_eq!(
        parser.check(Kind::Binary, &longer),
        Err(ParseError::Unexpected { at })
    );
}

proptest! {
    #[test]
    fn msgpack_reads_what_it_writes(value in any_value(true)) {
        there_and_back(MsgPack, &value);
    }

    #[test]
    fn binary_reads_what_it_writes(value in any_value(false)) {
        there_and_back(BinaryPack, &value);
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    symbol: String,
    at_ms: u64,
    counts: Vec<u32>,
    limits: BTreeMap<String, Option<f64>>,
}

#[test]
fn a_type_of_the_application_is_read_and_written() {
    let order = Order {
        symbol: "AAA".into(),
        // A double in MessagePack, as it has more than 32 bits.
        at_ms: 1_700_000_000_000,
        counts: vec![1, u32::MAX],
        limits: BTreeMap::from([("low".into(), Some(1.5)), ("high".into(), None)]),
    };
    fn through<P: Parser>(parser: P, order: &Order) -> Result<Order, DecodeError> {
        let mut out = b"before".to_vec();
        parser.encode_serialize(order, &mut out).unwrap();
        parser.decode_as(Kind::Binary, &out[6..], &mut Scratch::default())
    }
    assert_eq!(through(MsgPack, &order).as_ref(), Ok(&order));
    assert_eq!(through(BinaryPack, &order), Ok(order));
    let message = encoded(MsgPack, &value!({ "symbol": "A", "at_ms": "late" })).unwrap();
    let wrong = MsgPack.decode_as::<Order>(Kind::Binary, &message, &mut Scratch::default());
    let sentence = wrong.unwrap_err().to_string();
    assert!(
        sentence.contains("at_ms: invalid type: string \"late\""),
        "{sentence}"
    );
}

#[test]
fn control_messages_are_found() {
    fn found<P: Parser>(parser: P, text: &str) -> Option<String> {
        let mut message = Vec::new();
        assert_eq!(parser.encode_str(text, &mut message), Kind::Binary);
        assert_eq!(parser.control(Kind::Text, &message), None);
        let text = parser.control(Kind::Binary, &message);
        assert!(!matches!(text, Some(Cow::Owned(_))));
        text.map(Cow::into_owned)
    }
    let long = format!("primus::id::{}", "x".repeat(70_000));
    for text in [
        "primus::",
        "primus::pong::1700000000000",
        "primus::id::",
        &long,
    ] {
        assert_eq!(found(MsgPack, text).as_deref(), Some(text));
        assert_eq!(found(BinaryPack, text).as_deref(), Some(text));
    }
    for text in ["", "primus:", "primus", "Primus::ping::1", &"x".repeat(100)] {
        assert_eq!(found(MsgPack, text), None);
        assert_eq!(found(BinaryPack, text), None);
    }
    // In every form that a text may have.
    let pong = b"primus::pong::1";
    for head in [&[0xd9, 15][..], &[0xda, 0, 15], &[0xdb, 0, 0, 0, 15]] {
        let message = [head, pong].concat();
        assert!(MsgPack.control(Kind::Binary, &message).is_some());
    }
    let odd = [&[0xa9][..], b"primus::\xff"].concat();
    assert_eq!(
        MsgPack.control(Kind::Binary, &odd).as_deref(),
        Some("primus::\u{fffd}")
    );
    let behind = [&[0xaf][..], pong, &[0]].concat();
    assert_eq!(MsgPack.control(Kind::Binary, &behind), None);
    assert_eq!(
        MsgPack.control(Kind::Binary, &[&[0xc4, 15][..], pong].concat()),
        None
    );
}

#[test]
fn a_failure_leaves_no_trace() {
    let mut out = b"before".to_vec();
    let value = Value::from(vec![Value::from(1), Value::from(f64::INFINITY)]);
    assert!(BinaryPack.encode_value(&value, &mut out).is_err());
    assert_eq!(out, b"before");
}
