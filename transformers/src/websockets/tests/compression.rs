//! What the server answers to offers, which messages it compresses, and what it refuses.

use allspark_protocol::transformer::{Kind, Transformer, Wire};
use allspark_protocol::websocket::deflate::{Deflater, Effort, Inflater, WindowBits};
use allspark_protocol::websocket::encode;
use allspark_protocol::websocket::frame::{Header, Opcode};

use super::pairs::{MESSAGE_BYTES_MAX, server};
use super::response;
use crate::testing::{NoClient, Pair, Raw};
use crate::websockets::{WebSockets, WebSocketsOptions};
use crate::{AnyTransformer, CommonOptions, TransportOptionError};

/// Opens a connection with an offer, and returns the extensions of the answer.
fn opened(server: WebSockets, offer: &str) -> (Pair<AnyTransformer, NoClient>, Raw, String) {
    let mut pair = Pair::server_only(server.into(), 7);
    let raw = pair.raw();
    let request = format!(
        "GET /primus HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: {offer}\r\n\r\n"
    );
    pair.raw_send(raw, request);
    pair.settle();
    let answer = String::from_utf8(pair.raw_received(raw)).unwrap();
    let name = "Sec-WebSocket-Extensions: ";
    let line = answer.lines().find_map(|line| line.strip_prefix(name));
    let line = line.unwrap_or_else(|| answer.lines().next().unwrap_or_default());
    (pair, raw, line.to_owned())
}

#[test]
fn an_offer_is_answered_if_compression_is_on() {
    let offer = "permessage-deflate; client_max_window_bits";
    let (_, _, answer) = opened(server(false, &[]), offer);
    assert_eq!(answer, "HTTP/1.1 101 Switching Protocols");
    let (_, _, answer) = opened(server(true, &[]), offer);
    assert_eq!(
        answer,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    );
    let (_, _, answer) = opened(
        server(true, &[]),
        "permessage-deflate; server_max_window_bits=10",
    );
    assert!(answer.ends_with("; server_max_window_bits=10"), "{answer}");
    let (_, _, answer) = opened(server(true, &[]), "foo; bar");
    assert_eq!(answer, "HTTP/1.1 101 Switching Protocols");
    let (_, _, answer) = opened(server(true, &[]), "permessage-deflate; nonsense");
    assert_eq!(answer, "HTTP/1.1 400 Bad Request");
    let (_, _, answer) = opened(server(false, &[]), "permessage-deflate;;;");
    assert_eq!(answer, "HTTP/1.1 101 Switching Protocols");
}

#[test]
fn the_option_of_the_transport_outranks_that_of_primus() {
    let answer = |compression: bool, value: &str| {
        let mut options = WebSocketsOptions::default();
        options.set("perMessageDeflate", value).unwrap();
        let common = CommonOptions {
            compression,
            ..CommonOptions::default()
        };
        opened(WebSockets::new(&common, options), "permessage-deflate").2
    };
    assert!(answer(false, "true").starts_with("permessage-deflate"));
    assert!(answer(true, "false").starts_with("HTTP/1.1 101"));
}

#[test]
fn options_that_do_not_exist_or_can_not_be_are_named() {
    let mut options = WebSocketsOptions::default();
    let unknown = options.set("perMessageDeflate.serverNoContext", "true");
    assert!(matches!(unknown, Err(TransportOptionError::Unknown { .. })));
    for (name, value) in [
        ("maxPayload", "-1"),
        ("maxPayload", "0"),
        ("maxPayload", "536870913"),
        ("perMessageDeflate", "yes"),
        ("perMessageDeflate.serverNoContextTakeover", "maybe"),
        ("perMessageDeflate.clientNoContextTakeover", "client"),
        ("perMessageDeflate.serverMaxWindowBits", "7"),
        ("perMessageDeflate.clientMaxWindowBits", "16"),
        ("perMessageDeflate.threshold", "1 KiB"),
        ("perMessageDeflate.zlibDeflateOptions.level", "0"),
        ("perMessageDeflate.zlibDeflateOptions.memLevel", "10"),
    ] {
        let refused = options.set(name, value);
        let is_named = matches!(&refused, Err(TransportOptionError::Invalid { name: n, .. })
            if *n == name);
        assert!(is_named, "{name} {value}: {refused:?}");
    }
    assert_eq!(options, WebSocketsOptions::default());
    for name in WebSocketsOptions::NAMES {
        let is_set = ["9", "true"]
            .iter()
            .any(|value| options.set(name, value).is_ok());
        assert!(is_set, "{name}");
    }
}

