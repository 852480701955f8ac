//! Compressed messages: round trips in every form, and what breaks a rule or a bound.

use allspark_protocol::Input;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::deflate::{Deflater, Effort, Inflater, WindowBits};
use allspark_protocol::websocket::frame::{Header, Opcode};
use allspark_protocol::websocket::{Decoder, Item, Role, Violation, encode, mask};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::config;

const KEY: [u8; 4] = [9, 8, 7, 6];
const MESSAGE_BYTES_MAX: usize = 100_000;

/// How a client compresses.
#[derive(Clone, Copy, Debug)]
struct Parameters {
    window_bits: u8,
    keeps_context: bool,
    level: u8,
    memory_level: u8,
}

fn parameters() -> impl Strategy<Value = Parameters> {
    (8..=15_u8, any::<bool>(), 1..=9_u8, 1..=9_u8).prop_map(
        |(window_bits, keeps_context, level, memory_level)| Parameters {
            window_bits,
            keeps_context,
            level,
            memory_level,
        },
    )
}

/// A message, and where it is cut into frames.
#[derive(Clone, Debug)]
struct Message {
    kind: Kind,
    payload: Vec<u8>,
    cuts: Vec<Index>,
    /// Whether it is compressed although that may be of no use.
    is_compressed: bool,
}

fn message() -> impl Strategy<Value = Message> {
    let text = vec(select(&b"{\"abc\":[1,2,3]},"[..]), 0..3000);
    let repeated = (vec(any::<u8>(), 1..40), 0..900_usize);
    let payload = prop_oneof![
        2 => text.prop_map(|text| (Kind::Text, text)),
        1 => vec(any::<u8>(), 0..3000).prop_map(|noise| (Kind::Binary, noise)),
        2 => repeated.prop_map(|(unit, times)| (Kind::Binary, unit.repeat(times))),
    ];
    let cuts = vec(any::<Index>(), 0..4);
    (payload, cuts, any::<bool>()).prop_map(|((kind, payload), cuts, is_compressed)| Message {
        kind,
        payload,
        cuts,
        is_compressed,
    })
}

/// Appends a message in as many frames as it is cut into.
fn push_frames(message: &Message, payload: &[u8], rsv1: bool, stream: &mut Vec<u8>) {
    let mut cuts: Vec<_> = message
        .cuts
        .iter()
        .map(|cut| cut.index(payload.len() + 1))
        .collect();
    cuts.sort_unstable();
    cuts.push(payload.len());
    let mut begin = 0;
    for (index, &cut) in cuts.iter().enumerate() {
        let opcode = match (index, message.kind) {
            (0, Kind::Text) => Opcode::Text,
            (0, Kind::Binary) => Opcode::Binary,
            _ => Opcode::Continuation,
        };
        push_frame(
            opcode,
            index + 1 == cuts.len(),
            rsv1 && index == 0,
            &payload[begin..cut],
            stream,
        );
        begin = cut;
    }
}

fn push_frame(opcode: Opcode, fin: bool, rsv1: bool, payload: &[u8], stream: &mut Vec<u8>) {
    let header = Header {
        fin,
        rsv1,
        opcode,
        mask: Some(KEY),
        payload_bytes: payload.len() as u64,
    };
    header.encode(stream);
    let begin = stream.len();
    stream.extend_from_slice(payload);
    mask::apply(&mut stream[begin..], KEY, 0);
}

