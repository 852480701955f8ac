//! Clients that send faster than they may, over every transport.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_engine::{Options, RatePolicy};
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;

use crate::by_hand::{ByHand, WINDOW_BYTES};
use crate::stage::handshake;

/// Messages per second, and the seconds whose worth may come at once.
const RATE: u64 = 10;
const BURST_S: u64 = 2;

/// Messages that one turn may hand on of a request's, before a pause begins.
const PORTION: u64 = 1_024;

const EIO: &str = "/primus/?EIO=4&transport=polling";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    WebSocket,
    EngineIo,
    SockJs,
}

const WAYS: [Way; 3] = [Way::WebSocket, Way::EngineIo, Way::SockJs];

/// A server, one of its clients, and how many messages the application got.
struct Flood {
    stage: ByHand,
    way: Way,
    send: EndpointId,
    path: String,
    got: Arc<AtomicU64>,
    sent: u64,
    rest: Vec<u8>,
}

impl Flood {
    fn new(way: Way, policy: RatePolicy, bytes_per_s: u64) -> Self {
        let got = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&got);
        let mut options = Options {
            ping_interval: Some(25_000).try_into().unwrap(),
            ..Options::default()
        };
        options.message_rates.messages_per_s = RATE.try_into().unwrap();
        options.message_rates.bytes_per_s = bytes_per_s.try_into().unwrap();
        options.message_rates.policy = policy;
        let mut stage = ByHand::serving(TransformerKind::Any, 1, options, move |primus| {
            primus.on_connection(move |spark| {
                let counted = Arc::clone(&counted);
                spark.on_data(move |_, _| {
                    counted.fetch_add(1, Ordering::Relaxed);
                });
            });
        });
        let send = stage.connect(0);
        let mut path = String::new();
        match way {
            Way::WebSocket => stage.send_all(send, handshake("").as_bytes()),
            Way::EngineIo => {
                stage.send_all(
                    send,
                    format!("GET {EIO} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(),
                );
                let (answer, _) = stage.read_all(send);
                let sid = answer.split_once("\"sid\":\"").unwrap().1;
                path = format!("{EIO}&sid={}", sid.split_once('"').unwrap().0);
            }
            Way::SockJs => {
                path = "/primus/0/abcdefgh/xhr_send".to_owned();
                let poll =
                    "POST /primus/0/abcdefgh/xhr HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
                stage.send_all(send, poll.as_bytes());
                // Somebody always waits for what the server says.
                let stream = stage.connect(0);
                let poll = poll.replace("/xhr ", "/xhr_streaming ");
                stage.send_all(stream, poll.as_bytes());
            }
        }
        let flood = Self {
            stage,
            way,
            send,
            path,
            got,
            sent: 0,
            rest: Vec::new(),
        };
        assert_eq!(flood.stage.stats().sparks_opened, 1, "{way:?}");
        flood
    }

    /// Puts `count` messages into one send or request, and sends what there is room for.
    fn push(&mut self, count: u64, text: &str) {
        if !self.rest.is_empty() {
            return self.send_rest();
        }
        let mut bytes = Vec::new();
        let count = count as usize;
        match self.way {
            Way::WebSocket => (0..count).for_each(|_| {
                let key = Some([1, 2, 3, 4]);
                encode::message(Kind::Text, text.as_bytes(), key, &mut bytes);
            }),
            Way::EngineIo => {
                let packets = vec![format!("4{text}"); count];
                bytes = self.post(&packets.join("\u{1e}"));
            }
            Way::SockJs => {
                let quoted = format!("{text:?}");
                bytes = self.post(&format!("[{}]", vec![quoted; count].join(",")));
            }
        }
        self.sent += count as u64;
        self.rest = bytes;
        self.send_rest();
    }

    fn post(&self, body: &str) -> Vec<u8> {
        format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
            self.path,
            body.len()
        )
        .into_bytes()
    }

    fn send_rest(&mut self) {
        let taken = self.stage.send(self.send, &self.rest);
        self.rest.drain(..taken);
    }

    /// Reads what it is told.
    fn hear(&mut self) -> Vec<u8> {
        let mut heard = Vec::new();
        while let Some(part) = self.stage.net.receive(self.send, usize::MAX)
            && !part.is_empty()
        {
            heard.extend(part);
        }
        self.stage.run_for(Duration::ZERO);
        heard
    }

    fn got(&self) -> u64 {
        self.got.load(Ordering::Relaxed)
    }
}

