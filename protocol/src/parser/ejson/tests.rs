//! The right-hand sides are what npm ejson 2 writes and reads. Further values are compared with it
//! by tests/interop.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::limits::VALUE_DEPTH_MAX;
use crate::value;
use crate::value::{Date, Extended, Object};

fn decoded(text: &str) -> Result<Value, DecodeError> {
    let decoded = Ejson.decode(Kind::Text, text.as_bytes(), &mut Scratch::default());
    let checked = Ejson.check(Kind::Text, text.as_bytes());
    assert_eq!(
        decoded.clone().map(drop),
        checked.map_err(DecodeError::Invalid),
        "{text}"
    );
    decoded
}

fn encoded(value: &Value) -> Result<String, EncodeError> {
    let mut out = Vec::new();
    Ejson.encode_value(value, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn date(ms: i64) -> Value {
    Date::from_epoch_ms(ms).unwrap().into()
}

fn reg_exp(source: &str, flags: &str) -> Value {
    let (source, flags) = (source.into(), flags.into());
    Extended::RegExp { source, flags }.into()
}

fn custom(name: &str, value: Value) -> Value {
    let name = name.into();
    Extended::Custom { name, value }.into()
}

#[test]
fn every_form_is_read_and_written() {
    for (value, text) in [
        (date(0), r#"{"$date":0}"#),
        (
            date(-8_640_000_000_000_000),
            r#"{"$date":-8640000000000000}"#,
        ),
        (Value::Bytes(vec![0, 1, 255]), r#"{"$binary":"AAH/"}"#),
        (Value::Bytes(vec![]), r#"{"$binary":""}"#),
        (f64::INFINITY.into(), r#"{"$InfNaN":1}"#),
        (f64::NEG_INFINITY.into(), r#"{"$InfNaN":-1}"#),
        (
            reg_exp("a\\/b+", "gi"),
            r#"{"$regexp":"a\\/b+","$flags":"gi"}"#,
        ),
        (
            custom("Point", value!({ "x": { "$date": 1 } })),
            r#"{"$type":"Point","$value":{"x":{"$date":1}}}"#,
        ),
        (value!({ "$date": 1 }), r#"{"$escape":{"$date":1}}"#),
        (
            value!({ "$date": (date(5)) }),
            r#"{"$escape":{"$date":{"$date":5}}}"#,
        ),
        (
            value!({ "$escape": { "$date": 1 } }),
            r#"{"$escape":{"$escape":{"$escape":{"$date":1}}}}"#,
        ),
        (
            value!({ "$flags": 1, "$regexp": 2 }),
            r#"{"$escape":{"$flags":1,"$regexp":2}}"#,
        ),
        (
            value!({ "$type": 1, "$value": 2 }),
            r#"{"$escape":{"$type":1,"$value":2}}"#,
        ),
        // No forms.
        (value!({ "$date": 1, "a": 2 }), r#"{"$date":1,"a":2}"#),
        (value!({ "$other": 1 }), r#"{"$other":1}"#),
        (value!({ "$type": 1 }), r#"{"$type":1}"#),
        (
            value!([{ "a": [(date(1))] }, "$date"]),
            r#"[{"a":[{"$date":1}]},"$date"]"#,
        ),
    ] {
        assert_eq!(encoded(&value).as_deref(), Ok(text));
        assert_eq!(decoded(text), Ok(value), "{text}");
    }
    assert_eq!(encoded(&f64::NAN.into()).unwrap(), r#"{"$InfNaN":0}"#);
    assert!(
        decoded(r#"{"$InfNaN":0}"#)
            .unwrap()
            .as_f64()
            .unwrap()
            .is_nan()
    );
}

#[test]
fn foreign_text_is_read_as_the_package_reads_it() {
    for (text, value) in [
        (r#"{"$date":null}"#, date(0)),
        (r#"{"$date":1.9}"#, date(1)),
        (r#"{"\u0024date":1}"#, date(1)),
        (r#"{"$date":1,"$date":2}"#, date(2)),
        (r#" [ { "$date" : 1 } ] "#, Value::from(vec![date(1)])),
        (r#"{"$InfNaN":7}"#, f64::INFINITY.into()),
        (r#"{"$binary":"QQ=="}"#, Value::Bytes(vec![b'A'])),
        (r#"{"$binary":"QQ"}"#, Value::Bytes(vec![b'A'])),
        (r#"{"$flags":"yxgig","$regexp":"("}"#, reg_exp("(", "giy")),
        (r#"[{"$escape":{}}]"#, value!([{}])),
        (
            r#"{"$type":"T","$value":{"$date":"x"}}"#,
            custom("T", value!({ "$date": "x" })),
        ),
        (r#"{"$escape":{"$date":"x"}}"#, value!({ "$date": "x" })),
        (r#"{"$binary":"\u0051Q"}"#, Value::Bytes(vec![b'A'])),
        (r#"{"$value":1,"$type":"T"}"#, custom("T", 1.into())),
        (
            r#"{"$escape":{"$escape":{"$date":1}}}"#,
            value!({ "$escape": (date(1)) }),
        ),
    ] {
        assert_eq!(decoded(text), Ok(value), "{text}");
    }
}

#[test]
fn what_makes_no_sense_is_an_error() {
    for (text, what) in [
        (r#"{"$date":"2020-01-01"}"#, "`$date` that is no date"),
        (r#"{"a":[{"$date":1e300}]}"#, "`$date` that is no date"),
        (r#"{"$InfNaN":"x"}"#, "`$InfNaN` that is no number"),
        (r#"{"$binary":"*"}"#, "`$binary` that is no base64"),
        (r#"{"$binary":5}"#, "`$binary` that is no base64"),
        (
            r#"{"$regexp":1,"$flags":""}"#,
            "`$regexp` or `$flags` that is no text",
        ),
        (r#"{"$escape":null}"#, "`$escape` of what is no object"),
        (r#"{"$type":1,"$value":1}"#, "`$type` that is no text"),
        (r#"{"\u0024date":true}"#, "`$date` that is no date"),
        (
            r#"{"$escape":{"a":{"$date":[]}}}"#,
            "`$date` that is no date",
        ),
    ] {
        assert_eq!(
            decoded(text),
            Err(ParseError::Refused { what }.into()),
            "{text}"
        );
    }
    assert_eq!(decoded(""), Err(ParseError::UnexpectedEnd.into()));
    assert_eq!(
        decoded(r#"{"$date":1"#),
        Err(ParseError::UnexpectedEnd.into())
    );
    assert_eq!(Ejson.check(Kind::Binary, b"1"), Err(ParseError::NotText));
    let extension = Extended::Extension {
        kind: 1,
        bytes: vec![],
    };
    let sentence = encoded(&extension.into()).unwrap_err().to_string();
    assert!(
        sentence.contains("`ejson` can not encode an extension"),
        "{sentence}"
    );
}

#[test]
fn nesting_has_its_bound() {
    let escapes = |levels| format!("{}1{}", r#"{"$escape":"#.repeat(levels), "}".repeat(levels));
    assert!(matches!(
        decoded(&escapes(VALUE_DEPTH_MAX + 1)),
        Err(DecodeError::Invalid(ParseError::TooDeep { .. }))
    ));
    let arrays = |levels| {
        format!(
            "{}{{\"$date\":1}}{}",
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    assert!(decoded(&arrays(VALUE_DEPTH_MAX - 1)).is_ok());
    assert!(decoded(&arrays(VALUE_DEPTH_MAX)).is_err());
}

#[test]
fn text_is_that_of_json_where_nothing_else_is_said() {
    let mut out = Vec::new();
    assert_eq!(Ejson.encode_str("primus::ping::1", &mut out), Kind::Text);
    assert_eq!(out, b"\"primus::ping::1\"");
    let control = Ejson.control(Kind::Text, &out);
    assert_eq!(control.as_deref(), Some("primus::ping::1"));
    assert_eq!(Ejson.control(Kind::Binary, &out), None);
    let separators = "[\"\u{2028}\",{\"$date\":1}]".as_bytes();
    assert!(!Ejson.passes_through(Kind::Text, separators));
    out.clear();
    Ejson.encode_checked(Kind::Text, separators, &mut out);
    assert_eq!(out, br#"["\u2028",{"$date":1}]"#);
    assert!(Ejson.passes_through(Kind::Text, br#"{"$date":1}"#));
}

#[test]
fn a_type_of_the_application_is_read_and_written() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Meeting {
        when: Date,
        length: f64,
        notes: Vec<Value>,
    }
    let meeting = Meeting {
        when: Date::from_epoch_ms(7).unwrap(),
        length: f64::INFINITY,
        notes: vec![date(8), Value::Bytes(vec![1])],
    };
    let mut out = Vec::new();
    Ejson.encode_serialize(&meeting, &mut out).unwrap();
    let text =
        r#"{"when":{"$date":7},"length":{"$InfNaN":1},"notes":[{"$date":8},{"$binary":"AQ=="}]}"#;
    assert_eq!(str::from_utf8(&out), Ok(text));
    let read = Ejson.decode_as(Kind::Text, &out, &mut Scratch::default());
    assert_eq!(read, Ok(meeting));
    let plain: Vec<u32> = Ejson
        .decode_as(Kind::Text, b"[1,2]", &mut Scratch::default())
        .unwrap();
    assert_eq!(plain, [1, 2]);
}

/// Names that make forms, more often than chance would have it.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "$date", "$regexp", "$flags", "$InfNaN", "$binary", "$escape", "$type", "$value",
        ])
        .prop_map(str::to_owned),
        ".{0,3}",
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        (-Date::MS_MAX..=Date::MS_MAX).prop_map(date),
        ("[a-z]{0,5}", "g?i?m?").prop_map(|(source, flags)| reg_exp(&source, &flags)),
        ".{0,5}".prop_map(|name| custom(&name, value!({ "$date": 1 }))),
        Just(Value::from(f64::INFINITY)),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let member = (name(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            prop::collection::vec(member, 0..3)
                .prop_map(|members| Value::Object(Object::from(members))),
        ]
    })
}

/// JSON whose objects look like forms, mostly with contents that make no sense.
fn like_forms() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[A-Za-z=]{0,8}|.{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 3, |inner| {
        let member = (name(), inner.clone());
        prop_oneof![
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::Array),
            3 => prop::collection::vec(member, 1..3)
                .prop_map(|members| Value::Object(Object::from(members))),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_again(value in any_value()) {
        let text = encoded(&value).unwrap();
        prop_assert_eq!(decoded(&text), Ok(value), "{}", text);
    }

    /// Each name once, or `check` would see more than `decode`.
    #[test]
    fn what_makes_no_sense_is_found_without_building_it(json in like_forms()) {
        let mut text = Vec::new();
        Json.encode_value(&json, &mut text).unwrap();
        let _ = decoded(str::from_utf8(&text).unwrap());
    }

    #[test]
    fn the_judge_comes_to_an_end_whatever_it_is_given(text in ".{0,40}") {
        let _ = judge::judge(text.as_bytes());
    }
}
