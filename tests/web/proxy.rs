//! What goes to an upstream and what comes back, and what becomes of what can't.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use allspark::Routes;
use allspark_web::{Health, Proxy, ProxyOptions, Threads, Upstream as Address};
use socket2::{Domain, Socket, Type};

use crate::client::Site;
use crate::upstream::{Peer, Upstream};

fn options(upstreams: &[&Upstream]) -> ProxyOptions {
    let addresses = upstreams
        .iter()
        .map(|upstream| upstream.name.parse().unwrap());
    ProxyOptions::to(addresses.collect::<Vec<Address>>())
}

/// A server whose paths all go to these upstreams.
fn site_with(options: ProxyOptions) -> (Site, Proxy) {
    let threads = Threads::new(1).unwrap();
    let proxy = Proxy::new(options, &threads).unwrap();
    let mut routes = Routes::new();
    routes.otherwise(usize::MAX, proxy.handler());
    (Site::new(routes), proxy)
}

fn site(upstream: &Upstream) -> Site {
    site_with(options(&[upstream])).0
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Tells every head, and answers with `ok`.
fn telling() -> Upstream {
    Upstream::tcp(|peer, say| {
        loop {
            let head = peer.head();
            if head.is_empty() {
                return;
            }
            say(head);
            peer.say(OK);
        }
    })
}

fn answering(answer: &'static [u8]) -> Upstream {
    Upstream::tcp(move |peer, _| {
        peer.head();
        peer.say(answer);
    })
}

/// The body of an answer, whatever its framing.
fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn lines(head: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = head
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_request_goes_on_with_its_own_headers_and_who_asks() {
    let upstream = telling();
    let site = site(&upstream);
    let answer = site.ask(
        "GET /a/b?c=%20d HTTP/1.1\r\nHost: site.example\r\nX-Own: 1\r\nCookie: c\r\n\
         X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX_Real_IP: 6.6.6.6\r\n\
         Forwarded: for=6.6.6.6\r\nTE: trailers\r\nConnection: close, cookie\r\n\r\n",
    );
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && body(&answer) == "ok",
        "{answer}"
    );
    assert!(answer.contains("Content-Length: 2\r\n"), "{answer}");
    let head = upstream.heard();
    assert!(head.starts_with("GET /a/b?c=%20d HTTP/1.1\r\n"), "{head}");
    assert_eq!(
        lines(&head),
        [
            "host: site.example",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: site.example",
            "x-forwarded-proto: http",
            "x-own: 1",
            "x-real-ip: 127.0.0.1",
        ]
    );
}

#[test]
fn an_upstream_behind_a_unix_socket_gets_a_header_of_its_own() {
    let upstream = Upstream::unix("allspark-web-test", |peer, say| {
        say(peer.head());
        peer.say(OK);
    });
    let (site, _) = site_with(options(&[&upstream]).header("X-Secret", "s3cret"));
    assert_eq!(body(&site.get("/", "X-Secret: forged\r\n")), "ok");
    let head = upstream.heard();
    assert!(
        head.contains("x-secret: s3cret\r\n") && !head.contains("forged"),
        "{head}"
    );
}

#[test]
fn connections_are_kept_and_one_that_was_closed_meanwhile_is_no_failure() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let upstream = Upstream::tcp(move |peer, say| {
        counted.fetch_add(1, Ordering::SeqCst);
        for _ in 0..3 {
            let head = peer.head();
            if head.is_empty() {
                return;
            }
            peer.say(OK);
        }
        peer.end();
        say("closed".to_owned());
    });
    let site = site(&upstream);
    let mut client = site.connect();
    for round in 0..9 {
        client.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(client.until("ok").starts_with("HTTP/1.1 200 "), "{round}");
        if round % 3 == 2 {
            upstream.heard();
        }
    }
    assert!(
        connections.load(Ordering::SeqCst) < 9,
        "some were used again"
    );
}