/// At ten times the rate for a while, ten in one request each.
#[test]
fn who_is_paused_loses_nothing_and_gets_its_rate() {
    for way in WAYS {
        let mut flood = Flood::new(way, RatePolicy::Pause, 0);
        let seconds = 30;
        let mut held_most = 0;
        for _ in 0..seconds {
            for _ in 0..10 {
                flood.push(10, "\"hello\"");
                flood.stage.run_for(Duration::from_millis(100));
            }
            held_most = held_most.max(flood.stage.stats().bytes_held);
            flood.hear();
        }
        let (got, most) = (flood.got(), RATE * (seconds + BURST_S) + 10);
        assert!(got <= most && got >= RATE * seconds - 20, "{way:?}: {got}");
        // What is more than a window waits at the client.
        assert!(held_most < 3 * WINDOW_BYTES as u64, "{way:?}: {held_most}");
        let stats = flood.stage.stats();
        assert!(
            stats.sparks_paused > 0 && stats.messages_refused == 0,
            "{way:?}"
        );
        assert_eq!((stats.sparks_ended, stats.moves_refused), (0, 0), "{way:?}");
        while !flood.rest.is_empty() || flood.got() < flood.sent {
            flood.send_rest();
            flood.stage.seconds(1);
            flood.hear();
            assert!(
                flood.stage.net.now().as_ms() < 4_000_000,
                "{way:?}: {}",
                flood.got()
            );
            if flood.stage.stats().sparks_ended > 0 {
                break;
            }
        }
    }
}

/// A paused client goes on sending: its own kernel has to keep that.
#[test]
fn nothing_is_kept_for_who_is_paused() {
    let mut flood = Flood::new(Way::WebSocket, RatePolicy::Pause, 1_000);
    let text = format!("\"{}\"", "x".repeat(30_000));
    let mut taken = 0;
    for _ in 0..500 {
        let before = flood.rest.len();
        flood.push(10, &text);
        taken += usize::from(flood.rest.len() < before);
        let held = flood.stage.stats().bytes_held;
        assert!(held < 4 * WINDOW_BYTES as u64, "{held}");
    }
    let window = flood.rest.len() > 300_000 - 4 * WINDOW_BYTES;
    assert!(
        window,
        "{} of it were taken, {taken} times",
        flood.rest.len()
    );
    assert_eq!(flood.got(), 1, "one longer message passes");
    flood.stage.seconds(29);
    assert_eq!(flood.got(), 2);
}

#[test]
fn what_is_too_much_is_dropped_and_counted() {
    for way in WAYS {
        let mut flood = Flood::new(way, RatePolicy::Drop, 0);
        let seconds = 20;
        for _ in 0..seconds * 10 {
            flood.push(10, "\"hello\"");
            flood.stage.run_for(Duration::from_millis(100));
            flood.hear();
        }
        flood.stage.seconds(1);
        let (got, refused) = (flood.got(), flood.stage.stats().messages_refused);
        assert_eq!(got + refused, flood.sent, "{way:?}");
        let most = RATE * (seconds + BURST_S);
        assert!(got <= most && got >= RATE * seconds, "{way:?}: {got}");
        assert_eq!(flood.stage.stats().sparks_paused, 0, "{way:?}");
    }
}

/// The answer to a ping comes through, however much comes before it.
#[test]
fn an_awaited_pong_is_not_dropped() {
    let mut flood = Flood::new(Way::WebSocket, RatePolicy::Drop, 0);
    for _ in 0..600 {
        flood.push(40, "\"hello\"");
        let heard = String::from_utf8_lossy(&flood.hear()).into_owned();
        if let Some((_, ping)) = heard.split_once("primus::ping::") {
            let time: String = ping.chars().take_while(char::is_ascii_digit).collect();
            flood.push(1, &format!("\"primus::pong::{time}\""));
        }
        flood.stage.run_for(Duration::from_millis(200));
    }
    let stats = flood.stage.stats();
    assert_eq!((stats.sparks_silent, stats.sparks_ended), (0, 0));
    assert!(stats.messages_refused > 20_000);
}

#[test]
fn who_floods_is_ended_and_may_come_back() {
    for way in WAYS {
        let mut flood = Flood::new(way, RatePolicy::End, 0);
        flood.hear();
        flood.push(RATE * BURST_S, "\"hello\"");
        assert_eq!(flood.stage.stats().sparks_ended, 0, "{way:?}");
        flood.push(PORTION, "\"hello\"");
        flood.stage.seconds(1);
        let heard = flood.hear();
        let stats = flood.stage.stats();
        assert_eq!(
            (stats.sparks_flooding, stats.sparks_ended),
            (1, 1),
            "{way:?}"
        );
        assert_eq!(flood.got(), RATE * BURST_S, "{way:?}");
        assert!(!String::from_utf8_lossy(&heard).contains("primus::server::close"));
        if way == Way::WebSocket {
            assert!(heard.ends_with(&[0x88, 2, 0x03, 0xf0]), "{heard:?}");
        }
        flood.stage.seconds(120);
        assert_eq!(flood.stage.stats().sparks_forgotten, 1, "{way:?}");
    }
}

/// A spark that ends while it is paused leaves nothing behind.
#[test]
fn who_leaves_while_it_is_paused_is_forgotten() {
    for way in WAYS {
        let mut flood = Flood::new(way, RatePolicy::Pause, 10);
        flood.push(50, "\"hello\"");
        flood.push(50, "\"hello\"");
        flood.stage.net.close(flood.send);
        flood.stage.seconds(7_200);
        let stats = flood.stage.stats();
        assert_eq!(stats.sparks_forgotten, 1, "{way:?}");
        assert_eq!(
            stats.connections_accepted, stats.connections_closed,
            "{way:?}"
        );
        assert_eq!(stats.bytes_held, 0, "{way:?}");
    }
}
