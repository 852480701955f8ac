//! Attacks on what a server has in all: more connections, sessions and unfinished requests than it
//! is to have, each of which is within its own bounds.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::attack::{Attack, MIB, scaled, seed};
use crate::http::{Client, get, push};
use crate::server::Server;
use crate::sessions::open_sessions;
use crate::stream::Stream;

/// Opens `count` connections, each of which says `words`; the server may have closed it by then.
/// Those that are returned are open at this end.
fn connect(server: &Server, count: usize, words: &[u8]) -> Vec<Stream> {
    let connect = |_| {
        let mut stream = server.connect();
        let _ = stream.write_all(words);
        stream
    };
    (0..count).map(connect).collect()
}

/// Asks until the server has room again.
fn wait_for_room(server: &Server) {
    server.wait_until("there is room again", |server| {
        let answer = Client::connect(server).ask(&get("/"));
        answer.is_ok_and(|(status, _)| status == 200)
    });
}

#[test]
fn connections_beyond_the_bound_cost_little_and_others_go_on() {
    let attack = Attack {
        args: &["--connections-max", "200"],
        memory_max: 24 * MIB,
        ..Attack::default()
    };
    attack.play(|server| {
        for words in [&b""[..], b"GET / HTTP/1.1\r\n"] {
            let crowd = connect(server, scaled(3_000), words);
            let refused = Client::connect(server).ask(&get("/"));
            // Who comes when many are being turned away gets no answer.
            assert!(refused.is_err() || refused.is_ok_and(|(status, _)| status == 503));
            drop(crowd);
            wait_for_room(server);
        }
    });
}

#[test]
fn sessions_that_nobody_polls_are_bounded() {
    let attack = Attack {
        args: &["--sessions-max", "2000"],
        memory_max: 24 * MIB,
        ..Attack::default()
    };
    attack.play(|server| {
        let prefix = format!("g{}-", seed());
        let opened = open_sessions(server, &prefix, scaled(20_000));
        // Some may have expired meanwhile, so others were let in.
        assert!(opened.refused > 0, "all were let in");
    });
}

#[test]
fn requests_that_never_end_are_bounded_in_all() {
    let attack = Attack {
        args: &["--memory-max", "8388608"],
        // With what the allocator keeps of vectors that have grown. Unbounded it is some hundreds.
        memory_max: 64 * MIB,
        // It is about memory; hundreds of full sockets keep a small machine busy by themselves.
        wait_max: Duration::from_secs(15),
        ..Attack::default()
    };
    attack.play(|server| {
        let body = vec![b'x'; 1_500_000];
        let head = format!(
            "POST /primus/0/h{}/xhr_send HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n",
            seed()
        );
        let mut crowd = connect(server, scaled(300), head.as_bytes());
        let end = Instant::now() + Duration::from_secs(20);
        for part in body.chunks(100_000) {
            for stream in &mut crowd {
                push(stream, part, end);
            }
        }
        drop(crowd);
        wait_for_room(server);
    });
}
