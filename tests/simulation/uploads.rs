//! Bodies of requests that a route takes as they come, and connections that a route upgrades.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allspark_engine::io::Wait;
use allspark_engine::limits::{PENDING_BYTES_HIGHEST, UPLOAD_COST_MAX};
use allspark_engine::{
    Body, BodyBroken, BodyReceiver, BodySender, Flow, Options, Reply, RouteRequest, Routes, Ticket,
};
use allspark_protocol::http::Response;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, LATENCY, Stage, WIDE};

/// Bytes of each stream of an upgraded connection that may wait.
const STREAM_BYTES: usize = 10_000;

/// The longest body that `/small` takes.
const SMALL_BYTES_MAX: usize = 100_000;

/// A body whose length is known is waited for up to here.
const WAITED_FOR_MAX: usize = 64 * 1024;

/// What the routes have handed out.
#[derive(Default)]
struct Seen {
    tickets: Mutex<Vec<Ticket>>,
    bodies: Mutex<Vec<BodyReceiver>>,
    streams: Mutex<Vec<(BodyReceiver, BodySender)>>,
}

impl Seen {
    fn ticket(&self) -> Ticket {
        self.tickets
            .lock()
            .unwrap()
            .pop()
            .expect("a route was asked")
    }

    fn body(&self) -> BodyReceiver {
        self.bodies
            .lock()
            .unwrap()
            .pop()
            .expect("a route was asked")
    }

    fn streams(&self) -> (BodyReceiver, BodySender) {
        self.streams
            .lock()
            .unwrap()
            .pop()
            .expect("a route was asked")
    }

    fn is_asked(&self) -> bool {
        !self.tickets.lock().unwrap().is_empty()
    }
}

fn switching() -> Response {
    Response::new(101)
        .header("Connection", "Upgrade")
        .header("Upgrade", "echo")
}

fn stage() -> (Stage<WebSockets>, Arc<Seen>) {
    let (seen, mut routes) = (Arc::<Seen>::default(), Routes::new());
    let mut add = |path: &str, bytes_max, make: fn(&Seen, &RouteRequest<'_>) -> Reply| {
        let seen = Arc::clone(&seen);
        let handler = move |request: &RouteRequest<'_>| make(&seen, request);
        routes.add_streamed("*", path, bytes_max, handler).unwrap();
    };
    let take = |seen: &Seen, request: &RouteRequest<'_>| {
        seen.bodies.lock().unwrap().push(request.stream());
        seen.tickets.lock().unwrap().push(request.later());
        Reply::Later
    };
    add("/take", usize::MAX, take);
    add("/small", SMALL_BYTES_MAX, take);
    add("/echo", usize::MAX, |_, request| {
        Reply::Stream(Response::new(200), Body::pulled(request.stream()))
    });
    add("/no", usize::MAX, |_, _| Response::text(403, "no\n").into());
    add("/leave", usize::MAX, |seen, request| {
        seen.tickets.lock().unwrap().push(request.later());
        Reply::Later
    });
    add("/upgrade", usize::MAX, |seen, request| {
        let streams = request.later().upgrade(switching(), STREAM_BYTES);
        seen.streams.lock().unwrap().push(streams);
        Reply::Later
    });
    add("/wrong", usize::MAX, |seen, request| {
        let streams = request.later().upgrade(Response::new(200), STREAM_BYTES);
        seen.streams.lock().unwrap().push(streams);
        Reply::Later
    });
    let options = Options {
        ping_interval: PingInterval::OFF,
        routes: Arc::new(routes),
        ..Options::default()
    };
    let transformer = WebSockets::uncompressed(1 << 20);
    (Stage::new(options, transformer, |_| {}), seen)
}

fn post(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
}

fn chunked(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn upgrade(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
    )
}

/// What has come, and what is said behind it.
fn taken(body: &mut BodyReceiver) -> (String, Poll<Option<BodyBroken>>) {
    let mut text = String::new();
    loop {
        match body.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(part))) => text.push_str(&String::from_utf8(part).unwrap()),
            Poll::Ready(Some(Err(broken))) => return (text, Poll::Ready(Some(broken))),
            Poll::Ready(None) => return (text, Poll::Ready(None)),
            Poll::Pending => return (text, Poll::Pending),
        }
    }
}

