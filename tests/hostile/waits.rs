//! Attacks on what plugins wait for, with all of them switched on: acknowledgements that never come
//! or that nobody asked for, sessions by the hundred, and messages of other servers that are none.
//! Metroplex alone is missing, as it listens to nobody but Redis.

use std::io::Write;

use crate::attack::{Attack, MIB, scaled};
use crate::http::{Client, Deaf, upgrade};
use crate::plugins::{assert_serves, frames, say};
use crate::server::Server;

const ALL: Attack = Attack {
    args: &[
        "--plugin",
        "fortress-maximus,mirage,emit,emitter,responder,multiplex,substream,resource,rooms",
        "--plugin",
        "spark-latency,analytics,omega-supreme",
        "--plugin",
        r#"fortress-maximus.events={"data":["any"],"news":["any"],"join":["any"]}"#,
        "--plugin",
        "omega-supreme.allow-default-credentials=true",
        "--plugin",
        "omega-supreme.rooms=true",
        "--plugin",
        r#"emitter.app="ask""#,
        "--plugin",
        "emitter.data=false",
        "--plugin",
        r#"multiplex.channels=["news"]"#,
        "--plugin",
        r#"rooms.join=["*"]"#,
        "--memory-max",
        "16777216",
    ],
    memory_max: 64 * MIB,
    ..Attack::USUAL
};

/// The server asks for each of these events whether it has arrived, and is told of none.
#[test]
fn acknowledgements_that_never_come() {
    let filling = "x".repeat(200);
    let event = |id| format!(r#"{{"type":0,"data":["news","{filling}"],"id":{id}}}"#);
    let said = frames((1..scaled(3_000)).map(event));
    ALL.play(|server| {
        let crowd: Vec<Deaf> = (0..10).map(|_| say(server, &said)).collect();
        assert_serves(server);
        drop(crowd);
    });
}

/// Ids that were never used, ids of others, and the same one again and again.
#[test]
fn acknowledgements_that_nobody_waits_for() {
    let event = r#"{"type":0,"data":["news",1],"id":1}"#.to_owned();
    let acks =
        (0..scaled(5_000)).map(|id| format!(r#"{{"type":1,"data":[{id}],"id":{}}}"#, id % 50));
    let answers = (0..scaled(1_000))
        .map(|id| format!(r#"{{"plugin":"primus-responder","responseId":"{id}","data":null}}"#));
    let said = frames([event].into_iter().chain(acks).chain(answers));
    ALL.play(|server| {
        let crowd: Vec<Deaf> = (0..4).map(|_| say(server, &said)).collect();
        assert_serves(server);
        drop(crowd);
    });
}

/// Each connection names another session, of names as long as a request may have, too.
#[test]
fn sessions_that_nobody_knows() {
    ALL.play(|server| {
        let crowd: Vec<_> = (0..scaled(300))
            .map(|number| {
                let id = match number % 3 {
                    0 => format!("{number:x>32}"),
                    1 => format!("{number:x>6000}"),
                    _ => "%00%ff%22".repeat(1 + number),
                };
                let mut stream = server.connect();
                // The server may have no room for one more.
                let _ = stream.write_all(&upgrade(&format!("/primus?_mirage={id}")));
                stream
            })
            .collect();
        assert_serves(server);
        drop(crowd);
    });
}

/// A request as other servers send it, with the password that everybody knows, or another one.
fn put(password: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "PUT /primus/omega/supreme HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {password}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

#[test]
fn messages_of_other_servers_that_are_none() {
    const RIGHT: &str = "b21lZ2E6c3VwcmVtZQ==";
    const LARGE_BYTES: usize = 2_000_000;
    let list = |element: &str| element.repeat(LARGE_BYTES / element.len());
    let bodies = [
        "null".to_owned(),
        "[]".to_owned(),
        r#"{"msg":1,"sparks":{}}"#.to_owned(),
        r#"{"msg":1,"sparks":[null,{},[]]}"#.to_owned(),
        r#"{"msg":1,"rooms":7,"except":false}"#.to_owned(),
        format!(r#"{{"msg":1,"sparks":["a"{}]}}"#, list(r#","a""#)),
        format!(r#"{{"msg":1,"rooms":["a"{}]}}"#, list(r#","a""#)),
        format!(r#"{{"msg":1,"rooms":"{}"}}"#, list("a ")),
        format!(r#"{{"msg":{}"#, list("[")),
    ];
    // Who has the password may have a server read what it sends: some thirty times its bytes.
    let attack = Attack {
        memory_max: 128 * MIB,
        ..ALL
    };
    attack.play(|server: &Server| {
        for password in [RIGHT, "b3RoZXI6b3RoZXI="] {
            for body in &bodies {
                let mut client = Client::connect(server);
                // Who refuses a body need not read it to its end.
                let _ = client.send(&put(password, body.as_bytes()));
                let _ = client.read_answer();
            }
            // A body that stops.
            let mut client = Client::connect(server);
            let request = put(password, bodies[5].as_bytes());
            let _ = client.send(&request[..request.len() / 2]);
        }
        assert_serves(server);
    });
}
