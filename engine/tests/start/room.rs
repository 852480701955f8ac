//! How many connections and sessions a server lets in, and what the others get.

use std::time::Duration;

use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::limits::{LINGER_MS, TURNED_AWAY_MAX};
use allspark_engine::sim::SimServer;
use allspark_engine::{Destroy, Options};
use allspark_protocol::options::Bounded;

use crate::client::Client;
use crate::drivers;
use crate::plain::{Plain, server};

fn assert_unavailable(head: &str) {
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let (_, after) = head.split_once("\r\nRetry-After: ").expect("it says when");
    let (after_s, _) = after.split_once('\r').expect("the line ends");
    let after_s: u32 = after_s.parse().expect("seconds");
    assert!((5..=15).contains(&after_s), "{head}");
}

#[test]
fn a_connection_too_many_gets_503_until_another_one_goes() {
    for driver in drivers() {
        let options = Options {
            connections_max: Bounded::of(3),
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
            sessions_max: Bounded::of(5),
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

/// Lets so much time pass, and looks at the server at every moment of it.
fn run(
    net: &SimNet,
    server: &mut SimServer<Plain>,
    time: Duration,
    mut look: impl FnMut(&SimServer<Plain>),
) {
    let end = net.now() + time;
    loop {
        server.settle();
        look(server);
        let next = [net.next_event(), server.next_deadline()];
        match next.into_iter().flatten().min() {
            Some(next) if next <= end => net.advance_to(next),
            _ => break,
        }
        while net.next_client_notice().is_some() {}
    }
    net.advance_to(end);
}

/// Connections that say nothing, and do not go either.
#[test]
fn those_that_are_turned_away_take_bounded_room_for_a_bounded_time() {
    const SILENT: usize = 3 * TURNED_AWAY_MAX;
    let net = SimNet::default();
    let options = Options {
        connections_max: Bounded::of(1),
        ..Options::default()
    };
    let mut server = SimServer::new(&net, options, &Plain, 1, 7, |_| {});
    server.settle();
    let latency = Duration::from_millis(1);
    for _ in 0..=SILENT {
        assert!(net.connect(0, latency).is_some());
    }
    let told = latency + Duration::from_millis(LINGER_MS);
    let mut most = 0;
    run(&net, &mut server, told, |server| {
        most = most.max(server.connections());
    });
    assert_eq!(most, 1 + TURNED_AWAY_MAX);
    assert_eq!(server.connections(), 1, "only who was let in is left");
    let stats = server.handle().stats();
    assert_eq!(stats.connections_refused, SILENT as u64);
}

const MEMORY_MAX: u64 = 1 << 20;

/// What a connection of the attack sends at a time.
const PART: [u8; 2048] = [b'x'; 2048];

/// Every connection begins a request, within the bounds of one, and never ends it.
#[test]
fn what_is_held_in_all_is_bounded_and_who_holds_little_is_served() {
    const ATTACKERS: usize = 100;
    let net = SimNet::default();
    let options = Options {
        memory_bytes_max: Some(Bounded::of(MEMORY_MAX)),
        ..Options::default()
    };
    let mut server = SimServer::new(&net, options, &Plain, 2, 7, |_| {});
    server.settle();
    let latency = Duration::from_millis(1);
    let connect = |number: usize| net.connect(number % 2, latency).unwrap();
    let attackers: Vec<EndpointId> = (0..ATTACKERS).map(connect).collect();
    let witness = connect(0);
    let head = b"POST /primus/ HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n";
    for attacker in &attackers {
        net.send(*attacker, head);
    }
    let (mut most, mut answers) = (0, Vec::new());
    let rounds = 60_000 / PART.len();
    for _ in 0..rounds {
        for attacker in &attackers {
            // Some were ended.
            net.send(*attacker, &PART);
        }
        net.send(witness, b"GET /primus/ HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        run(&net, &mut server, 4 * latency, |server| {
            most = most.max(server.handle().stats().bytes_held);
        });
        answers.extend(net.receive(witness, 1 << 16).unwrap());
    }
    // Half of so small a bound is kept free for the turn in which it is noticed.
    assert!((MEMORY_MAX / 2..=MEMORY_MAX).contains(&most), "{most}");
    let answers = String::from_utf8(answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), rounds);
    let stats = server.handle().stats();
    assert!(stats.peers_shed > 0, "{stats:?}");
    let told = net.receive(attackers[0], 1 << 16).unwrap_or_default();
    assert!(told.starts_with(b"HTTP/1.1 503 "), "{stats:?}");
    for attacker in attackers {
        net.close(attacker);
    }
    run(&net, &mut server, 4 * latency, |_| {});
    assert_eq!(
        server.handle().stats().bytes_held,
        0,
        "all of it was given back"
    );
}

#[test]
fn while_too_much_is_held_nobody_new_is_let_in() {
    let net = SimNet::default();
    let options = Options {
        memory_bytes_max: Some(Bounded::of(10_000)),
        ..Options::default()
    };
    let mut server = SimServer::new(&net, options, &Plain, 1, 7, |_| {});
    server.settle();
    let latency = Duration::from_millis(1);
    let connect = || net.connect(0, latency).unwrap();
    let (holder, early) = (connect(), connect());
    let head = b"POST /primus/ HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n";
    net.send(holder, head);
    net.send(holder, &[b'x'; 8_000]);
    run(&net, &mut server, 4 * latency, |_| {});
    // Less than the bound, more than the half up to which others come: it lingers on till it grows.
    let late = connect();
    for (client, request) in [
        (late, "GET /primus/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (early, "GET /primus/session HTTP/1.1\r\nHost: a\r\n\r\n"),
    ] {
        net.send(client, request.as_bytes());
        run(&net, &mut server, 4 * latency, |_| {});
        let answer = net.receive(client, 1 << 16).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 503 "));
    }
    net.close(holder);
    run(&net, &mut server, 4 * latency, |_| {});
    net.send(early, b"GET /primus/session HTTP/1.1\r\nHost: a\r\n\r\n");
    run(&net, &mut server, 4 * latency, |_| {});
    let answer = net.receive(early, 1 << 16).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
}

/// Many that read nothing, each of which may have its queue.
#[test]
fn what_waits_to_be_sent_belongs_to_the_same_bound() {
    const DEAF: usize = 50;
    const MESSAGE_BYTES: usize = 10_000;
    let net = SimNet::default();
    let options = Options {
        memory_bytes_max: Some(Bounded::of(4 * MEMORY_MAX)),
        ..Options::default()
    };
    let mut server = SimServer::new(&net, options, &Plain, 2, 7, |_| {});
    server.settle();
    let latency = Duration::from_millis(1);
    for number in 0..DEAF {
        let client = net.connect(number % 2, latency).unwrap();
        net.set_window(client, 1024);
        net.send(client, b"GET /primus/open HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    run(&net, &mut server, 4 * latency, |_| {});
    let mut most = 0;
    for round in 0..50_u8 {
        server.handle().for_each(move |spark| {
            spark.write("x".repeat(MESSAGE_BYTES) + &round.to_string());
            true
        });
        run(&net, &mut server, 20 * latency, |server| {
            most = most.max(server.handle().stats().block_bytes);
        });
    }
    let stats = server.handle().stats();
    assert!(stats.sparks_overflowed > 0, "{stats:?}");
    // A round is written before it is noticed, into blocks that have room for more.
    let round = (DEAF * MESSAGE_BYTES) as u64;
    assert!(
        (MEMORY_MAX..4 * MEMORY_MAX + 4 * round).contains(&most),
        "{most}"
    );
}
