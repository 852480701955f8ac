//! The transports of one carrier on the engine in memory.

mod toy;

use allspark_protocol::transformer::{
    ClientOutputs, ClientTransport, End, Event as SessionEvent, Kind, Link,
};
use allspark_protocol::{Input, Instant};

use super::{ClientEvent, Event, Pair};
use crate::AnyTransformer;
use crate::websockets::{ClientEvent as StreamEvent, WebSocketClient, WebSockets};

const MESSAGE_BYTES_MAX: usize = 1 << 21;
const LINK: Link = Link(0);

/// The least that makes a client half of the codec.
struct Plain {
    seed: u64,
    codec: Option<WebSocketClient>,
    is_over: bool,
}

impl Plain {
    fn over(&mut self, end: End, out: &mut ClientOutputs) {
        if !std::mem::replace(&mut self.is_over, true) {
            out.ended(end);
        }
    }
}

impl ClientTransport for Plain {
    fn start(&mut self, _now: Instant, out: &mut ClientOutputs) {
        out.connect(LINK);
        let codec = out.write(LINK, |out| {
            WebSocketClient::connect(
                "localhost",
                "/primus?a=b",
                MESSAGE_BYTES_MAX,
                self.seed,
                out,
            )
        });
        self.codec = Some(codec.expect("host and target are fine"));
    }

    fn receive(&mut self, _: Instant, _: Link, input: &mut Input<'_>, out: &mut ClientOutputs) {
        let codec = self.codec.as_mut().expect("it was started");
        let mut replies = Vec::new();
        while let Some(event) = codec.receive(input, &mut replies) {
            match event {
                StreamEvent::Open => out.open(),
                StreamEvent::Session(SessionEvent::Message { kind, payload }) => {
                    out.message(kind, &payload);
                }
                StreamEvent::Session(SessionEvent::Alive) => {}
                StreamEvent::Session(SessionEvent::Ended(end)) => {
                    out.write(LINK, |out| out.append(&mut replies));
                    out.close(LINK);
                    self.over(end, out);
                    input.take_all();
                    return;
                }
                StreamEvent::Refused(_) => {
                    out.close(LINK);
                    self.over(End::Violation("refused"), out);
                    input.take_all();
                    return;
                }
            }
        }
        out.write(LINK, |out| out.append(&mut replies));
    }

    fn lost(&mut self, _now: Instant, _link: Link, out: &mut ClientOutputs) {
        self.over(End::Violation("the connection broke"), out);
    }

    fn send(&mut self, _: Instant, kind: Kind, payload: &[u8], out: &mut ClientOutputs) {
        let codec = self.codec.as_mut().expect("it was started");
        out.write(LINK, |out| codec.send(kind, payload, out));
    }

