//! The events of sparks and of the server beside those that `everyone.rs` is about.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_engine::io::sim::SimNet;
use allspark_engine::sim::SimServer;
use allspark_engine::{Attach, Destroy, Options, ReadyState, Spark};
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, LATENCY, Stage, frame, quiet};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Milliseconds between two pings.
const INTERVAL_MS: u64 = 1_000;

/// One shard that pings.
fn pinging(attach: impl FnOnce(&Attach)) -> Stage<WebSockets> {
    let options = Options {
        ping_interval: Some(INTERVAL_MS).try_into().unwrap(),
        ..Options::default()
    };
    Stage::new(options, WebSockets::uncompressed(1 << 20), attach)
}

/// Notes the end of a spark, as the server and as the spark hear of it.
fn note_end(primus: &Attach, log: &Log) {
    let (changes, ends, opens) = (log.clone(), log.clone(), log.clone());
    primus.on_ready_state_change(move |spark| {
        changes.note(format!("all: readyStateChange {:?}", spark.ready_state()));
    });
    primus.on_disconnection(move |spark| {
        let connected = spark.primus().connected();
        ends.note(format!("disconnection, {connected} left"));
    });
    primus.on_connection(move |spark| {
        assert_eq!(spark.ready_state(), ReadyState::Open);
        let (changes, ends) = (opens.clone(), opens.clone());
        spark.on_end(move |_| ends.note("end"));
        spark.on_ready_state_change(move |_| changes.note("readyStateChange"));
    });
}

/// However a spark ends.
#[test]
fn the_ready_state_changes_once_and_before_the_end() {
    let by_client = |client: &Client| client.leave();
    let by_server = |client: &Client| client.say(&frame("\"end\""));
    for end in [by_client, by_server] {
        let log = Log::default();
        let mut stage = quiet(|primus| {
            note_end(primus, &log);
            primus.on_data(|spark, _| _ = spark.end());
        });
        let (client, _other) = (stage.upgrade(""), stage.upgrade(""));
        assert_eq!((stage.primus.connected(), log.take()), (2, vec![]));
        end(&client);
        stage.turns(5);
        let expected = [
            "all: readyStateChange Closed",
            "readyStateChange",
            "end",
            "disconnection, 1 left",
        ];
        assert_eq!(log.take(), expected);
        assert_eq!(stage.primus.connected(), 1);
    }
}

/// Notes pings and pongs, and what is known of a client with each.
fn note_heartbeats(primus: &Attach, log: &Log) {
    let (pings, pongs, beats) = (log.clone(), log.clone(), log.clone());
    primus.on_outgoing_ping(move |spark, ms| {
        let alive = spark.is_alive();
        pings.note(format!("outgoing::ping {ms}, alive {alive}"));
    });
    primus.on_incoming_pong(move |_, ms| pongs.note(format!("incoming::pong {ms:?}")));
    primus.on_heartbeat(move |spark| {
        let (alive, latency) = (spark.is_alive(), spark.latency());
        beats.note(format!("heartbeat, alive {alive}, {latency:?}"));
    });
}

/// Turns until the client was pinged. Returns what the ping says.
fn next_ping(stage: &mut Stage<WebSockets>, client: &mut Client) -> String {
    client.heard.clear();
    while !client.has_heard("primus::ping::") {
        stage.turn();
    }
    let text = String::from_utf8_lossy(&client.heard).into_owned();
    let value = text.split("primus::ping::").nth(1).unwrap();
    value.trim_end_matches('"').to_owned()
}

#[test]
fn pings_and_pongs_are_events_and_the_latency_is_known() {
    let log = Log::default();
    let mut stage = pinging(|primus| note_heartbeats(primus, &log));
    let mut client = stage.upgrade("");
    for delay in [3, 40] {
        let value = next_ping(&mut stage, &mut client);
        assert_eq!(log.take(), [format!("outgoing::ping {value}, alive false")]);
        stage.turns(delay);
        client.say(&frame(&format!("\"primus::pong::{value}\"")));
        stage.turns(3);
        let [beat, pong] = log.take().try_into().expect("a heartbeat and a pong");
        assert_eq!(pong, format!("incoming::pong Some({value})"));
        // The ping leaves a turn after it was queued, and both take the network's latency.
        let took = LATENCY * (delay as u32 + 3);
        assert_eq!(beat, format!("heartbeat, alive true, Some({took:?})"));
    }
    // What answers nothing changes nothing that was measured.
    client.say(&frame("\"primus::pong::x\""));
    encode_ping(&client);
    stage.turns(3);
    let took = LATENCY * 43;
    let beat = format!("heartbeat, alive true, Some({took:?})");
    let pong = "incoming::pong None";
    assert_eq!(log.take(), [&beat, pong, &beat, pong]);
}

/// A ping of the WebSocket, which Primus takes for a pong.
fn encode_ping(client: &Client) {
    let mut out = Vec::new();
    encode::ping(b"", Some([1, 2, 3, 4]), &mut out);
    client.say(&out);
}

