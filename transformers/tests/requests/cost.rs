//! What one request or frame may cost: memory in proportion to what was sent, however it is made
//! up, and no more messages at once than the others of a shard can wait for.

use allocation_counter::measure;
use allspark_protocol::limits::{
    BROWSERCHANNEL_FORM_FIELDS_MAX, BROWSERCHANNEL_MAPS_MAX, PORTION_BYTES, PORTION_MESSAGES,
    REQUEST_MESSAGES_MAX, SOCKJS_WEBSOCKET_FRAME_MESSAGES_MAX,
};
use allspark_protocol::transformer::{End, Kind};
use allspark_protocol::websocket::encode;
use allspark_transformers::TransformerKind;

use crate::world::{Seen, World, id, post};

/// What any request may cost beside its size: a portion of messages and what they are listed in.
const BASE_BYTES: u64 = 1024 * 1024;

/// What a request costs a session of this transport that was opened before.
#[track_caller]
fn cost(kind: TransformerKind, opening: &str, request: Vec<u8>) -> Seen {
    let mut world = World::new(kind, opening);
    let sent_bytes = request.len() as u64;
    let allocated = measure(|| world.request(request));
    let mut seen = world.seen;
    seen.peak_bytes = allocated.bytes_max;
    // The body as it was received, a copy in which it is read, and one message.
    let bound = 3 * sent_bytes + BASE_BYTES;
    assert!(
        seen.peak_bytes <= bound,
        "{sent_bytes} bytes cost {}: {seen:?}",
        seen.peak_bytes
    );
    assert!(seen.messages_at_once <= PORTION_MESSAGES, "{seen:?}");
    let bytes_max = PORTION_BYTES + seen.longest_bytes;
    assert!(seen.bytes_at_once <= bytes_max, "{seen:?}");
    seen
}

