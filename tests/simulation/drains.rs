//! How a server drains: at what pace, in which order, and whom it still serves meanwhile.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_engine::io::Wait;
use allspark_engine::limits::{DESTROY_CATCH_UP_MS, END_TIMEOUT_MS};
use allspark_engine::{Destroy, Drain, Flow, Options, Reply, Routes, Ticket};
use allspark_protocol::http::Response;
use allspark_protocol::primus::PingInterval;
use allspark_protocol::transformer::Transformer;
use allspark_transformers::websockets::WebSockets;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::stage::{Client, LATENCY, Stage, handshake, quiet};

fn within(seconds: u32) -> Drain {
    Drain {
        seconds,
        ..Drain::default()
    }
}

/// Turns until the shard has ended, at most so many times.
fn turns_until_end<T: Transformer>(stage: &mut Stage<T>, turns_max: usize) -> Option<usize> {
    for turn in 0..turns_max {
        if stage.shard.turn(Wait::No).unwrap() == Flow::Ended {
            return Some(turn);
        }
        stage.net.advance_to(stage.net.now() + LATENCY);
    }
    None
}

fn has_left(client: &mut Client) -> bool {
    client.read();
    // A closing frame, without a word of Primus before it: its client shall reconnect.
    client.heard.first() == Some(&0x88)
}

#[test]
fn sparks_are_spread_over_the_time_and_over_those_who_came_together() {
    const SPARKS: usize = 2_000;
    let mut stage = quiet(|_| {});
    let mut clients = stage.crowd(SPARKS);
    assert!(!stage.primus.is_draining() && stage.primus.draining().is_none());
    stage.primus.drain(within(10));
    assert!(stage.primus.is_draining(), "at once");
    for second in 1..=10 {
        stage.turns(1_000);
        let (ended, due) = (stage.primus.stats().sparks_ended, 200 * second);
        assert!((due - 20..=due + 20).contains(&ended), "{ended} of {due}");
        let drain = stage.primus.draining().unwrap();
        assert_eq!(drain.sparks_before, SPARKS as u64);
        assert_eq!(drain.sparks_left, SPARKS as u64 - ended);
        for crowd in clients.chunks_mut(SPARKS / 10) {
            let left = crowd
                .iter_mut()
                .filter_map(|one| has_left(one).then_some(()));
            let (left, due) = (left.count() as u64, due / 10);
            assert!(
                (due.saturating_sub(12)..=due + 12).contains(&left),
                "{left} of {due}"
            );
        }
    }
    assert_eq!(stage.primus.stats().sparks_ended, SPARKS as u64);
}

#[test]
fn few_sparks_need_less_than_the_time() {
    let mut stage = quiet(|_| {});
    let clients = stage.crowd(100);
    stage.primus.drain(Drain {
        sparks_per_s: NonZeroU32::new(100).unwrap(),
        ..within(10)
    });
    stage.turns(500);
    let ended = stage.primus.stats().sparks_ended;
    assert!((45..=55).contains(&ended), "{ended} within half a second");
    clients.iter().for_each(Client::leave);
    let turns = turns_until_end(&mut stage, 600).expect("it ends with the last of them");
    assert!((400..600).contains(&turns), "{turns}");
}

/// Load balancers notice first. Until then nothing changes but the answer to their question.
#[test]
fn it_goes_on_for_the_delay() {
    let mut stage = quiet(|_| {});
    stage.primus.drain(Drain {
        delay_ms: 1_000,
        ..within(1)
    });
    stage.turns(900);
    assert!(stage.primus.is_draining());
    let mut late = stage.upgrade("");
    stage.turns(200);
    assert!(has_left(&mut late));
    assert!(stage.net.connect(0, LATENCY).is_none(), "nobody can come");
}

#[test]
fn whoever_is_still_there_gets_what_is_written() {
    let mut stage = quiet(|_| {});
    let mut clients = stage.crowd(100);
    stage.primus.drain(Drain {
        sparks_per_s: NonZeroU32::new(100).unwrap(),
        ..within(10)
    });
    stage.turns(500);
    stage.primus.write("to those who are left").unwrap();
    stage.turns(5);
    let left = stage.primus.draining().unwrap().sparks_left as usize;
    let mut heard = 0;
    for client in &mut clients {
        let has_heard = client.has_heard("to those who are left");
        heard += usize::from(has_heard);
        assert!(has_heard != has_left(client));
    }
    assert!(heard.abs_diff(left) <= 1 && heard > 40, "{heard} of {left}");
}

/// Their connections were accepted before.
#[test]
fn who_comes_on_a_connection_that_was_there_is_served_and_then_ended() {
    let mut stage = quiet(|_| {});
    let _crowd = stage.crowd(1_000);
    let early = stage.connect(b"");
    let mut too_late = stage.connect(b"");
    stage.primus.drain(within(5));
    stage.turns(100);
    early.say(handshake("").as_bytes());
    stage.turns(4);
    assert_eq!(stage.primus.stats().sparks_opened, 1_001);
    stage.turns(5_000);
    assert_eq!(stage.primus.stats().sparks_ended, 1_001);
    too_late.say(handshake("").as_bytes());
    stage.turns(4);
    assert!(!too_late.has_heard("HTTP/1.1 101 "));
}

/// A process that has taken over accepts already, so whoever was accepted here in that moment must
/// be served here.
#[test]
fn a_shard_lingers_for_those_whom_it_has_just_accepted() {
    let mut stage = quiet(|_| {});
    let mut client = stage.connect(b"");
    stage.primus.drain(Drain {
        linger_ms: 1_000,
        ..within(10)
    });
    stage.turns(500);
    client.say(handshake("").as_bytes());
    stage.turns(4);
    assert!(client.has_heard("HTTP/1.1 101 "));
    client.heard.clear();
    stage.turns(520);
    assert!(has_left(&mut client));
    client.leave();
    assert!(turns_until_end(&mut stage, 20).is_some());
}