#[test]
fn what_is_written_before_a_ping_arrives_before_it() {
    let mut stage = pinging(|primus| {
        primus.on_outgoing_ping(|spark, _| _ = spark.write("before"));
    });
    let mut client = stage.upgrade("");
    next_ping(&mut stage, &mut client);
    let heard = String::from_utf8_lossy(&client.heard).into_owned();
    let place = |text| heard.find(text).expect("it was heard");
    assert!(place("before") < place("primus::ping"), "{heard:?}");
}

#[test]
fn a_spark_that_is_ended_instead_of_pinged_is_not_pinged() {
    let log = Log::default();
    let mut stage = pinging(|primus| {
        let own = log.clone();
        primus.on_connection(move |spark| {
            let (first, second) = (own.clone(), own.clone());
            spark.on_outgoing_ping(move |spark, _| {
                first.note("first");
                spark.end();
            });
            spark.on_outgoing_ping(move |_, _| second.note("second"));
        });
    });
    let mut client = stage.upgrade("");
    while !client.has_heard("primus::server::close") {
        stage.turn();
    }
    stage.turns(2 * INTERVAL_MS as usize);
    assert!(!client.has_heard("primus::ping"));
    assert_eq!(log.take(), ["first"]);
}

/// One whose handlers hear of pongs.
#[test]
fn a_spark_hears_of_its_own_pongs() {
    let log = Log::default();
    let mut stage = quiet(|primus| {
        let own = log.clone();
        primus.on_connection(move |spark: &mut Spark<'_>| {
            let (pongs, beats) = (own.clone(), own.clone());
            spark.on_incoming_pong(move |_, ms| pongs.note(format!("pong {ms:?}")));
            spark.on_heartbeat(move |spark| {
                beats.note("heartbeat");
                if spark.query().get("end").is_some() {
                    spark.end();
                }
            });
        });
    });
    let ends = crate::stage::handshake("").replacen("/primus", "/primus?end=1", 1);
    for (words, expected) in [
        (ends, &["heartbeat"][..]),
        (crate::stage::handshake(""), &["heartbeat", "pong Some(7)"]),
    ] {
        let client = stage.connect(words.as_bytes());
        client.say(&frame("\"primus::pong::7\""));
        stage.turns(3);
        assert_eq!(log.take(), expected, "who has ended hears no more");
    }
}

/// A server of some shards, with what it says of itself.
fn server(net: &SimNet, shards: u16, log: &Log) -> SimServer<WebSockets> {
    let transformer = WebSockets::uncompressed(1 << 20);
    let (starts, closes, ends) = (log.clone(), log.clone(), log.clone());
    SimServer::new(net, Options::default(), &transformer, shards, 1, |primus| {
        primus.on_initialised(move |primus| {
            starts.note(format!("initialised, {} connected", primus.connected()));
        });
        primus.on_close(|_| panic!("this one is expected"));
        primus.on_close(move |options| {
            closes.note(format!("close, reconnect {}", options.reconnect));
        });
        primus.on_disconnection(move |_| ends.note("disconnection"));
    })
}

/// Lets so much time pass, in which the clients close what the server has closed.
fn run(net: &SimNet, server: &mut SimServer<WebSockets>, ms: u64) {
    for _ in 0..ms {
        server.settle();
        net.advance_to(net.now() + Duration::from_millis(1));
    }
    server.settle();
}

#[test]
fn a_server_says_once_that_it_serves_and_that_it_is_closed() {
    for close in [true, false] {
        let (net, log) = (SimNet::default(), Log::default());
        let mut server = server(&net, 3, &log);
        assert_eq!(log.take(), ["initialised, 0 connected"]);
        server.settle();
        let clients = [0, 1, 1, 2].map(|shard| {
            let client = net.connect(shard, LATENCY).expect("the shard listens");
            let handshake = crate::stage::handshake("");
            assert!(net.send(client, handshake.as_bytes()).is_some());
            client
        });
        run(&net, &mut server, 20);
        assert_eq!(server.handle().connected(), 4);
        server.handle().destroy(Destroy {
            reconnect: true,
            close,
            ..Destroy::default()
        });
        run(&net, &mut server, 20);
        clients.into_iter().for_each(|client| net.close(client));
        run(&net, &mut server, 20);
        let [ends @ .., close] = &log.take()[..] else {
            panic!("nothing was said");
        };
        assert_eq!(ends, ["disconnection"; 4]);
        assert_eq!(close, "close, reconnect true");
        server.handle().destroy(Destroy::default());
        run(&net, &mut server, 20);
        assert_eq!(log.take(), [""; 0], "it is said once");
    }
}

/// A message of the application is no pong, whatever it says.
#[test]
fn a_pong_that_is_bytes_is_none() {
    let log = Log::default();
    let mut stage = quiet(|primus| note_heartbeats(primus, &log));
    let client = stage.upgrade("");
    let mut bytes = Vec::new();
    let pong = b"primus::pong::1";
    encode::message(Kind::Binary, pong, Some([1, 2, 3, 4]), &mut bytes);
    client.say(&bytes);
    stage.turns(3);
    assert_eq!(log.take(), [""; 0]);
}
