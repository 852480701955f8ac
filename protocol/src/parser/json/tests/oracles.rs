//! Properties of generated messages, and agreement with serde_json.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;
use crate::primus::packet::PREFIX;

/// Any value that JSON can express. Left out are whole floats that lose digits but would fit an
/// integer: JavaScript prints zeros for those digits, and an integer is read exactly.
fn values() -> impl Strategy<Value = Value> {
    let exact = |float: &f64| {
        let integers = 2f64.powi(53)..=2f64.powi(64);
        float.is_finite() && (float.fract() != 0.0 || !integers.contains(&float.abs()))
    };
    let float = any::<f64>().prop_filter("exact", exact);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-100..100i64).prop_map(Value::from),
        float.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z\"\\\\/\u{0}-\u{1f}\u{2028}\u{2029}é🤖]{0,80}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec(("[a-d\n\u{2028}]{0,3}", inner), 0..8)
                .prop_map(|members| Value::Object(members.into())),
        ]
    })
}

/// Texts that are nearly JSON: pieces of it, put together by the grammar or not.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => values().prop_map(|value| encode(&value)),
        4 => "[-+]?[0-9]{0,25}\\.?[0-9]{0,20}([eE][-+]?[0-9]{0,4})?",
        4 => "\"([a-z\\\\\"]|\\\\[\"\\\\/bfnrt]|\\\\u[dD0-9a-f][89abcf][0-9]{2}){0,12}\"",
        4 => "[ \n\r\t]{0,20}",
        8 => "[\\[\\]{},:\"]",
        1 => "(true|false|null|tru|nul)",
        1 => any::<char>().prop_map(String::from),
    ];
    let members = prop::collection::vec(piece.clone(), 0..6);
    prop_oneof![
        prop::collection::vec(piece.clone(), 0..12).prop_map(|pieces| pieces.concat()),
        members.prop_map(|pieces| format!("[{}]", pieces.join(","))),
        prop::collection::vec((piece.clone(), piece), 0..6).prop_map(|members| {
            let members: Vec<_> = members
                .iter()
                .map(|(k, v)| format!("\"{k}\":{v}"))
                .collect();
            format!("{{{}}}", members.join(","))
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_encoded_decodes_to_the_same(value in values()) {
        let text = encode(&value);
        prop_assert_eq!(check(&text), Ok(()));
        prop_assert_eq!(decode(&text), Ok(value.clone()));
        prop_assert!(Json.passes_through(Kind::Text, text.as_bytes()));
        let typed = Json.decode_as(Kind::Text, text.as_bytes(), &mut Scratch::default());
        prop_assert_eq!(typed, Ok(value));
    }

    #[test]
    fn agrees_with_other_parsers(text in texts()) {
        let checked = check(&text);
        let reference = serde_json::from_str::<IgnoredAny>(&text);
        prop_assert_eq!(checked.is_ok(), reference.is_ok(), "{:?} {:?}", checked, reference);
        prop_assert_eq!(scan::by_vectors(text.as_bytes()), scan::by_words(text.as_bytes()));
        let decoded = decode(&text);
        prop_assert_eq!(decoded.is_ok(), checked.is_ok(), "{:?} {:?}", checked, decoded);
        if let (Ok(decoded), Ok(reference)) = (decoded, serde_json::from_str(&text)) {
            let reference: Value = reference;
            prop_assert_eq!(decoded, reference);
        }
    }

    #[test]
    fn agrees_about_a_message_with_one_byte_changed(
        value in values(),
        at: prop::sample::Index,
        byte in prop::sample::select(&b"\"\\{}[],:0123456789.eE+-tfnul \n\x01\x1f"[..]),
        insert: bool,
    ) {
        let mut text = encode(&value).into_bytes();
        let at = at.index(text.len());
        text.splice(at..at + usize::from(!insert), [byte]);
        let checked = Json.check(Kind::Text, &text);
        // Inside a character of several bytes the change makes what is not UTF-8.
        if let Ok(text) = str::from_utf8(&text) {
            let reference = serde_json::from_str::<IgnoredAny>(text);
            prop_assert_eq!(checked.is_ok(), reference.is_ok(), "{}", text);
            prop_assert_eq!(checked.is_ok(), decode(text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn floats_are_exact(text in "-?(0|[1-9][0-9]{0,25})\\.[0-9]{1,25}([eE][-+]?[0-9]{1,2})?") {
        let expected: f64 = text.parse().unwrap();
        prop_assert_eq!(decode(&text), Ok(Value::from(expected)));
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let scratch = &mut Scratch::default();
        let checked = Json.check(Kind::Text, &bytes);
        let decoded = Json.decode(Kind::Text, &bytes, scratch);
        prop_assert!(checked.is_ok() || decoded.is_err());
        if Json.control(Kind::Text, &bytes).is_some() {
            prop_assert_eq!(checked, Ok(()));
        }
    }

    #[test]
    fn control_messages_are_strings_with_the_prefix(
        text in "(primus:{1,2})?[a-z:\n\"\\\\é]{0,40}",
    ) {
        let mut out = Vec::new();
        Json.encode_str(&text, &mut out);
        let expected = Some(&text[..]).filter(|text| text.starts_with(PREFIX));
        let control = Json.control(Kind::Text, &out);
        prop_assert_eq!(control.as_deref(), expected);
    }

    #[test]
    fn a_message_written_again_means_the_same(text in texts()) {
        if check(&text).is_ok() {
            let mut out = Vec::new();
            Json.encode_checked(Kind::Text, text.as_bytes(), &mut out);
            let again = String::from_utf8(out).unwrap();
            prop_assert!(Json.passes_through(Kind::Text, again.as_bytes()));
            prop_assert_eq!(decode(&again), decode(&text));
        }
    }
}
