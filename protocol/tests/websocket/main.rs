//! Our WebSocket codec against an independent one, `tungstenite`, in both roles; and what it does
//! with compressed messages, which `tungstenite` does not know.
//!
//! Every property has a fixed seed and a fixed number of cases, so that a failure comes back.

mod decode;
mod deflate;
mod script;

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::{CloseCode, Role, Violation, encode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

use decode::{End, Seen, ours, theirs};
use script::{any_script, large_script, mutated};

/// Bytes of the largest message in scripts whose streams are not mutated.
const LARGE_BYTES_MAX: usize = 200_000;
/// Bytes of the largest message elsewhere: small, so that the bound is often met.
const SMALL_BYTES_MAX: usize = 300;
const ROLES: [Role; 2] = [Role::Server, Role::Client];

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0x6455),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn scripts_are_encoded_alike_and_understood_by_both(
        script in large_script(),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        for role in ROLES {
            let stream = script.encoded_by_us(role);
            prop_assert!(stream == script.encoded_by_them(role), "{script:?}");
            let expected = (script.means(), script.end());
            prop_assert_eq!(&theirs(role, &stream, LARGE_BYTES_MAX), &expected);
            prop_assert_eq!(&ours(role, &stream, &[], LARGE_BYTES_MAX), &as_ours(&expected));
            prop_assert_eq!(&ours(role, &stream, &cuts, LARGE_BYTES_MAX), &as_ours(&expected));
        }
    }
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn short_scripts_mean_the_same_at_every_cut(script in any_script()) {
        for role in ROLES {
            let stream = script.encoded_by_us(role);
            let expected = as_ours(&(script.means(), script.end()));
            for part_bytes in 1..=stream.len().min(40) {
                let seen = decode::ours_in_parts(role, &stream, part_bytes, SMALL_BYTES_MAX);
                prop_assert_eq!(&seen, &expected);
            }
            for cut in 0..=stream.len() {
                let seen = decode::ours_cut_at(role, &stream, &[cut], SMALL_BYTES_MAX);
                prop_assert_eq!(&seen, &expected);
            }
        }
    }
}

proptest! {
    #![proptest_config(config(10_000))]

    #[test]
    fn both_judge_a_mutated_stream_alike(
        script in any_script(),
        mutations in mutated(),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        for role in ROLES {
            let mut stream = script.encoded_by_us(role);
            for mutation in &mutations {
                mutation.apply(&mut stream);
            }
            assert_agreement(role, &stream, &cuts);
        }
    }

    #[test]
    fn both_judge_any_bytes_alike(
        stream in vec(prop_oneof![script::header_byte(), any::<u8>()], 0..200),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        for role in ROLES {
            assert_agreement(role, &stream, &cuts);
        }
    }
}

/// What our decoder is to see where `tungstenite` sees `expected`, if no rule is broken.
fn as_ours((items, end): &(Vec<Seen>, End)) -> (Vec<Seen>, Result<End, Violation>) {
    (items.clone(), Ok(*end))
}

/// Asserts that both decoders see the same items and come to the same verdict, and that ours does
/// so whatever the cuts. These are the cases in which the two rightly differ:
/// - A length that is not encoded minimally: the RFC says MUST, `tungstenite` does not look. In a
///   control frame we call it too long, because more than seven bits are never needed there.
/// - A close code that must not be sent: `tungstenite` reports 1002 instead of refusing it.
/// - The close code 1014: `ws` accepts it, and so do we; `tungstenite` reports 1002.
/// - A frame that is wrong from its first bytes on: `tungstenite` waits for its end, we do not.
fn assert_agreement(role: Role, stream: &[u8], cuts: &[Index]) {
    let (items, end) = ours(role, stream, &[], SMALL_BYTES_MAX);
    assert_eq!(
        ours(role, stream, cuts, SMALL_BYTES_MAX),
        (items.clone(), end),
        "{stream:02x?}"
    );
    let (mut their_items, mut their_end) = theirs(role, stream, SMALL_BYTES_MAX);
    if end.is_err() && their_end == End::Open {
        // Let the frame that we have already refused come to its end.
        let completed = [stream, &[0; SMALL_BYTES_MAX + 14]].concat();
        (their_items, their_end) = theirs(role, &completed, SMALL_BYTES_MAX);
    }
    let substitute = Seen::Close(Some((1002, "Protocol violation".to_owned())));
    match end {
        Err(Violation::LengthNotMinimal | Violation::ControlTooLong) => {
            assert!(their_items.starts_with(&items), "{stream:02x?}");
            return;
        }
        Err(Violation::CloseCodeInvalid) if their_end == End::Closed => {
            assert_eq!(their_items.pop(), Some(substitute), "{stream:02x?}");
        }
        Err(_) => assert_eq!(their_end, End::Refused, "{stream:02x?} {end:?}"),
        Ok(end) => {
            assert_eq!(their_end, end, "{stream:02x?}");
            if let Some(Seen::Close(Some((1014, _)))) = items.last() {
                assert_eq!(their_items.pop(), Some(substitute), "{stream:02x?}");
                their_items.extend(items.last().cloned());
            }
        }
    }
    assert_eq!(their_items, items, "{stream:02x?}");
}

#[test]
fn the_differences_that_are_allowed_are_real() {
    let cases: [(&[u8], Result<End, Violation>, End); 5] = [
        (
            b"\x82\x7e\x00\x01x",
            Err(Violation::LengthNotMinimal),
            End::Open,
        ),
        (
            b"\x89\x7e\x00\x01x",
            Err(Violation::ControlTooLong),
            End::Open,
        ),
        (
            b"\x88\x02\x03\xed",
            Err(Violation::CloseCodeInvalid),
            End::Closed,
        ),
        (b"\x88\x02\x03\xf6", Ok(End::Closed), End::Closed),
        (b"\x81\x7d\xff", Err(Violation::InvalidUtf8), End::Open),
    ];
    for (stream, end, their_end) in cases {
        assert_eq!(
            ours(Role::Client, stream, &[], SMALL_BYTES_MAX).1,
            end,
            "{stream:02x?}"
        );
        assert_eq!(
            theirs(Role::Client, stream, SMALL_BYTES_MAX).1,
            their_end,
            "{stream:02x?}"
        );
        assert_agreement(Role::Client, stream, &[]);
    }
}

#[test]
fn whole_messages_are_encoded_as_tungstenite_encodes_them() {
    let texts = [0, 1, 125, 126, 65535, 65536].map(|bytes| "x".repeat(bytes));
    let key = Some([9, 8, 7, 6]);
    for (role, key) in [(Role::Client, None), (Role::Server, key)] {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for text in &texts {
            encode::message(Kind::Text, text.as_bytes(), key, &mut stream);
            expected.push(Seen::Text(text.clone()));
            encode::message(Kind::Binary, text.as_bytes(), key, &mut stream);
            expected.push(Seen::Binary(text.as_bytes().to_vec()));
        }
        encode::ping(b"there?", key, &mut stream);
        expected.push(Seen::Ping(b"there?".to_vec()));
        encode::pong(&[0xff; 125], key, &mut stream);
        expected.push(Seen::Pong(vec![0xff; 125]));
        encode::close(Some(CloseCode::GOING_AWAY), "bye", key, &mut stream);
        expected.push(Seen::Close(Some((1001, "bye".to_owned()))));
        assert!(theirs(role, &stream, LARGE_BYTES_MAX) == (expected, End::Closed));
    }
}
