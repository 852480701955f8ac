//! `xhr_streaming`, `eventsource` and `htmlfile`.

use allspark_protocol::transformer::End;

use super::rig::{Asked, NO_CACHE, Rig};

/// The three transports: how they are asked for, what an `o` looks like, and a message of `x`s.
const TRANSPORTS: [(&str, &str, &str, &str); 3] = [
    ("POST", "/a/s/xhr_streaming", "o\n", "a[\"X\"]\n"),
    (
        "GET",
        "/a/s/eventsource",
        "data: o\r\n\r\n",
        "data: a[\"X\"]\r\n\r\n",
    ),
    (
        "GET",
        "/a/s/htmlfile?c=x",
        "<script>\np(\"o\");\n</script>\r\n",
        "<script>\np(\"a[\\\"X\\\"]\");\n</script>\r\n",
    ),
];

/// Opens a stream and reads up to the opening frame.
#[track_caller]
fn open(rig: &mut Rig, method: &str, path: &str, opening: &str) -> Asked {
    let mut stream = rig.ask(method, path, "", "");
    let begin = rig.read(&mut stream);
    assert!(begin.ends_with(opening), "{begin}");
    stream
}

#[test]
fn streams_have_their_types_and_preludes() {
    let mut rig = Rig::new();
    let headers = "Origin: http://b\r\n";
    let mut xhr = rig.ask("POST", "/a/x/xhr_streaming", headers, "");
    let begin = rig.read(&mut xhr);
    assert_eq!(begin, format!("{}\no\n", "h".repeat(2048)));
    xhr.answer().assert_headers(&[
        (
            "content-type",
            Some("application/javascript; charset=UTF-8"),
        ),
        ("cache-control", Some(NO_CACHE)),
        ("access-control-allow-origin", Some("http://b")),
        ("access-control-allow-credentials", Some("true")),
        ("transfer-encoding", Some("chunked")),
    ]);
    let mut events = rig.ask("GET", "/a/e/eventsource", "Origin: null\r\n", "");
    rig.assert_reads(&mut events, "\r\ndata: o\r\n\r\n");
    events.answer().assert_headers(&[
        ("content-type", Some("text/event-stream")),
        ("cache-control", Some(NO_CACHE)),
        // Primus's words replace those of the package, which would be `*`.
        ("access-control-allow-origin", Some("null")),
        ("access-control-allow-credentials", Some("true")),
    ]);
    let mut page = rig.ask("GET", "/a/h/htmlfile?c=%63allback", "", "");
    let begin = rig.read(&mut page);
    let (head, opening) = begin.split_once("\r\n\r\n").unwrap();
    assert!(
        head.len() > 1024 && head.contains("var c = parent.callback;\n"),
        "{head}"
    );
    assert_eq!(opening, "<script>\np(\"o\");\n</script>\r\n");
    page.answer().assert_headers(&[
        ("content-type", Some("text/html; charset=UTF-8")),
        ("cache-control", Some(NO_CACHE)),
        ("access-control-allow-origin", None),
    ]);
}

#[test]
fn a_stream_carries_frame_after_frame() {
    for (method, path, opening, frame) in TRANSPORTS {
        let mut rig = Rig::new();
        let mut stream = open(&mut rig, method, path, opening);
        for message in ["a", "b%"] {
            rig.write(message);
            let escaped = if path.contains("event") { "b%25" } else { "b%" };
            let shown = if message == "a" { "a" } else { escaped };
            rig.assert_reads(&mut stream, &frame.replace('X', shown));
        }
        rig.post("/a/s/xhr_send", "[\"up\"]").assert_is(204, "");
        assert_eq!(rig.messages(rig.spark()), ["up"]);
    }
}

