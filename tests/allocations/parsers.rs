//! What a message costs is the same with every parser, and a broadcast is encoded once.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use allocation_counter::measure;
use allspark_engine::Value;
use allspark_protocol::parser::{
    ClientHalf, Custom, CustomParser, DecodeError, EncodeError, ParseError, Parser, ParserKind,
    Raw, Scratch,
};
use allspark_protocol::transformer::Kind;
use allspark_protocol::value;
use allspark_protocol::websocket::encode;

use crate::{echo, turn, world_of};

/// A message of a client, as a frame.
fn frame_of(parser: ParserKind) -> Vec<u8> {
    let value = match parser {
        ParserKind::Raw => "text".into(),
        _ => value!({ "a": [1, 2.5, null, true], "text": "hello" }),
    };
    let (mut message, mut frame) = (Vec::new(), Vec::new());
    let kind = parser.encode_value(&value, &mut message).unwrap();
    encode::message(kind, &message, Some([1, 2, 3, 4]), &mut frame);
    frame
}

#[test]
fn an_echo_costs_no_allocation_with_any_parser() {
    for parser in ParserKind::ALL {
        let (mut shard, _, hand) = world_of(parser, 10, |primus| primus.on_data(echo));
        let message = frame_of(parser);
        let mut round = || {
            (0..10).for_each(|socket| hand.borrow_mut().receive(socket, &message));
            turn(&mut shard);
        };
        (0..10).for_each(|_| round());
        let allocations = measure(|| (0..100).for_each(|_| round())).count_total;
        assert_eq!(allocations, 0, "{parser}");
        assert!(hand.borrow().sends >= 10 * 110, "the messages were echoed");
    }
}

#[test]
fn a_recipient_of_a_broadcast_costs_no_allocation_with_any_parser() {
    for parser in ParserKind::ALL {
        let per_broadcast = |sparks: usize| {
            let (mut shard, handle, hand) = world_of(parser, sparks, |_| {});
            let mut round = || {
                handle.write("a message for everybody").unwrap();
                (0..4).for_each(|_| turn(&mut shard));
            };
            (0..10).for_each(|_| round());
            let before = hand.borrow().sends;
            let allocated = measure(|| (0..100).for_each(|_| round())).count_total;
            assert_eq!(hand.borrow().sends - before, 100 * sparks as u64);
            allocated
        };
        assert_eq!(per_broadcast(10), per_broadcast(500), "{parser}");
    }
}

static ENCODED: AtomicUsize = AtomicUsize::new(0);

/// The parser `raw` as one of the application, which counts.
struct Counting;

impl CustomParser for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn encode(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError> {
        ENCODED.fetch_add(1, Ordering::Relaxed);
        Raw.encode_value(value, out)
    }

    fn decode(&self, kind: Kind, message: &[u8]) -> Result<Value, DecodeError> {
        Raw.decode(kind, message, &mut Scratch::default())
    }

    fn check(&self, _: Kind, _: &[u8]) -> Result<(), ParseError> {
        Ok(())
    }

    fn control<'m>(&self, kind: Kind, message: &'m [u8]) -> Option<Cow<'m, str>> {
        Raw.control(kind, message)
    }

    fn client_half(&self) -> ClientHalf {
        ClientHalf::default()
    }
}

#[test]
fn a_broadcast_is_encoded_once_by_a_parser_of_the_application() {
    let parser = ParserKind::Custom(Custom::new(&Counting));
    let (mut shard, handle, hand) = world_of(parser, 500, |primus| primus.on_data(echo));
    let before = hand.borrow().sends;
    handle.write("a message for everybody").unwrap();
    (0..4).for_each(|_| turn(&mut shard));
    assert_eq!(hand.borrow().sends - before, 500);
    assert_eq!(ENCODED.load(Ordering::Relaxed), 1);
    // What it only passes on costs nothing here either.
    let mut message = Vec::new();
    encode::message(Kind::Binary, &[7; 50], Some([1, 2, 3, 4]), &mut message);
    let mut round = || {
        (0..10).for_each(|socket| hand.borrow_mut().receive(socket, &message));
        turn(&mut shard);
    };
    (0..10).for_each(|_| round());
    assert_eq!(measure(|| (0..100).for_each(|_| round())).count_total, 0);
}
