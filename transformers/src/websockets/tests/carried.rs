//! Sessions with a compressor of their own.

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::deflate::Inflater;
use allspark_protocol::websocket::{Decoder, Item, Role, encode};
use allspark_protocol::{Dice, Input};

use super::pairs::{MESSAGE_BYTES_MAX, server};
use crate::AnyTransformer;
use crate::testing::{NoClient, Pair, Raw};

/// A client that speaks for itself and offers to keep contexts.
fn opened() -> (Pair<AnyTransformer, NoClient>, Raw) {
    let keeping = [
        ("serverNoContextTakeover", "false"),
        ("clientNoContextTakeover", "false"),
    ];
    let mut pair = Pair::server_only(server(true, &keeping).into(), 5);
    let raw = pair.raw();
    pair.raw_send(
        raw,
        "GET /primus HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    );
    pair.settle();
    let answer = String::from_utf8(pair.raw_received(raw)).unwrap();
    assert!(answer.ends_with("Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"));
    (pair, raw)
}

/// What the client understands of the bytes it received: messages, and `None` for a goodbye.
fn understood(mut bytes: Vec<u8>, inflater: &mut Inflater) -> Vec<Option<Vec<u8>>> {
    let mut decoder = Decoder::new(Role::Client, MESSAGE_BYTES_MAX);
    let mut input = Input::new(&mut bytes);
    let mut seen = Vec::new();
    while let Some(item) = decoder.next_inflating(&mut input, inflater).unwrap() {
        match item {
            Item::Message { payload, .. } => seen.push(Some(payload.to_vec())),
            Item::Close { .. } => seen.push(None),
            other => panic!("{other:?}"),
        }
    }
    seen
}

#[test]
fn a_message_is_compressed_with_the_help_of_those_before_it() {
    let (mut pair, raw) = opened();
    let spark = pair.sparks()[0];
    let message = b"{\"event\":\"moved\",\"x\":1,\"y\":2}";
    let mut sizes = Vec::new();
    let mut inflater = Inflater::new(true);
    for _ in 0..3 {
        pair.server_write(spark, Kind::Text, message);
        pair.settle();
        let received = pair.raw_received(raw);
        sizes.push(received.len());
        assert_eq!(
            understood(received, &mut inflater),
            [Some(message.to_vec())]
        );
    }
    assert!(
        sizes[1..].iter().all(|size| *size < sizes[0] / 3),
        "{sizes:?}"
    );
}

#[test]
fn what_waits_is_sent_before_the_goodbye_and_in_bounded_portions() {
    let (mut pair, raw) = opened();
    let spark = pair.sparks()[0];
    let noise = |seed| Dice::new(seed).bytes(50_000);
    pair.raw_stall(raw, true);
    for seed in 0..10 {
        pair.server_write(spark, Kind::Binary, &noise(seed));
    }
    pair.settle();
    assert!(
        pair.waiting_bytes(spark) >= 8 * 50_000,
        "no more than two are under way"
    );
    pair.server_close(spark);
    pair.settle();
    pair.raw_stall(raw, false);
    pair.settle();
    let seen = understood(pair.raw_received(raw), &mut Inflater::new(true));
    let expected: Vec<_> = (0..10)
        .map(|seed| Some(noise(seed)))
        .chain([None])
        .collect();
    assert!(seen == expected);

    let mut answer = Vec::new();
    encode::close(None, "", Some([1; 4]), &mut answer);
    pair.raw_send(raw, answer);
    pair.settle();
    assert!(pair.is_over(spark) && pair.raw_is_closed(raw));
}

#[test]
fn a_violation_ends_the_session_with_its_code() {
    let (mut pair, raw) = opened();
    let spark = pair.sparks()[0];
    let mut garbage = Vec::new();
    encode::compressed(Kind::Text, &[0xff; 9], Some([1; 4]), &mut garbage);
    pair.raw_send(raw, garbage);
    pair.settle();
    assert_eq!(pair.raw_received(raw)[2..4], 1007_u16.to_be_bytes());
    assert!(pair.is_over(spark) && pair.raw_is_closed(raw));
}