fn stage_with_tickets() -> (Stage<WebSockets>, Arc<Mutex<Vec<Ticket>>>) {
    let (tickets, mut routes) = (Arc::<Mutex<Vec<Ticket>>>::default(), Routes::new());
    let taken = Arc::clone(&tickets);
    let later = move |request: &allspark_engine::RouteRequest<'_>| {
        taken.lock().unwrap().push(request.later());
        Reply::Later
    };
    routes.add("GET", "/later", later).unwrap();
    let options = Options {
        ping_interval: PingInterval::OFF,
        routes: Arc::new(routes),
        ..Options::default()
    };
    let transformer = WebSockets::uncompressed(1 << 20);
    (Stage::new(options, transformer, |_| {}), tickets)
}

const LATER: &[u8] = b"GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn requests_under_way_are_answered_and_their_connections_closed() {
    let (mut stage, tickets) = stage_with_tickets();
    let mut client = stage.connect(LATER);
    stage.primus.drain(Drain::default());
    stage.turns(5_000);
    let ticket = tickets.lock().unwrap().pop().unwrap();
    ticket.respond(Response::text(200, "in time"));
    stage.turns(5);
    assert!(client.has_heard("Connection: close\r\n") && client.has_heard("in time"));
    client.leave();
    assert!(turns_until_end(&mut stage, 10).is_some());
}

/// Whatever peers do: one that never answers a goodbye, one whose request is never answered, one
/// that has said half of a request.
#[test]
fn the_time_is_bounded_whatever_peers_do() {
    let (mut stage, tickets) = stage_with_tickets();
    let _deaf = stage.crowd(10);
    let _waiting = stage.connect(LATER);
    let _half = stage.connect(b"GET /lat");
    let drain = within(1);
    stage.primus.drain(drain);
    let turns = turns_until_end(&mut stage, 20_000).expect("it ends");
    assert!(turns as u64 <= drain.longest_ms(), "{turns}");
    assert!(turns as u64 >= END_TIMEOUT_MS, "whoever may take his time");
    drop(tickets);
}

#[test]
fn a_destroy_hurries_it_and_another_drain_does_not() {
    let mut stage = quiet(|_| {});
    let _crowd = stage.crowd(1_000);
    stage.primus.drain(within(5));
    stage.turns(1_000);
    let before = stage.primus.stats().sparks_ended;
    stage.primus.drain(within(0));
    stage.turns(10);
    assert!(stage.primus.stats().sparks_ended <= before + 5);
    stage.primus.destroy(Destroy::default());
    stage.turns(10);
    assert_eq!(stage.primus.stats().sparks_ended, 1_000);
}

#[test]
fn a_standstill_is_not_made_up_for() {
    let mut stage = quiet(|_| {});
    let _crowd = stage.crowd(2_000);
    stage.primus.drain(within(10));
    stage.turns(2);
    let now = stage.net.now();
    stage.net.advance_to(now + Duration::from_secs(5));
    stage.turns(20);
    let ended = stage.primus.stats().sparks_ended;
    let most = 2 * DESTROY_CATCH_UP_MS * 200 / 1_000;
    assert!((10..=most).contains(&ended), "{ended} at once");
}

fn polling() -> Stage<AnyTransformer> {
    let options = Options {
        ping_interval: PingInterval::OFF,
        ..Options::default()
    };
    let common = CommonOptions::default();
    let transformer = AnyTransformer::new(TransformerKind::SockJs, &common, &[]).unwrap();
    Stage::new(options, transformer, |_| {})
}

fn poll(name: &str) -> String {
    format!("POST /primus/000/{name}/xhr HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
}

/// A session that is still there keeps its connections: its client could open no other one. When
/// its turn comes the poll that waits is answered, and the connection closed, so that the client
/// goes elsewhere at once.
#[test]
fn a_polling_session_keeps_its_connection_until_its_turn_has_come() {
    let mut stage = polling();
    let mut clients: Vec<Client> = (0..40)
        .map(|number| stage.connect(poll(&format!("session{number}")).as_bytes()))
        .collect();
    for (number, client) in clients.iter_mut().enumerate() {
        assert!(client.has_heard("\r\n\r\no\n"), "it is open");
        client.heard.clear();
        client.say(poll(&format!("session{number}")).as_bytes());
    }
    stage.turns(3);
    assert_eq!(stage.primus.stats().sparks_opened, 40);
    stage.primus.drain(Drain {
        sparks_per_s: NonZeroU32::new(20).unwrap(),
        ..within(10)
    });
    stage.turns(1_000);
    stage.primus.write("hello").unwrap();
    stage.turns(5);
    let (mut gone, mut stayed) = (0, 0);
    for (number, client) in clients.iter_mut().enumerate() {
        if client.has_heard("hello") {
            stayed += 1;
            assert!(client.has_heard("keep-alive") || !client.has_heard("Connection: close"));
            client.heard.clear();
            client.say(poll(&format!("session{number}")).as_bytes());
        } else {
            gone += 1;
            assert!(client.has_heard("\r\n\r\nc["), "its poll was answered");
            assert!(client.has_heard("Connection: close\r\n"));
        }
    }
    assert!((15..=25).contains(&gone) && gone + stayed == 40, "{gone}");
    stage.turns(1_100);
    for client in &mut clients {
        assert!(client.has_heard("\r\n\r\nc["), "all are answered");
        client.leave();
    }
    assert_eq!(stage.primus.stats().sparks_ended, 40);
}
