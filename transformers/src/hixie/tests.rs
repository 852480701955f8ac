//! The drafts, by the bytes of their documents.

use proptest::prelude::*;

use super::*;

fn head(lines: &str) -> String {
    format!("GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n{lines}\r\n")
}

fn opening(lines: &str) -> Result<Opening, &'static str> {
    Opening::of(&RequestHead::parse(head(lines).as_bytes()).unwrap())
}

/// The example of draft 76, 1.2.
const KEYS: &str = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nOrigin: http://example.com\r\n";

fn hixie(lines: &str, message_bytes_max: usize) -> Hixie {
    hixie_with(lines, b"", message_bytes_max).unwrap()
}

/// The same for a request with a body.
fn hixie_with(lines: &str, body: &[u8], message_bytes_max: usize) -> Result<Hixie, &'static str> {
    let head = head(lines);
    let request = Request {
        head: RequestHead::parse(head.as_bytes()).unwrap(),
        body: Payload::Owned(body.to_vec()),
    };
    Hixie::new(&request, message_bytes_max)
}

/// Everything that comes out of these bytes, cut after every `step`.
fn items(hixie: &mut Hixie, bytes: &[u8], step: usize) -> Vec<String> {
    let mut bytes = bytes.to_vec();
    let mut items = Vec::new();
    for part in bytes.chunks_mut(step) {
        let mut input = Input::new(part);
        while let Some(item) = hixie.next(&mut input) {
            items.push(match item {
                Item::Challenge(answer) => String::from_utf8_lossy(&answer).into_owned(),
                Item::Text(text) => format!("text {}", str::from_utf8(&text).unwrap()),
                Item::Goodbye => "goodbye".to_owned(),
                Item::TooBig => "too big".to_owned(),
            });
        }
    }
    items
}

#[test]
fn the_example_of_the_draft_is_answered_as_it_says() {
    let mut hixie = hixie(KEYS, 99);
    assert!(!hixie.is_open());
    assert_eq!(items(&mut hixie, b"^n:ds[4U", 3), ["8jKS'y:G*Co,Wxa-"]);
    assert!(hixie.is_open());
}

#[test]
fn the_challenge_may_be_the_body_of_the_request() {
    for body in [&b"^n:ds[4U"[..], b"^n:d"] {
        let mut hixie = hixie_with(KEYS, body, 99).unwrap();
        let mut out = Outputs::default();
        hixie.begin(Instant::ZERO, Carrier(1), body, &mut out);
        let rest = &b"^n:ds[4U\x00a\xff"[body.len()..];
        if rest.starts_with(b"\x00") {
            assert!(hixie.is_open() && hixie.deadline().is_none());
            assert_eq!(out.bytes(0..16), b"8jKS'y:G*Co,Wxa-");
            assert_eq!(items(&mut hixie, rest, 2), ["text a"]);
        } else {
            assert_eq!(items(&mut hixie, rest, 2), ["8jKS'y:G*Co,Wxa-", "text a"]);
        }
    }
    assert!(hixie_with(KEYS, b"^n:ds[4U\x00", 99).is_err());
    assert!(hixie_with("", b"^n:ds[4U", 99).is_err());
}

#[test]
fn answers_have_the_status_lines_that_clients_compare() {
    let begin = |lines: &str| {
        let head = head(lines);
        let head = RequestHead::parse(head.as_bytes()).unwrap();
        let mut out = Vec::new();
        let response = Opening::of(&head).unwrap().response(&head);
        response.encode(&mut out, true, false);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        begin("Origin: http://a\r\n"),
        "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
         Connection: Upgrade\r\nWebSocket-Origin: http://a\r\n\
         WebSocket-Location: ws://example.com/demo\r\n\r\n"
    );
    assert_eq!(
        begin(&format!("X-Forwarded-Proto: https\r\n{KEYS}")),
        "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Origin: http://example.com\r\n\
         Sec-WebSocket-Location: wss://example.com/demo\r\n\r\n"
    );
}

#[test]
fn keys_that_hide_no_number_are_refused() {
    for (key1, key2) in [
        ("1 2", "abc"),
        ("12", "1 2"),
        ("1 2", "1 2 3"),
        ("99999999999 9", "1 2"),
    ] {
        let lines = format!("Sec-WebSocket-Key1: {key1}\r\nSec-WebSocket-Key2: {key2}\r\n");
        assert!(opening(&lines).is_err(), "{key1:?} {key2:?}");
    }
    assert!(opening("Sec-WebSocket-Key1: 1 2\r\n").is_err());
}

#[test]
fn frames_are_read_however_they_are_cut() {
    let mut bytes = b"\x00hello\xff\x80\x03xyz\x00\xff".to_vec();
    frame(Kind::Text, "wörld".as_bytes(), &mut bytes);
    bytes.extend_from_slice(b"\x00a\xc3(\xff\xff\x00\x00late\xff");
    for step in 1..bytes.len() {
        assert_eq!(
            items(
                &mut hixie(KEYS, 99),
                &[b"^n:ds[4U", &bytes[..]].concat(),
                step
            )[1..],
            [
                "text hello",
                "text ",
                "text wörld",
                "text a\u{fffd}(",
                "goodbye"
            ],
            "{step}"
        );
    }
}

#[test]
fn a_message_over_the_limit_ends_it() {
    for bytes in [&b"\x00123456789"[..], b"\x80\xff\x7f"] {
        assert_eq!(items(&mut hixie("", 8), bytes, 3), ["too big"]);
    }
    assert_eq!(items(&mut hixie("", 8), b"\x0012345678\xff", 3).len(), 1);
}

#[test]
fn only_the_newer_draft_says_goodbye() {
    let close = |hixie: &mut Hixie| {
        let mut out = Outputs::default();
        hixie.close(Carrier(1), &mut out);
        out.list().len()
    };
    assert_eq!(close(&mut hixie("", 9)), 1);
    let mut newer = hixie(KEYS, 9);
    items(&mut newer, b"^n:ds[4U", 8);
    assert_eq!(close(&mut newer), 2);
    assert_eq!(close(&mut newer), 1, "it is not said twice");
    let mut answering = hixie(KEYS, 9);
    items(&mut answering, b"^n:ds[4U\xff\x00", 10);
    assert_eq!(close(&mut answering), 2, "the peer's is answered");
    assert_eq!(
        items(&mut hixie("", 9), b"\xff\x00\x00a\xff", 1),
        ["text a"]
    );
}

proptest! {
    #[test]
    fn nothing_that_a_peer_sends_breaks_it(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        step in 1_usize..50,
    ) {
        let whole = items(&mut hixie("", 64), &bytes, 400);
        prop_assert_eq!(whole, items(&mut hixie("", 64), &bytes, step));
    }
}

#[test]
fn the_challenge_must_come_in_time() {
    let (now, carrier) = (Instant::ZERO, Carrier(1));
    let mut out = Outputs::default();
    let mut older = hixie("", 9);
    older.begin(now, carrier, b"", &mut out);
    assert!(older.is_open());
    assert_eq!(older.deadline(), None);
    let mut newer = hixie(KEYS, 9);
    newer.begin(now, carrier, b"", &mut out);
    assert_eq!(newer.deadline(), Some(now + CHALLENGE_TIMEOUT));
    items(&mut newer, b"^n:ds[4U", 8);
    assert_eq!(newer.deadline(), None);
}
