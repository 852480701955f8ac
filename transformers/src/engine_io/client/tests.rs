//! The client half with the server half.

use proptest::prelude::*;

use allspark_protocol::primus::SparkId;

use super::*;
use crate::engine_io::{EngineIo, EngineIoOptions};
use crate::testing::{Client, ClientEvent, Pair};
use crate::{AnyTransformer, CommonOptions};

type World = Pair<AnyTransformer, EngineIoClient>;

const ALL: [ClientTransports; 3] = [
    ClientTransports::PollingThenWebSocket,
    ClientTransports::Polling,
    ClientTransports::WebSocket,
];

fn world(transports: ClientTransports, seed: u64, set: &[(&str, &str)]) -> World {
    let mut options = EngineIoOptions::default();
    for (name, value) in set {
        options.set(name, value).unwrap();
    }
    let server = EngineIo::new(&CommonOptions::default(), options);
    let options = EngineIoClientOptions {
        host: "example.org".to_owned(),
        target: "/primus/?user=1".to_owned(),
        message_bytes_max: 10_000,
        transports,
    };
    Pair::new(server.into(), seed, move |seed| {
        EngineIoClient::new(&options, seed).unwrap()
    })
}

/// A client that is open, and its spark.
fn connected(world: &mut World) -> (Client, SparkId) {
    let client = world.connect();
    world.run_until("open", |world| world.client_is_open(client));
    (client, *world.sparks().last().unwrap())
}

/// Some messages of both kinds, each of which says its number.
fn message(number: usize) -> (Kind, Vec<u8>) {
    match number % 4 {
        0 => (Kind::Binary, (number as u32).to_be_bytes().to_vec()),
        1 => (Kind::Text, format!("\"é{number}\"").into_bytes()),
        2 => (Kind::Binary, vec![number as u8; number]),
        _ => (Kind::Text, "x".repeat(number).into_bytes()),
    }
}

fn messages(count: usize) -> Vec<(Kind, Vec<u8>)> {
    (0..count).map(message).collect()
}

/// Writes messages both ways, with or without pauses, while whatever else happens happens.
fn talk(world: &mut World, client: Client, spark: SparkId, count: usize, pause_ms: u64) {
    for number in 0..count {
        let (kind, payload) = message(number);
        world.client_send(client, kind, &payload);
        assert!(world.server_write(spark, kind, &payload));
        if number % 3 == 0 {
            world.run_for(pause_ms);
        }
    }
    world.run_until("everything has come", |world| {
        world.client_messages(client).len() >= count && world.server_messages(spark).len() >= count
    });
    assert_eq!(world.client_messages(client), messages(count));
    assert_eq!(world.server_messages(spark), messages(count));
}

/// Asserts that both sides ended so, and that nothing is left.
#[track_caller]
fn assert_both_ended(world: &mut World, client: Client, spark: SparkId, server: Option<&End>) {
    world.run_for(60_000);
    assert_eq!(world.client_end(client), Some(&End::Goodbye));
    assert_eq!(world.server_end(spark), server);
    assert!(world.is_over(spark));
    world.assert_clean();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn everything_arrives_once_and_in_order(
        seed: u64,
        transports in 0..3_usize,
        pause_ms in prop_oneof![Just(0_u64), 1..60_u64],
    ) {
        let mut world = world(ALL[transports], seed, &[]);
        let (client, spark) = connected(&mut world);
        talk(&mut world, client, spark, 40, pause_ms);
        world.client_close(client);
        assert_both_ended(&mut world, client, spark, Some(&End::Goodbye));
    }
}

#[test]
fn the_query_of_the_user_stays() {
    for transports in ALL {
        let mut world = world(transports, 1, &[]);
        let _ = connected(&mut world);
        let target = world.events().iter().find_map(|event| match event {
            crate::testing::Event::Connection { target, .. } => Some(target.clone()),
            _ => None,
        });
        let target = target.unwrap();
        assert!(
            target.starts_with("/primus/?user=1&EIO=4&transport="),
            "{target}"
        );
    }
}