fn heard(client: &mut Client) -> String {
    client.read();
    String::from_utf8(client.heard.clone()).unwrap()
}

/// Lets so much time pass. The shard is never late.
fn seconds(stage: &mut Stage<WebSockets>, seconds: u64) {
    let end = stage.net.now() + Duration::from_secs(seconds);
    while stage.net.now() < end {
        let next = match stage.shard.turn(Wait::No).unwrap() {
            Flow::Continue(Wait::Forever) => end,
            Flow::Continue(Wait::Until(next)) => next.min(end),
            _ => stage.net.now() + LATENCY,
        };
        stage.net.advance_to(next);
    }
}

/// The request that comes behind a body, and what is said to it.
const NEXT: &str = "GET /primus/spec HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn a_body_is_taken_as_it_comes_and_the_connection_goes_on() {
    for is_chunked in [false, true] {
        let (mut stage, seen) = stage();
        let head = match is_chunked {
            true => chunked("/take"),
            false => post("/take", WAITED_FOR_MAX + 1),
        };
        let part = |text: &str| match is_chunked {
            true => chunk(text.as_bytes()),
            false => text.as_bytes().to_vec(),
        };
        let mut client = stage.connect(&[head.as_bytes(), &part("first")].concat());
        let (ticket, mut body) = (seen.ticket(), seen.body());
        assert_eq!(taken(&mut body), ("first".to_owned(), Poll::Pending));
        for text in ["second", "third"] {
            client.say(&part(text));
            stage.turns(2);
            assert_eq!(taken(&mut body), (text.to_owned(), Poll::Pending));
        }
        let rest = "x".repeat(WAITED_FOR_MAX + 1 - "firstsecondthird".len());
        client.set_window(WIDE);
        client.say(&part(&rest));
        if is_chunked {
            client.say(b"0\r\n\r\n");
        }
        client.say(NEXT.as_bytes());
        stage.turns(8);
        assert_eq!(taken(&mut body), (rest, Poll::Ready(None)));
        assert!(!client.has_heard("pingInterval"), "the answer comes first");
        ticket.respond(Response::text(200, "done"));
        stage.turns(4);
        let answers = heard(&mut client);
        assert!(
            answers.contains("done") && answers.contains("pingInterval"),
            "{answers}"
        );
        assert!(!answers.contains("100 Continue"));
        assert_eq!(stage.shard.connections(), 1);
    }
}

#[test]
fn a_short_body_is_waited_for() {
    let (mut stage, seen) = stage();
    let client = stage.connect((post("/take", 10) + "01234").as_bytes());
    assert!(!seen.is_asked());
    client.say(b"56789");
    stage.turns(2);
    assert_eq!(
        taken(&mut seen.body()),
        ("0123456789".to_owned(), Poll::Ready(None))
    );
    let mut client = stage.connect((post("/echo", 3) + "abc" + &post("/echo", 0)).as_bytes());
    stage.turns(4);
    let answers = heard(&mut client);
    assert_eq!(answers.matches(" 200 OK").count(), 2, "{answers}");
    assert!(answers.contains("3\r\nabc\r\n0\r\n"), "{answers}");
}

