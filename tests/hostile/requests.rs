//! Attacks by bytes behind requests.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::attack::{Attack, scaled, seed};
use crate::http::{Client, get, post, push};
use crate::server::Server;

/// How long an attacker keeps on.
fn patience() -> Duration {
    Duration::from_millis(scaled(2_000) as u64)
}

#[test]
fn bytes_behind_a_streaming_request_are_bounded() {
    Attack::default().play(send_behind_a_request);
}

pub(crate) fn send_behind_a_request(server: &Server) {
    let end = Instant::now() + patience();
    let noise = vec![b'x'; 16 * 1024 * 1024];
    let attackers: Vec<_> = (0..4)
        .map(|n| {
            let mut client = Client::connect(server);
            let path = format!("/primus/0/d{}-{n}/xhr_streaming", seed());
            let open = post(&path, "text/plain", b"");
            client.send(&open).expect("the server takes it");
            let mut stream = client.deafen();
            let noise = noise.clone();
            std::thread::spawn(move || {
                while Instant::now() < end {
                    push(&mut stream.0, &noise, end);
                }
            })
        })
        .collect();
    let mut publisher = Client::open_websocket(server);
    while Instant::now() < end {
        let message = "[\"all\",1]";
        publisher.write_message(message).expect("the server lives");
        while publisher.read_message().expect("the server lives") != message {}
    }
    for attacker in attackers {
        attacker.join().expect("the attacker fears nothing");
    }
}

#[test]
fn a_connection_on_its_way_to_another_shard_is_bounded() {
    Attack::default().play(|server| {
        let end = Instant::now() + patience();
        // On two shards one in two of these sessions lives elsewhere.
        for n in 0..4 {
            let name = format!("e{}-{n}", seed());
            let open = post(&format!("/primus/0/{name}/xhr"), "text/plain", b"");
            Client::connect(server)
                .ask(&open)
                .expect("the server answers");
            let mut stream = server.connect_narrow();
            // More than the kernel takes, and less than the server cuts off for.
            let library = get("/primus/primus.js");
            let (_, body) = Client::connect(server).ask(&library).expect("it answers");
            let mut requests = library.repeat(3 * 1024 * 1024 / body.len());
            requests.extend(post(&format!("/primus/0/{name}/xhr"), "text/plain", b""));
            push(&mut stream, &requests, end);
            push(&mut stream, &vec![b'x'; 128 * 1024 * 1024], end);
        }
    });
}

#[test]
fn a_body_that_never_comes_costs_nothing() {
    Attack::default().play(|server| {
        let heads: Vec<_> = (0..scaled(500))
            .map(|n| {
                let mut stream = server.connect();
                let head = format!(
                    "POST /primus/0/f{n}/xhr_send HTTP/1.1\r\nHost: a\r\n\
                     Content-Length: 9000000\r\n\r\n[\"a"
                );
                stream
                    .write_all(head.as_bytes())
                    .expect("the server takes it");
                stream
            })
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        drop(heads);
    });
}
