//! Attacks by sessions that poll, or that do not.

use std::time::Duration;

use crate::attack::{Attack, MIB, drivers, scaled, seed};
use crate::http::{Client, get, post};
use crate::server::Server;

const SESSIONS_AT_ONCE: usize = 500;

/// Opens `count` sessions of sockjs over one connection, and reads every answer. Returns their
/// names; a session that was refused has one too.
fn open_sessions(client: &mut Client, prefix: &str, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|n| format!("{prefix}{n}")).collect();
    for names in names.chunks(SESSIONS_AT_ONCE) {
        let requests: Vec<u8> = names
            .iter()
            .flat_map(|name| post(&format!("/primus/0/{name}/xhr"), "text/plain", b""))
            .collect();
        client.send(&requests).expect("the server takes it");
        for _ in names {
            let (status, _) = client.read_answer().expect("the server answers");
            assert!(matches!(status, 200 | 503), "{status}");
        }
    }
    names
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
    let attack = Attack {
        args: &[
            "--transformer",
            "any",
            "--transport",
            "disconnect_delay=1000",
        ],
        memory_max: 256 * MIB,
        ..Attack::default()
    };
    attack.play(|server| {
        let before = cost_of_broadcasts(server);
        let memory = server.memory();
        let mut client = Client::connect(server);
        open_sessions(&mut client, &format!("a{}-", seed()), scaled(60_000));
        drop(client);
        server.wait_until("the sessions expire", |server| {
            let counts = Client::connect(server).ask(&get("/stats"));
            let (_, counts) = counts.expect("the server answers");
            String::from_utf8_lossy(&counts).contains(r#""sparks":1,"#)
        });
        let after = cost_of_broadcasts(server);
        assert!(
            after <= 2 * before + Duration::from_millis(100),
            "broadcasts cost {before:?} before the flood and {after:?} after it"
        );
        server.wait_until("the memory is given back", |server| {
            server.memory() < memory + 24 * MIB
        });
    });
}

/// Nothing happens after the peak that would wake a shard, or call its allocator. What may stay is
/// what the kernel makes of the memory: huge pages.
#[test]
fn an_idle_server_gives_the_memory_of_a_peak_back() {
    for driver in drivers() {
        let args = [
            "--transformer",
            "any",
            "--transport",
            "disconnect_delay=6000",
        ];
        let mut server = Server::start(driver, 1, &args);
        let rest = server.memory();
        server.forget_peak();
        let mut client = Client::connect(&server);
        open_sessions(&mut client, &format!("p{}-", seed()), scaled(120_000));
        drop(client);
        server.wait_until("the memory is given back", |server| {
            server.memory() < rest + 40 * MIB
        });
        // On a slow machine the first have expired before the last are opened: that is a smaller
        // peak, which can only hide a failure.
        let peak = server.memory_peak().saturating_sub(rest) / MIB;
        eprintln!("{driver}: a peak of {peak} MiB");
        server.assert_lives();
    }
}

#[test]
fn broadcasts_to_sessions_that_never_poll_cost_their_bytes() {
    Attack::default().play(|server| {
        let mut client = Client::connect(server);
        open_sessions(&mut client, &format!("b{}-", seed()), 1_000);
        broadcast(server, scaled(5_000));
    });
}

#[test]
fn requests_for_ids_that_nobody_reads_are_bounded() {
    Attack::default().play(|server| {
        let mut client = Client::connect(server);
        let names = open_sessions(&mut client, &format!("c{}-", seed()), 1);
        let ask = ["\"\\\"primus::id::\\\"\""; 4_000].join(",");
        let request = post(
            &format!("/primus/0/{}/xhr_send", names[0]),
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
