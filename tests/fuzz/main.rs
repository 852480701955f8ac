//! A seeded fuzzer of the whole server side: whatever a peer sends, in whatever pieces, the shard
//! does not panic, sends nothing after its goodbye, and returns everything when the peer has gone.
//!
//! It runs for a bounded number of rounds. To fuzz for longer, or to replay a round that failed:
//! `FUZZ_ROUNDS=1000000 FUZZ_SEED=7 cargo test --release --test fuzz`.

mod clients;
#[cfg(feature = "auth")]
mod credentials;
mod forwarded;
mod parsers;
mod proxy;
#[path = "../support/puppet.rs"]
mod puppet;
mod requests;
mod transports;

use std::cell::RefCell;
use std::rc::Rc;

use allspark_engine::io::{Completion, Wait};
use allspark_engine::sim::single_shard;
use allspark_engine::{Handle, Options, Shard};
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::deflate::{Deflater, Effort, WindowBits};
use allspark_protocol::websocket::{CloseCode, encode};
use allspark_transformers::CommonOptions;
use allspark_transformers::websockets::{WebSockets, WebSocketsOptions};
use puppet::{HANDSHAKE, Hand, Puppet, frame};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const ROUNDS: u64 = 40_000;

struct World {
    shard: Shard<Puppet, WebSockets>,
    handle: Handle,
    hand: Rc<RefCell<Hand>>,
}

impl World {
    /// A server that echoes, broadcasts, and ends sparks on request.
    fn new() -> Self {
        let (driver, hand) = Puppet::new();
        let transformer = compressing();
        let (shard, handle) = single_shard(driver, Options::default(), transformer, |primus| {
            primus.on_connection(|spark| {
                spark.on_data(|spark, data| match data.value() {
                    Ok(value) if value["do"] == "end".into() => drop(spark.end()),
                    Ok(value) if value["do"] == "all".into() => {
                        spark.primus().write(data).unwrap();
                    }
                    _ => drop(spark.write(data)),
                });
            });
        });
        Self {
            shard,
            handle,
            hand,
        }
    }

    fn turn(&mut self) {
        for _ in 0..3 {
            self.shard.turn(Wait::No).unwrap();
        }
    }

    /// One peer connects, sends `bytes` in pieces, and goes away.
    fn round(&mut self, bytes: &[u8], rng: &mut ChaCha12Rng) {
        let socket = self.hand.borrow().tokens.len();
        self.hand.borrow_mut().connect();
        self.turn();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(1 + below(rng, rest.len().min(4096)));
            self.hand.borrow_mut().receive(socket, piece);
            if below(rng, 2) == 0 {
                self.turn();
            }
            rest = left;
        }
        self.turn();
        let token = self.hand.borrow().tokens[socket];
        let end = Completion::ReceiveEnded {
            token,
            result: Ok(()),
        };
        self.hand.borrow_mut().incoming.push_back(end);
        (0..3).for_each(|_| self.turn());
    }
}

/// A transport that compresses as each client asks, so that a client can choose every kind of
/// session that there is.
fn compressing() -> WebSockets {
    let common = CommonOptions {
        message_bytes_max: 1000_usize.try_into().unwrap(),
        compression: true,
        ..CommonOptions::default()
    };
    let mut options = WebSocketsOptions::default();
    for (name, value) in [
        ("serverNoContextTakeover", "client"),
        ("clientNoContextTakeover", "false"),
        ("threshold", "20"),
    ] {
        let name = format!("perMessageDeflate.{name}");
        options.set(&name, value).expect("an option of ws");
    }
    WebSockets::new(&common, options)
}

fn below(rng: &mut ChaCha12Rng, bound: usize) -> usize {
    (rng.next_u64() % bound.max(1) as u64) as usize
}

