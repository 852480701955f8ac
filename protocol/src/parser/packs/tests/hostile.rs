//! What no client of Primus sends.

use proptest::prelude::*;

use super::*;
use crate::limits::VALUE_DEPTH_MAX;
use crate::parser::ParseError;
use crate::value;

fn verdict<P: Parser>(parser: P, message: &[u8]) -> Result<(), ParseError> {
    let checked = parser.check(Kind::Binary, message);
    assert_eq!(
        decoded(parser, message).map(drop),
        checked.map_err(DecodeError::Invalid)
    );
    checked
}

#[test]
fn lengths_that_lie_are_found_before_anything_is_built() {
    for kind in [0xdb, 0xdd, 0xdf] {
        let message = [kind, 255, 255, 255, 255, 0xc0];
        assert_eq!(verdict(MsgPack, &message), Err(ParseError::UnexpectedEnd));
        assert_eq!(
            verdict(BinaryPack, &message),
            Err(ParseError::UnexpectedEnd)
        );
    }
    for message in [
        &[0xc6, 255, 255, 255, 255, 1][..],
        &[0xc9, 255, 255, 255, 255, 1, 1],
        &[0xc8, 0, 1, 1],
        &[0xd9, 255, 1],
        &[0xd8, 1],
        // Two values are announced, and two keys with their values are not there.
        &[0x82, 0xa0, 0xa0, 0xa0],
    ] {
        assert_eq!(verdict(MsgPack, message), Err(ParseError::UnexpectedEnd));
    }
    for message in [
        &[0xd9, 255, 255, 255, 255][..],
        &[0xda, 255, 255],
        &[0xb1],
        &[0xa1],
    ] {
        assert_eq!(verdict(BinaryPack, message), Err(ParseError::UnexpectedEnd));
    }
}

#[test]
fn types_that_do_not_exist_are_errors() {
    assert_eq!(
        verdict(MsgPack, &[0xc1]),
        Err(ParseError::Unexpected { at: 0 })
    );
    for kind in [0xc1, 0xc4, 0xc9, 0xd4, 0xd7] {
        let message = [0x92, 1, kind];
        assert_eq!(
            verdict(BinaryPack, &message),
            Err(ParseError::Unexpected { at: 2 })
        );
    }
    assert_eq!(verdict(MsgPack, b""), Err(ParseError::UnexpectedEnd));
    assert_eq!(
        MsgPack.check(Kind::Text, b"\xc0"),
        Err(ParseError::NotBinary)
    );
    let text = MsgPack.decode(Kind::Text, b"\xc0", &mut Scratch::default());
    assert_eq!(text, Err(ParseError::NotBinary.into()));
}

#[test]
fn nesting_has_its_bound_in_both_directions() {
    for (open, close) in [(&[0x91][..], &[0xc0][..]), (&[0x81, 0xa0], &[0xc0])] {
        let nested = |depth| [open.repeat(depth), close.to_vec()].concat();
        let deepest = nested(VALUE_DEPTH_MAX);
        assert_eq!(verdict(MsgPack, &deepest), Ok(()));
        let at = open.len() * VALUE_DEPTH_MAX;
        let deeper = Err(ParseError::TooDeep { at });
        assert_eq!(verdict(MsgPack, &nested(VALUE_DEPTH_MAX + 1)), deeper);
        assert_eq!(verdict(MsgPack, &nested(1_000_000)), deeper);

        let value = Value::Array(vec![decoded(MsgPack, &deepest).unwrap()]);
        let sentence = encoded(MsgPack, &value).unwrap_err().to_string();
        let expected = "the parser `msgpack` cannot encode a value that is nested too deeply";
        assert_eq!(sentence, expected);
    }
    // An extension in an extension is not looked into.
    let mut message = vec![0xc0];
    for _ in 0..100_000 {
        message = match message.len() < 60_000 {
            true => [
                &[0xc8],
                &(message.len() as u16).to_be_bytes()[..],
                &[0x0d],
                &message,
            ]
            .concat(),
            false => break,
        };
    }
    assert_eq!(verdict(MsgPack, &message), Ok(()));
}

#[test]
fn the_deepest_message_fits_a_small_stack() {
    let message = [&[0x91].repeat(VALUE_DEPTH_MAX)[..], &[0xc0]].concat();
    let run = move || {
        let value = decoded(MsgPack, &message).unwrap();
        assert_eq!(encoded(MsgPack, &value).unwrap(), message);
    };
    let thread = std::thread::Builder::new().stack_size(512 * 1024);
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn of_two_members_with_one_name_the_last_counts() {
    let twice = [0x83, 0xa1, b'a', 1, 0xa1, b'b', 2, 0xa1, b'a', 3];
    assert_eq!(decoded(MsgPack, &twice), Ok(value!({ "a": 3, "b": 2 })));
    // A peer chooses how many there are.
    let mut many = vec![0xdf, 0, 4, 0, 0];
    for member in 0..0x4_0000_u32 {
        many.extend([0xce]);
        many.extend((member / 2).to_be_bytes());
        many.push(0xc0);
    }
    assert_eq!(
        decoded(MsgPack, &many).unwrap().as_object().unwrap().len(),
        0x2_0000
    );
}

#[test]
fn keys_become_text_or_are_errors() {
    for (key, text) in [
        (&[5][..], "5"),
        (&[0xff], "-1"),
        (&[0xc0], "null"),
        (&[0xc3], "true"),
        (&[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], "1.5"),
        (&[0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], "Infinity"),
        (
            &[0xcf, 255, 255, 255, 255, 255, 255, 255, 255],
            "18446744073709551615",
        ),
        (&[0xa1, 0xff], "\u{fffd}"),
    ] {
        let message = [&[0x81][..], key, &[0xc3]].concat();
        assert_eq!(
            decoded(MsgPack, &message).unwrap()[text],
            true.into(),
            "{text}"
        );
    }
    for key in [&[0x90][..], &[0x80], &[0xc4, 0], &[0xd4, 1, 1]] {
        let message = [&[0x81][..], key, &[0xc3]].concat();
        assert_eq!(
            verdict(MsgPack, &message),
            Err(ParseError::Unexpected { at: 1 })
        );
    }
}

#[test]
fn text_that_is_not_utf8_is_mended() {
    let message = [0xa3, b'a', 0xed, 0xa0];
    assert_eq!(decoded(MsgPack, &message), Ok("a\u{fffd}\u{fffd}".into()));
    assert_eq!(verdict(MsgPack, &message), Ok(()));
}

fn like_a_message() -> impl Strategy<Value = Vec<u8>> {
    // Types of containers and extensions more often than chance would have it.
    let byte = prop_oneof![0x80..0xe0_u8, any::<u8>(), 0..4_u8];
    prop::collection::vec(byte, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn whatever_comes_is_read_or_refused(message in like_a_message()) {
        // What is read is written so that it is read again as the same.
        if verdict(MsgPack, &message).is_ok() {
            let written = encoded(MsgPack, &decoded(MsgPack, &message).unwrap()).unwrap();
            let again = encoded(MsgPack, &decoded(MsgPack, &written).unwrap()).unwrap();
            prop_assert_eq!(again, written);
        }
        if verdict(BinaryPack, &message).is_ok() {
            let _ = encoded(BinaryPack, &decoded(BinaryPack, &message).unwrap());
        }
        let _ = MsgPack.control(Kind::Binary, &message);
        let _ = BinaryPack.control(Kind::Binary, &message);
    }
}
