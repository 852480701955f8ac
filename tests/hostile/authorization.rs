//! Attacks on who decides about requests: credentials that are all wrong, and each of them another
//! one; a URL that never answers.

use std::net::TcpListener;

use crate::attack::{Attack, MIB, scaled, seed};
use crate::http::{Client, upgrade};
use crate::server::Server;

const ARGS: &[&str] = &[
    "--auth-tokens-file",
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile/tokens.txt"),
    "--auth-jwt-key-file",
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile/key.pem"),
];

/// The heads of tokens: ES256, RS256, HS256 and none, as base64url of JSON.
const HEADS: [&str; 4] = [
    "eyJhbGciOiJFUzI1NiJ9",
    "eyJhbGciOiJSUzI1NiJ9",
    "eyJhbGciOiJIUzI1NiJ9",
    "eyJhbGciOiJub25lIn0",
];

/// `{"exp":9999999999}` and a signature of the right length for ES256.
fn forged(number: usize) -> String {
    let head = HEADS[number % HEADS.len()];
    format!("{head}.eyJleHAiOjk5OTk5OTk5OTl9.{:0>86}", number * 4)
}

/// Asks, and expects this.
fn assert_refused(client: &mut Client, head: &str, expected: u16) {
    let request = format!("GET /primus HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n");
    let (status, _) = client.ask(request.as_bytes()).expect("the server answers");
    assert_eq!(status, expected, "{head}");
}

#[test]
fn ten_thousand_wrong_tokens_are_refused_and_forgotten() {
    let attack = Attack {
        args: ARGS,
        memory_max: 16 * MIB,
        ..Attack::default()
    };
    attack.play(|server| {
        let mut client = Client::connect(server);
        for number in 0..scaled(2_500) {
            let number = number + seed() as usize % 1000;
            assert_refused(
                &mut client,
                &format!("Authorization: Bearer {}", forged(number)),
                401,
            );
        }
        // Each of the lengths that a head can have, and whatever is no token.
        for length in [8_191, 8_192, 8_193, 15_000] {
            let long = format!("Authorization: Bearer {}", "a".repeat(length));
            assert_refused(&mut client, &long, 401);
        }
        let dots = format!("Authorization: Bearer {}", "..".repeat(4_000));
        assert_refused(&mut client, &dots, 401);
        let nested = format!(
            "Authorization: Bearer eyJhbGciOiJFUzI1NiJ9.{}.x",
            "W1tb".repeat(1900)
        );
        assert_refused(&mut client, &nested, 401);
        let head = format!("Authorization: Bearer {}", "a".repeat(16 * 1024));
        let request = format!("GET /primus HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n");
        let answer = Client::connect(server).ask(request.as_bytes());
        // It may have closed before everything was sent.
        assert!(answer.is_err() || answer.is_ok_and(|(status, _)| status == 431));
    });
}

#[test]
fn a_url_that_never_answers_holds_up_nobody_else() {
    // Its kernel takes connections, and nobody ever looks at them.
    let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let url: &'static str = String::leak(url);
    let args = [ARGS, &["--auth-url", url, "--auth-url-timeout", "500"]].concat();
    let attack = Attack {
        args: Vec::leak(args),
        memory_max: 64 * MIB,
        ..Attack::default()
    };
    attack.play_together(|server| {
        let mut waiting: Vec<Client> = (0..scaled(1_250)).map(|n| ask(server, n)).collect();
        for client in &mut waiting {
            let (status, _) = client.read_answer().expect("everybody gets an answer");
            assert_eq!(status, 503);
        }
    });
    drop(listener);
}

/// A client that asks for a WebSocket with a credential of its own.
fn ask(server: &Server, number: usize) -> Client {
    let mut client = Client::connect(server);
    let request = upgrade(&format!("/primus?token=of-client-{number}"));
    client.send(&request).expect("the server lives");
    client
}