fn sockjs(name: &str, headers: &str, body: &[u8]) -> Seen {
    let opening = "POST /primus/0/s/xhr HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    let request = post(&format!("/primus/0/s/{name}"), headers, body);
    cost(TransformerKind::SockJs, opening, request)
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[test]
fn an_array_of_many_messages_is_handed_on_in_portions() {
    let elements = |count: usize| format!("[{}1]", "1,".repeat(count - 1));
    let seen = sockjs("xhr_send", "", elements(REQUEST_MESSAGES_MAX).as_bytes());
    assert_eq!((seen.messages, &seen.end), (REQUEST_MESSAGES_MAX, &None));
    assert_eq!(seen.statuses(), [204]);
    let texts = format!("[{}\"\"]", "\"a\\u0041\\n\",".repeat(100_000));
    let seen = sockjs("xhr_send", "", texts.as_bytes());
    assert_eq!((seen.messages, &seen.statuses()[..]), (100_001, &[204][..]));
    let form = format!("d={}", elements(10_000));
    let seen = sockjs("jsonp_send", FORM, form.as_bytes());
    assert_eq!((seen.messages, &seen.statuses()[..]), (10_000, &[200][..]));
}

#[test]
fn an_array_of_too_many_messages_is_refused_at_the_price_of_its_copy() {
    let elements = format!("[{}1]", "1,".repeat(2_000_000));
    for body in [&elements, &format!("[{}[]]", "[],".repeat(1_000_000))] {
        let seen = sockjs("xhr_send", "", body.as_bytes());
        assert_eq!((seen.messages, &seen.statuses()[..]), (0, &[413][..]));
        assert_eq!(seen.end, None, "the session goes on");
    }
    for (headers, body) in [
        (FORM, format!("d={elements}")),
        ("", format!("\"{elements}\"")),
        (FORM, format!("{}d=[1]", "%&".repeat(1_000_000))),
        (FORM, format!("d={}", "%".repeat(4_000_000))),
    ] {
        let seen = sockjs("jsonp_send", headers, body.as_bytes());
        assert_eq!(seen.messages, 0);
        assert!(matches!(seen.statuses()[..], [413 | 500]), "{seen:?}");
    }
}

#[test]
fn large_messages_go_one_by_one() {
    let text = format!("\"{}\"", "\\n".repeat(2_000_000));
    let seen = sockjs("xhr_send", "", format!("[{text},{text},{text}]").as_bytes());
    assert_eq!((seen.messages, seen.messages_at_once), (3, 1));
    assert_eq!(seen.longest_bytes, 2_000_000);
}

#[test]
fn a_frame_of_many_messages_closes_its_websocket() {
    let opening = "GET /primus/0/s/websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n";
    let frame = |text: String| {
        let mut frame = Vec::new();
        encode::message(Kind::Text, text.as_bytes(), Some(*b"mask"), &mut frame);
        frame
    };
    const MAX: usize = SOCKJS_WEBSOCKET_FRAME_MESSAGES_MAX;
    for (first, count) in [("1", MAX), ("\"\"", MAX), ("1", MAX + 1), ("1", 2_000_000)] {
        let mut world = World::new(TransformerKind::SockJs, opening);
        let bytes = frame(format!("[{first}{}]", ",1".repeat(count - 1)));
        let sent_bytes = bytes.len() as u64;
        let allocated = measure(|| world.receive(bytes));
        assert!(allocated.bytes_max <= 3 * sent_bytes + BASE_BYTES);
        let is_taken = count <= MAX;
        assert_eq!(world.seen.messages, if is_taken { count } else { 0 });
        assert_eq!(world.seen.is_over, !is_taken);
    }
}

fn engine_io(version: u8, parameters: &str, headers: &str, body: &[u8]) -> Seen {
    let target = format!("/primus/?EIO={version}&transport=polling{parameters}");
    let opening = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    let request = post(&format!("{target}&sid={}", id()), headers, body);
    cost(TransformerKind::EngineIo, &opening, request)
}

#[test]
fn a_payload_of_many_packets_is_handed_on_in_portions() {
    const MAX: usize = REQUEST_MESSAGES_MAX;
    let bytes = "Content-Type: application/octet-stream\r\n";
    for (version, parameters, headers, packet, separator) in [
        (4, "", "", "4", "\x1e"),
        (4, "", "", "bQUI=", "\x1e"),
        (4, "&j=0", FORM, "4", "\x1e"),
        (3, "", "", "1:4", ""),
        (3, "", "", "6:b4QUI=", ""),
        (3, "", bytes, "\x01\x02\u{7f}", ""),
    ] {
        let binary_packet: &[u8] = &[1, 1, 255, 4];
        let payload = |count: usize| match headers == bytes {
            true => binary_packet.repeat(count),
            false => vec![packet; count].join(separator).into_bytes(),
        };
        let prefix: &[u8] = if headers == FORM { b"d=" } else { b"" };
        let body = [prefix, &payload(MAX)].concat();
        let seen = engine_io(version, parameters, headers, &body);
        assert_eq!((seen.messages, &seen.end), (MAX, &None), "{packet:?}");
        assert_eq!(seen.statuses(), [200]);
        let body = [prefix, &payload(MAX + 1_000_000)].concat();
        let seen = engine_io(version, parameters, headers, &body);
        assert_eq!(seen.messages, MAX);
        assert_eq!(seen.end, Some(End::Violation("parse error")));
    }
}

#[test]
fn packets_that_say_nothing_are_work_as_well() {
    for (version, body) in [
        (3, "0:".repeat(2_000_000)),
        (3, "1:6".repeat(1_000_000)),
        (4, "6\x1e".repeat(2_000_000)),
    ] {
        let seen = engine_io(version, "", "", body.as_bytes());
        assert_eq!(seen.end, Some(End::Violation("parse error")));
    }
}

fn browserchannel(headers: &str, body: &[u8]) -> Seen {
    let opening = "POST /primus/bind?VER=8&RID=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n\
                   count=0";
    let target = format!("/primus/bind?VER=8&RID=2&SID={}", id());
    let request = post(&target, headers, body);
    cost(TransformerKind::BrowserChannel, opening, request)
}

const JSON: &str = "Content-Type: application/json\r\n";

#[test]
fn maps_are_handed_on_in_portions() {
    let maps = |count: usize, value: &str| {
        let maps: String = (0..count).map(|n| format!("&req{n}_{value}")).collect();
        format!("count={count}&ofs=0{maps}")
    };
    const MAX: usize = BROWSERCHANNEL_MAPS_MAX;
    let json = |count: usize| format!(r#"{{"ofs":0,"data":[{}1]}}"#, "1,".repeat(count - 1));
    for (headers, body) in [
        ("", maps(MAX, "_S=%41%42")),
        ("", maps(MAX, "JSON=%5B1%5D")),
        (JSON, json(MAX)),
    ] {
        let seen = browserchannel(headers, body.as_bytes());
        assert_eq!((seen.messages, &seen.statuses()[..]), (MAX, &[200][..]));
    }
    let large = maps(3, &format!("_S={}", "%41".repeat(1_000_000)));
    let seen = browserchannel("", large.as_bytes());
    assert_eq!((seen.messages, seen.messages_at_once), (3, 1));
    let array = "1,".repeat(1_000_000);
    let buffer = format!(r#"{{"ofs":0,"data":[{{"type":"Buffer","data":[{array}1]}}]}}"#);
    let seen = browserchannel(JSON, buffer.as_bytes());
    assert_eq!((seen.messages, seen.longest_bytes), (1, 1_000_001));
}

#[test]
fn too_many_maps_are_refused_at_the_price_of_their_body() {
    let count = 2_000_000;
    let array = "1,".repeat(count);
    let many_fields = format!("count={count}&ofs=0{}", "&a".repeat(count));
    let escaped_fields = format!("count={count}&ofs=0{}", "&%".repeat(count));
    let few_maps = format!("count=1&ofs=0&req0__S=x{}", "&a=%41".repeat(count));
    assert!(count > BROWSERCHANNEL_FORM_FIELDS_MAX);
    for (headers, body) in [
        (JSON, format!(r#"{{"ofs":0,"data":[{array}1]}}"#)),
        ("", many_fields),
        ("", escaped_fields),
        ("", few_maps),
        ("", vec!["\u{e9}"; count].concat()),
    ] {
        let seen = browserchannel(headers, body.as_bytes());
        assert_eq!((seen.messages, &seen.end), (0, &None));
        assert!(matches!(seen.statuses()[..], [400 | 413]), "{seen:?}");
    }
}