#[test]
fn a_heartbeat_comes_at_its_own_pace() {
    for (method, path, opening, _) in TRANSPORTS {
        let mut rig = Rig::new();
        let mut stream = open(&mut rig, method, path, opening);
        let heartbeat = opening.replace('o', "h");
        for _ in 0..3 {
            rig.pair.run_for(20_000);
            rig.write("x");
            rig.read(&mut stream);
            rig.pair.run_for(4_999);
            rig.assert_reads(&mut stream, "");
            rig.pair.run_for(1);
            rig.assert_reads(&mut stream, &heartbeat);
        }
    }
}

#[test]
fn a_response_ends_after_the_limit_and_the_session_goes_on() {
    for (method, path, opening, frame) in TRANSPORTS {
        let mut rig = Rig::with(|options| options.response_limit = 4096);
        let mut stream = open(&mut rig, method, path, opening);
        let message = "x".repeat(128);
        let frame = frame.replace('X', &message);
        // The opening frame counts, the prelude does not.
        let frames = (4096 - opening.len()).div_ceil(frame.len());
        for _ in 0..frames {
            assert!(!stream.answer().is_complete);
            rig.write(&message);
            rig.assert_reads(&mut stream, &frame);
        }
        assert!(stream.answer().is_complete);
        rig.write("afterwards");
        let mut stream = rig.ask(method, path, "", "");
        let begin = rig.read(&mut stream);
        assert!(
            begin.contains("afterwards") && !begin.contains(opening),
            "{begin}"
        );
    }
    // As the test of the protocol counts: 31 messages of 134 bytes each.
    assert_eq!((4096 - "o\n".len()).div_ceil(134), 31);
}

#[test]
fn without_a_limit_a_response_goes_on() {
    let mut rig = Rig::with(|options| options.response_limit = 0);
    let mut stream = open(&mut rig, "POST", "/a/s/xhr_streaming", "o\n");
    let message = "x".repeat(1_000_000);
    rig.write(&message);
    rig.write(&message);
    rig.write(&message);
    assert_eq!(rig.read(&mut stream).matches(&message).count(), 3);
    assert!(!stream.answer().is_complete);
}

#[test]
fn the_application_closes_a_stream() {
    for (method, path, opening, frame) in TRANSPORTS {
        let mut rig = Rig::new();
        let mut stream = open(&mut rig, method, path, opening);
        rig.write("bye");
        rig.close();
        let end = rig.read(&mut stream);
        assert!(end.starts_with(&frame.replace('X', "bye")), "{end}");
        assert!(end.contains("c[1000,"), "{end}");
        assert!(stream.answer().is_complete);
        let again = rig.answer(method, path, "", "");
        assert!(again.body.contains("c[1000,"), "{}", again.body);
        rig.pair.run_for(5_000);
        rig.assert_over(&End::Goodbye);
    }
}

#[test]
fn a_stream_that_is_lost_ends_the_session() {
    for (method, path, opening, _) in TRANSPORTS {
        let mut rig = Rig::new();
        let stream = open(&mut rig, method, path, opening);
        rig.pair.raw_close(stream.raw);
        rig.pair.settle();
        rig.assert_over(&End::Goodbye);
        open(&mut rig, method, path, opening);
    }
}

#[test]
fn a_client_that_does_not_read_can_not_keep_a_closed_session() {
    let mut rig = Rig::with(|options| options.response_limit = 0);
    let stream = open(&mut rig, "POST", "/a/s/xhr_streaming", "o\n");
    rig.pair.raw_stall(stream.raw, true);
    rig.write("never read");
    rig.pair.settle();
    rig.write("never sent");
    rig.close();
    rig.pair.run_for(5_000);
    rig.assert_over(&End::Goodbye);
}

#[test]
fn an_old_peer_is_answered_without_chunks() {
    let mut rig = Rig::new();
    let raw = rig.pair.raw();
    rig.pair
        .raw_send(raw, "POST /primus/a/s/xhr_streaming HTTP/1.0\r\n\r\n");
    rig.pair.settle();
    let answer = String::from_utf8(rig.pair.raw_received(raw)).unwrap();
    assert!(answer.ends_with("h\no\n"), "{answer}");
    assert!(!answer.contains("chunked"), "{answer}");
}