#[test]
fn bodies_go_both_ways_as_they_come() {
    let upstream = Upstream::tcp(|peer, say| {
        say(peer.head());
        peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        // Each part is answered before the next one is sent.
        for _ in 0..3 {
            let line = peer.bytes(3);
            let part = peer.bytes(7);
            peer.say(line);
            peer.say(part);
        }
        assert_eq!(peer.bytes(5), b"0\r\n\r\n");
        peer.say("0\r\nTrailer: x\r\n\r\n");
    });
    let site = site(&upstream);
    let mut client = site.connect();
    client.say("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for part in ["one--", "two--", "three"] {
        client.say(format!("5\r\n{part}\r\n"));
        client.until(&format!("5\r\n{part}\r\n"));
    }
    client.say("0\r\n\r\n");
    assert_eq!(client.until("0\r\n\r\n"), "0\r\n\r\n");
    assert!(upstream.heard().contains("transfer-encoding: chunked\r\n"));
}

/// Megabytes, of which neither side ever holds more than a part.
#[test]
fn a_long_body_keeps_its_length() {
    const BYTES: usize = 20_000_000;
    let upstream = Upstream::tcp(|peer, say| {
        let head = peer.head();
        let body = peer.bytes(BYTES);
        let sum: u64 = body.iter().map(|byte| u64::from(*byte)).sum();
        say(format!("{head}{sum}"));
        peer.say(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n"
        ));
        peer.say(&body);
    });
    let site = site(&upstream);
    let mut client = site.connect();
    let part: Vec<u8> = (0..1_000_000).map(|n| (n % 251) as u8).collect();
    client.say(format!(
        "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: {BYTES}\r\n\r\n"
    ));
    (0..20).for_each(|_| client.say(&part));
    let sum: u64 = part.iter().map(|byte| u64::from(*byte)).sum::<u64>() * 20;
    let heard = upstream.heard();
    assert!(heard.ends_with(&sum.to_string()) && heard.contains("content-length: 20000000\r\n"));
    let head = client.until("\r\n\r\n");
    assert!(head.contains("Content-Length: 20000000\r\n"), "{head}");
    assert!(
        client
            .bytes(BYTES)
            .chunks(part.len())
            .all(|chunk| chunk == part)
    );
}

#[test]
fn a_websocket_goes_through() {
    let upstream = Upstream::tcp(|peer, say| {
        say(peer.head());
        peer.say(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: x\r\n\r\nearly",
        );
        assert_eq!(peer.bytes(5), b"hello");
        peer.say("world");
        say(String::from_utf8(peer.rest()).unwrap());
        peer.say(", bye");
    });
    let site = site(&upstream);
    let mut client = site.connect();
    client.say(
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\nhello",
    );
    let head = upstream.heard();
    assert!(head.contains("connection: Upgrade\r\n") && head.contains("upgrade: websocket\r\n"));
    assert!(head.contains("sec-websocket-key: k\r\n"), "{head}");
    let head = client.until("\r\n\r\n");
    assert!(
        head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{head}"
    );
    assert!(head.contains("sec-websocket-accept: x\r\n"), "{head}");
    client.until("earlyworld");
    client.say("more");
    // Each direction ends by itself.
    client.end();
    assert_eq!(upstream.heard(), "more");
    assert_eq!(client.all(), ", bye");
}

#[test]
fn no_other_upgrade_goes_through() {
    for upgrade in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "Connection: Upgrade\r\nUpgrade: TLS/1.3\r\n",
        "Connection: close\r\nUpgrade: websocket\r\n",
    ] {
        let upstream = telling();
        let answer = site(&upstream).get("/", upgrade);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let head = upstream.heard();
        assert!(
            !head.contains("upgrade") && !head.contains("settings"),
            "{head}"
        );
    }
    // Neither does one that nobody has asked for, or another one.
    let switching =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
    let upstream = answering(switching);
    let site = site(&upstream);
    assert!(site.get("/", "").starts_with("HTTP/1.1 502 "));
    let ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert!(site.ask(ask).starts_with("HTTP/1.1 502 "));
}

/// An upstream that refuses an upgrade is no tunnel: what follows is not taken for its protocol.
#[test]
fn a_refused_upgrade_ends_the_connection() {
    let upstream = telling();
    let site = site(&upstream);
    let answer = site.ask(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 777\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.contains("Connection: close\r\n"), "{answer}");
    upstream.heard();
    assert!(upstream.said.try_recv().is_err(), "nothing else went on");
}

