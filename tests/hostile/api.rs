//! Attacks on the publishing API: by strangers who have no key, and by an application that has one
//! and has gone mad.

use std::time::{Duration, Instant};

use crate::attack::{Attack, MIB, scaled};
use crate::http::{Client, push};
use crate::server::Server;

const ARGS: &[&str] = &[
    "--api-keys-file",
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile/api-keys.txt"),
];

const KEY: &str = "the-key-of-an-application";

fn request(key: &str, line: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut request = format!(
        "{line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\
         Content-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

#[test]
fn strangers_upload_nothing_and_learn_nothing() {
    let attack = Attack {
        args: ARGS,
        memory_max: 48 * MIB,
        ..Attack::default()
    };
    attack.play(|server| {
        // Long bodies are refused by their heads, on connections that are closed then.
        for number in 0..scaled(10) {
            let key = format!("guess-number-{number}-of-many");
            let body = vec![b'['; 1_000_000];
            let mut stream = server.connect();
            let end = Instant::now() + Duration::from_secs(2);
            push(
                &mut stream,
                &request(&key, "POST /api/v1/batch", &body),
                end,
            );
        }
        // Short ones are waited for. Half of each comes, and never the rest.
        let body = vec![b'['; 60_000];
        let short = request("a-guess-like-any-other", "POST /api/v1/publish", &body);
        let held: Vec<_> = (0..scaled(40))
            .map(|_| {
                let mut stream = server.connect();
                let end = Instant::now() + Duration::from_secs(2);
                push(&mut stream, &short[..short.len() / 2], end);
                stream
            })
            .collect();
        let mut client = Client::connect(server);
        let mut statuses = Vec::new();
        for number in 0..scaled(200) {
            let key = format!("{KEY}{number}");
            let asked = client.ask(&request(&key, "GET /api/v1/sparks", b""));
            statuses.push(asked.expect("it is answered").0);
        }
        assert!(statuses.iter().all(|status| [401, 429].contains(status)));
        drop(held);
    });
}

/// Bodies of about a megabyte that cost as much as may be, or are nothing, and what is answered.
fn bodies() -> Vec<(Vec<u8>, u16)> {
    let nobody = format!("\"{}\"", "abcdefghijklmnopqrstu");
    let ids = vec![&*nobody; 1000].join(",");
    let batch = |command: &str, count: usize| {
        let commands = vec![command; count].join(",");
        format!("{{\"commands\":[{commands}]}}").into_bytes()
    };
    let to = |to: &str| format!(r#"{{"to":{to},"except":[{ids}],"data":"x"}}"#);
    let rooms: Vec<String> = (0..1000).map(|room| format!("\"r{room}\"")).collect();
    let rooms = rooms.join(",");
    let members = format!(r#"{{"join":{{"sparks":[{ids}],"rooms":[{rooms}]}}}}"#);
    let deep = format!(
        r#"{{"to":{{"all":true}},"data":{}}}"#,
        "[".repeat(500_000) + &"]".repeat(500_000)
    );
    vec![
        (batch(&to(r#"{"rooms":["nobody"]}"#), 39), 200),
        (batch(&to(&format!("{{\"rooms\":[{rooms}]}}")), 30), 200),
        (batch(&to(&format!("{{\"sparks\":[{ids}]}}")), 20), 200),
        (batch(&members, 30), 200),
        (batch(r#"{"end":{"sparks":[]}}"#, 1000), 200),
        (batch(r#"{"end":{"sparks":[]}}"#, 40_000), 400),
        (batch(&deep, 1), 400),
        (deep.into_bytes(), 400),
        (vec![b'['; 1_000_000], 400),
        (vec![b'"'; 1_000_000], 400),
        (vec![0xff; 1_000_000], 400),
        (b"{\"commands\":".repeat(80_000), 400),
    ]
}

#[test]
fn an_application_that_has_gone_mad_holds_up_nobody() {
    let attack = Attack {
        args: ARGS,
        memory_max: 96 * MIB,
        ..Attack::default()
    };
    let bodies = bodies();
    attack.play(|server| {
        let crowd: Vec<Client> = (0..scaled(100))
            .map(|_| Client::open_websocket(server))
            .collect();
        std::thread::scope(|scope| {
            for _ in 0..scaled(2) {
                scope.spawn(|| go_mad(server, &bodies));
            }
        });
        drop(crowd);
    });
}

fn go_mad(server: &Server, bodies: &[(Vec<u8>, u16)]) {
    let mut client = Client::connect(server);
    for (number, (body, expected)) in bodies.iter().enumerate() {
        let line = match body.starts_with(b"{\"to\"") {
            true => "POST /api/v1/publish",
            false => "POST /api/v1/batch",
        };
        let answer = client.ask(&request(KEY, line, body));
        let (status, said) = answer.expect("it is answered");
        let said = String::from_utf8_lossy(&said);
        assert_eq!(status, *expected, "body {number}: {said:.300}");
        for path in [
            "sparks?limit=1000",
            "rooms?limit=1000",
            "sparks?cursor=0-4294967296",
        ] {
            let line = format!("GET /api/v1/{path}");
            let answer = client.ask(&request(KEY, &line, b""));
            assert_eq!(answer.expect("it is answered").0, 200, "{path}");
        }
    }
}
