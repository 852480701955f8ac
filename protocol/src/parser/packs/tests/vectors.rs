//! What the npm packages write. The tables were made by primus-msgpack 1.0 and binary-pack 1.0.

use super::*;
use crate::parser::Json;
use crate::value::{Date, Extended, Number};

/// A value as JSON, and what primus-msgpack and binary-pack make of it.
#[rustfmt::skip]
const VECTORS: &[(&str, &str, &str)] = &[
    (r#"null"#, "c0", "c0"),
    (r#"true"#, "c3", "c3"),
    (r#"false"#, "c2", "c2"),
    (r#"0"#, "00", "00"),
    (r#"1"#, "01", "01"),
    (r#"127"#, "7f", "7f"),
    (r#"128"#, "cc80", "cc80"),
    (r#"255"#, "ccff", "ccff"),
    (r#"256"#, "cd0100", "cd0100"),
    (r#"65535"#, "cdffff", "cdffff"),
    (r#"65536"#, "ce00010000", "ce00010000"),
    (r#"2147483647"#, "ce7fffffff", "ce7fffffff"),
    (r#"2147483648"#, "cb41e0000000000000", "ce80000000"),
    (r#"4294967295"#, "cb41efffffffe00000", "ceffffffff"),
    (r#"4294967296"#, "cb41f0000000000000", "d30000000100000000"),
    (r#"-1"#, "ff", "ff"),
    (r#"-32"#, "e0", "e0"),
    (r#"-33"#, "d0df", "d0df"),
    (r#"-128"#, "d080", "d080"),
    (r#"-129"#, "d1ff7f", "d1ff7f"),
    (r#"-32768"#, "d18000", "d18000"),
    (r#"-32769"#, "d2ffff7fff", "d2ffff7fff"),
    (r#"-2147483648"#, "d280000000", "d280000000"),
    (r#"-2147483649"#, "cbc1e0000000200000", "d3ffffffff7fffffff"),
    (r#"9007199254740992"#, "cb4340000000000000", "d30020000000000000"),
    (r#"-9007199254740992"#, "cbc340000000000000", "d3ffe0000000000000"),
    (r#"0.1"#, "cb3fb999999999999a", "cb3fb999999999999a"),
    (r#"-0.5"#, "cbbfe0000000000000", "cbbfe0000000000000"),
    (r#"5e-324"#, "cb0000000000000001", "cb0000000000000001"),
    (r#""""#, "a0", "b0"),
    (r#""a""#, "a161", "b161"),
    (r#""ä""#, "a2c3a4", "b2c3a4"),
    (r#""🤖""#, "a4f09fa496", "b4f09fa496"),
    (r#"[]"#, "90", "90"),
    (r#"[1,[2]]"#, "92019102", "92019102"),
    (r#"{}"#, "80", "80"),
    (r#"{"a":1,"b":{"c":null}}"#, "82a16101a16281a163c0", "82b16101b16281b163c0"),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bytes_are_those_of_the_packages() {
    for (json, msgpack, binary) in VECTORS {
        let value = Json.decode(Kind::Text, json.as_bytes(), &mut Scratch::default());
        let value = value.unwrap();
        let msgpack_bytes = encoded(MsgPack, &value).unwrap();
        assert_eq!(hex(&msgpack_bytes), *msgpack, "{json}");
        assert_eq!(decoded(MsgPack, &msgpack_bytes), Ok(value.clone()));
        let binary_bytes = encoded(BinaryPack, &value).unwrap();
        assert_eq!(hex(&binary_bytes), *binary, "{json}");
        assert_eq!(decoded(BinaryPack, &binary_bytes), Ok(value));
    }
}

/// The heads of texts of so many bytes.
#[test]
fn the_head_of_a_text_grows_with_it() {
    for (length, msgpack, binary) in [
        (15, "af", "bf"),
        (16, "b0", "d80010"),
        (31, "bf", "d8001f"),
        (32, "d920", "d80020"),
        (255, "d9ff", "d800ff"),
        (256, "da0100", "d80100"),
        (65_535, "daffff", "d8ffff"),
        (65_536, "db00010000", "d900010000"),
    ] {
        let value = Value::from("x".repeat(length));
        for (bytes, head) in [
            (encoded(MsgPack, &value).unwrap(), msgpack),
            (encoded(BinaryPack, &value).unwrap(), binary),
        ] {
            assert_eq!(hex(&bytes[..bytes.len() - length]), head);
        }
    }
}

#[test]
fn numbers_of_javascript_that_json_lacks() {
    for (number, msgpack, binary) in [
        (f64::NAN, "cb7ff8000000000000", Some("cb7ff8000000000000")),
        (-f64::NAN, "cb7ff8000000000000", Some("cb7ff8000000000000")),
        (-0.0, "00", Some("00")),
        (f64::INFINITY, "cb7ff0000000000000", None),
        (1e300, "cb7e37e43c8800759c", None),
        (
            4_611_686_018_427_387_904.0,
            "cb43d0000000000000",
            Some("d34000000000000000"),
        ),
        (
            -9_223_372_036_854_775_808.0,
            "cbc3e0000000000000",
            Some("d38000000000000000"),
        ),
        (
            9_223_372_036_854_775_808.0,
            "cb43e0000000000000",
            Some("d38000000000000000"),
        ),
        (
            9_223_372_036_854_777_856.0,
            "cb43e0000000000001",
            Some("cf8000000000000800"),
        ),
        (18_446_744_073_709_551_616.0, "cb43f0000000000000", None),
    ] {
        let value = Value::from(number);
        assert_eq!(hex(&encoded(MsgPack, &value).unwrap()), msgpack, "{number}");
        let bytes = encoded(BinaryPack, &value).ok();
        assert_eq!(
            bytes.map(|bytes| hex(&bytes)).as_deref(),
            binary,
            "{number}"
        );
    }
}

#[test]
fn integers_that_no_double_holds_are_exact() {
    for number in [i64::MAX, i64::MIN + 1, (1 << 53) + 1, -(1 << 53) - 1] {
        let value = Value::from(number);
        for bytes in [encoded(MsgPack, &value), encoded(BinaryPack, &value)] {
            let bytes = bytes.unwrap();
            assert_eq!(bytes[0], 0xd3);
            assert_eq!(decoded(MsgPack, &bytes).unwrap().as_i64(), Some(number));
        }
    }
    let value = Value::from(u64::MAX);
    for bytes in [encoded(MsgPack, &value), encoded(BinaryPack, &value)] {
        assert_eq!(hex(&bytes.unwrap()), "cfffffffffffffffff");
    }
}

#[test]
fn bytes_differ_between_the_two() {
    for (length, msgpack, binary) in [
        (0, "c400", "a0"),
        (3, "c403", "a3"),
        (16, "c410", "da0010"),
        (254, "c4fe", "da00fe"),
        (255, "c500ff", "da00ff"),
        (65_536, "c600010000", "db00010000"),
    ] {
        let value = Value::Bytes(vec![7; length]);
        for (bytes, head) in [
            (encoded(MsgPack, &value).unwrap(), msgpack),
            (encoded(BinaryPack, &value).unwrap(), binary),
        ] {
            assert_eq!(hex(&bytes[..bytes.len() - length]), head);
        }
    }
}

#[test]
fn what_javascript_has_beyond_json_is_read_and_written() {
    let date = Date::from_epoch_ms(1_700_000_000_000).unwrap();
    let reg_exp = Extended::RegExp {
        source: "a\\/b+".into(),
        flags: "gi".into(),
    };
    let array = Extended::Extension {
        kind: 0x13,
        bytes: vec![1, 0, 2, 0],
    };
    for (value, bytes) in [
        (Value::from(date), "c7090dcb4278bcfe56800000"),
        (Value::from(reg_exp), "c70a0a92a5615c2f622ba26769"),
        (Value::from(array), "d61301000200"),
        (Value::Bytes(vec![1, 2, 3]), "c403010203"),
    ] {
        let written = encoded(MsgPack, &value).unwrap();
        assert_eq!(hex(&written), bytes);
        assert_eq!(decoded(MsgPack, &written), Ok(value));
    }
    for (bytes, value) in [
        (&[0xc7, 3, 0x12, 1, 2, 3][..], Value::Bytes(vec![1, 2, 3])),
        (&[0xd4, 0x0f, 5], 5.into()),
        (&[0xd5, 0x0c, 0xa1, b'x'], "x".into()),
        (&[0xd4, 0x0b, 0xc3], true.into()),
    ] {
        assert_eq!(decoded(MsgPack, bytes), Ok(value));
    }
}

#[test]
fn an_extension_that_is_not_what_it_says_stays_as_it_is() {
    let invalid_date = [&[0xc7, 9, 0x0d, 0xcb][..], &f64::NAN.to_be_bytes()].concat();
    for bytes in [
        &invalid_date[..],
        &[0xd4, 0x0d, 0xc0],
        &[0xd5, 0x0d, 1, 1],
        &[0xd4, 0x0d, 0x91],
        &[0xd5, 0x0a, 0x91, 0xa0],
        &[0xd4, 0x0b, 1],
        &[0xc7, 0, 0x0c],
    ] {
        let value = decoded(MsgPack, bytes).unwrap();
        let Value::Extended(extended) = &value else {
            panic!("{value:?}");
        };
        assert!(matches!(**extended, Extended::Extension { .. }));
        assert_eq!(encoded(MsgPack, &value).unwrap(), bytes);
    }
}

#[test]
fn what_a_parser_does_not_know_is_an_error() {
    let date = Value::from(Date::from_epoch_ms(0).unwrap());
    let custom = Value::from(Extended::Custom {
        name: "T".into(),
        value: Value::Null,
    });
    for (error, sentence) in [
        (
            encoded(BinaryPack, &date),
            "the parser `binary` cannot encode a date",
        ),
        (
            encoded(MsgPack, &vec![custom].into()),
            "the parser `msgpack` cannot encode a custom type of EJSON",
        ),
        (
            encoded(BinaryPack, &Value::Number(Number::Float(f64::INFINITY))),
            "the parser `binary` cannot encode a whole number of more than 64 bits",
        ),
    ] {
        assert_eq!(error.unwrap_err().to_string(), sentence);
    }
}
