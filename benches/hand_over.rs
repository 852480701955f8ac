//! What it costs in memory that a connection moves to the shard which owns its session: released by
//! one driver, packed up with its request, sent through the mesh, adopted by the other, answered
//! there.
//!
//! One connection polls two sessions in turn, as a proxy in front of the server may do. In `stays`
//! both live on the shard of the connection, in `moves` on two shards, so it moves for every
//! request. The difference is the price of a move; what both cost is that of a request, of turning
//! two shards, and of the network, which is the simulator's. In `stays-in-parts` and
//! `moves-in-parts` the body of each request comes after its head. A connection may move so often
//! per second only, so the clock goes on before each request by the time that a move has.
//!
//! Not measured: the system calls of a real move (an ordinary descriptor is made of a direct one,
//! the old one is closed, and the new one installed) and waking the other shard (see `mesh`).

use std::time::Duration;

use allspark_engine::Options;
use allspark_engine::io::sim::{EndpointId, Notice, SimNet};
use allspark_engine::limits::MOVES_PER_SECOND_MAX;
use allspark_engine::sim::SimServer;
use allspark_protocol::options::Bounded;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::CommonOptions;
use allspark_transformers::engine_io::{EngineIo, EngineIoOptions};
use criterion::{Criterion, Throughput, criterion_group};

criterion_group! {
    name = benches;
    config = crate::config();
    targets = hand_over
}

fn hand_over(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hand_over");
    group.throughput(Throughput::Elements(2));
    for (name, second_shard, parts) in [
        ("stays", 0, 1),
        ("moves", 1, 1),
        ("stays-in-parts", 0, 2),
        ("moves-in-parts", 1, 2),
    ] {
        let mut world = World::new();
        let requests = [0, second_shard].map(|shard| {
            let session = world.open_session(shard);
            in_parts(&post(&session), parts)
        });
        let connection = world.connect(0);
        let mut rounds = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for request in &requests {
                    let answer = world.exchange(connection, request);
                    assert!(answer.ends_with(b"ok"));
                }
                rounds += 1;
            });
        });
        // The first request found the connection where its session is.
        let moved = (2_u64 * rounds).saturating_sub(1) * second_shard as u64;
        let adopted = world.server.handle().stats().connections_adopted;
        assert_eq!(adopted, moved);
    }
    group.finish();
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A server of two shards.
struct World {
    net: SimNet,
    server: SimServer<EngineIo>,
}

impl World {
    fn new() -> Self {
        let net = SimNet::default();
        // Nobody polls, so nobody may be pinged.
        let mut own = EngineIoOptions::default();
        own.ping_interval_ms = const { Bounded::of(DAY_MS) };
        let transformer = EngineIo::new(&CommonOptions::default(), own);
        let options = Options {
            ping_interval: PingInterval::OFF,
            ..Options::default()
        };
        let mut server = SimServer::new(&net, options, &transformer, 2, 1, |_| {});
        server.settle();
        Self { net, server }
    }

    fn connect(&mut self, shard: usize) -> EndpointId {
        let connection = self.net.connect(shard, Duration::ZERO);
        connection.expect("every shard listens")
    }

    /// The name of a new session that lives on this shard.
    fn open_session(&mut self, shard: usize) -> String {
        let connection = self.connect(shard);
        let request = format!("GET {TARGET} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = self.exchange(connection, &[request.into_bytes()]);
        let answer = String::from_utf8(answer).expect("the answer is text");
        let (_, name) = answer.split_once("\"sid\":\"").expect("it has a name");
        name.split('"').next().unwrap_or_default().to_owned()
    }

    /// Sends a request in its parts and awaits its answer.
    fn exchange(&mut self, connection: EndpointId, request: &[Vec<u8>]) -> Vec<u8> {
        let spacing = Duration::from_secs(1) / MOVES_PER_SECOND_MAX;
        self.net.advance_to(self.net.now() + spacing);
        for (number, part) in request.iter().enumerate() {
            if number > 0 {
                self.net.advance_to(self.net.now());
                self.server.settle();
            }
            let sent = self.net.send(connection, part);
            assert_eq!(sent, Some(part.len()));
        }
        loop {
            self.net.advance_to(self.net.now());
            self.server.settle();
            while let Some((id, notice)) = self.net.next_client_notice() {
                if (id, notice) == (connection, Notice::Readable) {
                    let answer = self.net.receive(connection, usize::MAX);
                    return answer.expect("the connection stays open");
                }
            }
        }
    }
}

const TARGET: &str = "/primus/?EIO=4&transport=polling";

/// A request with one message.
fn post(session: &str) -> Vec<u8> {
    let head = "Host: localhost\r\nContent-Type: text/plain\r\nContent-Length: 7";
    format!("POST {TARGET}&sid={session} HTTP/1.1\r\n{head}\r\n\r\n4\"tick\"").into_bytes()
}

/// A request as one, or its head and its body.
fn in_parts(request: &[u8], parts: usize) -> Vec<Vec<u8>> {
    let body = request.len() - "4\"tick\"".len();
    match parts {
        1 => vec![request.to_vec()],
        _ => [&request[..body], &request[body..]]
            .map(<[u8]>::to_vec)
            .into(),
    }
}
