//! Attacks by sessions that poll, or that do not.

use std::thread;
use std::time::Duration;

use crate::attack::{Attack, MIB, drivers, scaled, seed};
use crate::http::{Client, get, post};
use crate::server::Server;

/// Sessions that one connection asks for before it reads the answers.
const SESSIONS_AT_ONCE: usize = 100;

/// Connections that ask at a time. Each of them moves to another shard with every second request,
/// where there are two, and waits for that.
const CONNECTIONS: usize = 8;

/// What came of many requests for a session each.
pub(crate) struct Opened {
    /// Of all of them: a session that was refused has one too.
    names: Vec<String>,
    pub(crate) refused: usize,
}

/// Opens `count` sessions of sockjs over a few connections, and reads every answer.
pub(crate) fn open_sessions(server: &Server, prefix: &str, count: usize) -> Opened {
    let names: Vec<String> = (0..count).map(|n| format!("{prefix}{n}")).collect();
    let share = count.div_ceil(CONNECTIONS);
    let refused = thread::scope(|scope| {
        let open = |names| scope.spawn(move || open_over_one_connection(server, names));
        let shares: Vec<_> = names.chunks(share).map(open).collect();
        let refused = shares.into_iter().map(|share| share.join());
        refused
            .map(|refused| refused.expect("it fears nothing"))
            .sum()
    });
    Opened { names, refused }
}

/// Returns how many were refused.
fn open_over_one_connection(server: &Server, names: &[String]) -> usize {
    let mut client = Client::connect(server);
    let mut refused = 0;
    for names in names.chunks(SESSIONS_AT_ONCE) {
        let requests: Vec<u8> = names
            .iter()
            .flat_map(|name| post(&format!("/primus/0/{name}/xhr"), "text/plain", b""))
            .collect();
        client.send(&requests).expect("the server takes it");
        for _ in names {
            let (status, _) = client.read_answer().expect("the server answers");
            assert!(matches!(status, 200 | 503), "{status}");
            refused += usize::from(status == 503);
        }
    }
    refused
}

/// Broadcasts, one after the other: a walk over all sparks for each, as a walk serves all
/// broadcasts that wait for it.
fn broadcast(server: &Server, count: usize) {
    let mut publisher = Client::open_websocket(server);
    let message = format!("[\"all\",{count}]");
    for _ in 0..count {
        publisher.write_message(&message).expect("the server lives");
        while publisher.read_message().expect("the server lives") != message {}
    }
}

/// Processor time that broadcasts cost.
fn cost_of_broadcasts(server: &Server) -> Duration {
    let before = server.cpu();
    broadcast(server, 1_000);
    server.cpu() - before
}

#[test]
fn sessions_that_have_expired_cost_nothing() {
    SHORT_LIVED.play(|server| let_expire(server, scaled(60_000)));
}

pub(crate) const SHORT_LIVED: Attack = Attack {
    args: &[
        "--transformer",
        "any",
        "--transport",
        "disconnect_delay=1000",
    ],
    memory_max: 256 * MIB,
    ..Attack::USUAL
};

pub(crate) fn let_expire(server: &Server, sessions: usize) {
    let before = cost_of_broadcasts(server);
    let memory = server.memory();
    open_sessions(server, &format!("a{}-", seed()), sessions);
    server.wait_until("the sessions expire", |server| {
        let counts = Client::connect(server).ask(&get("/stats"));
        let (_, counts) = counts.expect("the server answers");
        String::from_utf8_lossy(&counts).contains(r#""sparks":1,"#)
    });
    let after = cost_of_broadcasts(server);
    assert!(
        after <= 2 * before + Duration::from_millis(250),
        "broadcasts cost {before:?} before the flood and {after:?} after it"
    );
    server.wait_until("the memory is given back", |server| {
        server.memory() < memory + 16 * MIB
    });
}

/// Nothing happens after the peak that would wake a shard, or call its allocator. What may stay are
/// the receive buffers, and pages of which something is still used.
#[test]
fn an_idle_server_gives_the_memory_of_a_peak_back() {
    // Both at a time, because most of it is the wait for the sessions to expire.
    thread::scope(|scope| {
        for driver in drivers() {
            scope.spawn(move || gives_the_memory_of_a_peak_back(driver));
        }
    });
}

fn gives_the_memory_of_a_peak_back(driver: &str) {
    let args = [
        "--transformer",
        "any",
        "--transport",
        "disconnect_delay=6000",
    ];
    let mut server = Server::start(driver, 1, &args);
    let rest = server.memory();
    server.forget_peak();
    open_sessions(&server, &format!("p{}-", seed()), scaled(120_000));
    server.wait_until("the memory is given back", |server| {
        server.memory() < rest + 16 * MIB
    });
    // On a slow machine the first have expired before the last are opened: that is a smaller
    // peak, which can only hide a failure.
    let peak = server.memory_peak().saturating_sub(rest) / MIB;
    eprintln!("{driver}: a peak of {peak} MiB");
    server.assert_lives();
}

#[test]
fn broadcasts_to_sessions_that_never_poll_cost_their_bytes() {
    Attack::default().play(|server| {
        open_sessions(server, &format!("b{}-", seed()), 1_000);
        broadcast(server, scaled(5_000));
    });
}

#[test]
fn requests_for_ids_that_nobody_reads_are_bounded() {
    Attack::default().play(|server| {
        let opened = open_sessions(server, &format!("c{}-", seed()), 1);
        let mut client = Client::connect(server);
        let ask = ["\"\\\"primus::id::\\\"\""; 4_000].join(",");
        let request = post(
            &format!("/primus/0/{}/xhr_send", opened.names[0]),
            "text/plain",
            format!("[{ask}]").as_bytes(),
        );
        for _ in 0..scaled(300) {
            if client.ask(&request).is_err() {
                // The server may end who asks so much.
                client = Client::connect(server);
            }
        }
    });
}