#[test]
fn a_client_that_may_changes_to_a_websocket() {
    let mut world = world(ALL[0], 3, &[]);
    let (client, spark) = connected(&mut world);
    world.run_for(1_000);
    // A session that polls would let a message wait for the next poll of a stalled client.
    world.stall(client, true);
    world.settle();
    world.server_write(spark, Kind::Text, b"straight to the socket");
    world.server_write(spark, Kind::Text, b"as well");
    world.settle();
    assert_eq!(world.waiting_bytes(spark), 0);
    world.stall(client, false);
    world.settle();
    assert_eq!(world.client_messages(client).len(), 2);
}

#[test]
fn what_is_not_offered_is_not_tried() {
    for set in [("allowUpgrades", "false"), ("transports", "polling")] {
        let mut world = world(ALL[0], 3, &[set]);
        let (client, spark) = connected(&mut world);
        world.run_for(1_000);
        world.stall(client, true);
        world.server_write(spark, Kind::Text, b"one");
        world.settle();
        world.server_write(spark, Kind::Text, b"two");
        world.settle();
        assert!(world.waiting_bytes(spark) > 0, "the session polls");
        world.stall(client, false);
        talk_after(&mut world, client, 2);
    }
}

fn talk_after(world: &mut World, client: Client, count: usize) {
    world.run_until("the messages have come", |world| {
        world.client_messages(client).len() == count
    });
}

#[test]
fn a_client_is_refused() {
    for (transports, allowed) in [(ALL[1], "websocket"), (ALL[2], "polling")] {
        let mut world = world(transports, 3, &[("transports", allowed)]);
        let client = world.connect();
        world.run_for(1_000);
        let end = world.client_end(client);
        assert!(matches!(end, Some(End::Violation(_))), "{end:?}");
        world.assert_clean();
    }
}

#[test]
fn a_connection_stays_open_by_its_pings() {
    for transports in ALL {
        let mut world = world(transports, 4, &[]);
        let (client, spark) = connected(&mut world);
        world.run_for(1_000_000);
        assert!(world.client_is_open(client), "{transports:?}");
        assert!(!world.is_over(spark));
        talk(&mut world, client, spark, 5, 1);
    }
}

#[test]
fn a_client_that_freezes_is_gone_on_both_sides() {
    for transports in ALL {
        let mut world = world(transports, 5, &[]);
        let (client, spark) = connected(&mut world);
        world.run_for(1_000);
        world.freeze(client, true);
        world.run_for(100_000);
        assert_eq!(
            world.server_end(spark),
            Some(&End::Goodbye),
            "{transports:?}"
        );
        world.freeze(client, false);
        world.run_for(100_000);
        assert!(world.client_end(client).is_some(), "{transports:?}");
        world.assert_clean();
    }
}

#[test]
fn a_server_that_is_silent_is_given_up() {
    for transports in ALL {
        let mut world = world(transports, 6, &[]);
        let (client, _) = connected(&mut world);
        world.run_for(1_000);
        world.stall(client, true);
        world.run_for(46_000);
        let end = world.client_end(client);
        assert_eq!(end, Some(&End::Violation("ping timeout")), "{transports:?}");
    }
}

#[test]
fn a_broken_connection_ends_both_sides() {
    for transports in ALL {
        for seed in 0..10 {
            let mut world = world(transports, seed, &[]);
            let (client, spark) = connected(&mut world);
            world.run_for(seed * 30);
            world.cut(client);
            world.run_for(100_000);
            assert!(world.client_end(client).is_some(), "{transports:?} {seed}");
            assert!(world.server_end(spark).is_some(), "{transports:?} {seed}");
            world.assert_clean();
        }
    }
}

