//! Attacks on plugins: packets that are none, and everything that a client may ask for as often as
//! it likes. The server only echoes; what its plugins keep is the attacker's doing.

use std::io::Write;
use std::time::Duration;

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;

use crate::attack::{Attack, MIB, scaled};
use crate::http::{Client, Deaf};
use crate::server::Server;

const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);

/// Every plugin that listens to clients, with what an operator may open to them.
const PLUGINS: &[&str] = &[
    "--plugin",
    "emit,emitter,responder,multiplex,substream,resource,rooms,spark-latency",
    "--plugin",
    r#"multiplex.channels=["news"]"#,
    "--plugin",
    r#"substream.streams=["foo"]"#,
    "--plugin",
    r#"rooms.join=["*"]"#,
    "--plugin",
    r#"rooms.publish=["*"]"#,
    "--memory-max",
    "16777216",
];

/// Bytes of the largest packets; 10 MiB are allowed.
const LARGE_BYTES: usize = 1_000_000;

const PLUGGED: Attack = Attack {
    args: PLUGINS,
    // With what the allocator keeps.
    memory_max: 64 * MIB,
    ..Attack::USUAL
};

/// Packets of no plugin, or wrong ones.
const WRONG: &[&str] = &[
    "null",
    "[]",
    "[0]",
    "[1]",
    "[1,null,null]",
    r#"[1,{},"news"]"#,
    r#"[7,"id","news"]"#,
    r#"[0,"nobody's","news",1]"#,
    r#"[2,"nobody's","news"]"#,
    r#"[1,"id","no channel"]"#,
    r#"{"emit":null}"#,
    r#"{"emit":[null]}"#,
    r#"{"emit":["join"]}"#,
    r#"{"emit":["join",{}]}"#,
    r#"{"emit":["leave","never joined"]}"#,
    r#"{"emit":["publish"]}"#,
    r#"{"type":0,"data":["news"],"id":{}}"#,
    r#"{"type":1,"data":[],"id":-1}"#,
    r#"{"type":1,"data":[],"id":1e300}"#,
    r#"{"plugin":"primus-responder","requestId":[1]}"#,
    r#"{"plugin":"primus-responder","responseId":"unknown"}"#,
    r#"{"substream":null,"args":1}"#,
    r#"{"substream":"unknown","args":1}"#,
    r#"{"substream":"foo"}"#,
    r#"{"_latency":null}"#,
];

pub(crate) fn frames<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> Vec<u8> {
    let mut said = Vec::new();
    for text in texts {
        encode::message(Kind::Text, text.as_ref().as_bytes(), MASK, &mut said);
    }
    said
}

/// A client that says all this. The server may end it.
pub(crate) fn say(server: &Server, said: &[u8]) -> Deaf {
    let mut client = Client::open_websocket(server).deafen();
    let _ = client.0.write_all(said);
    client
}

/// It is still served.
pub(crate) fn assert_serves(server: &Server) {
    let mut client = Client::open_websocket(server);
    let message = "\"still here\"";
    client.write_message(message).expect("the server lives");
    while client.read_message().expect("the server answers") != message {}
}

#[test]
fn packets_that_are_none() {
    let repeated = |unit: &str| unit.repeat(LARGE_BYTES / unit.len());
    let nested = |head: &str, tail: &str| {
        let depth = LARGE_BYTES / (head.len() + tail.len());
        head.repeat(depth) + &tail.repeat(depth)
    };
    let large = [
        nested("[", "]"),
        nested(r#"{"emit":["#, "]}"),
        nested(r#"[0,"id","news","#, "]"),
        nested(r#"{"substream":"foo","args":"#, "}"),
        format!(r#"{{"emit":["news"{}]}}"#, repeated(",0")),
        format!(r#"{{"emit":["join"{}]}}"#, repeated(r#","a""#)),
        format!(r#"{{"emit":["join","{}"]}}"#, repeated("a ")),
        format!(r#"{{"type":0,"data":["news"{}],"id":1}}"#, repeated(",[]")),
        format!(r#"[1,"{}","news"]"#, repeated("x")),
        format!(r#"[1,"id","{}"]"#, repeated("x")),
    ];
    let small = frames((0..scaled(100)).flat_map(|_| WRONG));
    let large = frames(large);
    PLUGGED.play(|server| {
        for said in [&small, &large] {
            drop(say(server, said));
            assert_serves(server);
        }
    });
}

/// Channels by the million, of which there is one, and subscriptions that come and go.
#[test]
fn subscriptions_by_the_million() {
    let channels = (0..scaled(3_000)).map(|n| format!(r#"[1,"id","channel {n}"]"#));
    let ids = (0..scaled(3_000)).map(|n| format!(r#"[1,"id {n}","news"]"#));
    let storm = (0..scaled(3_000)).flat_map(|_| [r#"[1,"id","news"]"#, r#"[2,"id","news"]"#]);
    let said = [frames(channels), frames(ids), frames(storm)];
    PLUGGED.play(|server| {
        for said in &said {
            drop(say(server, said));
            assert_serves(server);
        }
    });
}

/// Each client is within its own bounds: what all of them hold together is what is bounded. If it
/// were not counted they would all be let in, and take twice as much.
#[test]
fn subscriptions_and_rooms_of_many_clients_are_bounded_in_all() {
    let attack = Attack {
        memory_max: 24 * MIB,
        // It is about memory; this many messages keep a debug build busy by themselves.
        wait_max: Duration::from_secs(15),
        ..PLUGGED
    };
    let subscriptions = (0..256).map(|n| format!(r#"[1,"{n:-<64}","news"]"#));
    let rooms = (0..32).map(|n| format!(r#"{{"emit":["join","{n:-<255}"]}}"#));
    let said = [frames(subscriptions), frames(rooms)].concat();
    attack.play(|server| {
        let crowd: Vec<Deaf> = (0..scaled(600))
            .map_while(|_| {
                let mut client = Client::try_open_websocket(server)?.deafen();
                let _ = client.0.write_all(&said);
                Some(client)
            })
            .collect();
        assert!(crowd.len() > 20, "{} were let in", crowd.len());
        drop(crowd);
        server.wait_until("there is room again", |server| {
            Client::try_open_websocket(server).is_some()
        });
    });
}
