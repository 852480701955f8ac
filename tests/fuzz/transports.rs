//! Every transformer through two whole shards in virtual time: peers send requests and frames of
//! all transports, some damaged, on connections that come and go, and some of them read nothing.
//! Once they are gone and the deadlines have passed, nothing is left of them.

use std::time::Duration;

use allspark_engine::Options;
use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::sim::SimServer;
use allspark_protocol::parser::ParserKind;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::requests::something;
use crate::{below, mutate, variable};

/// Rounds for each transformer.
const ROUNDS: u64 = 400;

/// Times that a peer sends something, in one round.
const STEPS_MAX: usize = 24;

const SHARDS: u16 = 2;
const MESSAGE_BYTES_MAX: usize = 1000;
const SEND_QUEUE_BYTES_MAX: usize = 4096;

/// A single message may wait that is longer than the queue: escaped, a byte becomes six.
const QUEUED_BYTES_MAX: usize = SEND_QUEUE_BYTES_MAX + 8 * MESSAGE_BYTES_MAX;

/// In virtual time; longer than any deadline of these servers.
const UNTIL_ALL_IS_OVER: Duration = Duration::from_secs(60);

/// Options of the transports: real ones wait for longer.
const TRANSPORT: [(&str, &str); 6] = [
    ("pingInterval", "2000"),
    ("pingTimeout", "2000"),
    ("allowEIO3", "true"),
    ("disconnect_delay", "3000"),
    ("keepAliveInterval", "2000"),
    ("sessionTimeoutInterval", "3000"),
];

/// The server half with compression, small limits and short deadlines.
pub(crate) fn transformer(kind: TransformerKind) -> AnyTransformer {
    let common = CommonOptions {
        message_bytes_max: MESSAGE_BYTES_MAX.try_into().unwrap(),
        compression: true,
        ..CommonOptions::default()
    };
    let owned = |(name, value): (&str, &str)| vec![(name.to_owned(), value.to_owned())];
    let is_known = |option: &Vec<_>| AnyTransformer::new(kind, &common, option).is_ok();
    let known: Vec<_> = TRANSPORT.map(owned).into_iter().filter(is_known).collect();
    AnyTransformer::new(kind, &common, &known.concat()).expect("each option is known")
}

/// A server that echoes, ends sparks on request, and writes more than a peer may want to read.
pub(crate) fn server(net: &SimNet, kind: TransformerKind) -> SimServer<AnyTransformer> {
    let options = Options {
        parser: ParserKind::Raw,
        ping_interval: Some(5_000).try_into().unwrap(),
        send_queue_bytes_max: SEND_QUEUE_BYTES_MAX.try_into().unwrap(),
        ..Options::default()
    };
    let transformer = transformer(kind);
    let mut server = SimServer::new(net, options, &transformer, SHARDS, 1, |primus| {
        primus.on_connection(|spark| {
            spark.on_data(|spark, data| {
                match data.encoded() {
                    b"END" => drop(spark.end()),
                    b"BURST" => {
                        (0..100).for_each(|_| {
                            spark.write("x".repeat(900));
                        });
                    }
                    _ => drop(spark.write(data)),
                }
                let queued = spark.send_queue_bytes();
                assert!(queued <= QUEUED_BYTES_MAX, "{queued} bytes wait");
            });
        });
    });
    server.settle();
    server
}

struct World {
    kind: TransformerKind,
    net: SimNet,
    server: SimServer<AnyTransformer>,
    peers: Vec<Peer>,
    /// Names of sessions that the server told, and some that peers choose.
    names: Vec<String>,
}

struct Peer {
    endpoint: EndpointId,
    reads: bool,
}

impl World {
    fn new(kind: TransformerKind) -> Self {
        let net = SimNet::default();
        let server = server(&net, kind);
        Self {
            kind,
            net,
            server,
            peers: Vec::new(),
            names: Vec::new(),
        }
    }

    fn round(&mut self, rng: &mut ChaCha12Rng) {
        self.names = vec!["s".to_owned()];
        for _ in 0..below(rng, STEPS_MAX) {
            self.step(rng);
        }
        for peer in self.peers.drain(..) {
            self.net.close(peer.endpoint);
        }
        self.run_for(UNTIL_ALL_IS_OVER);
        self.assert_nothing_is_left();
    }

