//! How many connections and sessions a server lets in, and what the others get.

use std::time::Duration;

use allspark_engine::io::sim::SimNet;
use allspark_engine::limits::{LINGER_MS, TURNED_AWAY_MAX};
use allspark_engine::sim::SimServer;
use allspark_engine::{Destroy, Options};

use crate::client::Client;
use crate::drivers;
use crate::plain::{Plain, server};

fn assert_unavailable(head: &str) {
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(head.contains("\r\nRetry-After: 10\r\n"), "{head}");
}

#[test]
fn a_connection_too_many_gets_503_until_another_one_goes() {
    for driver in drivers() {
        let options = Options {
            connections_max: 3,
            ..Options::default()
        };
        let primus = server(options, 2, driver);
        let running = primus.start("127.0.0.1:0").unwrap();
        let mut clients: Vec<Client> = (0..3).map(|_| Client::open(running.address())).collect();
        let mut refused = Client::new(running.address());
        assert_unavailable(&refused.ask_for_head("/primus/open"));
        assert!(refused.rest().is_empty(), "and its connection is closed");
        let stats = primus.handle().stats();
        assert_eq!(
            (stats.connections_accepted, stats.connections_refused),
            (3, 1)
        );
        assert_eq!((stats.sparks_opened, stats.connections_closed), (3, 0));
        clients.pop();
        while Client::new(running.address()).ask("/primus/") == 503 {}
        primus.handle().destroy(Destroy::default());
        drop(clients);
        running.join().unwrap();
    }
}

#[test]
fn a_session_too_many_that_nobody_asks_for_gets_503() {
    for driver in drivers() {
        let options = Options {
            sessions_max: 5,
            ..Options::default()
        };
        let primus = server(options, 2, driver);
        let running = primus.start("127.0.0.1:0").unwrap();
        let mut client = Client::new(running.address());
        for _ in 0..5 {
            assert_eq!(client.ask("/primus/session"), 200);
        }
        let mut other = Client::new(running.address());
        for client in [&mut client, &mut other] {
            assert_unavailable(&client.ask_for_head("/primus/session"));
            assert_eq!(client.ask("/primus/"), 200, "its connection goes on");
        }
        let stats = primus.handle().stats();
        assert_eq!((stats.sparks_opened, stats.sessions_refused), (5, 2));
        assert_eq!(stats.sparks_unattended, 5);
        // Who has a connection of its own is bounded by that.
        drop(Client::open(running.address()));
        primus.handle().destroy(Destroy::default());
        drop((client, other));
        running.join().unwrap();
    }
}

/// Connections that say nothing, and do not go either.
#[test]
fn those_that_are_turned_away_take_bounded_room_for_a_bounded_time() {
    const SILENT: usize = 3 * TURNED_AWAY_MAX;
    let net = SimNet::default();
    let options = Options {
        connections_max: 1,
        ..Options::default()
    };
    let mut server = SimServer::new(&net, options, &Plain, 1, 7, |_| {});
    server.settle();
    let latency = Duration::from_millis(1);
    for _ in 0..=SILENT {
        assert!(net.connect(0, latency).is_some());
    }
    let arrived = net.now() + latency;
    let told = arrived + Duration::from_millis(LINGER_MS);
    let mut most = 0;
    loop {
        server.settle();
        most = most.max(server.connections());
        let next = [net.next_event(), server.next_deadline()];
        match next.into_iter().flatten().min() {
            Some(next) if next <= told => net.advance_to(next),
            _ => break,
        }
        while net.next_client_notice().is_some() {}
    }
    assert_eq!(most, 1 + TURNED_AWAY_MAX);
    assert_eq!(server.connections(), 1, "only who was let in is left");
    let stats = server.handle().stats();
    assert_eq!(stats.connections_refused, SILENT as u64);
}