/// What a server understands of a stream that is cut at some places.
fn decoded(
    stream: &[u8],
    cuts: &[usize],
    inflater: &mut Inflater,
) -> (Vec<(Kind, Vec<u8>)>, Option<Violation>) {
    let mut decoder = Decoder::new(Role::Server, MESSAGE_BYTES_MAX);
    let mut messages = Vec::new();
    let mut begin = 0;
    for cut in cuts.iter().copied().chain([stream.len()]) {
        let mut part = stream[begin..cut].to_vec();
        begin = cut;
        let mut input = Input::new(&mut part);
        loop {
            match decoder.next_inflating(&mut input, inflater) {
                Ok(Some(Item::Message { kind, payload })) => {
                    messages.push((kind, payload.to_vec()));
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(violation) => return (messages, Some(violation)),
            }
        }
        assert!(input.is_empty(), "nothing may be left over");
    }
    (messages, None)
}

fn encoded(messages: &[Message], parameters: Parameters) -> Vec<u8> {
    let effort = Effort::DEFAULT.with_level(parameters.level).unwrap();
    let effort = effort.with_memory_level(parameters.memory_level).unwrap();
    let window_bits = WindowBits::new(parameters.window_bits).unwrap();
    let mut deflater = Deflater::new(window_bits, effort, parameters.keeps_context);
    let (mut stream, mut scratch) = (Vec::new(), Vec::new());
    for message in messages {
        let compressed = match message.is_compressed {
            true => deflater.message(&message.payload, &mut scratch),
            false => None,
        };
        let payload = compressed.unwrap_or(&message.payload);
        push_frames(message, payload, compressed.is_some(), &mut stream);
        encode::ping(b"between", Some(KEY), &mut stream);
    }
    stream
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn every_message_comes_back_with_any_parameters_and_any_cuts(
        messages in vec(message(), 1..6),
        parameters in parameters(),
        cuts in vec(any::<Index>(), 0..10),
    ) {
        let stream = encoded(&messages, parameters);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        let expected: Vec<_> = messages
            .into_iter()
            .map(|message| (message.kind, message.payload))
            .collect();
        let mut inflater = Inflater::new(parameters.keeps_context);
        prop_assert_eq!(decoded(&stream, &cuts, &mut inflater), (expected, None));
    }
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn a_damaged_stream_means_the_same_however_it_is_cut_and_never_too_much(
        messages in vec(message(), 1..3),
        parameters in parameters(),
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let mut stream = encoded(&messages, parameters);
        for (at, byte) in damage {
            let at = at.index(stream.len());
            stream[at] ^= byte;
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        let keeps_context = parameters.keeps_context;
        let seen = decoded(&stream, &[], &mut Inflater::new(keeps_context));
        let cut_up = decoded(&stream, &cuts, &mut Inflater::new(keeps_context));
        let longest = seen.0.iter().map(|(_, payload)| payload.len()).max();
        prop_assert!(longest.unwrap_or_default() <= MESSAGE_BYTES_MAX);
        prop_assert_eq!(seen, cut_up);
    }

    #[test]
    fn any_bytes_can_be_inflated_or_refused(
        parts in vec(vec(any::<u8>(), 0..200), 1..4),
        keeps_context in any::<bool>(),
    ) {
        let mut inflater = Inflater::new(keeps_context);
        for part in parts {
            if let Ok(message) = inflater.message(&part, 1000) {
                prop_assert!(message.len() <= 1000 && message.capacity() <= 1001);
            }
        }
    }
}

/// The frames of a client with the first reserved bit, and what a server says to them that has
/// negotiated compression, and one that has not.
#[test]
fn the_reserved_bit_stands_on_the_first_frame_of_a_message_only() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let mut good = Vec::new();
    push_frame(Opcode::Text, false, true, &hello[..3], &mut good);
    push_frame(Opcode::Continuation, true, false, &hello[3..], &mut good);
    push_frame(Opcode::Text, true, false, b"plain", &mut good);
    push_frame(Opcode::Binary, true, true, &hello, &mut good);
    let mut inflater = Inflater::new(false);
    let messages = [
        (Kind::Text, b"Hello".to_vec()),
        (Kind::Text, b"plain".to_vec()),
        (Kind::Binary, b"Hello".to_vec()),
    ];
    assert_eq!(
        decoded(&good, &[], &mut inflater),
        (messages.to_vec(), None)
    );

    let mut continued = Vec::new();
    push_frame(Opcode::Text, false, true, &hello[..3], &mut continued);
    push_frame(
        Opcode::Continuation,
        true,
        true,
        &hello[3..],
        &mut continued,
    );
    let mut started_plain = Vec::new();
    push_frame(Opcode::Text, false, false, b"x", &mut started_plain);
    push_frame(Opcode::Continuation, true, true, &hello, &mut started_plain);
    let mut ping = Vec::new();
    push_frame(Opcode::Ping, true, true, b"", &mut ping);
    for stream in [continued, started_plain, ping] {
        for cuts in [&[][..], &[1], &[6]] {
            let (messages, violation) = decoded(&stream, cuts, &mut inflater);
            assert_eq!(
                (messages.len(), violation),
                (0, Some(Violation::ReservedBit))
            );
        }
    }
    let mut unnegotiated = Decoder::new(Role::Server, MESSAGE_BYTES_MAX);
    let refused = unnegotiated.next(&mut Input::new(&mut good));
    assert_eq!(refused.unwrap_err(), Violation::ReservedBit);
}

#[test]
fn inflated_text_must_be_utf8_and_inflated_bytes_need_not() {
    let mut deflater = Deflater::new(WindowBits::MAX, Effort::DEFAULT, true);
    let mut scratch = Vec::new();
    let payload = deflater.message(b"caf\xe9", &mut scratch).unwrap();
    for (kind, cuts) in [
        (Kind::Text, &[][..]),
        (Kind::Text, &[8]),
        (Kind::Binary, &[8]),
    ] {
        let mut stream = Vec::new();
        encode::compressed(kind, payload, Some(KEY), &mut stream);
        let (messages, violation) = decoded(&stream, cuts, &mut Inflater::new(false));
        let is_text = kind == Kind::Text;
        assert_eq!(messages.is_empty(), is_text);
        assert_eq!(violation, is_text.then_some(Violation::InvalidUtf8));
    }
}

#[test]
fn a_bomb_is_refused_in_one_piece_and_in_many() {
    let mut deflater = Deflater::new(WindowBits::MAX, Effort::DEFAULT, false);
    let mut scratch = Vec::new();
    let bomb = deflater.message(&vec![0; 10 << 20], &mut scratch).unwrap();
    assert!(bomb.len() < 12_000, "{}", bomb.len());
    let mut stream = Vec::new();
    encode::compressed(Kind::Binary, bomb, Some(KEY), &mut stream);
    for part_bytes in [stream.len(), 1000, 1] {
        let cuts: Vec<_> = (0..stream.len()).step_by(part_bytes).collect();
        let (messages, violation) = decoded(&stream, &cuts, &mut Inflater::new(false));
        assert_eq!(
            (messages.len(), violation),
            (0, Some(Violation::MessageTooBig))
        );
    }
}
