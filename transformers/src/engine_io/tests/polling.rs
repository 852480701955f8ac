//! Sessions that poll.

use super::*;

const EIO4: &str = "EIO=4";

#[test]
fn a_session_begins_with_its_terms() {
    let mut world = World::new(&[("pingInterval", "300"), ("pingTimeout", "200")]);
    let reply = world.get("EIO=4&transport=polling&t=abc&_primuscb=x");
    let spark = world.0.sparks()[0];
    let open = open_packet(spark, r#"["websocket"]"#, 300, 200);
    assert_eq!((reply.status, &reply.body), (200, &open));
    assert_eq!(
        reply.headers,
        [
            "Content-Type: text/plain; charset=UTF-8".to_owned(),
            // These two are Primus's.
            "Cache-Control: no-store, no-cache, must-revalidate, max-age=0".to_owned(),
            "Pragma: no-cache".to_owned(),
            format!("Content-Length: {}", open.len()),
            "Date: Tue, 14 Nov 2023 22:13:20 GMT".to_owned(),
            "Connection: keep-alive".to_owned(),
        ]
    );
}

#[test]
fn upgrades_are_offered_unless_they_are_not_allowed() {
    let mut world = World::new(&[("allowUpgrades", "false")]);
    let open = world.get("EIO=4&transport=polling").body;
    assert!(open.contains(r#""upgrades":[]"#), "{open}");
}

#[test]
fn a_cookie_tells_the_id_once() {
    let mut world = World::new(&[("cookie", "route")]);
    let cookies = |reply: &Reply| -> Vec<String> {
        let lines = reply.headers.iter();
        let lines = lines.filter_map(|line| line.strip_prefix("Set-Cookie: "));
        lines.map(str::to_owned).collect()
    };
    let first = world.get("EIO=4&transport=polling");
    let spark = world.0.sparks()[0];
    let cookie = format!("route={spark}; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(cookies(&first), [cookie]);
    let query = format!("EIO=4&transport=polling&sid={spark}");
    let post = world.post(&query, "4x");
    assert_eq!(cookies(&post), [""; 0]);
}

#[test]
fn messages_come_in_bodies() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    let reply = world.post(&query, "4\"é\"\x1e4\x1ebAQL/\x1e6\x1e4\u{2028}");
    assert_eq!((reply.status, &*reply.body), (200, "ok"));
    assert!(
        reply
            .headers
            .contains(&"Content-Type: text/html".to_owned())
    );
    assert_eq!(
        world.messages(spark),
        ["\"é\"", "", "x01x02xff", "\u{2028}"]
    );
}

#[test]
fn messages_go_with_the_next_poll() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    world.0.server_write(spark, Kind::Text, b"one");
    world.0.server_write(spark, Kind::Binary, &[1, 2]);
    world.0.server_write(spark, Kind::Text, b"");
    let poll = world.poll(&query);
    assert_eq!(world.polled(poll), "4one\x1ebAQI=\x1e4");

    let poll = world.poll(&query);
    assert_eq!(world.reply(poll), None, "there is nothing to say");
    world.0.server_write(spark, Kind::Text, b"two");
    world.0.settle();
    assert_eq!(world.polled(poll), "4two");
}

#[test]
fn polls_may_share_a_connection() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    let poll = world.poll(&query);
    world.0.server_write(spark, Kind::Text, b"1");
    world.0.settle();
    assert_eq!(world.polled(poll), "41");
    let again = format!("GET /primus/?{query} HTTP/1.1\r\nHost: x\r\n\r\n");
    world.0.raw_send(poll, again);
    world.0.settle();
    assert_eq!(world.reply(poll), None);
    world.0.server_write(spark, Kind::Text, b"2");
    world.0.settle();
    assert_eq!(world.polled(poll), "42");
}

#[test]
fn a_second_poll_ends_the_session() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    let first = world.poll(&query);
    let second = world.poll(&query);
    assert_eq!(world.polled(first), "1");
    let reply = world.reply(second).unwrap();
    assert_eq!((reply.status, &*reply.body), (400, ""));
    world.assert_ended(spark, &violation("overlap from client"));
    assert!(world.get(&query).body.contains("Session ID unknown"));
}