#[test]
fn what_two_readers_could_disagree_about_never_arrives() {
    let upstream = telling();
    let site = site(&upstream);
    for framing in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: +3\r\n",
        "X: a\r\n folded: b\r\n",
        "X: a\nTransfer-Encoding: chunked\r\n",
    ] {
        let answer = site.ask(format!(
            "POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\n\r\n"
        ));
        let status: u16 = answer[9..12].parse().unwrap();
        assert!((400..=501).contains(&status), "{framing} {answer}");
    }
    assert!(upstream.said.try_recv().is_err(), "nothing went on");
    // A header that `Connection` names is not taken away from what frames the message, or says who
    // asks.
    let answer = site.ask(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\
         Connection: close, content-length, host, x-forwarded-for\r\n\r\nabc",
    );
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let head = upstream.heard();
    for line in ["content-length: 3", "host: a", "x-forwarded-for: 127.0.0.1"] {
        assert!(head.contains(line), "{line}: {head}");
    }
    assert_eq!(head.matches("content-length").count(), 1, "{head}");
}

#[test]
fn targets_arrive_as_they_were_sent_but_for_what_names_a_host() {
    let upstream = telling();
    let site = site(&upstream);
    for (target, expected, host) in [
        ("http://other.example/a?b", "/a?b", "other.example"),
        ("http://other.example", "/", "other.example"),
        ("http://other.example?x", "/?x", "other.example"),
        (
            "/a//b/../c/%2e%2e%2f?d=/../",
            "/a//b/../c/%2e%2e%2f?d=/../",
            "a",
        ),
        ("/%00%0d%0aX:y", "/%00%0d%0aX:y", "a"),
        ("/{}|\\^`\"<>", "", ""),
    ] {
        let ask = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = site.ask(ask);
        if answer.starts_with("HTTP/1.1 400 ") && expected.is_empty() {
            continue;
        }
        assert!(answer.starts_with("HTTP/1.1 200 "), "{target} {answer}");
        let head = upstream.heard();
        if !expected.is_empty() {
            assert!(
                head.starts_with(&format!("GET {expected} HTTP/1.1\r\n")),
                "{head}"
            );
            assert!(head.contains(&format!("host: {host}\r\n")), "{head}");
        }
    }
    let options = "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert!(site.ask(options).starts_with("HTTP/1.1 200 "));
    assert!(upstream.heard().starts_with("OPTIONS * HTTP/1.1\r\n"));
}

#[test]
fn what_has_no_body_has_none() {
    for (method, answer, expected) in [
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            "Content-Length: 9\r\n",
        ),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "",
        ),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: \"x\"\r\n\r\n",
            "\"x\"\r\n",
        ),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", ""),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "Content-Length: 0\r\n",
        ),
    ] {
        let upstream = Upstream::tcp(move |peer, _| {
            while !peer.head().is_empty() {
                peer.say(answer);
            }
        });
        let site = site(&upstream);
        let mut client = site.connect();
        for _ in 0..2 {
            client.say(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"));
            let head = client.until("\r\n\r\n");
            assert!(
                head.starts_with(&answer[..12]) && head.contains(expected),
                "{head}"
            );
            assert!(head.contains("Connection: keep-alive"), "{head}");
            assert!(!head.contains("chunked"), "{head}");
        }
    }
}

#[test]
fn an_answer_until_the_end_of_the_connection_is_chunked() {
    let upstream = answering(b"HTTP/1.0 200 OK\r\nX: y\r\n\r\nuntil the end");
    let answer = site(&upstream).get("/", "");
    assert!(
        answer.contains("Transfer-Encoding: chunked\r\n"),
        "{answer}"
    );
    assert!(
        answer.ends_with("d\r\nuntil the end\r\n0\r\n\r\n"),
        "{answer}"
    );
}

