//! Answers whose bodies are sent as they come.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allspark_engine::io::Wait;
use allspark_engine::limits::BODY_PART_BYTES;
use allspark_engine::{
    Body, BodyError, BodySender, Flow, Options, Pull, Pulled, Reply, RouteRequest, Routes, Ticket,
};
use allspark_protocol::http::Response;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, LATENCY, Stage, WIDE};

/// Bytes that may wait in a channel.
const CHANNEL_BYTES: usize = 10_000;

/// What `/counted` has in all, in rows of 10 bytes.
const COUNTED_BYTES: usize = 1_000_000;

/// What the routes have handed out, and how often they were asked.
#[derive(Default)]
struct Seen {
    senders: Mutex<Vec<BodySender>>,
    tickets: Mutex<Vec<Ticket>>,
    wakers: Mutex<Vec<Waker>>,
    pulls: AtomicUsize,
    dropped: AtomicUsize,
}

/// Numbered rows, as many as there is room for.
struct Counted(Arc<Seen>, usize);

impl Pull for Counted {
    fn pull(&mut self, _: &mut Context<'_>, room: usize, out: &mut Vec<u8>) -> Poll<Pulled> {
        self.0.pulls.fetch_add(1, Ordering::Relaxed);
        while self.1 < COUNTED_BYTES && out.len() < room {
            out.extend_from_slice(format!("{:09}\n", self.1).as_bytes());
            self.1 += 10;
        }
        Poll::Ready(match self.1 < COUNTED_BYTES {
            true => Pulled::More,
            false => Pulled::End,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Has nothing, and says so.
struct Nothing(Arc<Seen>);

impl Pull for Nothing {
    fn pull(&mut self, context: &mut Context<'_>, _: usize, _: &mut Vec<u8>) -> Poll<Pulled> {
        self.0.pulls.fetch_add(1, Ordering::Relaxed);
        self.0.wakers.lock().unwrap().push(context.waker().clone());
        Poll::Pending
    }
}

/// Panics, at the second pull, and once more when it is dropped.
struct Bomb(bool);

impl Pull for Bomb {
    fn pull(&mut self, _: &mut Context<'_>, _: usize, out: &mut Vec<u8>) -> Poll<Pulled> {
        assert!(!std::mem::replace(&mut self.0, true), "on purpose");
        out.extend_from_slice(b"tick");
        Poll::Ready(Pulled::More)
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

fn stage() -> (Stage<WebSockets>, Arc<Seen>) {
    let (seen, mut routes) = (Arc::<Seen>::default(), Routes::new());
    let mut add = |path: &str, make: fn(&Arc<Seen>, &RouteRequest<'_>) -> Reply| {
        let seen = Arc::clone(&seen);
        let handler = move |request: &RouteRequest<'_>| make(&seen, request);
        routes.add("*", path, handler).unwrap();
    };
    add("/channel", |seen, _| {
        let (sender, body) = Body::channel(CHANNEL_BYTES);
        seen.senders.lock().unwrap().push(sender);
        Reply::Stream(Response::text(200, "first "), body)
    });
    add("/counted", |seen, _| {
        Reply::Stream(
            Response::new(200),
            Body::pulled(Counted(Arc::clone(seen), 0)),
        )
    });
    add("/nothing", |seen, _| {
        Reply::Stream(Response::new(200), Body::pulled(Nothing(Arc::clone(seen))))
    });
    add("/bomb", |_, _| {
        Reply::Stream(Response::new(200), Body::pulled(Bomb(false)))
    });
    add("/none", |seen, _| {
        Reply::Stream(
            Response::new(204),
            Body::pulled(Counted(Arc::clone(seen), 0)),
        )
    });
    add("/later", |seen, request| {
        seen.tickets.lock().unwrap().push(request.later());
        Reply::Later
    });
    add("/both", |_, request| {
        let (mut sender, body) = Body::channel(CHANNEL_BYTES);
        drop(request.later());
        sender.try_send("both").unwrap();
        sender.finish();
        Reply::Stream(Response::new(200), body)
    });
    let options = Options {
        ping_interval: PingInterval::OFF,
        routes: Arc::new(routes),
        ..Options::default()
    };
    let transformer = WebSockets::uncompressed(1 << 20);
    (Stage::new(options, transformer, |_| {}), seen)
}

fn ask(method: &str, path: &str, version: &str) -> String {
    format!("{method} {path} {version}\r\nHost: localhost\r\n\r\n")
}

fn get(path: &str) -> String {
    ask("GET", path, "HTTP/1.1")
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

/// What the chunks of an answer hold, and whether the last one has come.
fn chunks(answer: &str) -> (String, bool) {
    let (head, mut rest) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Transfer-Encoding: chunked"), "{head}");
    let mut body = String::new();
    while let Some((length, behind)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            assert!(behind.starts_with("\r\n"));
            return (body, true);
        }
        let (part, behind) = behind.split_at_checked(length).unwrap_or((behind, ""));
        body.push_str(part);
        rest = behind.strip_prefix("\r\n").unwrap_or_default();
    }
    (body, false)
}

#[test]
fn parts_are_sent_as_they_come_and_what_was_asked_meanwhile_after_them() {
    let (mut stage, seen) = stage();
    let mut client = stage.connect((get("/channel") + &get("/primus/spec")).as_bytes());
    assert_eq!(chunks(&heard(&mut client)), ("first ".to_owned(), false));
    let mut sender = seen.senders.lock().unwrap().pop().unwrap();
    for (part, so_far) in [("a", "first a"), ("bc", "first abc")] {
        // From another thread, as it usually is.
        sender = std::thread::spawn(move || {
            sender.try_send(part).unwrap();
            sender
        })
        .join()
        .unwrap();
        stage.turns(4);
        assert_eq!(chunks(&heard(&mut client)), (so_far.to_owned(), false));
    }
    assert!(!client.has_heard("pingInterval"));
    sender.finish();
    stage.turns(4);
    assert_eq!(chunks(&heard(&mut client)), ("first abc".to_owned(), true));
    assert!(client.has_heard("pingInterval"), "the connection goes on");
}

#[test]
fn a_body_is_pulled_only_when_the_client_has_room() {
    let (mut stage, seen) = stage();
    let mut client = stage.dial();
    client.set_window(1000);
    client.say(get("/counted").as_bytes());
    let mut most = 0;
    while seen.dropped.load(Ordering::Relaxed) == 0 {
        let before = seen.pulls.load(Ordering::Relaxed);
        stage.turns(20);
        assert!(seen.pulls.load(Ordering::Relaxed) <= before + 1);
        most = most.max(stage.primus.stats().waiting_cost_bytes);
        // As soon as it reads, the next part is pulled.
        client.set_window(WIDE);
        client.read();
        stage.turns(4);
        client.set_window(1000);
        client.read();
    }
    stage.turns(4);
    client.set_window(WIDE);
    client.read();
    stage.turns(4);
    let (body, is_whole) = chunks(&heard(&mut client));
    assert!(is_whole);
    let expected: String = (0..COUNTED_BYTES)
        .step_by(10)
        .map(|row| format!("{row:09}\n"))
        .collect();
    assert!(body == expected);
    let most = usize::try_from(most).unwrap();
    assert!(
        (1..BODY_PART_BYTES + 4096).contains(&most),
        "{most} bytes waited"
    );
}

#[test]
fn a_client_of_http_1_0_gets_the_body_until_the_connection_ends() {
    let (mut stage, _seen) = stage();
    let mut client = stage.connect(ask("GET", "/counted", "HTTP/1.0").as_bytes());
    for _ in 0..200 {
        stage.turn();
        client.read();
    }
    let answer = heard(&mut client);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("Connection: close") && !head.contains("chunked"),
        "{head}"
    );
    assert_eq!(body.len(), COUNTED_BYTES);
    client.leave();
    stage.turns(4);
    assert_eq!(stage.shard.connections(), 0);
}

#[test]
fn an_answer_without_a_body_drops_it() {
    let (mut stage, seen) = stage();
    let both = ask("HEAD", "/counted", "HTTP/1.1") + &get("/none") + &get("/nowhere");
    let mut client = stage.connect(both.as_bytes());
    stage.turns(4);
    let answer = heard(&mut client);
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 3, "{answer}");
    assert!(!answer.contains("chunked") && answer.contains(" 204 ") && answer.contains(" 404 "));
    assert_eq!(seen.dropped.load(Ordering::Relaxed), 2);
    assert_eq!(seen.pulls.load(Ordering::Relaxed), 0);
}

#[test]
fn a_sender_that_is_dropped_ends_the_connection_without_the_last_chunk() {
    let (mut stage, seen) = stage();
    let mut client = stage.connect(get("/channel").as_bytes());
    let mut sender = seen.senders.lock().unwrap().pop().unwrap();
    sender.try_send("only").unwrap();
    drop(sender);
    stage.turns(6);
    assert_eq!(
        chunks(&heard(&mut client)),
        ("first only".to_owned(), false)
    );
    client.leave();
    stage.turns(4);
    assert_eq!(stage.shard.connections(), 0);
}

#[test]
fn a_body_that_panics_ends_its_client_and_harms_nobody_else() {
    let (mut stage, _seen) = stage();
    let mut client = stage.connect(get("/bomb").as_bytes());
    stage.turns(6);
    assert_eq!(chunks(&heard(&mut client)), ("tick".to_owned(), false));
    assert_eq!(stage.primus.stats().handlers_panicked, 1);
    assert!(stage.connect(get("/nowhere").as_bytes()).has_heard(" 404 "));
}

#[test]
fn who_sends_learns_that_the_client_is_gone() {
    let (mut stage, seen) = stage();
    for leaves in [true, false] {
        let client = stage.connect(get("/channel").as_bytes());
        let mut sender = seen.senders.lock().unwrap().pop().unwrap();
        assert!(!sender.is_gone());
        match leaves {
            true => client.leave(),
            false => client.end(),
        }
        stage.turns(4);
        assert!(sender.is_gone());
        assert_eq!(sender.try_send("x"), Err(BodyError::Gone));
    }
    let client = stage.connect(get("/counted").as_bytes());
    client.leave();
    stage.turns(4);
    assert_eq!(seen.dropped.load(Ordering::Relaxed), 1);
}

/// Ten kilobytes wait in the channel and one part with the connection, and no more.
#[test]
fn a_sender_gets_no_further_than_its_client_reads() {
    let (mut stage, seen) = stage();
    let client = stage.dial();
    client.set_window(1000);
    client.say(get("/channel").as_bytes());
    stage.turns(4);
    let mut sender = seen.senders.lock().unwrap().pop().unwrap();
    let mut sent = 0;
    for _ in 0..2000 {
        while sender.try_send([b'x'; 500]).is_ok() {
            sent += 500;
        }
        stage.turn();
    }
    assert!(
        sent < 2 * CHANNEL_BYTES + BODY_PART_BYTES,
        "{sent} bytes sent"
    );
    assert!(sent >= CHANNEL_BYTES / 2);
}

/// A client that does not read what waits for it.
#[test]
fn a_client_that_reads_too_slowly_is_ended() {
    let (mut stage, seen) = stage();
    let client = stage.dial();
    client.set_window(1000);
    client.say(get("/counted").as_bytes());
    stage.turns(4);
    assert_eq!(stage.shard.connections(), 1);
    seconds(&mut stage, 100);
    assert_eq!(stage.primus.stats().connections_slow, 1);
    assert_eq!(
        (
            stage.shard.connections(),
            seen.dropped.load(Ordering::Relaxed)
        ),
        (0, 1)
    );
}

/// One that reads, of a body that takes its time.
#[test]
fn a_body_has_as_long_as_it_takes() {
    let (mut stage, seen) = stage();
    let mut client = stage.connect(get("/channel").as_bytes());
    let mut sender = seen.senders.lock().unwrap().pop().unwrap();
    seconds(&mut stage, 600);
    sender.try_send("late").unwrap();
    stage.turns(4);
    assert_eq!(
        chunks(&heard(&mut client)),
        ("first late".to_owned(), false)
    );
}

#[test]
fn a_body_that_has_nothing_is_asked_again_when_it_says_so_and_not_before() {
    let (mut stage, seen) = stage();
    let client = stage.connect(get("/nothing").as_bytes());
    stage.turns(100);
    let pulls = || seen.pulls.load(Ordering::Relaxed);
    // Once when it begins, and once when its head is sent.
    let before = pulls();
    assert!((1..=2).contains(&before), "{before} pulls");
    // However often it says so at a time.
    let wakers = std::mem::take(&mut *seen.wakers.lock().unwrap());
    for waker in wakers.iter().cycle().take(1000) {
        waker.wake_by_ref();
    }
    stage.turns(100);
    assert_eq!(pulls(), before + 1);
    // The client is gone, and another one has its place.
    client.leave();
    stage.turns(4);
    let _other = stage.connect(get("/nothing").as_bytes());
    let before = pulls();
    wakers.iter().for_each(Waker::wake_by_ref);
    stage.turns(4);
    assert_eq!(pulls(), before);
}

#[test]
fn a_ticket_can_be_answered_with_a_body_and_one_that_is_dropped_does_not_end_it() {
    let (mut stage, seen) = stage();
    let mut client = stage.connect(get("/later").as_bytes());
    let ticket = seen.tickets.lock().unwrap().pop().unwrap();
    let (mut sender, body) = Body::channel(CHANNEL_BYTES);
    std::thread::spawn(move || ticket.stream(Response::new(200), body))
        .join()
        .unwrap();
    stage.turns(4);
    sender.try_send("from a ticket").unwrap();
    sender.finish();
    stage.turns(4);
    assert_eq!(
        chunks(&heard(&mut client)),
        ("from a ticket".to_owned(), true)
    );
    let mut client = stage.connect(get("/both").as_bytes());
    stage.turns(4);
    let answer = heard(&mut client);
    assert_eq!(chunks(&answer), ("both".to_owned(), true));
    assert!(!answer.contains("503"));
}
