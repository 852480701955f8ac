//! `websocket`, framed and raw.

use allspark_protocol::Input;
use allspark_protocol::transformer::{End, Kind};
use allspark_protocol::websocket::{CloseCode, Decoder, Item, Role, encode};
use proptest::prelude::*;

use super::rig::Rig;
use crate::testing::Raw;

const KEY: [u8; 4] = [1, 2, 3, 4];
const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
const SEC_KEY: &str = "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";

/// A WebSocket as a client has it.
struct Socket {
    raw: Raw,
    decoder: Decoder,
}

/// Opens a WebSocket. Returns it and the head of the answer.
#[track_caller]
fn open(rig: &mut Rig, path: &str, headers: &str) -> (Socket, String) {
    let raw = rig.pair.raw();
    let request = format!("GET /primus{path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
    rig.pair.raw_send(raw, request);
    rig.pair.settle();
    let answer = rig.pair.raw_received(raw);
    let head_bytes = answer
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap()
        + 4;
    let head = String::from_utf8(answer[..head_bytes].to_vec()).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut socket = Socket {
        raw,
        decoder: Decoder::new(Role::Client, 1 << 20),
    };
    let expected: &[&str] = if path == "/websocket" {
        &[]
    } else {
        &["Text o"]
    };
    assert_eq!(socket.decode(answer[head_bytes..].to_vec()), expected);
    (socket, head)
}

#[track_caller]
fn open_session(rig: &mut Rig) -> Socket {
    open(
        rig,
        "/0/s/websocket?a=b",
        &[UPGRADE, SEC_KEY, VERSION].concat(),
    )
    .0
}

#[track_caller]
fn open_raw(rig: &mut Rig) -> Socket {
    open(rig, "/websocket", &[UPGRADE, SEC_KEY, VERSION].concat()).0
}

impl Socket {
    fn decode(&mut self, mut bytes: Vec<u8>) -> Vec<String> {
        let mut input = Input::new(&mut bytes);
        let mut items = Vec::new();
        while let Some(item) = self.decoder.next(&mut input).unwrap() {
            items.push(match item {
                Item::Message { kind, payload } => {
                    format!("{kind:?} {}", std::str::from_utf8(&payload).unwrap())
                }
                Item::Ping(payload) => format!("Ping {payload:?}"),
                Item::Pong(payload) => format!("Pong {}", String::from_utf8_lossy(&payload)),
                Item::Close { code, reason } => {
                    format!("Close {} {reason}", code.map_or(0, CloseCode::number))
                }
            });
        }
        items
    }

    fn read(&mut self, rig: &mut Rig) -> Vec<String> {
        rig.pair.settle();
        let bytes = rig.pair.raw_received(self.raw);
        self.decode(bytes)
    }

    fn send(&self, rig: &mut Rig, kind: Kind, payload: &[u8]) {
        self.write(rig, |out| encode::message(kind, payload, Some(KEY), out));
    }

    fn text(&self, rig: &mut Rig, payload: &str) {
        self.send(rig, Kind::Text, payload.as_bytes());
    }

    fn write(&self, rig: &mut Rig, write: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::new();
        write(&mut bytes);
        rig.pair.raw_send(self.raw, bytes);
        rig.pair.settle();
    }
}

#[test]
fn every_version_with_today_s_frames_is_let_in() {
    for version in ["7", "8", "13"] {
        let headers = format!("{UPGRADE}{SEC_KEY}Sec-WebSocket-Version: {version}\r\n");
        let (_, head) = open(&mut Rig::new(), "/a/b/websocket", &headers);
        assert!(head.contains("HSmrc0sMlYUkAGmm5OPpG2HaGWk="), "{head}");
        assert!(!head.contains("Content-Length"), "{head}");
    }
}

/// Whatever the option says: sockjs-node of the field has none, either.
#[test]
fn nothing_is_compressed() {
    let mut rig = Rig::compressing();
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let headers = [UPGRADE, SEC_KEY, VERSION, offer].concat();
    let (_, head) = open(&mut rig, "/a/b/websocket", &headers);
    assert!(!head.contains("Sec-WebSocket-Extensions"), "{head}");
}

#[test]
fn other_requests_are_told_what_is_wrong() {
    let mut rig = Rig::new();
    let version = |version| format!("{UPGRADE}{SEC_KEY}Sec-WebSocket-Version: {version}\r\n");
    let not_valid = "Not a valid websocket request";
    let rfc = "Only supported WebSocket protocol is RFC 6455.";
    let no_key = "Missing handshake request header: Sec-WebSocket-Key";
    for (path, headers, message) in [
        ("/a/b/websocket", String::new(), not_valid),
        ("/websocket", String::new(), not_valid),
        (
            "/a/b/websocket",
            "Connection: close\r\nUpgrade: websocket\r\n".into(),
            not_valid,
        ),
        (
            "/a/b/websocket",
            "Connection: Upgrade\r\nUpgrade: h2c\r\n".into(),
            not_valid,
        ),
        (
            "/a/b/websocket",
            version("12"),
            "Unsupported WebSocket version: 12",
        ),
        (
            "/a/b/websocket",
            [UPGRADE, SEC_KEY].concat(),
            "Unsupported WebSocket version: undefined",
        ),
        ("/a/b/websocket", [UPGRADE, VERSION].concat(), no_key),
        ("/websocket", [UPGRADE, VERSION].concat(), no_key),
        ("/websocket", version("12"), rfc),
        ("/websocket", version("7"), rfc),
        ("/websocket", [UPGRADE, SEC_KEY].concat(), rfc),
    ] {
        let answer = rig.answer("GET", path, &headers, "");
        answer.assert_is(400, message);
    }
    assert!(rig.pair.sparks().is_empty());
}

#[test]
fn websockets_can_be_switched_off() {
    let mut rig = Rig::with(|options| options.websocket = false);
    for path in ["/websocket", "/a/b/websocket"] {
        let answer = rig.answer("GET", path, &[UPGRADE, SEC_KEY, VERSION].concat(), "");
        answer.assert_not_found();
        answer.assert_headers(&[("cache-control", Some("public, max-age=31536000"))]);
    }
}

#[test]
fn frames_carry_messages_both_ways() {
    let mut rig = Rig::new();
    let mut socket = open_session(&mut rig);
    socket.text(&mut rig, "");
    socket.text(&mut rig, r#"["a"]"#);
    socket.text(&mut rig, r#"["b\"","c",1]"#);
    socket.text(&mut rig, r#""d""#);
    socket.send(&mut rig, Kind::Binary, br#"["e"]"#);
    assert_eq!(rig.messages(rig.spark()), ["a", "b\"", "c", "1", "d", "e"]);
    rig.write("x\"");
    rig.write("y\u{1f600}");
    let frames = [r#"Text a["x\""]"#, r#"Text a["y\ud83d\ude00"]"#];
    assert_eq!(socket.read(&mut rig), frames);
}

#[test]
fn sessions_with_the_same_name_are_independent() {
    let mut rig = Rig::new();
    let (first, second) = (open_session(&mut rig), open_session(&mut rig));
    rig.post("/0/s/xhr", "").assert_is(200, "o\n");
    first.text(&mut rig, "[\"a\"]");
    second.text(&mut rig, "[\"b\"]");
    let sparks = rig.pair.sparks();
    assert_eq!(rig.messages(sparks[0]), ["a"]);
    assert_eq!(rig.messages(sparks[1]), ["b"]);
    assert!(rig.messages(sparks[2]).is_empty());
}

#[test]
fn broken_json_breaks_the_connection_off() {
    for frame in ["[\"a", "[\"a\",]", "nope", " "] {
        let mut rig = Rig::new();
        let mut socket = open_session(&mut rig);
        socket.text(&mut rig, frame);
        assert_eq!(socket.read(&mut rig), ["Close 3000 Broken framing."]);
        assert!(rig.messages(rig.spark()).is_empty());
        assert!(rig.pair.raw_is_closed(socket.raw));
        rig.assert_over(&End::Violation("a frame of the client is not JSON"));
    }
}

#[test]
fn the_application_closes() {
    let mut rig = Rig::new();
    let mut socket = open_session(&mut rig);
    rig.write("bye");
    rig.close();
    let goodbye = [
        "Text a[\"bye\"]",
        "Text c[1000,\"Normal closure\"]",
        "Close 1000 Normal closure",
    ];
    assert_eq!(socket.read(&mut rig), goodbye);
    socket.text(&mut rig, "[\"too late\"]");
    socket.write(&mut rig, |out| encode::ping(b"x", Some(KEY), out));
    assert!(socket.read(&mut rig).is_empty());
    assert!(rig.messages(rig.spark()).is_empty());
    socket.write(&mut rig, |out| {
        encode::close(Some(CloseCode::NORMAL), "", Some(KEY), out);
    });
    rig.assert_over(&End::Closed(CloseCode::NORMAL));
    assert!(rig.pair.raw_is_closed(socket.raw));
}

#[test]
fn a_client_that_does_not_answer_the_goodbye_is_left() {
    let mut rig = Rig::new();
    let socket = open_session(&mut rig);
    rig.close();
    rig.pair.run_for(4_999);
    assert!(!rig.pair.raw_is_closed(socket.raw));
    rig.pair.run_for(1);
    assert!(rig.pair.raw_is_closed(socket.raw));
    rig.assert_over(&End::Goodbye);
}

#[test]
fn the_client_closes() {
    let code = CloseCode::new(4321);
    for (code, said) in [(code, "Close 4321 why"), (None, "Close 1000 ")] {
        let mut rig = Rig::new();
        let mut socket = open_session(&mut rig);
        socket.write(&mut rig, |out| encode::close(code, "why", Some(KEY), out));
        assert_eq!(socket.read(&mut rig), [said]);
        assert!(rig.pair.raw_is_closed(socket.raw));
        rig.assert_over(&End::closed(code));
    }
}

#[test]
fn a_lost_connection_ends_the_session() {
    let mut rig = Rig::new();
    let socket = open_session(&mut rig);
    rig.pair.raw_cut(socket.raw);
    rig.pair.settle();
    rig.assert_over(&End::Goodbye);
}

#[test]
fn a_heartbeat_is_a_ping() {
    let mut rig = Rig::new();
    let mut socket = open_session(&mut rig);
    for _ in 0..3 {
        rig.pair.run_for(24_999);
        assert!(socket.read(&mut rig).is_empty());
        rig.pair.run_for(1);
        assert_eq!(socket.read(&mut rig), ["Ping Borrowed([])"]);
        socket.write(&mut rig, |out| encode::pong(b"", Some(KEY), out));
    }
    assert_eq!(rig.alive_count(), 0, "that is for Primus's own heartbeat");
    rig.pair.run_for(25_000 + 9_999);
    assert_eq!(socket.read(&mut rig).len(), 1);
    assert_eq!(rig.pair.server_end(rig.spark()), None);
    rig.pair.run_for(1);
    let goodbye = [
        "Text c[3000,\"No response from heartbeat\"]",
        "Close 1000 Normal closure",
    ];
    assert_eq!(socket.read(&mut rig), goodbye);
    rig.assert_over(&End::Goodbye);
}

#[test]
fn a_ping_of_the_client_is_answered() {
    let mut rig = Rig::new();
    for mut socket in [open_session(&mut rig), open_raw(&mut rig)] {
        socket.write(&mut rig, |out| encode::ping(b"hi", Some(KEY), out));
        assert_eq!(socket.read(&mut rig), ["Pong hi"]);
    }
    assert_eq!(rig.alive_count(), 0);
}

#[test]
fn a_frame_that_is_too_large_is_refused() {
    let mut rig = Rig::new();
    for mut socket in [open_session(&mut rig), open_raw(&mut rig)] {
        socket.text(&mut rig, &"x".repeat(1001));
        assert_eq!(socket.read(&mut rig), ["Close 1009 "]);
        assert!(rig.pair.raw_is_closed(socket.raw));
    }
}

#[test]
fn the_raw_websocket_has_no_frames_of_sockjs() {
    let mut rig = Rig::new();
    let mut socket = open_raw(&mut rig);
    socket.text(&mut rig, "Hello world!\u{ffff}");
    socket.send(&mut rig, Kind::Binary, b"\xff");
    let messages = rig.pair.server_messages(rig.spark());
    assert_eq!(messages[0], (Kind::Text, "Hello world!\u{ffff}".into()));
    assert_eq!(messages[1], (Kind::Binary, b"\xff".to_vec()));
    rig.write("[\"x\"]\u{ffff}");
    rig.close();
    let expected = ["Text [\"x\"]\u{ffff}", "Close 1000 Normal closure"];
    assert_eq!(socket.read(&mut rig), expected);
    rig.pair.run_for(60_000);
    assert!(rig.pair.is_over(rig.spark()));
}

#[test]
fn bytes_become_text() {
    let mut rig = Rig::new();
    let mut sockets = [open_session(&mut rig), open_raw(&mut rig)];
    for spark in rig.pair.sparks() {
        rig.pair.server_write(spark, Kind::Binary, b"\x01\xff");
    }
    let texts = ["Text a[\"\\u0001\\ufffd\"]", "Text \u{1}\u{fffd}"];
    for (socket, text) in sockets.iter_mut().zip(texts) {
        assert_eq!(socket.read(&mut rig), [text]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_client_sends_does_no_harm(
        frames in prop::collection::vec((any::<bool>(), prop_oneof![
            any::<Vec<u8>>(),
            r#"[\[\]{}",:0-9 \\aé]{0,24}"#.prop_map(String::into_bytes),
        ]), 0..6),
        noise in any::<Vec<u8>>(),
    ) {
        let mut rig = Rig::new();
        let socket = open_session(&mut rig);
        for (is_text, payload) in frames {
            let kind = if is_text { Kind::Text } else { Kind::Binary };
            socket.send(&mut rig, kind, &payload);
        }
        rig.pair.raw_send(socket.raw, noise);
        rig.pair.raw_close(socket.raw);
        rig.pair.settle();
        prop_assert!(rig.pair.is_over(rig.spark()));
        rig.pair.assert_clean();
    }
}
