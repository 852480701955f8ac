//! What goes first when a shard is late.

use std::time::Duration;

use allspark_engine::io::Wait;
use allspark_engine::io::sim::{EndpointId, SimDriver, SimNet};
use allspark_engine::limits::SPARKS_PER_TURN_BESIDE_TIMERS;
use allspark_engine::sim::single_shard;
use allspark_engine::{Handle, Options, Shard};
use allspark_transformers::websockets::WebSockets;

const CLIENTS: usize = 1_000;
const INTERVAL_MS: u64 = 30_000;
const LATENCY: Duration = Duration::from_millis(1);

const HANDSHAKE: &[u8] = b"GET /primus HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A shard that stood still for an interval owes every spark a ping, and then everybody is written
/// to. Pings go first, or sparks look dead; each takes the news along, and to others the news goes
/// on slowly.
#[test]
fn late_heartbeats_go_before_a_broadcast() {
    let mut stage = Stage::new();
    let later = stage.net.now() + Duration::from_millis(INTERVAL_MS);
    stage.net.advance_to(later);
    stage.primus.write("news").unwrap();
    // What a turn sends leaves with the next one.
    stage.turn();
    let mut turns_late = 0;
    while stage.count(Reader::is_told) < CLIENTS {
        stage.turn();
        if stage.count(Reader::is_pinged) < CLIENTS {
            turns_late += 1;
            let told_only = stage.count(|client| client.is_told() && !client.is_pinged());
            let most = turns_late * SPARKS_PER_TURN_BESIDE_TIMERS;
            assert!(
                (1..=most).contains(&told_only),
                "{told_only} after {turns_late}"
            );
        }
    }
    assert!(turns_late > 1, "the pings of one turn were all");
    assert_eq!(stage.count(Reader::is_pinged), CLIENTS);
}

/// One shard, turned by hand, and clients that only read.
struct Stage {
    net: SimNet,
    shard: Shard<SimDriver, WebSockets>,
    primus: Handle,
    clients: Vec<Reader>,
}

struct Reader {
    endpoint: EndpointId,
    heard: Vec<u8>,
}

impl Stage {
    fn new() -> Self {
        let net = SimNet::default();
        let options = Options {
            ping_interval: Some(INTERVAL_MS).try_into().unwrap(),
            ..Options::default()
        };
        let transformer = WebSockets::uncompressed(1 << 20);
        let (shard, primus) = single_shard(SimDriver::new(&net), options, transformer, |_| {});
        let clients = Vec::new();
        let mut stage = Self {
            net,
            shard,
            primus,
            clients,
        };
        stage.turn();
        for _ in 0..CLIENTS {
            let endpoint = stage.net.connect(0, LATENCY).expect("the shard listens");
            stage.net.send(endpoint, HANDSHAKE);
            let heard = Vec::new();
            stage.clients.push(Reader { endpoint, heard });
        }
        while stage.primus.stats().sparks_opened < CLIENTS as u64 {
            stage.turn();
        }
        stage
            .clients
            .iter_mut()
            .for_each(|client| client.heard.clear());
        stage
    }

    /// Turns once, and lets what was sent arrive.
    fn turn(&mut self) {
        self.shard.turn(Wait::No).unwrap();
        self.net.advance_to(self.net.now() + LATENCY);
        for client in &mut self.clients {
            client
                .heard
                .extend(self.net.receive(client.endpoint, usize::MAX).unwrap());
        }
    }

    fn count(&self, is_counted: impl Fn(&Reader) -> bool) -> usize {
        let clients = self.clients.iter();
        clients.filter(|client| is_counted(client)).count()
    }
}

impl Reader {
    fn is_pinged(&self) -> bool {
        self.has_heard(b"primus::ping::")
    }

    fn is_told(&self) -> bool {
        self.has_heard(b"news")
    }

    fn has_heard(&self, words: &[u8]) -> bool {
        self.heard.windows(words.len()).any(|bytes| bytes == words)
    }
}