#[test]
fn the_largest_payload_can_be_set_apart() {
    let mut options = WebSocketsOptions::default();
    options.set("maxPayload", "5").unwrap();
    let mut server = WebSockets::new(&CommonOptions::default(), options);
    let (refused, session) = response("");
    assert_eq!((refused.status(), session.is_none()), (426, true));
    let (mut pair, raw, _) = opened(server.clone(), "none");
    let mut frame = Vec::new();
    encode::message(Kind::Text, b"123456", Some([1; 4]), &mut frame);
    pair.raw_send(raw, &frame);
    pair.settle();
    assert_eq!(pair.raw_received(raw)[2..4], 1009_u16.to_be_bytes());
    // It is a bound on what comes, not on what is sent.
    let mut out = Vec::new();
    server.frame(Wire(0), Kind::Text, b"123456", &mut out);
    assert_eq!(out, b"\x81\x06123456");
}

/// The header of the frame that a wire makes of a message.
fn header(server: &mut WebSockets, wire: u8, payload: &[u8]) -> Header {
    let mut out = b"before".to_vec();
    server.frame(Wire(wire), Kind::Binary, payload, &mut out);
    let (header, header_bytes) = Header::parse(&out[6..]).unwrap().unwrap();
    assert_eq!(
        out.len() as u64,
        6 + header_bytes as u64 + header.payload_bytes
    );
    if header.rsv1 {
        let compressed = &out[6 + header_bytes..];
        let inflated = Inflater::new(false).message(compressed, MESSAGE_BYTES_MAX);
        assert_eq!(inflated.as_deref(), Ok(payload));
    } else {
        assert_eq!(&out[6 + header_bytes..], payload);
    }
    assert_eq!((header.opcode, header.fin), (Opcode::Binary, true));
    header
}

#[test]
fn a_message_is_compressed_if_it_is_long_enough_and_shrinks() {
    let mut server = server(true, &[]);
    let noise: Vec<u8> = (1..3000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761).wrapping_mul(n) >> 21) as u8)
        .collect();
    for wire in 1..WebSockets::WIRES {
        assert!(header(&mut server, wire, &[b'x'; 1024]).rsv1, "wire {wire}");
        assert!(
            !header(&mut server, wire, &[b'x'; 1023]).rsv1,
            "wire {wire}"
        );
        assert!(!header(&mut server, wire, &noise).rsv1, "wire {wire}");
        assert!(
            header(&mut server, wire, &vec![0; 1 << 20]).rsv1,
            "wire {wire}"
        );
    }
    assert!(!header(&mut server, 0, &[b'x'; 5000]).rsv1);
}

#[test]
fn a_bomb_is_refused_with_1009() {
    let mut deflater = Deflater::new(WindowBits::MAX, Effort::DEFAULT, false);
    let mut scratch = Vec::new();
    let bomb = deflater.message(&vec![0; 10 << 20], &mut scratch).unwrap();
    let mut frame = Vec::new();
    encode::compressed(Kind::Binary, bomb, Some([9; 4]), &mut frame);
    assert!(frame.len() < 12_000);
    for options in [
        &[][..],
        &[("clientNoContextTakeover", "false")],
        &[("serverNoContextTakeover", "false")],
    ] {
        let (mut pair, raw, _) = opened(server(true, options), "permessage-deflate");
        let spark = pair.sparks()[0];
        pair.raw_send(raw, &frame);
        pair.settle();
        assert_eq!(pair.raw_received(raw)[2..4], 1009_u16.to_be_bytes());
        assert_eq!(pair.server_messages(spark), []);
        assert!(pair.server_end(spark).is_some() && pair.raw_is_closed(raw));
    }
}