#[test]
fn an_upstream_that_dies_is_told_from_one_that_is_done() {
    // Before it answers, in its head, and in each kind of body.
    for answer in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"nonsense\r\n\r\n",
    ] {
        let answer = site(&answering(answer)).get("/", "");
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    }
    let upstream = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!");
    let answer = site(&upstream).get("/", "");
    assert!(
        answer.contains("Content-Length: 10\r\n") && body(&answer) == "five!",
        "{answer}"
    );
    for end in ["", "zz\r\n", "5\r\nfi"] {
        let start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfive!\r\n";
        let upstream = answering([start, end.as_bytes()].concat().leak());
        let answer = site(&upstream).get("/", "");
        assert!(
            answer.contains("five!") && !answer.contains("0\r\n\r\n"),
            "{answer}"
        );
    }
}

#[test]
fn an_answer_that_frames_itself_twice_is_framed_once() {
    let upstream = answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n\
          2\r\nok\r\n0\r\n\r\n",
    );
    let answer = site(&upstream).get("/", "");
    let is_refused = answer.starts_with("HTTP/1.1 502 ");
    let is_chunked = answer.contains("Transfer-Encoding: chunked") && !answer.contains("Length: 3");
    assert!(is_refused || is_chunked, "{answer}");
    let upstream =
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!");
    assert!(site(&upstream).get("/", "").starts_with("HTTP/1.1 502 "));
    // What follows an answer is nobody's.
    let upstream = answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\
          HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    );
    let site = site(&upstream);
    for _ in 0..3 {
        assert_eq!(body(&site.get("/", "")), "ok");
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_is_known_to_its_upstream() {
    let upstream = Upstream::tcp(|peer: &mut Peer, say| {
        let head = peer.head();
        if head.starts_with("GET /later") {
            say("asked".to_owned());
            peer.rest();
            say("not needed".to_owned());
        } else if head.starts_with("GET /silent") {
            peer.say("HTTP/1.1 200 OK\r\n\r\nevent");
            peer.rest();
            say("left".to_owned());
        } else if head.starts_with("POST") {
            assert_eq!(peer.bytes(8), b"3\r\nabc\r\n");
            say("begun".to_owned());
            say(format!("{:?}", peer.chunks()));
        } else {
            peer.say("HTTP/1.1 200 OK\r\n\r\n");
            while peer.say_all(&[b'x'; 100_000]) {}
            say("gone".to_owned());
        }
    });
    let (site, proxy) = site_with(options(&[&upstream]));
    // Before it has answered.
    let mut client = site.connect();
    client.say("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(upstream.heard(), "asked");
    drop(client);
    assert_eq!(upstream.heard(), "not needed");
    while proxy.counts().under_way > 0 {
        std::thread::yield_now();
    }
    assert_eq!((proxy.counts().left, proxy.counts().failed), (1, 0));
    let mut client = site.connect();
    client.say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert_eq!(upstream.heard(), "begun");
    drop(client);
    assert_eq!(upstream.heard(), "Err([])");
    let mut client = site.connect();
    client.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.until("xxx");
    drop(client);
    assert_eq!(upstream.heard(), "gone");
    // Although nothing is to be sent.
    let mut client = site.connect();
    client.say("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n");
    client.until("event");
    drop(client);
    assert_eq!(upstream.heard(), "left");
}

#[test]
fn who_can_not_be_reached_is_passed_over() {
    // Nobody listens there, and nobody else can.
    let reserved = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    reserved.bind(&any.into()).unwrap();
    let dead = reserved
        .local_addr()
        .unwrap()
        .as_socket()
        .unwrap()
        .to_string();
    let alive = telling();
    let mut options = options(&[&alive]);
    options.upstreams.push(dead.parse().unwrap());
    options.failed_for = Duration::from_secs(1000);
    let (site, proxy) = site_with(options);
    for _ in 0..4 {
        assert_eq!(body(&site.get("/", "")), "ok");
        // Whatever it is, as nobody has seen it.
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        assert_eq!(body(&site.ask(post)), "ok");
    }
    let states = proxy.upstreams();
    assert_eq!(
        states,
        [
            (alive.name.clone(), true),
            (format!("http://{dead}"), false)
        ]
    );
    let (site, proxy) = site_with(ProxyOptions::to([dead.parse().unwrap()]));
    assert!(site.get("/", "").starts_with("HTTP/1.1 502 "));
    assert_eq!(proxy.counts().failed, 1);
    while proxy.counts().under_way > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn only_what_is_safe_is_sent_again() {
    let dying = || Upstream::tcp(|peer, say| say(peer.head()));
    let (one, two, three) = (dying(), dying(), dying());
    let (site, proxy) = site_with(options(&[&one, &two, &three]));
    let heard = || {
        let all = [&one, &two, &three].into_iter();
        all.map(|upstream| upstream.said.try_iter().count())
            .sum::<usize>()
    };
    assert!(site.get("/", "").starts_with("HTTP/1.1 502 "));
    assert_eq!(heard(), 2, "once, and once again");
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
    assert!(site.ask(post).starts_with("HTTP/1.1 502 "));
    assert_eq!(heard(), 1);
    assert_eq!(proxy.counts().retried, 1);
}

#[test]
fn an_upstream_that_takes_too_long_is_given_up() {
    let upstream = Upstream::tcp(|peer, say| {
        let head = peer.head();
        if head.starts_with("GET /begun") {
            peer.say("HTTP/1.1 200 OK\r\n\r\nbegun");
        }
        peer.rest();
        say("given up".to_owned());
    });
    let (mut hasty, mut idle) = (options(&[&upstream]), options(&[&upstream]));
    hasty.answer_timeout = Duration::from_millis(100);
    idle.idle_timeout = Duration::from_millis(100);
    let (site, proxy) = site_with(hasty);
    assert!(site.get("/", "").starts_with("HTTP/1.1 504 "));
    assert_eq!(upstream.heard(), "given up");
    assert_eq!((proxy.counts().timed_out, proxy.counts().broken), (1, 0));
    let (site, proxy) = site_with(idle);
    let answer = site.get("/begun", "");
    assert!(
        answer.contains("begun") && !answer.contains("0\r\n\r\n"),
        "{answer}"
    );
    assert_eq!(upstream.heard(), "given up");
    assert_eq!((proxy.counts().timed_out, proxy.counts().broken), (0, 1));
}

#[test]
fn what_is_under_way_is_bounded() {
    let upstream = Upstream::tcp(|peer, say| {
        say(peer.head());
        peer.rest();
    });
    let mut options = options(&[&upstream]);
    options.requests_max = 2;
    let (site, proxy) = site_with(options);
    let mut clients: Vec<_> = (0..2).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        upstream.heard();
    }
    let answer = site.get("/", "");
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("Retry-After: 1"),
        "{answer}"
    );
    assert_eq!((proxy.counts().refused, proxy.counts().under_way), (1, 2));
}

#[test]
fn primus_is_never_reached_through_it() {
    let upstream = telling();
    let mut options = options(&[&upstream]);
    options.never = Some("/primus".to_owned());
    let (site, _) = site_with(options);
    for path in [
        "/%70rimus/spec",
        "//primus",
        "/x/../primus",
        "/x/%2e%2e/primus",
        "/PRIMUS",
    ] {
        assert!(site.get(path, "").starts_with("HTTP/1.1 404 "), "{path}");
    }
    assert!(
        site.get("/primus/spec", "").contains("transformer"),
        "that is the server's own"
    );
    assert!(upstream.said.try_recv().is_err(), "nothing went on");
    assert_eq!(body(&site.get("/other", "")), "ok");
}

#[test]
fn health_checks_find_who_is_ill_and_who_is_well_again() {
    let is_ill = Arc::new(AtomicUsize::new(0));
    let state = Arc::clone(&is_ill);
    let upstream = Upstream::tcp(move |peer, say| {
        let head = peer.head();
        assert!(head.starts_with("GET /healthz HTTP/1.1\r\n"), "{head}");
        let status = 200 + 300 * state.load(Ordering::SeqCst);
        peer.say(format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n"));
        say(status.to_string());
    });
    let mut options = options(&[&upstream]);
    options.health = Some(Health {
        path: "/healthz".to_owned(),
        interval: Duration::from_millis(50),
        answers: 2,
    });
    let (_site, proxy) = site_with(options);
    for ill in [1, 0, 1] {
        is_ill.store(ill, Ordering::SeqCst);
        while proxy.upstreams()[0].1 == (ill == 1) {
            upstream.heard();
        }
    }
}
