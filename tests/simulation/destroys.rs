//! How a server ends: at what pace, in which words, and when.

use std::num::NonZeroU32;
use std::time::Duration;

use allspark_engine::Destroy;
use allspark_engine::io::Wait;
use allspark_engine::limits::SPARKS_PER_TURN;
use allspark_engine::{Flow, SendPolicy};
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, LATENCY, Stage, handshake, quiet};
use crate::world::{Plan, World};

const SERVER_CLOSE: &str = "primus::server::close";

fn paced(sparks_per_s: u32) -> Destroy {
    Destroy {
        sparks_per_s: NonZeroU32::new(sparks_per_s),
        ..Destroy::default()
    }
}

#[test]
fn sparks_end_at_the_pace_that_was_asked_for() {
    for reconnect in [false, true] {
        let mut world = World::new(&Plan {
            seed: 5,
            shards: 2,
            clients: 1_000,
            ping_interval_ms: 30_000,
            silent_every: 0,
            deaf_every: 0,
            send_queue_bytes_max: 1 << 22,
            send_policy: SendPolicy::Disconnect,
        });
        world.run_for(Duration::from_secs(2));
        assert_eq!(world.open_clients(), 1_000);
        world.handle().destroy(Destroy {
            reconnect,
            ..paced(100)
        });
        for second in 1..=4 {
            world.run_for(Duration::from_secs(1));
            let (ended, due) = (world.stats().sparks_ended, 2 * 100 * second);
            assert!((due..=due + 2).contains(&ended), "{ended} of {due}");
        }
        world.run_for(Duration::from_secs(2));
        assert_eq!((world.open_clients(), world.server_connections()), (0, 0));
        assert!(world.clients().all(|client| client.intended != reconnect));
    }
}

#[test]
fn without_a_pace_everybody_is_ended_within_some_turns() {
    const SPARKS: usize = 20_000;
    let mut stage = quiet(|_| {});
    let _crowd = stage.crowd(SPARKS);
    stage.primus.destroy(Destroy::default());
    for _ in 0..SPARKS.div_ceil(SPARKS_PER_TURN) + 2 {
        let before = stage.primus.stats().sparks_ended;
        stage.turn();
        let ended = stage.primus.stats().sparks_ended - before;
        assert!(ended <= SPARKS_PER_TURN as u64, "{ended} in one turn");
    }
    assert_eq!(stage.primus.stats().sparks_ended, SPARKS as u64);
}

/// Clients that are told to go elsewhere must not all come there at once.
#[test]
fn a_shard_that_stood_still_does_not_make_up_for_it() {
    let mut stage = quiet(|_| {});
    let _crowd = stage.crowd(5_000);
    stage.primus.destroy(paced(100));
    stage.turns(2);
    stage
        .net
        .advance_to(stage.net.now() + Duration::from_secs(30));
    stage.turns(50);
    let ended = stage.primus.stats().sparks_ended;
    assert!((10..=20).contains(&ended), "{ended} at once");
    stage.turns(1_000);
    let ended = stage.primus.stats().sparks_ended - ended;
    assert!((99..=101).contains(&ended), "{ended} within a second");
}

/// Turns until the shard has ended, at most so many times. Clients leave when they are told to.
fn turns_until_end(
    stage: &mut Stage<WebSockets>,
    clients: &mut Vec<Client>,
    turns_max: usize,
) -> usize {
    for turn in 0..turns_max {
        if stage.shard.turn(Wait::No).unwrap() == Flow::Ended {
            return turn;
        }
        stage.net.advance_to(stage.net.now() + LATENCY);
        clients.retain_mut(|client| {
            let must_go = client.has_heard(SERVER_CLOSE);
            if must_go {
                client.leave();
            }
            !must_go
        });
    }
    panic!("the shard has not ended after {turns_max} turns");
}

#[test]
fn a_server_that_closes_ends_after_the_last_spark_and_serves_nobody_new() {
    let mut stage = quiet(|_| {});
    let mut clients = stage.crowd(10);
    let mut early = stage.connect(b"");
    stage.primus.destroy(paced(2));
    stage.turns(2);
    assert!(stage.net.connect(0, LATENCY).is_none(), "nobody can come");
    early.say(handshake("").as_bytes());
    stage.turns(4);
    assert!(early.has_heard("HTTP/1.1 404 "));
    early.leave();
    let turns = turns_until_end(&mut stage, &mut clients, 5_000);
    let stats = stage.primus.stats();
    assert_eq!((stats.sparks_opened, stats.sparks_ended), (10, 10));
    assert!(clients.is_empty(), "everybody was told to go");
    assert!((4_480..4_520).contains(&turns), "{turns} ms for ten");
}

#[test]
fn a_server_that_stays_serves_nobody_new_either() {
    let mut stage = quiet(|_| {});
    let _crowd = stage.crowd(10);
    stage.primus.destroy(Destroy {
        close: false,
        ..paced(2)
    });
    stage.turns(2);
    let mut late = stage.connect(handshake("").as_bytes());
    assert!(late.has_heard("HTTP/1.1 404 "));
    let mut late = stage.connect(b"GET /primus/spec HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(
        late.has_heard("HTTP/1.1 404 "),
        "nor does it say what it is"
    );
    assert_eq!(stage.primus.stats().sparks_opened, 10);
}

#[test]
fn a_second_destroy_hurries_the_first() {
    let mut stage = quiet(|_| {});
    let mut clients = stage.crowd(1_000);
    stage.primus.destroy(Destroy {
        reconnect: true,
        ..paced(10)
    });
    stage.turns(50);
    assert_eq!(stage.primus.stats().sparks_ended, 1);
    stage.primus.destroy(Destroy::default());
    stage.turns(10);
    assert_eq!(stage.primus.stats().sparks_ended, 1_000);
    let told = clients.iter_mut().filter_map(|client| {
        let is_told = client.has_heard(SERVER_CLOSE);
        is_told.then_some(())
    });
    assert_eq!(told.count(), 999, "each is told what counts when it ends");
}

/// As in Primus: each does its part when its time has come.
#[test]
fn of_two_destroys_none_is_lost() {
    for is_late_first in [true, false] {
        let mut stage = quiet(|_| {});
        let _crowd = stage.crowd(3);
        let now = Destroy {
            close: false,
            ..Destroy::default()
        };
        let later = Destroy {
            timeout_ms: 1_000,
            ..Destroy::default()
        };
        let both = if is_late_first {
            [later, now]
        } else {
            [now, later]
        };
        both.iter()
            .for_each(|options| stage.primus.destroy(*options));
        stage.turns(5);
        assert_eq!(stage.primus.stats().sparks_ended, 3);
        assert!(stage.net.connect(0, LATENCY).is_some(), "it stays");
        stage.turns(1_000);
        assert!(stage.net.connect(0, LATENCY).is_none(), "it has closed");
    }
}