    fn step(&mut self, rng: &mut ChaCha12Rng) {
        match below(rng, 10) {
            0 if !self.peers.is_empty() => {
                let peer = self.peers.swap_remove(below(rng, self.peers.len()));
                self.net.close(peer.endpoint);
            }
            1 => self.run_for(Duration::from_millis(below(rng, 3000) as u64)),
            _ => self.speak(rng),
        }
        self.run_for(Duration::ZERO);
        self.read();
    }

    fn speak(&mut self, rng: &mut ChaCha12Rng) {
        if self.peers.is_empty() || below(rng, 3) == 0 {
            let shard = below(rng, usize::from(SHARDS));
            let endpoint = self.net.connect(shard, Duration::ZERO);
            let endpoint = endpoint.expect("the server listens");
            let reads = below(rng, 5) > 0;
            self.peers.push(Peer { endpoint, reads });
        }
        let name = &self.names[below(rng, self.names.len())];
        let mut bytes = something(rng, self.kind, name);
        if below(rng, 4) == 0 {
            mutate(&mut bytes, rng);
        }
        let endpoint = self.peers[below(rng, self.peers.len())].endpoint;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(1 + below(rng, rest.len()));
            self.net.send(endpoint, piece);
            if below(rng, 2) == 0 {
                self.run_for(Duration::ZERO);
            }
            rest = left;
        }
    }

    /// Reads what came, and learns the names of sessions from it.
    fn read(&mut self) {
        for peer in self.peers.iter().filter(|peer| peer.reads) {
            while let Some(bytes) = self.net.receive(peer.endpoint, usize::MAX) {
                if bytes.is_empty() {
                    break;
                }
                let text = String::from_utf8_lossy(&bytes);
                for before in ["\"sid\":\"", "[\"c\",\""] {
                    let name = text.split_once(before);
                    let name = name.and_then(|(_, rest)| rest.split_once('"'));
                    self.names.extend(name.map(|(name, _)| name.to_owned()));
                }
            }
        }
    }

    fn run_for(&mut self, time: Duration) {
        run(&self.net, &mut self.server, time);
    }

    fn assert_nothing_is_left(&self) {
        let stats = self.server.handle().stats();
        assert_eq!(stats.sparks_opened, stats.sparks_ended);
        assert_eq!(stats.sparks_opened, stats.sparks_forgotten);
        assert_eq!(stats.connections_accepted, stats.connections_closed);
        assert_eq!(stats.handlers_panicked, 0);
        assert_eq!(self.server.connections(), 0);
        assert_eq!(self.net.open_endpoints(), 0);
    }
}

/// Lets virtual time pass, and everything happen that happens meanwhile.
pub(crate) fn run(net: &SimNet, server: &mut SimServer<AnyTransformer>, time: Duration) {
    let end = net.now() + time;
    loop {
        net.advance_to(net.now());
        server.settle();
        while net.next_client_notice().is_some() {}
        let next = [net.next_event(), server.next_deadline()];
        match next.into_iter().flatten().min() {
            Some(next) if next <= end => net.advance_to(next),
            _ => break,
        }
    }
    net.advance_to(end);
}

#[test]
fn nothing_is_left_of_a_peer_of_any_transformer() {
    let first = variable("FUZZ_SEED", 1);
    for kind in TransformerKind::ALL {
        let mut world = World::new(kind);
        for seed in first..first + variable("FUZZ_ROUNDS", ROUNDS) {
            println!("{kind:?} FUZZ_SEED={seed} FUZZ_ROUNDS=1");
            world.round(&mut ChaCha12Rng::seed_from_u64(seed));
        }
        let stats = world.server.handle().stats();
        let (opened, received) = (stats.sparks_opened, stats.messages_received);
        println!("{kind:?}: {opened} sparks, {received} messages");
        if std::env::var("FUZZ_ROUNDS").is_err() {
            assert!(opened > 20 && received > 20, "the fuzzer reaches {kind:?}");
        }
    }
}