#[test]
fn an_app_ends_the_session_at_any_moment() {
    for transports in ALL {
        for seed in 0..30 {
            let mut world = world(transports, seed, &[]);
            let (client, spark) = connected(&mut world);
            world.run_for(seed % 10 * 20);
            world.server_write(spark, Kind::Text, b"last");
            world.server_close(spark);
            assert_both_ended(&mut world, client, spark, None);
            let last = (Kind::Text, b"last".to_vec());
            assert_eq!(world.client_messages(client), [last]);
        }
    }
}

#[test]
fn a_client_ends_the_session_at_any_moment() {
    for transports in ALL {
        for seed in 0..30 {
            let mut world = world(transports, seed, &[]);
            let (client, spark) = connected(&mut world);
            world.run_for(seed % 10 * 20);
            for number in 0..5 {
                let (kind, payload) = message(number);
                world.client_send(client, kind, &payload);
            }
            world.client_close(client);
            assert_both_ended(&mut world, client, spark, Some(&End::Goodbye));
            assert_eq!(world.server_messages(spark), messages(5));
        }
    }
}

#[test]
fn a_client_that_gives_up_before_it_is_open_leaves_nothing() {
    for transports in ALL {
        let mut world = world(transports, 7, &[]);
        let client = world.connect();
        world.client_close(client);
        world.run_for(100_000);
        assert_eq!(world.client_end(client), Some(&End::Goodbye));
        assert!(!world.client_events(client).any(|e| *e == ClientEvent::Open));
        world.assert_clean();
    }
}

#[test]
fn many_messages_make_few_bodies() {
    let mut world = world(ALL[1], 8, &[("maxHttpBufferSize", "2000")]);
    let (client, spark) = connected(&mut world);
    for _ in 0..1_000 {
        world.client_send(client, Kind::Text, &[b'x'; 100]);
    }
    world.run_until("everything has come", |world| {
        world.server_messages(spark).len() == 1_000
    });
    assert!(world.client_is_open(client), "no body was too large");
}

#[test]
fn a_message_that_is_too_long_ends_the_connection() {
    for transports in ALL {
        for kind in [Kind::Text, Kind::Binary] {
            let mut world = world(transports, 9, &[]);
            let (client, spark) = connected(&mut world);
            world.run_for(1_000);
            world.server_write(spark, kind, &[b'x'; 10_000]);
            talk_after(&mut world, client, 1);
            world.server_write(spark, kind, &[b'x'; 10_008]);
            world.run_for(1_000);
            let end = world.client_end(client);
            assert!(
                matches!(end, Some(End::Violation(_))),
                "{transports:?} {kind:?}"
            );
        }
    }
}

#[test]
fn what_would_change_a_request_is_refused() {
    let new = |host: &str, target: &str| {
        let options = EngineIoClientOptions {
            host: host.to_owned(),
            target: target.to_owned(),
            ..EngineIoClientOptions::default()
        };
        EngineIoClient::new(&options, 1)
    };
    assert!(new("example.org", "/primus/").is_ok());
    assert_eq!(new("a b", "/").map(|_| ()), Err(Misuse::Host));
    assert_eq!(new("a", "/ HTTP/1.1\r\n").map(|_| ()), Err(Misuse::Target));
}

#[test]
fn parameters_are_joined_to_any_query() {
    for (target, expected) in [
        ("/p", "/p?EIO=4&transport=polling&t="),
        ("/p?", "/p?EIO=4&transport=polling&t="),
        ("/p?a=b", "/p?a=b&EIO=4&transport=polling&t="),
        ("/p?a=b&", "/p?a=b&EIO=4&transport=polling&t="),
    ] {
        let options = EngineIoClientOptions {
            target: target.to_owned(),
            ..EngineIoClientOptions::default()
        };
        let mut client = EngineIoClient::new(&options, 1).unwrap();
        assert!(client.target("polling").starts_with(expected), "{target}");
        client.terms.sid = "abc".to_owned();
        assert!(client.target("polling").ends_with("&sid=abc"), "{target}");
    }
}
