//! `xhr` and `jsonp`, and how sessions live and end.

use allspark_protocol::transformer::End;

use super::rig::{NO_CACHE, Rig};

const SCRIPT: &str = "application/javascript; charset=UTF-8";
const TEXT: &str = "text/plain; charset=UTF-8";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[test]
fn a_session_opens_and_carries_messages_both_ways() {
    let mut rig = Rig::new();
    let opened = rig.post("/000/s/xhr", "");
    opened.assert_is(200, "o\n");
    let headers = [
        ("content-type", Some(SCRIPT)),
        ("cache-control", Some(NO_CACHE)),
        ("access-control-allow-origin", Some("*")),
        ("vary", Some("Origin")),
    ];
    opened.assert_headers(&headers);
    // The server part of the path is for load balancers.
    let sent = rig.post("/999/s/xhr_send", r#"["x","y\n"]"#);
    sent.assert_is(204, "");
    sent.assert_headers(&[
        ("content-type", Some(TEXT)),
        ("cache-control", Some(NO_CACHE)),
    ]);
    assert_eq!(rig.messages(rig.spark()), ["x", "y\n"]);
    rig.write("1");
    rig.write("é\u{2028}");
    let received = rig.post("/123/s/xhr", "");
    received.assert_is(200, "a[\"1\",\"é\\u2028\"]\n");
    received.assert_headers(&headers);
}

#[test]
fn a_poll_waits_for_a_message_and_keeps_what_its_answer_needs() {
    let mut rig = Rig::with(|options| options.jsessionid = true);
    rig.post("/a/s/xhr", "").assert_is(200, "o\n");
    let headers = "Origin: http://b\r\nAccess-Control-Request-Headers: a, b\r\n\
                   Cookie: JSESSIONID=9\r\n";
    let mut poll = rig.ask("POST", "/a/s/xhr", headers, "");
    rig.assert_reads(&mut poll, "");
    rig.pair.run_for(24_000);
    rig.write("late");
    rig.assert_reads(&mut poll, "a[\"late\"]\n");
    poll.answer().assert_headers(&[
        ("content-type", Some(SCRIPT)),
        ("access-control-allow-origin", Some("http://b")),
        ("access-control-allow-credentials", Some("true")),
        ("access-control-allow-headers", Some("a, b")),
        ("set-cookie", Some("JSESSIONID=9; path=/")),
        ("content-length", Some("10")),
    ]);
}

#[test]
fn a_heartbeat_answers_a_poll() {
    let mut rig = Rig::new();
    rig.post("/a/s/xhr", "");
    let mut poll = rig.ask("POST", "/a/s/xhr", "", "");
    rig.pair.run_for(24_999);
    rig.assert_reads(&mut poll, "");
    rig.pair.run_for(1);
    rig.assert_reads(&mut poll, "h\n");
    assert!(poll.answer().is_complete);
}

#[test]
fn only_one_request_receives() {
    let mut rig = Rig::new();
    rig.post("/a/s/xhr", "");
    let mut first = rig.ask("POST", "/a/s/xhr", "", "");
    let refused = "c[2010,\"Another connection still open\"]";
    rig.post("/a/s/xhr", "")
        .assert_is(200, &format!("{refused}\n"));
    let streaming = rig.post("/a/s/xhr_streaming", "");
    streaming.assert_is(200, &format!("{}\n{refused}\n", "h".repeat(2048)));
    streaming.assert_headers(&[
        ("transfer-encoding", Some("chunked")),
        ("content-length", None),
    ]);
    rig.write("still there");
    rig.assert_reads(&mut first, "a[\"still there\"]\n");
}

#[test]
fn a_session_without_a_poll_is_over_after_a_while() {
    let mut rig = Rig::new();
    rig.post("/a/s/xhr", "");
    rig.pair.run_for(4_999);
    assert_eq!(rig.pair.server_end(rig.spark()), None);
    rig.pair.run_for(1);
    rig.assert_over(&End::Goodbye);
    rig.post("/a/s/xhr_send", "[]").assert_not_found();
    rig.post("/a/s/xhr", "").assert_is(200, "o\n");
    rig.pair.run_for(5_000);
}

#[test]
fn a_session_is_over_when_its_poll_is_lost() {
    let mut rig = Rig::new();
    rig.post("/a/s/xhr", "");
    let poll = rig.ask("POST", "/a/s/xhr", "", "");
    rig.pair.raw_cut(poll.raw);
    rig.pair.settle();
    rig.assert_over(&End::Goodbye);
    rig.post("/a/s/xhr", "").assert_is(200, "o\n");
}

#[test]
fn the_application_closes_while_a_poll_waits() {
    let mut rig = Rig::new();
    rig.post("/a/s/xhr", "");
    let mut poll = rig.ask("POST", "/a/s/xhr", "", "");
    rig.close();
    rig.assert_reads(&mut poll, "c[1000,\"Normal closure\"]\n");
    assert_eq!(rig.pair.server_end(rig.spark()), Some(&End::Goodbye));
    for _ in 0..2 {
        rig.pair.run_for(2_000);
        let again = rig.post("/a/s/xhr", "");
        again.assert_is(200, "c[1000,\"Normal closure\"]\n");
    }
    rig.post("/a/s/xhr_send", r#"["lost"]"#).assert_is(204, "");
    assert!(rig.messages(rig.spark()).is_empty());
    assert!(!rig.pair.is_over(rig.spark()));
    rig.pair.run_for(1_000);
    rig.assert_over(&End::Goodbye);
}

#[test]
fn what_waits_is_received_before_the_goodbye() {
    let mut rig = Rig::new();
    rig.post("/a/s/xhr", "");
    rig.write("last words");
    rig.close();
    rig.pair.run_for(4_000);
    rig.post("/a/s/xhr", "")
        .assert_is(200, "a[\"last words\"]\n");
    assert_eq!(rig.pair.server_end(rig.spark()), None);
    rig.pair.run_for(4_000);
    rig.post("/a/s/xhr", "")
        .assert_is(200, "c[1000,\"Normal closure\"]\n");
    rig.pair.run_for(5_000);
    rig.assert_over(&End::Goodbye);
}

#[test]
fn a_goodbye_that_nobody_fetches_is_given_up() {
    let mut rig = Rig::new();
    rig.post("/a/s/xhr", "");
    rig.close();
    rig.pair.run_for(5_000);
    rig.assert_over(&End::Goodbye);
}

#[test]
fn a_long_queue_comes_in_several_frames() {
    let mut rig = Rig::new();
    rig.post("/a/s/xhr", "");
    let message = "x".repeat(300_000);
    (0..5).for_each(|_| rig.write(&message));
    let counts = [4, 1];
    for count in counts {
        let frame = rig.post("/a/s/xhr", "").body;
        assert_eq!(frame.matches(&message).count(), count);
        assert!(frame.starts_with("a[\"x") && frame.ends_with("x\"]\n"));
    }
}

#[test]
fn what_is_sent_must_be_an_array() {
    let mut rig = Rig::new();
    rig.post("/a/s/xhr", "");
    for session in ["s", "unknown"] {
        let path = format!("/a/{session}/xhr_send");
        for body in ["", "null", "{}", "\"a\""] {
            rig.post(&path, body).assert_is(500, "Payload expected.");
        }
        rig.post(&path, "[\"x")
            .assert_is(500, "Broken JSON encoding.");
        let image = rig.answer("POST", &path, "Content-Type: image/png\r\n", "[]");
        image.assert_is(500, "Payload expected.");
    }
    rig.post("/a/unknown/xhr_send", "[\"x\"]")
        .assert_not_found();
    rig.post("/a/s/xhr_send", r#"["a",1,{"b":[2]},null]"#)
        .assert_is(204, "");
    assert_eq!(
        rig.messages(rig.spark()),
        ["a", "1", r#"{"b":[2]}"#, "null"]
    );
}

#[test]
fn messages_are_taken_as_any_type_that_browsers_made_of_them() {
    let mut rig = Rig::new();
    rig.post("/a/s/xhr", "");
    let types = [
        "text/plain",
        "T",
        "application/json",
        "application/xml",
        "",
        "application/json; charset=utf-8",
        "text/xml; charset=utf-8",
        "text/xml",
    ];
    for content_type in types {
        let header = format!("Content-Type: {content_type}\r\n");
        let answer = rig.answer("POST", "/a/s/xhr_send", &header, "[\"a\"]");
        answer.assert_is(204, "");
    }
    assert_eq!(rig.messages(rig.spark()).len(), types.len());
}

#[test]
fn a_message_may_be_as_large_as_the_limit_and_no_larger() {
    let mut rig = Rig::new();
    rig.post("/a/s/xhr", "");
    let message = |bytes: usize| format!("\"{}\"", "\\n".repeat(bytes));
    let several = format!("[{},{}]", message(1000), message(1000));
    rig.post("/a/s/xhr_send", &several).assert_is(204, "");
    let too_large = format!("[\"small\",{}]", message(1001));
    let refused = rig.post("/a/s/xhr_send", &too_large);
    refused.assert_is(413, "Message too large.");
    assert_eq!(rig.messages(rig.spark()).len(), 2);
}

#[test]
fn jsonp_calls_a_function() {
    let mut rig = Rig::new();
    let opened = rig.get("/000/s/jsonp?c=%63allback");
    opened.assert_is(200, "/**/callback(\"o\");\r\n");
    opened.assert_headers(&[
        ("content-type", Some(SCRIPT)),
        ("cache-control", Some(NO_CACHE)),
        ("x-content-type-options", Some("nosniff")),
        ("access-control-allow-origin", None),
    ]);
    let sent = rig.answer("POST", "/000/s/jsonp_send", FORM, "d=%5B%22x%22%5D");
    sent.assert_is(200, "ok");
    sent.assert_headers(&[
        ("content-type", Some(TEXT)),
        ("cache-control", Some(NO_CACHE)),
    ]);
    rig.write("x\"</script>");
    let mut poll = rig.ask("GET", "/000/s/jsonp?a=b&callback=_sockjs.a-1", "", "");
    rig.assert_reads(
        &mut poll,
        "/**/_sockjs.a-1(\"a[\\\"x\\\\\\\"<\\/script>\\\"]\");\r\n",
    );
    let mut poll = rig.ask("GET", "/000/s/jsonp?c=f", "", "");
    rig.close();
    rig.assert_reads(&mut poll, "/**/f(\"c[1000,\\\"Normal closure\\\"]\");\r\n");
    let again = rig.get("/000/s/jsonp?c=g");
    again.assert_is(200, "/**/g(\"c[1000,\\\"Normal closure\\\"]\");\r\n");
}

#[test]
fn a_callback_must_be_a_name() {
    let mut rig = Rig::new();
    let long = "x".repeat(33);
    for transport in ["jsonp", "htmlfile"] {
        let mut get = |query: &str| {
            let mut asked = rig.ask("GET", &format!("/a/{transport}/{transport}{query}"), "", "");
            rig.read(&mut asked);
            (asked.answer().status, asked.answer().body.clone())
        };
        for query in ["", "?", "?d=x"] {
            assert_eq!(
                get(query),
                (500, "\"callback\" parameter required".to_owned())
            );
        }
        for query in [
            "?c=%20",
            "?c=a(b",
            "?c=a&c=b",
            "?callback=<",
            "?c=%3c&callback=x",
        ] {
            assert_eq!(
                get(query),
                (500, "invalid \"callback\" parameter".to_owned())
            );
        }
        assert_eq!(get(&format!("?c={long}")).0 == 500, transport == "jsonp");
    }
}

#[test]
fn jsonp_sends_forms_or_text() {
    let mut rig = Rig::new();
    rig.get("/a/s/jsonp?c=x");
    let path = "/a/s/jsonp_send";
    for body in ["", "d=", "p=p", "d=%22%22"] {
        rig.answer("POST", path, FORM, body)
            .assert_is(500, "Payload expected.");
    }
    for body in ["d=%5B%22x", "d=x"] {
        let answer = rig.answer("POST", path, FORM, body);
        answer.assert_is(500, "Broken JSON encoding.");
    }
    let text = "Content-Type: text/plain\r\n";
    rig.answer("POST", path, text, "")
        .assert_is(500, "Payload expected.");
    rig.answer("POST", path, text, "d=x")
        .assert_is(500, "Broken JSON encoding.");
    let other = "Content-Type: application/json\r\n";
    rig.answer("POST", path, other, "[]")
        .assert_is(500, "Payload expected.");
    rig.answer("POST", path, FORM, "a=1&d=%5B%22a+b%22%5D")
        .assert_is(200, "ok");
    rig.answer("POST", path, FORM, "d=%5B1%5D&a=1&d=%22\\%22")
        .assert_is(200, "ok");
    rig.answer("POST", path, text, "[\"%61bc\"]")
        .assert_is(200, "ok");
    rig.post(path, r#""[\"in a string\"]""#)
        .assert_is(200, "ok");
    assert_eq!(
        rig.messages(rig.spark()),
        ["a b", "[1]", r#""\""#, "%61bc", "in a string"]
    );
    rig.post("/a/unknown/jsonp_send", "[]").assert_not_found();
}

#[test]
fn a_body_that_is_not_text_is_refused() {
    let mut rig = Rig::new();
    rig.post("/a/s/xhr", "");
    for path in ["xhr_send", "jsonp_send"] {
        let raw = rig.pair.raw();
        let head = format!("POST /primus/a/s/{path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n");
        rig.pair
            .raw_send(raw, [head.as_bytes(), b"\r\n[\"\xff\"]"].concat());
        rig.pair.settle();
        let answer = rig.pair.raw_received(raw);
        assert!(answer.ends_with(b"Broken JSON encoding."));
    }
}
