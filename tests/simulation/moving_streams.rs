//! Messages on streams that come in parts, over a long time or without end: whoever sends them at
//! the least rate is served however long that takes, and nobody else is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::Options;
use allspark_engine::io::sim::EndpointId;
use allspark_protocol::primus::PingInterval;

use crate::by_hand::ByHand;

/// A transport with a stream, how one is asked for, and what frames its messages.
#[derive(Clone, Copy, Debug)]
struct Way {
    kind: TransformerKind,
    path: &'static str,
    framing: Framing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    WebSocket,
    /// hixie-75.
    Draft,
}

const fn way(kind: TransformerKind, path: &'static str, framing: Framing) -> Way {
    Way {
        kind,
        path,
        framing,
    }
}

const EIO: &str = "/primus/?EIO=4&transport=websocket";

const SOCKJS: &str = "/primus/000/session/websocket";

const WAYS: [Way; 9] = [
    way(TransformerKind::WebSockets, "/primus", Framing::WebSocket),
    way(TransformerKind::Faye, "/primus", Framing::WebSocket),
    way(TransformerKind::Faye, "/primus", Framing::Draft),
    way(TransformerKind::Uws, "/primus", Framing::WebSocket),
    way(TransformerKind::EngineIo, EIO, Framing::WebSocket),
    way(TransformerKind::SockJs, SOCKJS, Framing::WebSocket),
    way(TransformerKind::SockJs, SOCKJS, Framing::Draft),
    way(
        TransformerKind::SockJs,
        "/primus/websocket",
        Framing::WebSocket,
    ),
    way(TransformerKind::Any, "/primus", Framing::WebSocket),
];

/// A server, a stream to it, and the lengths of the words that came.
struct World {
    stage: ByHand,
    end: EndpointId,
    way: Way,
    heard: Arc<Mutex<Vec<usize>>>,
}

impl World {
    fn new(way: Way, ping_interval: PingInterval) -> Self {
        let heard = Arc::<Mutex<Vec<usize>>>::default();
        let hears = Arc::clone(&heard);
        let options = Options {
            ping_interval,
            ..Options::default()
        };
        let mut stage = ByHand::serving(way.kind, 1, options, move |primus| {
            primus.on_data(move |_, data| {
                let word: String = data.parse().expect("clients say words");
                hears.lock().unwrap().push(word.len());
            });
        });
        let end = stage.connect(0);
        let version = match way.framing {
            Framing::Draft => "",
            Framing::WebSocket => {
                "Sec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            }
        };
        let upgrade = format!(
            "GET {} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\n{version}\r\n",
            way.path
        );
        stage.send_all(end, upgrade.as_bytes());
        Self {
            stage,
            end,
            way,
            heard,
        }
    }

    /// Reads what came. Returns whether a ping is among it.
    fn is_pinged(&mut self) -> bool {
        let bytes = self.stage.net.receive(self.end, usize::MAX);
        let bytes = bytes.unwrap_or_default();
        self.stage.run_for(Duration::ZERO);
        bytes.windows(14).any(|part| part == b"primus::ping::")
    }

    /// A word as it goes over the wire.
    fn word(&self, word: &str) -> Vec<u8> {
        let text = format!("\"{word}\"");
        let text = match self.way.kind {
            TransformerKind::EngineIo => format!("4{text}"),
            TransformerKind::SockJs if self.way.path == SOCKJS => {
                format!("[\"{}\"]", text.replace('"', "\\\""))
            }
            _ => text,
        };
        match self.way.framing {
            Framing::Draft => [b"\x00", text.as_bytes(), b"\xff"].concat(),
            Framing::WebSocket => frame(0x81, text.as_bytes()),
        }
    }

    fn ended(&self) -> u64 {
        self.stage.stats().sparks_ended
    }
}

/// A frame of a client, whose mask changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length => {
            out.push(0xff);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
    out
}

/// The first message takes longer than a ping may be unanswered, and the pongs of all transports
/// wait behind it.
#[test]
fn a_message_that_keeps_coming_is_a_sign_of_life() {
    for way in WAYS {
        for (length, part) in [(9_000_000, 25_000), (1_000_000, 1_000)] {
            if length > 1_000_000 && way.kind != TransformerKind::WebSockets {
                continue;
            }
            let mut world = World::new(way, PingInterval::default());
            while !world.is_pinged() {
                world.stage.seconds(1);
            }
            let message = world.word(&"x".repeat(length));
            for part in message.chunks(part) {
                world.stage.send_all(world.end, part);
                world.stage.run_for(Duration::from_millis(100));
                world.is_pinged();
            }
            assert_eq!(*world.heard.lock().unwrap(), [length], "{way:?}");
            let stats = world.stage.stats();
            let ended = (stats.sparks_ended, stats.sparks_silent);
            assert_eq!(ended, (0, 0), "{way:?}");
        }
    }
}