    fn close(&mut self, _now: Instant, out: &mut ClientOutputs) {
        let codec = self.codec.as_mut().expect("it was started");
        out.write(LINK, |out| codec.close(out));
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn expired(&mut self, _now: Instant, _out: &mut ClientOutputs) {}
}

fn pair(seed: u64) -> Pair<AnyTransformer, Plain> {
    Pair::new(
        WebSockets::uncompressed(MESSAGE_BYTES_MAX).into(),
        seed,
        |seed| Plain {
            seed,
            codec: None,
            is_over: false,
        },
    )
}

fn texts(count: usize) -> Vec<(Kind, Vec<u8>)> {
    let text = |number: usize| (Kind::Text, number.to_string().into_bytes());
    (0..count).map(text).collect()
}

#[test]
fn messages_keep_their_order_however_they_are_split() {
    for seed in 0..20 {
        let mut pair = pair(seed);
        let client = pair.connect_and_settle();
        assert!(pair.client_is_open(client));
        let spark = pair.sparks()[0];
        for (kind, payload) in texts(100) {
            pair.client_send(client, kind, &payload);
            assert!(pair.server_write(spark, kind, &payload));
        }
        pair.settle();
        assert_eq!(pair.server_messages(spark), texts(100), "seed {seed}");
        assert_eq!(pair.client_messages(client), texts(100), "seed {seed}");
        pair.client_close(client);
        pair.settle();
        assert_eq!(pair.server_end(spark), Some(&End::Goodbye));
        assert_eq!(pair.client_end(client), Some(&End::Goodbye));
        pair.assert_clean();
    }
}

#[test]
fn a_server_that_closes_says_goodbye_after_what_it_wrote() {
    let mut pair = pair(1);
    let client = pair.connect_and_settle();
    let spark = pair.sparks()[0];
    pair.server_write(spark, Kind::Binary, &[7; 100_000]);
    assert!(pair.server_close(spark));
    assert!(!pair.server_write(spark, Kind::Text, b"too late"));
    assert!(!pair.server_close(spark));
    pair.settle();
    assert_eq!(
        pair.client_messages(client),
        [(Kind::Binary, vec![7; 100_000])]
    );
    assert_eq!(pair.client_end(client), Some(&End::Goodbye));
    assert!(pair.is_over(spark));
    pair.assert_clean();
}

#[test]
fn a_peer_that_never_answers_the_goodbye_is_left_after_5_s() {
    let mut pair = pair(2);
    let client = pair.connect_and_settle();
    let spark = pair.sparks()[0];
    pair.freeze(client, true);
    pair.server_close(spark);
    pair.run_for(4_999);
    assert!(!pair.is_over(spark));
    pair.run_for(1);
    assert!(pair.is_over(spark));
    pair.freeze(client, false);
    pair.settle();
    pair.assert_clean();
}

#[test]
fn a_cut_is_seen_on_both_sides() {
    let mut pair = pair(3);
    let client = pair.connect_and_settle();
    let spark = pair.sparks()[0];
    pair.client_send(client, Kind::Text, b"lost");
    pair.cut(client);
    pair.settle();
    assert_eq!(pair.server_messages(spark), []);
    assert!(pair.is_over(spark));
    assert!(!pair.client_is_open(client));
    pair.assert_clean();
}

#[test]
fn a_stalled_client_reads_later() {
    let mut pair = pair(4);
    let client = pair.connect_and_settle();
    let spark = pair.sparks()[0];
    pair.stall(client, true);
    pair.server_write(spark, Kind::Text, b"later");
    pair.settle();
    assert_eq!(pair.client_messages(client), []);
    pair.stall(client, false);
    pair.run_until("it reads", |pair| !pair.client_messages(client).is_empty());
    pair.client_close(client);
    pair.settle();
    pair.assert_clean();
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let history = |seed| {
        let mut pair = pair(seed);
        let clients = [pair.connect(), pair.connect(), pair.connect()];
        pair.settle();
        for client in clients {
            pair.client_send(client, Kind::Text, b"hello");
            pair.client_send(client, Kind::Text, b"again");
        }
        pair.settle();
        pair.events().to_vec()
    };
    assert_eq!(history(5), history(5));
    let others: Vec<_> = (6..10).map(history).collect();
    assert!(others.iter().any(|other| *other != history(5)));
}

#[test]
fn a_plain_request_is_answered_and_the_connection_used_again() {
    let mut pair = Pair::server_only(AnyTransformer::from(WebSockets::uncompressed(9)), 6);
    let raw = pair.raw();
    let request = "GET /primus HTTP/1.1\r\nHost: x\r\n\r\n";
    pair.raw_send(raw, request.repeat(2));
    pair.settle();
    let received = String::from_utf8(pair.raw_received(raw)).unwrap();
    assert_eq!(received.matches("HTTP/1.1 426 ").count(), 2, "{received}");
    assert!(!pair.raw_is_closed(raw));
    pair.raw_send(raw, "nonsense\r\n\r\n");
    pair.settle();
    let received = String::from_utf8(pair.raw_received(raw)).unwrap();
    assert!(received.starts_with("HTTP/1.1 400 "), "{received}");
    assert!(pair.raw_is_closed(raw));
    pair.assert_clean();
}

#[test]
fn events_are_told_in_order() {
    let mut pair = pair(7);
    let client = pair.connect_and_settle();
    let spark = pair.sparks()[0];
    let expected = [
        Event::Connection {
            spark,
            target: "/primus?a=b".to_owned(),
            port: None,
        },
        Event::Client(client, ClientEvent::Open),
    ];
    assert_eq!(pair.events(), expected);
    assert!(pair.now() < Instant::from_ms(2), "no time has passed");
}

/// A method that has a default would be lost in silence.
#[test]
fn the_watch_passes_every_call_on() {
    let contract = include_str!("../../../../protocol/src/transformer/server.rs");
    let watch = include_str!("../watch.rs");
    let (_, methods) = contract.split_once("pub trait Transformer").unwrap();
    let (_, passed_on) = watch.split_once("> Transformer for Watched<T>").unwrap();
    let names: Vec<&str> = methods
        .lines()
        .filter_map(|line| line.strip_prefix("    fn "))
        .filter_map(|rest| rest.split(['(', '<']).next())
        .collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        let call = format!("inner.{name}(");
        assert!(passed_on.contains(&call), "{name} is not passed on");
    }
}
