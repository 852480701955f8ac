//! What is kept for clients as long as they are there, of what they say when they come and by
//! plugins, counts for `memory-max`, and is returned with them.

use std::sync::Arc;

use allspark::plugins::emit::Emit;
use allspark::plugins::emitter::{Emitter, SendSpark};
use allspark::plugins::multiplex::Multiplex;
use allspark::plugins::responder::{AskSpark, Responder};
use allspark::plugins::rooms::{Rooms, RoomsOptions};
use allspark_engine::{Attach, Options};
use allspark_protocol::options::Bounded;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, Stage, WIDE, frame, handshake};

const MEMORY_BYTES_MAX: u64 = 2 << 20;

/// What one client does to the server.
struct Hoarder {
    /// Behind the pathname of its first request.
    query: String,
    messages: Vec<String>,
    /// Bytes that the server keeps of that at least, without what its structures cost.
    bytes: u64,
}

/// Lets clients in until the server has ended some. It never holds more than it may.
fn judge(attach: impl FnOnce(&Attach), hoarder: &Hoarder) {
    let options = Options {
        ping_interval: PingInterval::OFF,
        memory_bytes_max: Some(Bounded::of(MEMORY_BYTES_MAX)),
        ..Options::default()
    };
    let mut stage = Stage::new(options, WebSockets::uncompressed(1 << 20), attach);
    let mut clients = vec![hoard(&mut stage, hoarder)];
    let held = stage.primus.stats().bytes_held;
    assert!(held >= hoarder.bytes, "{held} bytes are counted");
    let enough = MEMORY_BYTES_MAX / hoarder.bytes + 10;
    while clients.len() < enough as usize {
        clients.push(hoard(&mut stage, hoarder));
        let stats = stage.primus.stats();
        let held = stats.bytes_held + stats.block_bytes;
        assert!(held <= MEMORY_BYTES_MAX, "{held} bytes are held");
    }
    let stats = stage.primus.stats();
    assert!(stats.connections_refused + stats.peers_shed > 0);
    clients.iter().for_each(Client::leave);
    stage.turns(8);
    assert_eq!(stage.primus.stats().bytes_held, 0, "all is returned");
}

fn hoard(stage: &mut Stage<WebSockets>, hoarder: &Hoarder) -> Client {
    let Hoarder {
        query, messages, ..
    } = hoarder;
    let request = handshake("").replace("/primus", &format!("/primus?{query}"));
    let mut client = stage.dial();
    client.set_window(WIDE);
    client.say(request.as_bytes());
    stage.turns(4);
    for message in messages {
        // It may have been ended.
        client.say_some(&frame(message));
    }
    stage.turns(6);
    client.read();
    client
}

#[test]
fn queries() {
    let hoarder = Hoarder {
        query: format!("q={}", "x".repeat(7_000)),
        messages: Vec::new(),
        bytes: 7_000,
    };
    judge(|_| {}, &hoarder);
}

#[test]
fn subscriptions() {
    let subscribe = |number| format!(r#"[1,"{number:-<64}","news"]"#);
    let hoarder = Hoarder {
        query: String::new(),
        // Beyond the 256 that it may have.
        messages: (0..300).map(subscribe).collect(),
        bytes: 256 * (64 + 100),
    };
    let multiplex = Multiplex::new();
    multiplex.channel("news");
    judge(|primus| drop(primus.plugin(Arc::new(multiplex))), &hoarder);
}

#[test]
fn subscriptions_that_come_and_go_cost_nothing() {
    let both = |number: u32| [1, 2].map(|what| format!(r#"[{what},"{number:-<64}","news"]"#));
    let multiplex = Multiplex::new();
    multiplex.channel("news");
    let options = Options::default();
    let attach = |primus: &Attach| drop(primus.plugin(Arc::new(multiplex.clone())));
    let mut stage = Stage::new(options, WebSockets::uncompressed(1 << 20), attach);
    let hoarder = Hoarder {
        query: String::new(),
        messages: (0..1_000).flat_map(both).collect(),
        bytes: 0,
    };
    let client = hoard(&mut stage, &hoarder);
    assert!(client.is_open());
    assert_eq!(stage.primus.stats().bytes_held, 0);
    assert!(multiplex.channel("news").is_empty());
}

#[test]
fn acknowledgements_that_never_come() {
    let attach = |primus: &Attach| {
        let emitter = Emitter::new();
        emitter.on("ask", |spark, _| {
            spark.send_with_ack("back", (), |_, _| ());
        });
        primus.plugin(Arc::new(emitter)).unwrap();
    };
    let hoarder = Hoarder {
        query: String::new(),
        messages: vec![r#"{"type":0,"data":["ask"]}"#.to_owned(); 1_100],
        bytes: 1_024 * 100,
    };
    judge(attach, &hoarder);
}

#[test]
fn answers_that_never_come() {
    let attach = |primus: &Attach| {
        let responder = Responder::new();
        responder.on_request(|spark, _, answer| {
            drop(answer);
            spark.write_and_wait("who", |_, _| ());
        });
        primus.plugin(Arc::new(responder)).unwrap();
    };
    let question = r#"{"plugin":"primus-responder","requestId":"q","data":1}"#;
    let hoarder = Hoarder {
        query: String::new(),
        messages: vec![question.to_owned(); 1_100],
        bytes: 1_024 * 100,
    };
    judge(attach, &hoarder);
}

#[test]
fn rooms_that_clients_have_made() {
    let attach = |primus: &Attach| {
        let options = RoomsOptions {
            join: vec!["*".to_owned()],
            joins_per_s: 1_000,
            ..RoomsOptions::default()
        };
        primus.plugin(Arc::new(Emit::new())).unwrap();
        let rooms = Rooms::with_options(options);
        primus.plugin(Arc::new(rooms)).unwrap();
    };
    let join = |number| format!(r#"{{"emit":["join","{number:-<200}"]}}"#);
    let hoarder = Hoarder {
        query: String::new(),
        messages: (0..120).map(join).collect(),
        bytes: 100 * 200,
    };
    judge(attach, &hoarder);
}