/// Whoever sends a message lives as long as he sends it at the least rate, and no longer, be he
/// pinged or not.
#[test]
fn a_spark_lives_while_its_peer_sends() {
    for way in WAYS {
        for ping_interval in [PingInterval::default(), PingInterval::OFF] {
            for (each_second, lives) in [(4_000, true), (400, false), (1, false), (0, false)] {
                let mut world = World::new(way, ping_interval);
                let message = world.word(&"x".repeat(2_000_000));
                let (begin, rest) = message.split_at(20);
                world.stage.send_all(world.end, begin);
                for second in 0..150 {
                    let part = &rest[second * each_second..][..each_second];
                    world.stage.send(world.end, part);
                    world.stage.seconds(1);
                    world.is_pinged();
                }
                let is_open = world.ended() == 0;
                let case = format!("{way:?}, {ping_interval:?}, {each_second}");
                assert_eq!(is_open, lives, "{case}");
                // The client of sockjs owes a pong of WebSocket, too.
                if !lives && way.path != SOCKJS && way.path != EIO {
                    assert_eq!(world.stage.stats().connections_slow, 1, "{case}");
                }
            }
        }
    }
}

/// Pings between the fragments say that somebody is there, and no more than that.
#[test]
fn signs_below_messages_do_not_keep_a_message_that_dribbles() {
    for way in WAYS {
        if way.framing != Framing::WebSocket {
            continue;
        }
        for ping_interval in [PingInterval::default(), PingInterval::OFF] {
            let mut world = World::new(way, ping_interval);
            world.stage.send_all(world.end, &frame(0x01, b"\""));
            for _ in 0..150 {
                world.stage.seconds(1);
                let parts = [frame(0x00, b"x"), frame(0x89, b"there")].concat();
                world.stage.send(world.end, &parts);
                world.stage.send(world.end, &frame(0x8a, b""));
            }
            assert_eq!(world.ended(), 1, "{way:?}, {ping_interval:?}");
        }
    }
}

/// Half a header, half a ping, a first fragment: nothing that has begun stays so for ever.
#[test]
fn nothing_stays_begun_for_ever() {
    let begun: [&[u8]; 4] = [
        b"\x81",
        b"\x81\xff\x00",
        b"\x89\x85\0\0\0\0x",
        b"\x01\x80\0\0\0\0",
    ];
    for begun in begun {
        let mut world = World::new(WAYS[0], PingInterval::OFF);
        world.stage.send_all(world.end, begun);
        world.stage.seconds(59);
        assert_eq!(world.ended(), 0);
        world.stage.seconds(2);
        assert_eq!(
            (world.ended(), world.stage.stats().connections_slow),
            (1, 1)
        );
    }
}

/// Without pings nobody is judged between two messages, nor by messages that come in parts and are
/// soon complete.
#[test]
fn who_has_sent_everything_is_left_alone() {
    for way in WAYS {
        let mut world = World::new(way, PingInterval::OFF);
        let word = world.word("word");
        for count in 1..200 {
            let (begin, rest) = word.split_at(count % word.len());
            world.stage.send(world.end, begin);
            world.stage.run_for(Duration::from_millis(900));
            world.stage.send(world.end, rest);
            world.stage.run_for(Duration::from_millis(100));
            world.is_pinged();
            if way.path == SOCKJS && way.framing == Framing::WebSocket {
                world.stage.send(world.end, &frame(0x8a, b""));
            }
        }
        let heard = world.heard.lock().unwrap().len();
        assert!(heard > 10, "{way:?}");
        if way.path != EIO && way.path != SOCKJS {
            assert_eq!((world.ended(), heard), (0, 199), "{way:?}");
            world.stage.seconds(300);
            assert_eq!(world.ended(), 0, "{way:?}");
        }
    }
}

/// A client that reads slowly is not listened to for so long, so it can't send the rest of its
/// message; it is judged by what it reads.
#[test]
fn a_message_that_nobody_listens_to_is_not_judged() {
    for ping_interval in [PingInterval::default(), PingInterval::OFF] {
        for (each_second, lives) in [(4_000, true), (1, false)] {
            let mut world = World::new(WAYS[0], ping_interval);
            let message = world.word(&"x".repeat(2_000_000));
            let (begin, mut rest) = message.split_at(500_000);
            world.stage.send_all(world.end, begin);
            let written = world.stage.handle().write("y".repeat(8_000_000));
            written.unwrap();
            for _ in 0..300 {
                world.stage.seconds(1);
                world.stage.net.receive(world.end, each_second);
                let sent = world.stage.send(world.end, &rest[..rest.len().min(4_000)]);
                rest = &rest[sent..];
            }
            assert!(rest.len() > 1_000_000, "it is not listened to");
            assert_eq!(
                world.ended() == 0,
                lives,
                "{ping_interval:?}, {each_second}"
            );
        }
    }
}