/// What a client could send: a handshake and frames, mostly sound.
fn conversation(rng: &mut ChaCha12Rng) -> Vec<u8> {
    let mut bytes = handshake(rng);
    for _ in 0..below(rng, 12) {
        let key = Some(rng.next_u32().to_le_bytes());
        match below(rng, 14) {
            0 => encode::ping(&noise(rng, 125), key, &mut bytes),
            1 => encode::pong(&noise(rng, 125), key, &mut bytes),
            2 => encode::close(CloseCode::new(1000), "bye", key, &mut bytes),
            3 => encode::message(Kind::Binary, &noise(rng, 300), key, &mut bytes),
            4 => encode::message(Kind::Text, &noise(rng, 60), key, &mut bytes),
            5 => encode::message(Kind::Text, &vec![b'1'; below(rng, 1100)], key, &mut bytes),
            6 => encode::message(Kind::Text, br#"{"do":"end"}"#, key, &mut bytes),
            7 => encode::message(Kind::Text, br#"{"do":"all"}"#, key, &mut bytes),
            8 => bytes.extend(frame("\"primus::id::\"")),
            9 => encode::message(Kind::Text, br#""primus::pong::1""#, key, &mut bytes),
            10 => encode::compressed(Kind::Text, &deflated(rng), key, &mut bytes),
            11 => encode::compressed(Kind::Binary, &noise(rng, 60), key, &mut bytes),
            _ => encode::message(Kind::Text, br#"{"a":[1,"\u2028"]}"#, key, &mut bytes),
        }
    }
    bytes
}

/// A handshake that offers compression in one way or another, or not at all.
fn handshake(rng: &mut ChaCha12Rng) -> Vec<u8> {
    let parameters = match below(rng, 5) {
        0 => return HANDSHAKE.to_vec(),
        1 => "",
        2 => "; server_no_context_takeover; server_max_window_bits=9",
        3 => "; client_no_context_takeover",
        _ => "; server_no_context_takeover; client_no_context_takeover",
    };
    let (head, end) = HANDSHAKE.split_at(HANDSHAKE.len() - b"\r\n".len());
    let offer = format!("Sec-WebSocket-Extensions: permessage-deflate{parameters}\r\n");
    [head, offer.as_bytes(), end].concat()
}

/// A text that is compressed, sometimes to far less than the server accepts, sometimes a bomb.
fn deflated(rng: &mut ChaCha12Rng) -> Vec<u8> {
    let magnitude = below(rng, 18);
    let text = vec![b'1'; 1 + below(rng, 1 << magnitude)];
    let mut deflater = Deflater::new(WindowBits::MAX, Effort::FAST, true);
    let message = deflater.message(&text, &mut Vec::new()).map(<[u8]>::to_vec);
    message.expect("with a context every text that is not empty is compressed")
}

fn noise(rng: &mut ChaCha12Rng, bytes_max: usize) -> Vec<u8> {
    let mut bytes = vec![0; below(rng, bytes_max)];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Damages some of it: flips, cuts, repetitions, noise.
fn mutate(bytes: &mut Vec<u8>, rng: &mut ChaCha12Rng) {
    for _ in 0..below(rng, 5) {
        let at = below(rng, bytes.len());
        match below(rng, 4) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << below(rng, 8),
            1 => bytes.truncate(at),
            2 => {
                let again = bytes[at..].to_vec();
                bytes.extend(again);
            }
            _ => {
                let noise = noise(rng, 40);
                bytes.splice(at..at, noise);
            }
        }
    }
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn nothing_a_peer_sends_harms_the_server() {
    let first = variable("FUZZ_SEED", 1);
    let mut world = World::new();
    for seed in first..first + variable("FUZZ_ROUNDS", ROUNDS) {
        // The last line of a failed run names the seed to replay.
        println!("FUZZ_SEED={seed} FUZZ_ROUNDS=1");
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut bytes = conversation(&mut rng);
        mutate(&mut bytes, &mut rng);
        world.round(&bytes, &mut rng);
        let stats = world.handle.stats();
        assert_eq!(stats.sparks_opened, stats.sparks_ended);
        assert_eq!(stats.connections_accepted, stats.connections_closed);
        assert_eq!(stats.handlers_panicked, 0);
    }
    assert!(
        world.handle.stats().sparks_opened > 100,
        "the fuzzer reaches the WebSocket"
    );
    assert!(
        world.handle.stats().messages_received > 100,
        "the fuzzer reaches the handlers"
    );
}
