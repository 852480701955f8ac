//! `websocket` over the drafts hixie-75 and hixie-76. What is expected is what sockjs 0.3.24 was
//! seen to send.

use allspark_protocol::transformer::End;

use super::rig::Rig;
use crate::testing::Raw;

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: WebSocket\r\nOrigin: http://a\r\n";

/// The example of draft 76, 1.2.
const KEYS: &str = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";
const CHALLENGE: &[u8] = b"^n:ds[4U";
const ANSWER: &str = "8jKS'y:G*Co,Wxa-";

/// What has come since the last time. The marks `00` and `FF` of frames are `<` and `>`.
fn read(rig: &mut Rig, raw: Raw) -> String {
    rig.pair.settle();
    let mark = |byte| match byte {
        0x00 => '<',
        0xff => '>',
        byte => char::from(byte),
    };
    rig.pair.raw_received(raw).into_iter().map(mark).collect()
}

fn ask(rig: &mut Rig, path: &str, keys: &str) -> (Raw, String) {
    let raw = rig.pair.raw();
    let request = format!("GET /primus{path} HTTP/1.1\r\nHost: a\r\n{UPGRADE}{keys}\r\n");
    rig.pair.raw_send(raw, request);
    let answer = read(rig, raw);
    (raw, answer)
}

/// Opens a session, over hixie-76 if there are keys.
#[track_caller]
fn open(rig: &mut Rig, keys: &str) -> Raw {
    let (raw, answer) = ask(rig, "/0/s/websocket", keys);
    if keys.is_empty() {
        assert!(answer.starts_with("HTTP/1.1 101 Web Socket Protocol Handshake\r\n"));
        assert!(answer.ends_with("\r\nWebSocket-Location: ws://a/primus/0/s/websocket\r\n\r\n<o>"));
    } else {
        assert!(answer.starts_with("HTTP/1.1 101 WebSocket Protocol Handshake\r\n"));
        assert!(
            answer.ends_with("\r\n\r\n"),
            "nothing before the challenge: {answer}"
        );
        rig.pair.raw_send(raw, CHALLENGE);
        assert_eq!(read(rig, raw), format!("{ANSWER}<o>"));
    }
    raw
}

#[test]
fn messages_go_both_ways() {
    for keys in [KEYS, ""] {
        let mut rig = Rig::new();
        let raw = open(&mut rig, keys);
        rig.pair
            .raw_send(raw, b"\x00[\"x\",\"y\"]\xff\x00\xff\x00\"z\"\xff");
        rig.pair.settle();
        assert_eq!(rig.messages(rig.spark()), ["x", "y", "z"]);
        rig.write("h\u{e9}");
        rig.write("2");
        assert_eq!(
            read(&mut rig, raw).replace("\u{c3}\u{a9}", "e"),
            "<a[\"he\"]><a[\"2\"]>"
        );
    }
}

#[test]
fn what_is_written_before_the_challenge_waits_for_it() {
    let mut rig = Rig::new();
    let (raw, _) = ask(&mut rig, "/0/s/websocket", KEYS);
    rig.write("early");
    assert_eq!(read(&mut rig, raw), "");
    rig.pair.raw_send(raw, CHALLENGE);
    assert_eq!(read(&mut rig, raw), format!("{ANSWER}<o><a[\"early\"]>"));
}

#[test]
fn a_challenge_that_does_not_come_is_not_awaited_for_ever() {
    let mut rig = Rig::new();
    let (raw, _) = ask(&mut rig, "/0/s/websocket", KEYS);
    rig.pair.run_for(9_999);
    assert!(!rig.pair.raw_is_closed(raw));
    rig.pair.run_for(1);
    assert!(rig.pair.raw_is_closed(raw));
    assert_eq!(read(&mut rig, raw), "");
    rig.assert_over(&End::Violation("the challenge of hixie-76 did not come"));
}

#[test]
fn the_application_closes() {
    for (keys, goodbye) in [(KEYS, "><"), ("", "")] {
        let mut rig = Rig::new();
        let raw = open(&mut rig, keys);
        rig.close();
        let closure = format!("<c[1000,\"Normal closure\"]>{goodbye}");
        assert_eq!(read(&mut rig, raw), closure);
        assert!(rig.pair.raw_is_closed(raw));
        rig.assert_over(&End::Goodbye);
    }
}

#[test]
fn the_client_closes() {
    let mut rig = Rig::new();
    let raw = open(&mut rig, KEYS);
    rig.pair.raw_send(raw, b"\xff\x00");
    assert_eq!(read(&mut rig, raw), "><");
    assert!(rig.pair.raw_is_closed(raw));
    rig.assert_over(&End::Goodbye);
}

#[test]
fn a_lost_connection_ends_the_session() {
    let mut rig = Rig::new();
    let raw = open(&mut rig, "");
    rig.pair.raw_cut(raw);
    rig.pair.settle();
    rig.assert_over(&End::Goodbye);
}

#[test]
fn broken_json_breaks_the_connection_off() {
    for (keys, goodbye) in [(KEYS, "><"), ("", "")] {
        let mut rig = Rig::new();
        let raw = open(&mut rig, keys);
        rig.pair.raw_send(raw, b"\x00[broken\xff\x00[\"late\"]\xff");
        assert_eq!(read(&mut rig, raw), goodbye);
        assert!(rig.pair.raw_is_closed(raw));
        assert!(rig.messages(rig.spark()).is_empty());
        rig.assert_over(&End::Violation("a frame of the client is not JSON"));
    }
}

#[test]
fn a_frame_that_is_too_large_is_refused() {
    let mut rig = Rig::new();
    let raw = open(&mut rig, "");
    rig.pair.raw_send(
        raw,
        [b'\0'; 1]
            .into_iter()
            .chain([b' '; 1001])
            .collect::<Vec<u8>>(),
    );
    rig.pair.settle();
    assert!(rig.pair.raw_is_closed(raw));
    rig.assert_over(&End::Violation("a message is longer than it may be"));
}

#[test]
fn a_heartbeat_is_a_frame_and_needs_no_answer() {
    let mut rig = Rig::new();
    let raw = open(&mut rig, KEYS);
    for _ in 0..3 {
        rig.pair.run_for(24_999);
        assert_eq!(read(&mut rig, raw), "");
        rig.pair.run_for(1);
        assert_eq!(read(&mut rig, raw), "<h>");
    }
    assert_eq!(rig.pair.server_end(rig.spark()), None);
}

#[test]
fn other_handshakes_are_told_what_is_wrong() {
    let mut rig = Rig::new();
    let rfc = "Only supported WebSocket protocol is RFC 6455.";
    for (path, keys, message) in [
        (
            "/a/b/websocket",
            "Sec-WebSocket-Key1: 1 2\r\nSec-WebSocket-Key2: 1 2 3\r\n",
            "Client sent invalid Sec-WebSocket-Key headers",
        ),
        (
            "/a/b/websocket",
            "Sec-WebSocket-Key1: 1 2\r\n",
            "Missing required header: Sec-WebSocket-Key2",
        ),
        ("/websocket", KEYS, rfc),
        ("/websocket", "", rfc),
    ] {
        let headers = format!("{UPGRADE}{keys}");
        rig.answer("GET", path, &headers, "")
            .assert_is(400, message);
    }
    assert!(rig.pair.sparks().is_empty());
}
