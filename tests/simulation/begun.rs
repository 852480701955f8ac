//! Requests for sessions that poll, whose bodies come later than their heads: they go to the shard
//! of their session before their bodies do, and are there what they would be on one shard.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_engine::limits::{MOVES_AT_ONCE_MAX, PENDING_BYTES_HIGHEST};
use allspark_engine::{Destroy, Options};
use allspark_protocol::http::Response;

use crate::by_hand::{ByHand, WINDOW_BYTES};

const EIO: &str = "/primus/?EIO=4&transport=polling";

const BEHIND: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Where the sessions of these tests live.
const HOME: usize = 0;

/// A server of two shards, and what its clients have said.
struct World {
    stage: ByHand,
    words: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn new() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        let options = Options {
            fallback: Some(Arc::new(|head| match head.path() {
                "/short" => Response::text(200, &"x".repeat(2 * WINDOW_BYTES)),
                _ => Response::text(200, "hello"),
            })),
            ..options
        };
        let words = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&words);
        let stage = ByHand::serving(TransformerKind::Any, 2, options, move |primus| {
            primus.on_data(move |_, data| {
                let word = data.parse().expect("clients say words");
                heard.lock().unwrap().push(word);
            });
        });
        Self { stage, words }
    }

    /// Opens a session of engine.io with a poll that waits. Returns the connection of that, and the
    /// path of the session.
    fn open(&mut self) -> (EndpointId, String) {
        let poll = self.stage.connect(HOME);
        self.stage.send_all(poll, get(EIO).as_bytes());
        let (answer, _) = self.stage.read_all(poll);
        let path = format!("{EIO}&sid={}", quoted(&answer, "\"sid\":\""));
        self.stage.send_all(poll, get(&path).as_bytes());
        (poll, path)
    }

    /// Opens a session of sockjs with a stream. Returns the connection of that, and the path of the
    /// session.
    fn open_sockjs(&mut self) -> (EndpointId, String) {
        for number in 0.. {
            let path = format!("/primus/000/session{number}");
            let before = self.moved();
            let stream = self.stage.connect(HOME);
            let request = post(&format!("{path}/xhr_streaming"), "");
            self.stage.send_all(stream, request.as_bytes());
            assert!(self.stage.read_all(stream).0.contains("o\n"));
            if self.moved() == before {
                return (stream, path);
            }
        }
        unreachable!("one of 2^64 names belongs to the shard")
    }

    /// Opens a session of browserchannel. Returns its path.
    fn open_browserchannel(&mut self) -> String {
        let end = self.stage.connect(HOME);
        let request = post("/primus/bind?VER=8&RID=1&CVER=3", "count=0");
        self.stage.send_all(end, request.as_bytes());
        let (answer, _) = self.stage.read_all(end);
        format!(
            "/primus/bind?VER=8&SID={}&AID=0",
            quoted(&answer, "\"c\",\"")
        )
    }

    /// How many connections have changed their shard.
    fn moved(&self) -> u64 {
        self.stage.stats().connections_adopted
    }

    fn ended(&self) -> u64 {
        self.stage.stats().sparks_ended
    }

    fn heard(&self) -> Vec<String> {
        self.words.lock().unwrap().clone()
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

fn post(path: &str, body: &str) -> String {
    framed(path, "", body, false)
}

/// A POST with further header lines, by its length or in chunks of a few bytes.
fn framed(path: &str, lines: &str, body: &str, is_chunked: bool) -> String {
    let kind = match path.contains("/bind?") {
        true => "application/x-www-form-urlencoded",
        false => "text/plain",
    };
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n{lines}");
    if !is_chunked {
        return format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    }
    let mut chunks = String::new();
    for chunk in body.as_bytes().chunks(5.max(body.len() / 100)) {
        let (length, text) = (chunk.len(), String::from_utf8_lossy(chunk));
        chunks += &format!("{length:x};a=b\r\n{text}\r\n");
    }
    format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\nA: b\r\n\r\n")
}

/// What stands behind these characters, up to a quotation mark.
fn quoted(text: &str, before: &str) -> String {
    let (_, after) = text.split_once(before).expect(before);
    after.split('"').next().unwrap_or_default().to_owned()
}

/// A request in two parts, the first of which ends within its body.
fn halves(request: &str) -> (&str, &str) {
    let (head, body) = request.split_once("\r\n\r\n").expect("it has a body");
    request.split_at(head.len() + "\r\n\r\n".len() + body.len() / 2)
}

/// Asserts that a session is over because of what its client did with a request.
fn assert_ended(world: &mut World, poll: EndpointId) {
    assert!(world.stage.read_all(poll).0.ends_with("\r\n\r\n1"));
    assert_eq!((world.ended(), world.heard().len()), (1, 0));
    world.stage.seconds(3);
    assert_eq!(world.stage.stats().bytes_held, 0);
}

#[test]
fn a_second_body_while_one_is_coming_ends_the_session_wherever_they_begin() {
    for shards in [[0, 0], [0, 1], [1, 0], [1, 1]] {
        for is_whole in [true, false] {
            let mut world = World::new();
            let (poll, path) = world.open();
            let [first, second] = shards.map(|shard| world.stage.connect(shard));
            let one = post(&path, "4\"one\"");
            let (begin, rest) = halves(&one);
            world.stage.send_all(first, begin.as_bytes());
            assert_eq!(world.stage.read_all(first), (String::new(), false));
            let other = post(&path, "4\"other\"");
            let sent = if is_whole { &other } else { halves(&other).0 };
            world.stage.send_all(second, sent.as_bytes());
            let (refused, is_closed) = world.stage.read_all(second);
            assert!(
                refused.starts_with("HTTP/1.1 400 "),
                "{shards:?}: {refused}"
            );
            assert_eq!(is_closed, !is_whole, "{shards:?}");
            // What is left of the first one is not waited for.
            world.stage.send(first, rest.as_bytes());
            assert_eq!(world.stage.read_all(first), (String::new(), true));
            assert_ended(&mut world, poll);
        }
    }
}

/// The client may vanish while its request is on its way, or once it has arrived.
#[test]
fn a_body_that_is_cut_off_ends_the_session_wherever_it_begins() {
    for shard in [0, 1] {
        for is_reset in [true, false] {
            for is_seen in [true, false] {
                let mut world = World::new();
                let (poll, path) = world.open();
                let end = world.stage.connect(shard);
                let request = post(&path, "4\"never\"");
                let begin = halves(&request).0.as_bytes();
                match is_seen {
                    true => world.stage.send_all(end, begin),
                    false => assert_eq!(world.stage.net.send(end, begin), Some(begin.len())),
                }
                assert_eq!(world.ended(), 0);
                match is_reset {
                    // What is under way is lost then, so the server must have seen it.
                    true if is_seen => world.stage.net.reset(end),
                    _ => world.stage.net.close(end),
                }
                world.stage.run_for(Duration::ZERO);
                assert_ended(&mut world, poll);
            }
        }
    }
}

/// A connection on which something waits to be read stays where it is, but its client may vanish.
#[test]
fn a_body_is_cut_off_although_its_connection_could_not_leave() {
    let mut world = World::new();
    let (poll, path) = world.open();
    let end = world.stage.connect(1);
    world.stage.send_all(end, get("/short").as_bytes());
    let request = post(&path, "4\"never\"");
    world.stage.send_all(end, halves(&request).0.as_bytes());
    assert_eq!((world.moved(), world.ended()), (0, 0));
    world.stage.net.reset(end);
    world.stage.run_for(Duration::ZERO);
    assert_eq!(world.moved(), 0);
    assert_ended(&mut world, poll);
}

/// Whatever was read of a request when it moves, and whatever comes behind it.
#[test]
fn a_body_that_comes_slowly_arrives_whole() {
    for is_chunked in [false, true] {
        let mut world = World::new();
        let (_, engine_io) = world.open();
        let (_, sockjs) = world.open_sockjs();
        let browserchannel = world.open_browserchannel();
        let mut expected = Vec::new();
        let mut maps = 0;
        for transport in 0..3 {
            let mut cut = 1;
            let mut request = String::new();
            while cut <= request.len() || request.is_empty() {
                let word = format!("word {}", expected.len() + 1000);
                let (path, body) = match transport {
                    0 => (engine_io.clone(), format!("4\"{word}\"")),
                    1 => (
                        format!("{sockjs}/xhr_send"),
                        format!("[\"\\\"{word}\\\"\"]"),
                    ),
                    _ => {
                        maps += 1;
                        let path = format!("{browserchannel}&RID={}", maps + 1);
                        let map = format!("req0__S=%22{}%22", word.replace(' ', "+"));
                        (path, format!("count=1&ofs={}&{map}", maps - 1))
                    }
                };
                request = framed(&path, "", &body, is_chunked) + BEHIND;
                expected.push(word);
                let moved = world.moved();
                let end = world.stage.connect(1);
                let (begin, rest) = request.split_at(cut);
                world.stage.send_all(end, begin.as_bytes());
                world.stage.send_all(end, rest.as_bytes());
                let (answers, _) = world.stage.read_all(end);
                let count = answers.matches("HTTP/1.1 20").count();
                assert!(count == 2 && answers.ends_with("hello"), "{answers}");
                assert_eq!(world.moved(), moved + 1);
                assert_eq!(world.heard().last(), expected.last(), "{cut}: {answers}");
                world.stage.net.close(end);
                cut += 1;
            }
        }
        assert_eq!(world.heard(), expected);
        assert_eq!(world.ended(), 0);
    }
}

#[test]
fn a_body_that_comes_byte_by_byte_arrives_whole() {
    for is_chunked in [false, true] {
        let mut world = World::new();
        let (_, path) = world.open();
        let end = world.stage.connect(1);
        let request = framed(&path, "", "4\"slowly\"", is_chunked) + BEHIND;
        for byte in request.as_bytes() {
            world.stage.send_all(end, &[*byte]);
            world.stage.run_for(Duration::from_millis(10));
        }
        let (answers, _) = world.stage.read_all(end);
        assert!(answers.ends_with("hello"), "{answers}");
        assert_eq!(
            (world.moved(), world.heard()),
            (1, vec!["slowly".to_owned()])
        );
    }
}

/// More than a connection may send behind a request may be under way when it leaves.
#[test]
fn a_large_body_that_comes_at_once_arrives_whole() {
    for is_chunked in [false, true] {
        let mut world = World::new();
        let (_, path) = world.open();
        let end = world.stage.connect(1);
        let word = "x".repeat(4 * PENDING_BYTES_HIGHEST);
        let request = framed(&path, "", &format!("4\"{word}\""), is_chunked);
        world.stage.net.set_window(end, 2 * request.len());
        world.stage.send_all(end, request.as_bytes());
        let (answer, _) = world.stage.read_all(end);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!((world.moved(), world.heard()), (1, vec![word]));
    }
}

#[test]
fn a_body_that_waits_to_be_asked_for_is_asked_for_where_the_session_lives() {
    let mut world = World::new();
    let (_, path) = world.open();
    let end = world.stage.connect(1);
    let request = framed(&path, "Expect: 100-continue\r\n", "4\"asked\"", false);
    let (head, body) = request.split_at(request.find("\r\n\r\n").unwrap() + 4);
    world.stage.send_all(end, head.as_bytes());
    assert_eq!(world.stage.read_all(end).0, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(world.moved(), 1);
    world.stage.send_all(end, body.as_bytes());
    assert!(world.stage.read_all(end).0.starts_with("HTTP/1.1 200 "));
    assert_eq!(world.heard(), ["asked"]);
}

/// A session that is not there is missed once the body has come, as on one shard.
#[test]
fn a_session_that_is_unknown_is_unknown_there_too() {
    let mut world = World::new();
    let (_, path) = world.open();
    let unknown = post(&format!("{}x", &path[..path.len() - 1]), "4\"a\"");
    for shard in [0, 1] {
        let end = world.stage.connect(shard);
        let (begin, rest) = halves(&unknown);
        world.stage.send_all(end, begin.as_bytes());
        assert_eq!(world.stage.read_all(end).0, "");
        world
            .stage
            .send_all(end, (rest.to_owned() + BEHIND).as_bytes());
        let (answers, _) = world.stage.read_all(end);
        let is_missed = answers.contains("Session ID unknown");
        assert!(is_missed && answers.ends_with("hello"), "{answers}");
    }
    assert_eq!(world.ended(), 0);
}

#[test]
fn a_body_that_is_too_long_is_refused_before_it_moves() {
    let mut world = World::new();
    let (_, path) = world.open();
    let end = world.stage.connect(1);
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n4");
    world.stage.send_all(end, head.as_bytes());
    assert!(world.stage.read_all(end).0.starts_with("HTTP/1.1 413 "));
    assert_eq!((world.moved(), world.ended()), (0, 0));
}

/// One connection with the requests of sessions on both shards, which moves for each of them, and
/// at last has to wait before it may.
#[test]
fn a_body_may_come_while_its_connection_waits_to_leave() {
    let mut world = World::new();
    let (_, home) = world.open();
    let there = {
        let end = world.stage.connect(1);
        world.stage.send_all(end, get(EIO).as_bytes());
        let (answer, _) = world.stage.read_all(end);
        format!("{EIO}&sid={}", quoted(&answer, "\"sid\":\""))
    };
    let end = world.stage.connect(1);
    let count = 2 * MOVES_AT_ONCE_MAX as usize;
    for number in 0..count {
        let path = [&home, &there][number % 2];
        let request = post(path, &format!("4\"{number}\""));
        let (begin, rest) = halves(&request);
        world.stage.send_all(end, begin.as_bytes());
        world.stage.send_all(end, rest.as_bytes());
        let mut answer = world.stage.read_all(end).0;
        while answer.is_empty() {
            world.stage.run_for(Duration::from_millis(1));
            answer = world.stage.read_all(end).0;
        }
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let stats = world.stage.stats();
    assert!(stats.connections_adopted >= count as u64 && stats.moves_delayed > 0);
    let numbers: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    assert_eq!(world.heard(), numbers);
}

/// The time of a body counts where it is gathered.
#[test]
fn a_body_that_does_not_come_is_given_up_where_the_session_lives() {
    for each_second in ["", "x", "xxxx"] {
        let mut world = World::new();
        let (_, path) = world.open_sockjs();
        let end = world.stage.connect(1);
        let request = post(&format!("{path}/xhr_send"), &"x".repeat(1 << 20));
        world.stage.send_all(end, &request.as_bytes()[..1_000]);
        let mut seconds = 0;
        while world.stage.stats().requests_timed_out == 0 {
            world.stage.seconds(1);
            world.stage.send(end, each_second.as_bytes());
            seconds += 1;
            assert!(seconds <= 60, "{each_second:?}");
        }
        let (answer, _) = world.stage.read_all(end);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
}

#[test]
fn a_body_that_keeps_coming_is_waited_for() {
    let mut world = World::with(Options {
        // Nobody answers them.
        ping_interval: None.try_into().unwrap(),
        ..Options::default()
    });
    let (_, path) = world.open_sockjs();
    let moved = world.moved();
    let end = world.stage.connect(1);
    let word = "x".repeat(1_000_000);
    let request = post(
        &format!("{path}/xhr_send"),
        &format!("[\"\\\"{word}\\\"\"]"),
    );
    for part in request.as_bytes().chunks(2_000) {
        world.stage.send_all(end, part);
        world.stage.run_for(Duration::from_millis(100));
    }
    assert!(world.stage.read_all(end).0.starts_with("HTTP/1.1 204 "));
    assert_eq!((world.moved(), world.heard()), (moved + 1, vec![word]));
}

/// Many connections begin a request for a session of another shard, and never go on: they are
/// counted where the session lives, hold little, and are given up.
#[test]
fn bodies_that_never_come_are_bounded() {
    const BEGUN: usize = 300;
    let mut options = Options::default();
    options.admission.requests_max = (BEGUN as u64).try_into().unwrap();
    let mut world = World::with(options);
    let (_, path) = world.open_sockjs();
    let begin = {
        let request = post(&format!("{path}/xhr_send"), &"x".repeat(1 << 20));
        request[..1_000].to_owned()
    };
    let moved = world.moved();
    for _ in 0..BEGUN {
        let end = world.stage.connect(1);
        world.stage.send_all(end, begin.as_bytes());
        assert_eq!(world.stage.read_all(end), (String::new(), false));
    }
    let stats = world.stage.stats();
    let counted = (stats.requests_under_way, stats.connections_adopted - moved);
    assert_eq!(counted, (BEGUN as u64, BEGUN as u64));
    assert!(
        stats.bytes_held < BEGUN as u64 * 4_096,
        "{}",
        stats.bytes_held
    );
    let end = world.stage.connect(1);
    world.stage.send_all(end, begin.as_bytes());
    assert!(world.stage.read_all(end).0.starts_with("HTTP/1.1 503 "));
    world.stage.seconds(120);
    let stats = world.stage.stats();
    assert_eq!((stats.requests_under_way, stats.bytes_held), (0, 0));
    assert_eq!(stats.requests_timed_out, BEGUN as u64);
}

/// A server that ends waits for no body on its way to a session that is gone.
#[test]
fn a_server_that_ends_waits_for_no_body() {
    let mut world = World::new();
    let (poll, path) = world.open();
    let [stuck, arrived] = [(); 2].map(|()| world.stage.connect(1));
    world.stage.send_all(stuck, get("/short").as_bytes());
    let request = post(&path, "4\"never\"");
    for end in [stuck, arrived] {
        world.stage.send_all(end, halves(&request).0.as_bytes());
    }
    assert_eq!(world.moved(), 1);
    world.stage.handle().destroy(Destroy::default());
    for end in [poll, arrived, stuck] {
        world.stage.run_for(Duration::ZERO);
        world.stage.read_all(end);
    }
    world.stage.seconds(4);
    assert_eq!(world.stage.server.connections(), 0);
}