/// Both directions at once, at the pace of the one that is slower.
#[test]
fn an_echo_of_any_length_is_bounded_by_what_its_client_reads() {
    const BYTES: usize = 3_000_000;
    let (mut stage, _seen) = stage();
    let mut client = stage.connect(post("/echo", BYTES).as_bytes());
    let whole: Vec<u8> = (0..BYTES).map(|n| b'a' + (n % 23) as u8).collect();
    let (mut rest, mut most) = (&whole[..], 0);
    client.set_window(100_000);
    // It reads nothing until no more is taken of it.
    loop {
        let left = rest.len();
        let part = &rest[..left.min(20_000)];
        rest = &rest[part.len() - client.say_some(part).len()..];
        stage.turns(2);
        most = most.max(stage.primus.stats().bytes_held);
        if rest.len() == left {
            break;
        }
    }
    assert!(rest.len() > BYTES / 2, "{} bytes left", rest.len());
    let bound = (UPLOAD_COST_MAX + PENDING_BYTES_HIGHEST) as u64;
    assert!(most > 0 && most < bound, "{most} bytes held");
    let mut turns = 0;
    while !client.heard.ends_with(b"\r\n0\r\n\r\n") {
        client.read();
        let unsent = client.say_some(rest).len();
        rest = &rest[rest.len() - unsent..];
        stage.turn();
        turns += 1;
        assert!(turns < 10_000, "it goes on");
    }
    let heard = &client.heard;
    let start = heard.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let (mut body, mut left) = (Vec::new(), &heard[start..]);
    while let Some(end) = left.iter().position(|byte| *byte == b'\r') {
        let length = std::str::from_utf8(&left[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        body.extend_from_slice(&left[end + 2..end + 2 + length]);
        left = &left[end + 4 + length..];
    }
    assert!(body == whole);
    assert_eq!(stage.primus.stats().bytes_held, 0, "nothing is left");
}

#[test]
fn who_sends_more_than_is_taken_is_not_listened_to() {
    let (mut stage, seen) = stage();
    let client = stage.connect(chunked("/take").as_bytes());
    let mut body = seen.body();
    let part = chunk(&[b'x'; 10_000]);
    let rounds = |stage: &mut Stage<WebSockets>| {
        let mut accepted = 0;
        for _ in 0..200 {
            accepted += stage.net.send(client.endpoint, &part).unwrap_or(0);
            stage.turn();
        }
        accepted
    };
    client.set_window(part.len() * 4);
    let first = rounds(&mut stage);
    let held = stage.primus.stats().bytes_held as usize;
    assert!(
        (UPLOAD_COST_MAX..UPLOAD_COST_MAX + PENDING_BYTES_HIGHEST).contains(&held),
        "{held}"
    );
    assert!(first < 400_000, "{first} bytes were sent");
    assert_eq!(stage.primus.stats().connections_overrun, 0);
    // However long that takes: it is not the client that is slow.
    seconds(&mut stage, 600);
    assert_eq!(stage.shard.connections(), 1);
    let (text, state) = taken(&mut body);
    assert!(!text.is_empty() && state == Poll::Pending);
    stage.turns(4);
    let (more, _) = taken(&mut body);
    assert!(!more.is_empty(), "it is listened to again");
    drop(body);
    assert!(
        rounds(&mut stage) > 1_500_000,
        "nobody wants it, so nothing waits"
    );
    assert_eq!(stage.primus.stats().bytes_held, 0);
}

#[test]
fn who_sends_too_slowly_is_told_so() {
    let (mut stage, seen) = stage();
    let mut client = stage.connect((chunked("/take") + "1\r\nx\r\n").as_bytes());
    let (_ticket, mut body) = (seen.ticket(), seen.body());
    for _ in 0..120 {
        client.say(b"1\r\nx\r\n");
        seconds(&mut stage, 1);
        if client.has_heard("408") {
            break;
        }
    }
    assert!(client.has_heard("HTTP/1.1 408 "));
    assert_eq!(taken(&mut body).1, Poll::Ready(Some(BodyBroken)));
    assert_eq!(stage.primus.stats().requests_timed_out, 1);
    client.leave();
    stage.turns(4);
    assert_eq!(stage.shard.connections(), 0);
}

#[test]
fn a_body_that_is_too_long_is_refused_when_that_is_known() {
    let (mut stage, seen) = stage();
    let mut client = stage.connect(post("/small", SMALL_BYTES_MAX + 1).as_bytes());
    assert!(client.has_heard("HTTP/1.1 413 "), "by its head alone");
    assert!(!seen.is_asked());
    let mut client = stage.connect(chunked("/small").as_bytes());
    let (mut body, mut bytes) = (seen.body(), 0);
    for _ in 0..11 {
        client.say(&chunk(&[b'x'; 10_000]));
        stage.turns(4);
        bytes += taken(&mut body).0.len();
    }
    assert!(client.has_heard("HTTP/1.1 413 "));
    assert_eq!(bytes, SMALL_BYTES_MAX);
    assert_eq!(taken(&mut body).1, Poll::Ready(Some(BodyBroken)));
}

#[test]
fn chunks_that_can_not_be_read_break_the_body() {
    let (mut stage, seen) = stage();
    let mut client = stage.connect((chunked("/take") + "3\r\nabc\r\n").as_bytes());
    client.say(b"nonsense\r\n");
    stage.turns(4);
    assert!(client.has_heard("HTTP/1.1 400 "));
    let broken = Poll::Ready(Some(BodyBroken));
    assert_eq!(taken(&mut seen.body()), ("abc".to_owned(), broken));
    client.leave();
    // If the answer has begun, no other one can be given.
    let mut client = stage.connect((chunked("/echo") + "3\r\nabc\r\n").as_bytes());
    client.say(b"nonsense\r\n");
    stage.turns(4);
    let answer = heard(&mut client);
    assert!(
        answer.contains("abc") && !answer.contains("400"),
        "{answer}"
    );
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
    assert_eq!(stage.shard.connections(), 0);
}

#[test]
fn who_takes_a_body_learns_that_its_client_is_gone() {
    let (mut stage, seen) = stage();
    for leaves in [true, false] {
        let client = stage.connect((chunked("/take") + "3\r\nabc\r\n").as_bytes());
        let (ticket, mut body) = (seen.ticket(), seen.body());
        match leaves {
            true => client.leave(),
            false => client.end(),
        }
        stage.turns(4);
        let broken = Poll::Ready(Some(BodyBroken));
        assert_eq!(taken(&mut body), ("abc".to_owned(), broken));
        ticket.respond(Response::text(200, "late"));
        stage.turns(4);
        if !leaves {
            client.leave();
            stage.turns(2);
        }
        assert_eq!(stage.shard.connections(), 0);
    }
}

#[test]
fn an_answer_before_the_end_of_the_body_ends_the_connection() {
    let (mut stage, seen) = stage();
    let mut client = stage.connect(chunked("/no").as_bytes());
    assert!(client.has_heard("HTTP/1.1 403 ") && client.has_heard("Connection: close"));
    let mut client = stage.connect((chunked("/take") + "3\r\nabc\r\n").as_bytes());
    seen.ticket().respond(Response::text(200, "enough"));
    client.say((String::from("0\r\n\r\n") + NEXT).as_bytes());
    stage.turns(6);
    let answer = heard(&mut client);
    assert!(
        answer.contains("enough") && answer.contains("Connection: close"),
        "{answer}"
    );
    assert!(!answer.contains("pingInterval"), "{answer}");
    // Whoever does not take the body gets none of it, and what follows it is no request of its own.
    let mut client = stage.connect((chunked("/leave") + "3\r\nabc\r\n").as_bytes());
    client.say((String::from("0\r\n\r\n") + NEXT).as_bytes());
    stage.turns(4);
    seen.ticket().respond(Response::text(200, "whole"));
    stage.turns(4);
    assert!(client.has_heard("whole") && client.has_heard("pingInterval"));
    assert!(!seen.is_asked(), "it is asked once");
}

#[test]
fn a_client_that_waits_for_100_is_told_once_its_body_is_wanted() {
    let (mut stage, seen) = stage();
    let expecting =
        |path: &str| chunked(path).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    let mut client = stage.connect(expecting("/take").as_bytes());
    assert_eq!(heard(&mut client), "HTTP/1.1 100 Continue\r\n\r\n");
    client.say(b"3\r\nabc\r\n0\r\n\r\n");
    stage.turns(2);
    assert_eq!(
        taken(&mut seen.body()),
        ("abc".to_owned(), Poll::Ready(None))
    );
    let mut client = stage.connect(expecting("/no").as_bytes());
    assert!(heard(&mut client).starts_with("HTTP/1.1 403 "));
}

#[test]
fn an_upgraded_connection_is_two_streams() {
    let (mut stage, seen) = stage();
    let mut client = stage.connect((upgrade("/upgrade") + "early").as_bytes());
    let (mut receiver, mut sender) = seen.streams();
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    assert_eq!(heard(&mut client), head);
    assert_eq!(taken(&mut receiver), ("early".to_owned(), Poll::Pending));
    // Nobody judges how long it is silent.
    seconds(&mut stage, 1_000);
    client.say(b"GET / HTTP/1.1\r\n\r\n");
    sender.try_send("any").unwrap();
    sender.try_send(" bytes").unwrap();
    stage.turns(4);
    assert_eq!(taken(&mut receiver).0, "GET / HTTP/1.1\r\n\r\n");
    assert_eq!(heard(&mut client), head.to_owned() + "any bytes");
    // Each direction ends by itself.
    client.end();
    stage.turns(4);
    assert_eq!(taken(&mut receiver), (String::new(), Poll::Ready(None)));
    sender.try_send(", and more").unwrap();
    stage.turns(4);
    assert_eq!(heard(&mut client), head.to_owned() + "any bytes, and more");
    sender.finish();
    stage.turns(4);
    assert_eq!(stage.shard.connections(), 0);
}

#[test]
fn an_upgraded_connection_ends_with_either_side() {
    let (mut stage, seen) = stage();
    let client = stage.connect(upgrade("/upgrade").as_bytes());
    let (mut receiver, sender) = seen.streams();
    client.leave();
    stage.turns(4);
    // Its end can't be told from one that would go on reading, until something is sent to it.
    assert!(taken(&mut receiver).1.is_ready());
    drop(sender);
    stage.turns(4);
    assert_eq!(stage.shard.connections(), 0);
    let client = stage.connect(upgrade("/upgrade").as_bytes());
    let (mut receiver, sender) = seen.streams();
    drop(sender);
    stage.turns(4);
    assert_eq!(taken(&mut receiver).1, Poll::Ready(Some(BodyBroken)));
    client.leave();
    stage.turns(4);
    assert_eq!(stage.shard.connections(), 0);
}

#[test]
fn both_streams_of_an_upgraded_connection_are_bounded() {
    let (mut stage, seen) = stage();
    let mut client = stage.connect(upgrade("/upgrade").as_bytes());
    let (mut receiver, mut sender) = seen.streams();
    client.set_window(20_000);
    let (mut said, mut sent) = (0, 0);
    for _ in 0..500 {
        said += stage.net.send(client.endpoint, &[b'x'; 5_000]).unwrap();
        while sender.try_send([b'y'; 500]).is_ok() {
            sent += 500;
        }
        stage.turn();
    }
    assert!(
        (STREAM_BYTES..STREAM_BYTES + 100_000).contains(&said),
        "{said} bytes"
    );
    assert!(
        (STREAM_BYTES..STREAM_BYTES + 200_000).contains(&sent),
        "{sent} bytes"
    );
    let (mut received, mut read) = (0, 0);
    for _ in 0..100 {
        received += taken(&mut receiver).0.len();
        read += client.read();
        stage.turn();
    }
    assert_eq!(received, said);
    assert!(read > sent);
}

#[test]
fn what_can_not_be_upgraded_is_answered_with_500() {
    let (mut stage, seen) = stage();
    let plain = "GET /upgrade HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let old = upgrade("/upgrade").replace("HTTP/1.1", "HTTP/1.0");
    let unfinished =
        upgrade("/upgrade").replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n");
    for request in [plain, &old, &unfinished, &upgrade("/wrong")] {
        let mut client = stage.connect(request.as_bytes());
        stage.turns(4);
        let answer = heard(&mut client);
        assert!(answer.starts_with("HTTP/1.1 500 "), "{request} {answer}");
        let (mut receiver, mut sender) = seen.streams();
        assert_eq!(taken(&mut receiver).1, Poll::Ready(Some(BodyBroken)));
        assert!(sender.try_send("x").is_err());
    }
}
