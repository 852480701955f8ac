//! The real shards, the real transformer and the real client machine in virtual time: ten thousand
//! clients over virtual minutes, the same history for the same seed.

mod world;

use std::time::Duration;

use world::{Plan, World};

const INTERVAL_MS: u64 = 30_000;

fn heartbeat_plan(seed: u64) -> Plan {
    Plan {
        seed,
        shards: 2,
        clients: 10_000,
        ping_interval_ms: INTERVAL_MS,
        silent_every: 100,
    }
}

/// Every spark is pinged once per interval, none is starved, and the silent ones are ended between
/// one and two intervals after their last answer.
#[test]
fn ten_thousand_clients_over_virtual_minutes() {
    let mut world = World::new(&heartbeat_plan(7));
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.open_clients(), 10_000);
    world.run_for(Duration::from_secs(300));

    let lively = world.clients().filter(|client| !client.is_silent);
    let mut seen = 0;
    for client in lively {
        seen += 1;
        assert!(
            client.is_open,
            "client {} was ended though it answered",
            client.number
        );
        let expected = 300_000 / INTERVAL_MS;
        let pings = client.pings_ms.len() as u64;
        assert!(
            (expected..=expected + 1).contains(&pings),
            "{pings} pings in five minutes"
        );
        for pair in client.pings_ms.windows(2) {
            let gap_ms = pair[1] - pair[0];
            assert!(
                (INTERVAL_MS - 2..=INTERVAL_MS + 2).contains(&gap_ms),
                "a gap of {gap_ms} ms"
            );
        }
    }
    assert_eq!(seen, 9_900);

    for client in world.clients().filter(|client| client.is_silent) {
        let ended_ms = client.closed_ms.expect("a silent client is ended");
        let pinged_ms = client.pings_ms[0];
        assert_eq!(
            client.pings_ms.len(),
            1,
            "the ping that it does not answer is its last"
        );
        // Both moments are seen by the client, so each is late by the same latency.
        let after_ms = ended_ms - pinged_ms;
        assert!(
            (INTERVAL_MS - 1..=INTERVAL_MS + 2).contains(&after_ms),
            "ended after {after_ms} ms"
        );
        assert!(!client.intended, "a silent client shall reconnect");
    }
}

/// Everything that belonged to ended sparks is returned, and the events came once each.
#[test]
fn memory_of_ended_sparks_is_returned() {
    let mut world = World::new(&heartbeat_plan(8));
    world.run_for(Duration::from_secs(5));
    world.leave_all();
    world.run_for(Duration::from_secs(30));
    let stats = world.stats();
    assert_eq!((stats.sparks_opened, stats.sparks_ended), (10_000, 10_000));
    assert_eq!(
        (stats.connections_accepted, stats.connections_closed),
        (10_000, 10_000)
    );
    assert_eq!((world.server_connections(), world.open_endpoints()), (0, 0));
    assert_eq!(
        world.events(),
        (10_000, 10_000),
        "connection and disconnection come once each"
    );
    assert_eq!(stats.completions_stale, 0);
}

/// A broadcast reaches every spark of every shard once.
#[test]
fn a_broadcast_reaches_all() {
    let mut world = World::new(&Plan {
        clients: 3_000,
        shards: 3,
        ..heartbeat_plan(9)
    });
    world.run_for(Duration::from_secs(2));
    for message in ["one", "two", "three"] {
        world.handle().write(message).unwrap();
        world.run_for(Duration::from_millis(3));
    }
    world.run_for(Duration::from_secs(1));
    for client in world.clients() {
        assert_eq!(
            client.data,
            ["\"one\"", "\"two\"", "\"three\""],
            "client {}",
            client.number
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = |seed| {
        let mut world = World::new(&Plan {
            clients: 500,
            ..heartbeat_plan(seed)
        });
        world.run_for(Duration::from_secs(90));
        world.trace()
    };
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}

/// Destroying the server with reconnect ends every connection without `primus::server::close`.
#[test]
fn a_drain_sends_clients_elsewhere() {
    for reconnect in [true, false] {
        let mut world = World::new(&Plan {
            clients: 1_000,
            ..heartbeat_plan(3)
        });
        world.run_for(Duration::from_secs(2));
        world.handle().destroy(allspark::Destroy {
            reconnect,
            ..allspark::Destroy::default()
        });
        world.run_for(Duration::from_secs(10));
        assert!(
            world
                .clients()
                .all(|client| !client.is_open && client.intended != reconnect)
        );
        assert_eq!(world.server_connections(), 0);
    }
}
