//! Peers that are slow behind TLS: they are judged by what moves, as without it, and what is held
//! for them is bounded.

use std::io::{Read, Write};

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;
use rustls::ClientConnection;

use crate::by_hand::{ByHand, LARGE_BYTES};
use crate::identity::{client, pending};

const GET_LARGE: &[u8] = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n";

const UPGRADE: &[u8] = b"GET /primus HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A connection is not listened to from 1 MiB in its queue on; what is under way comes to that.
const HELD_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// A server, and one client of it.
struct Secured {
    stage: ByHand,
    end: EndpointId,
    tls: ClientConnection,
    /// Encrypted, and not sent yet.
    out: Vec<u8>,
}

impl Secured {
    /// Hands are shaken with a server of this transport.
    fn new(kind: TransformerKind) -> Self {
        Self::on(ByHand::new(kind, 1).with_tls()).shaken()
    }

    fn on(mut stage: ByHand) -> Self {
        let (end, tls, out) = (stage.connect(0), client(), Vec::new());
        Self {
            stage,
            end,
            tls,
            out,
        }
    }

    fn shaken(mut self) -> Self {
        while self.tls.is_handshaking() {
            self.flush();
            self.read(usize::MAX);
        }
        self.flush();
        self
    }

    fn say(&mut self, bytes: &[u8]) {
        self.tls.writer().write_all(bytes).unwrap();
        self.flush();
    }

    /// Sends as much as the server takes.
    fn flush(&mut self) {
        self.out.append(&mut pending(&mut self.tls));
        let sent = self.stage.send(self.end, &self.out);
        self.out.drain(..sent);
    }

    /// Reads so many encrypted bytes at most. Returns how many bytes were in them, if it was not
    /// the end.
    fn read(&mut self, max: usize) -> Option<usize> {
        let bytes = self.stage.net.receive(self.end, max)?;
        self.stage.seconds(0);
        let (mut rest, mut plain) = (&bytes[..], Vec::new());
        while !rest.is_empty() {
            self.tls.read_tls(&mut rest).unwrap();
            self.tls.process_new_packets().unwrap();
            // It would block when there is nothing more.
            let _ = self.tls.reader().read_to_end(&mut plain);
        }
        Some(plain.len())
    }

    /// What the server holds for it.
    fn held_bytes(&self) -> u64 {
        let stats = self.stage.stats();
        stats.bytes_held + stats.waiting_cost_bytes
    }
}

/// 3.9 MB at 4 kB/s take a quarter of an hour.
#[test]
fn an_answer_that_is_read_slowly_arrives_whole() {
    let mut secured = Secured::new(TransformerKind::SockJs);
    secured.say(GET_LARGE);
    let (mut received, mut seconds) = (0, 0);
    while received < LARGE_BYTES {
        received += secured.read(4_000).expect("it is not the end");
        secured.stage.seconds(1);
        seconds += 1;
        assert!(seconds < 1200, "only {received} bytes came");
    }
    assert_eq!(secured.stage.stats().connections_slow, 0);
}

/// Who reads nothing, or a byte now and then, is given up after two periods, whether the answer
/// ends the connection or not.
#[test]
fn an_answer_that_is_not_read_is_given_up() {
    for each_second in [0, 1] {
        for request in [GET_LARGE, b"GET /large HTTP/1.0\r\n\r\n"] {
            let mut secured = Secured::new(TransformerKind::SockJs);
            secured.say(request);
            let mut seconds = 0;
            while secured.stage.server.connections() > 0 {
                secured.stage.seconds(1);
                seconds += 1;
                secured.read(each_second);
                assert!(seconds <= 62, "{each_second}");
            }
            assert_eq!(secured.stage.stats().connections_slow, 1);
        }
    }
}

#[test]
fn a_spark_lives_while_its_peer_reads() {
    for (each_second, lives) in [(4_000, true), (1, false), (0, false)] {
        let mut secured = Secured::new(TransformerKind::WebSockets);
        secured.say(UPGRADE);
        let message = "x".repeat(8_000_000);
        secured.stage.handle().write(message).unwrap();
        for _ in 0..300 {
            secured.stage.seconds(1);
            secured.read(each_second);
        }
        let is_open = secured.stage.stats().sparks_ended == 0;
        assert_eq!(is_open, lives, "{each_second} bytes per second");
    }
}

/// An echo to who does not read is throttled: what is held is a queue and a record, however much
/// the client sends.
#[test]
fn an_echo_that_is_not_read_is_bounded() {
    let options = allspark_engine::Options::default();
    let stage = ByHand::serving(TransformerKind::WebSockets, 1, options, |primus| {
        primus.on_data(|spark, data| {
            spark.write(data);
        });
    });
    let mut secured = Secured::on(stage.with_tls()).shaken();
    secured.say(UPGRADE);
    assert!(secured.read(usize::MAX).expect("an answer") > 0);
    let (text, mut frame) = (format!("\"{}\"", "x".repeat(64 * 1024)), Vec::new());
    encode::message(Kind::Text, text.as_bytes(), Some(*b"mask"), &mut frame);
    let mut most = 0;
    for _ in 0..400 {
        secured.tls.writer().write_all(&frame).unwrap();
        secured.flush();
        most = most.max(secured.held_bytes());
    }
    let stats = secured.stage.stats();
    assert!(stats.messages_received > 10, "{stats:?}");
    assert!(most <= HELD_BYTES_MAX, "{most}");
    assert_eq!(stats.sparks_ended, 0);
}
