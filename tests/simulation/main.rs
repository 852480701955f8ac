//! The real shards, the real transformer and the real client machine in virtual time: ten thousand
//! clients over virtual minutes, the same history for the same seed.

mod accesses;
mod admission;
mod asked_openings;
mod async_layers;
mod backlog;
mod batches;
mod begun;
mod bodies;
mod by_hand;
mod channels;
mod destroys;
mod drains;
mod errors;
mod events;
mod everyone;
mod given_ids;
mod held;
mod held_back;
mod held_back_order;
#[path = "../support/identity.rs"]
mod identity;
mod inflated;
mod kept;
mod large_rooms;
mod late;
mod layers;
mod listeners;
mod log_floods;
mod memory_log;
mod moves;
mod moving;
mod moving_streams;
mod one_server;
mod openings;
mod origins;
mod outage;
mod paused;
mod plugin_events;
mod plugin_rooms;
mod plugin_sessions;
mod plugin_stage;
mod plugins;
mod poller;
mod rates;
mod reconfigure;
mod recorded;
mod refusals;
mod relieved;
mod rooms;
mod routes;
mod secure;
mod sessions;
mod slow;
mod stage;
mod state;
mod steps;
mod stopped;
mod streams;
mod substreams;
mod timers;
mod traced;
mod transforms;
mod transforms_later;
mod travel;
mod unwanted;
mod upgrades;
mod uploads;
mod visits;
mod world;

use std::time::Duration;

use allspark::{Destroy, SendPolicy};
use world::{Plan, World};

const INTERVAL_MS: u64 = 30_000;

fn heartbeat_plan(seed: u64) -> Plan {
    Plan {
        seed,
        shards: 2,
        clients: 10_000,
        ping_interval_ms: INTERVAL_MS,
        silent_every: 100,
        deaf_every: 0,
        send_queue_bytes_max: 1 << 22,
        send_policy: SendPolicy::Disconnect,
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
    assert_eq!(stats.waiting_cost_bytes, 0);
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
        world.handle().destroy(Destroy {
            reconnect,
            ..Destroy::default()
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

/// Twenty clients of which every fifth reads nothing, sent far more than a queue may hold.
fn flood(send_policy: SendPolicy) -> World {
    let plan = Plan {
        clients: 20,
        silent_every: 0,
        deaf_every: 5,
        send_queue_bytes_max: 100_000,
        send_policy,
        ..heartbeat_plan(5)
    };
    let mut world = World::new(&plan);
    world.run_for(Duration::from_secs(1));
    for number in 0..1000 {
        let text = format!("{number} {}", "x".repeat(1000));
        world.handle().write(text).unwrap();
        world.run_for(Duration::from_millis(10));
    }
    world.run_for(Duration::from_secs(1));
    for client in world.clients().filter(|client| !client.is_deaf) {
        assert_eq!(
            client.data.len(),
            1000,
            "a slow client must not disturb the others"
        );
    }
    world
}

/// The numbers of the messages that a client received.
fn numbers(data: &[String]) -> Vec<u32> {
    let number = |text: &String| text[1..].split(' ').next().unwrap().parse().unwrap();
    data.iter().map(number).collect()
}

#[test]
fn a_slow_client_is_ended_by_the_policy_disconnect() {
    let world = flood(SendPolicy::Disconnect);
    let stats = world.stats();
    assert_eq!((stats.sparks_overflowed, stats.sparks_ended), (4, 4));
    assert_eq!(stats.messages_dropped, 0);
    assert_eq!(
        stats.waiting_cost_bytes, 0,
        "nothing is counted for them any more"
    );
}

/// What is not dropped arrives in order, and everything is either delivered or counted.
#[test]
fn dropping_policies_keep_their_promise() {
    for policy in [
        SendPolicy::DropNewest,
        SendPolicy::DropOldest,
        SendPolicy::KeepLatest,
    ] {
        let mut world = flood(policy);
        assert_eq!(world.stats().sparks_ended, 0, "{policy:?}");
        let deaf: Vec<usize> = world
            .clients()
            .filter(|c| c.is_deaf)
            .map(|c| c.number)
            .collect();
        world.unplug_ears();
        world.run_for(Duration::from_secs(2));
        let mut delivered = 0;
        for client in world
            .clients()
            .filter(|client| deaf.contains(&client.number))
        {
            let numbers = numbers(&client.data);
            assert!(numbers.is_sorted(), "{policy:?}: {numbers:?}");
            assert_eq!(numbers[0], 0, "what the network had taken is not dropped");
            let last_arrived = numbers.last() == Some(&999);
            assert_eq!(last_arrived, policy != SendPolicy::DropNewest, "{policy:?}");
            delivered += numbers.len() as u64;
        }
        assert!(delivered < 4 * 1000, "{policy:?} dropped something");
        assert_eq!(
            delivered + world.stats().messages_dropped,
            4 * 1000,
            "{policy:?}"
        );
    }
}

/// Without `close` the sparks end, but the server stays for everything that is not Primus.
#[test]
fn a_destroy_without_close_ends_the_sparks_only() {
    let plan = Plan {
        clients: 10,
        ..heartbeat_plan(4)
    };
    let mut world = World::new(&plan);
    world.run_for(Duration::from_secs(1));
    world.handle().destroy(Destroy {
        close: false,
        timeout_ms: 500,
        ..Destroy::default()
    });
    world.run_for(Duration::from_millis(400));
    assert_eq!(world.open_clients(), 10, "its time has not come");
    world.run_for(Duration::from_secs(5));
    assert_eq!((world.open_clients(), world.server_connections()), (0, 0));
    world.connect(10, &plan);
    world.run_for(Duration::from_secs(1));
    assert_eq!(
        world.stats().sparks_opened,
        10,
        "no spark is opened any more"
    );
    assert!(
        world
            .clients()
            .last()
            .is_some_and(|client| client.closed_ms.is_some())
    );
}