/// A request with a body, cut into its head with a part of the body, and the rest.
fn post_in_parts(query: &str, body: &str) -> (String, String) {
    let length = body.len();
    let head = format!("POST /primus/?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}");
    let (part, rest) = body.split_at(length / 2);
    (format!("{head}\r\n\r\n{part}"), rest.to_owned())
}

#[test]
fn a_second_body_while_one_is_coming_ends_the_session() {
    for is_whole in [true, false] {
        let mut world = World::new(&[]);
        let (spark, query) = world.open(EIO4);
        let poll = world.poll(&query);
        let (first, second) = (world.0.raw(), world.0.raw());
        world.0.raw_send(first, post_in_parts(&query, "4one").0);
        world.0.settle();
        let (mut other, end) = post_in_parts(&query, "4two");
        if is_whole {
            other += &end;
        }
        world.0.raw_send(second, other);
        world.0.settle();
        let refused = world.reply(second).unwrap();
        assert_eq!((refused.status, &*refused.body), (400, ""));
        assert_eq!(world.0.raw_is_closed(second), !is_whole);
        assert_eq!(world.polled(poll), "1");
        world.assert_ended(spark, &violation("data request overlap from client"));
        // As in the package, what is left of the first one is not waited for.
        assert!(world.0.raw_is_closed(first));
        assert_eq!(world.messages(spark), [""; 0]);
    }
}

#[test]
fn bodies_that_come_in_parts_one_after_the_other_are_taken() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    for (body, is_last) in [("4one", false), ("4two", true)] {
        let raw = world.0.raw();
        let (begin, rest) = post_in_parts(&query, body);
        world.0.raw_send(raw, begin);
        world.0.settle();
        world.0.raw_send(raw, rest);
        world.0.settle();
        assert_eq!(world.polled(raw), "ok");
        // Afterwards its connection is no concern of the session.
        if is_last {
            world.0.raw_cut(raw);
            world.0.settle();
        }
    }
    assert_eq!(world.messages(spark), ["one", "two"]);
    world.assert_open(spark);
}

#[test]
fn a_body_that_is_cut_off_ends_the_session() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    let poll = world.poll(&query);
    let raw = world.0.raw();
    world.0.raw_send(raw, post_in_parts(&query, "4never").0);
    world.0.settle();
    world.assert_open(spark);
    world.0.raw_cut(raw);
    world.0.settle();
    assert_eq!(world.polled(poll), "1");
    let sentence = "data request connection closed prematurely";
    world.assert_ended(spark, &violation(sentence));
    assert_eq!(world.messages(spark), [""; 0]);
}

#[test]
fn a_client_that_goes_away_from_its_poll_ends_the_session() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    let poll = world.poll(&query);
    world.0.raw_cut(poll);
    world.0.settle();
    world.assert_ended(spark, &End::Goodbye);
}

#[test]
fn a_client_ends_its_session() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    let poll = world.poll(&query);
    let reply = world.post(&query, "4last\x1e1\x1e4never");
    assert_eq!((reply.status, &*reply.body), (200, "ok"));
    assert_eq!(world.polled(poll), "6");
    assert_eq!(world.messages(spark), ["last"]);
    world.assert_ended(spark, &End::Goodbye);
    assert!(world.get(&query).body.contains("Session ID unknown"));
}

#[test]
fn what_is_no_packet_ends_the_session() {
    let cases: [(&[u8], &'static str); 6] = [
        (b"abc", "parse error"),
        (b"", "parse error"),
        (b"4\xff", "parse error"),
        (b"7", "parse error"),
        (b"2", "invalid heartbeat direction"),
        (b"2probe", "invalid heartbeat direction"),
    ];
    for (body, sentence) in cases {
        let mut world = World::new(&[]);
        let (spark, query) = world.open(EIO4);
        let poll = world.poll(&query);
        // The package answers so, though it has closed the session.
        assert_eq!(world.post(&query, body).body, "ok");
        assert_eq!(world.polled(poll), "1", "{body:?}");
        world.assert_ended(spark, &violation(sentence));
    }
}

#[test]
fn what_comes_before_an_error_counts() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    world.post(&query, "4good\x1ebad\x1e4more\x1ex");
    assert_eq!(world.messages(spark), ["good", "x69", "more"]);
    world.assert_ended(spark, &violation("parse error"));
}

