//! What is its own; the rest is tested in `websockets`.

use allspark_protocol::transformer::{Kind, Transformer};
use allspark_protocol::websocket::encode;

use super::*;
use crate::testing::{Event, NoClient, Pair, Raw};
use crate::{AnyTransformer, CommonOptions, TransportOptionError};

fn pair(compression: bool, options: &[(&str, &str)]) -> Pair<AnyTransformer, NoClient> {
    let common = CommonOptions {
        compression,
        ..CommonOptions::default()
    };
    let mut own = UwsOptions::default();
    for (name, value) in options {
        own.set(name, value).unwrap();
    }
    Pair::server_only(Uws::new(&common, own).into(), 3)
}

/// Sends a request, and returns the answer.
fn asked(pair: &mut Pair<AnyTransformer, NoClient>, lines: &str) -> (Raw, String) {
    let raw = pair.raw();
    pair.raw_send(
        raw,
        format!("GET /primus HTTP/1.1\r\nHost: a\r\n{lines}\r\n"),
    );
    pair.settle();
    let answer = String::from_utf8(pair.raw_received(raw)).unwrap();
    (raw, answer)
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

#[test]
fn a_plain_request_is_told_to_upgrade() {
    let (_, answer) = asked(&mut pair(false, &[]), "");
    assert!(
        answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\nUpgrade Required"), "{answer}");
}

#[test]
fn a_ping_counts_as_a_pong_of_primus() {
    let mut pair = pair(false, &[]);
    let (raw, answer) = asked(&mut pair, UPGRADE);
    assert!(!answer.contains("permessage-deflate"), "{answer}");
    let mut frame = Vec::new();
    encode::ping(b"?", Some([1; 4]), &mut frame);
    pair.raw_send(raw, frame);
    pair.settle();
    assert!(pair.events().contains(&Event::Alive(pair.sparks()[0])));
    assert_eq!(pair.raw_received(raw), b"\x8a\x01?");
}

#[test]
fn compression_is_shared_unless_told_otherwise() {
    let (_, answer) = asked(&mut pair(true, &[]), UPGRADE);
    let shared = "permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";
    assert!(answer.contains(shared), "{answer}");
    let sliding = [
        ("perMessageDeflate", "true"),
        ("perMessageDeflate.serverNoContextTakeover", "false"),
    ];
    let mut pair = pair(false, &sliding);
    let (raw, answer) = asked(&mut pair, UPGRADE);
    let sliding = "Extensions: permessage-deflate; client_no_context_takeover\r\n";
    assert!(answer.contains(sliding), "{answer}");
    pair.server_write(
        pair.sparks()[0],
        Kind::Text,
        b"compressed even if it is small",
    );
    pair.settle();
    assert_eq!(pair.raw_received(raw)[0], 0xc1);
}

#[test]
fn it_has_its_own_name_and_options() {
    assert_eq!(
        Uws::new(&CommonOptions::default(), UwsOptions::default()).name(),
        "uws"
    );
    let unknown = UwsOptions::default().set("perMessageDeflate.threshold", "1");
    let Err(TransportOptionError::Unknown { transformer, .. }) = unknown else {
        panic!("{unknown:?}");
    };
    assert_eq!(transformer, "uws");
    let invalid = UwsOptions::default().set("perMessageDeflate.serverNoContextTakeover", "client");
    assert!(matches!(invalid, Err(TransportOptionError::Invalid { .. })));
}