#[test]
fn a_body_of_bytes_belongs_to_protocol_3() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    let poll = world.poll(&query);
    let headers = "Content-Type: application/octet-stream\r\n";
    let raw = world.ask("POST", &query, headers, Some(b"4x"));
    let reply = world.reply(raw).unwrap();
    assert_eq!((reply.status, &*reply.body), (400, ""));
    assert_eq!(world.polled(poll), "1");
    world.assert_ended(spark, &violation("invalid content"));
}

#[test]
fn a_body_that_is_too_large_is_refused_and_the_session_goes_on() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    let fits = format!("4{}", "x".repeat(BUFFER_BYTES_MAX - 1));
    assert_eq!(world.post(&query, &fits).status, 200);
    assert_eq!(world.post(&query, format!("{fits}x")).status, 413);
    assert_eq!(world.messages(spark).len(), 1);
    world.assert_open(spark);
}

#[test]
fn other_methods_are_errors() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    for method in ["PUT", "HEAD", "OPTIONS"] {
        let raw = world.ask(method, &query, "", None);
        let reply = world.0.raw_received(raw);
        assert!(reply.starts_with(b"HTTP/1.1 500 "), "{method}");
    }
    world.assert_open(spark);
}

#[test]
fn an_app_that_ends_the_session_is_not_cut_short() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    world.0.server_write(spark, Kind::Text, b"last");
    world.0.server_close(spark);
    world.0.settle();
    assert!(!world.0.is_over(spark), "its client has not come yet");
    world.post(&query, "4late");
    let poll = world.poll(&query);
    assert_eq!(world.polled(poll), "4last\x1e1");
    assert!(world.0.is_over(spark));
    assert_eq!(world.messages(spark), [""; 0]);
}

#[test]
fn an_app_ends_the_session_while_a_poll_waits() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    let poll = world.poll(&query);
    world.0.server_close(spark);
    world.0.settle();
    assert_eq!(world.polled(poll), "1");
    assert!(world.0.is_over(spark));
}

#[test]
fn a_client_may_end_a_session_that_says_goodbye() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    world.0.server_close(spark);
    assert_eq!(world.post(&query, "1").body, "ok");
    assert!(world.0.is_over(spark));
}

#[test]
fn a_client_that_does_not_come_for_the_goodbye_is_forgotten() {
    let mut world = World::new(&[]);
    let (spark, _) = world.open(EIO4);
    world.0.server_write(spark, Kind::Text, b"unheard");
    world.0.server_close(spark);
    world.0.run_for(29_999);
    assert!(!world.0.is_over(spark));
    world.0.run_for(1);
    assert!(world.0.is_over(spark));
    assert_eq!(world.0.server_end(spark), None, "the app has ended it");
}

#[test]
fn jsonp_wraps_answers_and_unwraps_forms() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open("EIO=4&j=3");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = b"d=4%22a%5Cnb%22%1E4%5C%5Cn";
    let raw = world.ask("POST", &query, form, Some(body));
    assert_eq!(world.polled(raw), "ok");
    assert_eq!(world.messages(spark), ["\"a\nb\"", "\\n"]);
    world
        .0
        .server_write(spark, Kind::Text, "\"\u{2028}\"".as_bytes());
    world.0.server_write(spark, Kind::Binary, b"\x01");
    // The function is that of the first request, whatever the others say.
    let poll = world.poll(&query.replace("j=3", "j=9"));
    assert_eq!(
        world.polled(poll),
        "___eio[3](\"4\\\"\\u2028\\\"\\u001ebAQ==\");"
    );
    let raw = world.ask("POST", &query, form, Some(b"x=4ignored"));
    assert_eq!(world.polled(raw), "ok");
    world.assert_open(spark);
}
