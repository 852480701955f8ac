//! A message costs no allocation: neither one that is echoed, nor a recipient of a broadcast. And
//! an idle spark costs few bytes, all structures counted.

#[path = "../support/crowd.rs"]
mod crowd;
mod large;
mod layers;
mod parsers;
mod plugins;
#[path = "../support/puppet.rs"]
mod puppet;
mod requests;
mod rooms;
mod tls;

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allocation_counter::measure;
use allspark_engine::Attach;
use allspark_engine::io::{Completion, Wait};
use allspark_engine::{Data, Options, Shard, Spark, TransformTicket, Transformed};
use allspark_protocol::parser::ParserKind;
use allspark_transformers::websockets::WebSockets;
use crowd::World;
use puppet::{Hand, Puppet, frame};

const MILLISECOND: Duration = Duration::from_millis(1);

/// A shard with open sparks.
fn world(sparks: usize, attach: impl FnOnce(&Attach)) -> World {
    world_of(ParserKind::Json, sparks, attach)
}

fn world_of(parser: ParserKind, sparks: usize, attach: impl FnOnce(&Attach)) -> World {
    let options = Options {
        parser,
        ..Options::default()
    };
    crowd::world(options, sparks, attach)
}

fn turn(shard: &mut Shard<Puppet, WebSockets>) {
    for _ in 0..4 {
        shard.turn(Wait::No).unwrap();
    }
}

fn echo(spark: &mut Spark<'_>, data: Data<'_>) {
    spark.write(data);
}

#[test]
fn an_echoed_message_costs_no_allocation() {
    echoes_cost_none(|primus| primus.on_connection(|spark| spark.on_data(echo)));
}

#[test]
fn a_message_costs_no_allocation_where_one_function_serves_all_sparks() {
    echoes_cost_none(|primus| primus.on_data(echo));
}

/// They cost what they do, and nothing else.
#[test]
fn a_message_costs_no_allocation_where_ten_transforms_look_at_it() {
    echoes_cost_none(|primus| {
        for _ in 0..10 {
            primus.transform_incoming(|_, packet| !packet.data().encoded().is_empty());
            primus.transform_outgoing(|packet| !packet.data().encoded().is_empty());
            primus.transform_outgoing_per_spark(|_, packet| !packet.raw().encoded().is_empty());
        }
        primus.on_data(echo);
    });
}

/// What was held back, for many sparks at once, and the places where it was.
#[test]
fn messages_that_waited_for_transforms_leave_nothing_behind() {
    const SPARKS: usize = 2_000;
    let tickets = Arc::<Mutex<Vec<TransformTicket>>>::default();
    let taken = Arc::clone(&tickets);
    let (mut shard, primus, hand) = world(SPARKS, |primus| {
        primus.transform_outgoing_per_spark(move |_, packet| {
            taken.lock().unwrap().push(packet.later());
            Transformed::Later
        });
    });
    let mut round = || {
        primus.write("a message for everybody").unwrap();
        (0..SPARKS / 512 + 2).for_each(|_| turn(&mut shard));
        let tickets = std::mem::take(&mut *tickets.lock().unwrap());
        assert_eq!(tickets.len(), SPARKS);
        tickets.into_iter().for_each(TransformTicket::next);
        (0..SPARKS / 512 + 2).for_each(|_| turn(&mut shard));
        let now = hand.borrow().now;
        hand.borrow_mut().now = now + Duration::from_secs(3);
        turn(&mut shard);
    };
    (0..4).for_each(|_| round());
    let before = hand.borrow().sends;
    let measured = measure(&mut round);
    // There are pings besides.
    assert!(hand.borrow().sends - before >= SPARKS as u64);
    assert!(measured.bytes_max > (SPARKS * 100) as u64, "{measured:?}");
    assert!(measured.bytes_current.abs() < 4096, "{measured:?}");
}

fn echoes_cost_none(attach: impl FnOnce(&Attach)) {
    let (mut shard, _, hand) = world(100, attach);
    let message = frame("{\"a\":[1,2,3],\"text\":\"hello\"}");
    let mut round = || {
        (0..100).for_each(|socket| hand.borrow_mut().receive(socket, &message));
        turn(&mut shard);
    };
    (0..10).for_each(|_| round());
    assert_eq!(measure(|| (0..100).for_each(|_| round())).count_total, 0);
    assert!(hand.borrow().sends >= 100 * 110, "the messages were echoed");
}

/// Lets a millisecond pass so many times.
fn run_for(shard: &mut Shard<Puppet, WebSockets>, hand: &RefCell<Hand>, ms: usize) {
    for _ in 0..ms {
        let now = hand.borrow().now;
        hand.borrow_mut().now = now + MILLISECOND;
        shard.turn(Wait::No).unwrap();
    }
}

#[test]
fn a_timer_that_is_called_again_costs_no_allocation() {
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    let (mut shard, _, hand) = world(100, |primus| {
        primus.on_connection(move |spark| {
            let calls = Arc::clone(&counted);
            spark.every(MILLISECOND, move |_| {
                calls.fetch_add(1, Ordering::Relaxed);
            });
        });
    });
    run_for(&mut shard, &hand, 100);
    calls.store(0, Ordering::Relaxed);
    let measured = measure(|| run_for(&mut shard, &hand, 1000));
    assert_eq!(measured.count_total, 0);
    assert_eq!(calls.load(Ordering::Relaxed), 100 * 1000);
}

/// A spark may set a timer each time that its last one was called, for years.
#[test]
fn timers_that_were_called_leave_nothing_behind() {
    fn again(spark: &mut Spark<'_>) {
        spark.after(MILLISECOND, again);
    }
    let (mut shard, _, hand) = world(1, |primus| primus.on_connection(again));
    run_for(&mut shard, &hand, 100);
    let measured = measure(|| run_for(&mut shard, &hand, 10_000));
    assert!(measured.count_total >= 10_000, "it is set again");
    assert_eq!(measured.bytes_current, 0);
}

/// What an application takes back from a spark costs as little as what it never gave to it.
#[test]
fn a_state_that_was_taken_leaves_nothing_behind() {
    let (mut shard, _, hand) = world(100, |primus| {
        primus.on_data(|spark, _| match spark.take_state::<[u8; 100]>() {
            Some(_) => assert!(spark.state::<[u8; 100]>().is_none()),
            None => spark.set_state([0_u8; 100]),
        });
    });
    let message = frame("1");
    let mut round = || {
        (0..100).for_each(|socket| hand.borrow_mut().receive(socket, &message));
        turn(&mut shard);
    };
    (0..4).for_each(|_| round());
    let given = measure(&mut round).bytes_current;
    let taken = measure(&mut round).bytes_current;
    assert!(given >= 100 * 100, "{given}: each spark has a state");
    assert_eq!(taken, -given, "the place of the state went with it");
}

#[test]
fn a_recipient_of_a_broadcast_costs_no_allocation() {
    let per_broadcast = |sparks: usize| {
        let (mut shard, handle, hand) = world(sparks, |_| {});
        let mut round = || {
            handle.write("a message for everybody").unwrap();
            (0..4).for_each(|_| turn(&mut shard));
        };
        (0..10).for_each(|_| round());
        let before = hand.borrow().sends;
        let allocated = measure(|| (0..100).for_each(|_| round())).count_total;
        assert_eq!(hand.borrow().sends - before, 100 * sparks as u64);
        allocated / 100
    };
    assert_eq!(
        per_broadcast(10),
        per_broadcast(1000),
        "the recipients cost something"
    );
    assert!(
        per_broadcast(1000) <= 4,
        "one copy of the message, at its publisher"
    );
}

/// What tens of thousands of sparks needed is given back when they are gone, once the shard has had
/// a moment for it.
#[test]
fn a_peak_leaves_nothing_behind() {
    let memory_of = |sparks: usize| {
        let mut kept = None;
        let measured = measure(|| {
            let (mut shard, primus, hand) = world(sparks, |_| {});
            primus.write("a message for everybody").unwrap();
            (0..sparks / 128).for_each(|_| turn(&mut shard));
            let tokens = std::mem::take(&mut hand.borrow_mut().tokens);
            for token in tokens {
                let result = Ok(());
                let ended = Completion::ReceiveEnded { token, result };
                hand.borrow_mut().incoming.push_back(ended);
            }
            for _ in 0..4 {
                turn(&mut shard);
                let mut hand = hand.borrow_mut();
                hand.incoming.shrink_to_fit();
                hand.now = hand.now + Duration::from_secs(3);
            }
            assert_eq!(primus.stats().sparks_ended, sparks as u64);
            assert_eq!(shard.connections(), 0);
            kept = Some((shard, primus, hand));
        });
        drop(kept);
        measured.bytes_current
    };
    let (few, many) = (memory_of(100), memory_of(50_000));
    println!("{few} bytes after a few, {many} after a peak");
    // The directories of pages, and what lists keep for the next crowd.
    assert!(many - few < 512 * 1024, "{} bytes stay", many - few);
}

/// A shard without sparks holds little, whatever it was asked to do before. What a driver has comes
/// on top, above all its receive buffers.
#[test]
fn a_shard_at_rest_holds_little() {
    const REST_BYTES_MAX: i64 = 32 * 1024;
    let mut driver = None;
    let of_driver = measure(|| driver = Some(Puppet::new())).bytes_current;
    drop(driver);
    let memory_of = |commands: usize| {
        let mut kept = None;
        let measured = measure(|| {
            let (mut shard, primus, hand) = world(0, |_| {});
            for _ in 0..commands {
                primus.for_each(|_| true);
            }
            // As many as a turn carries out at least.
            (0..=commands / 512).for_each(|_| turn(&mut shard));
            kept = Some((shard, primus, hand));
        });
        drop(kept);
        (
            measured.bytes_max - of_driver as u64,
            measured.bytes_current - of_driver,
        )
    };
    let (few, many) = (memory_of(1), memory_of(50_000));
    println!("{few:?} bytes, at most and at last, with few; {many:?} with many");
    assert!(many.0 > 50_000 * 32, "the commands wait all at once");
    assert!(many.1 < REST_BYTES_MAX, "{} bytes at rest", many.1);
    assert!(many.1 - few.1 < 4096, "{} bytes stay", many.1 - few.1);
}

/// The memory of the shard's own structures; a driver adds its own record of each socket.
#[test]
fn an_idle_spark_costs_less_than_its_budget() {
    const BUDGET_BYTES: i64 = 512;
    let per_spark = bytes_per_spark(|primus| {
        primus.on_connection(|spark| spark.on_data(|_, _| {}));
    });
    println!("{per_spark} bytes per idle spark");
    assert!(per_spark < BUDGET_BYTES, "{per_spark} bytes per idle spark");
}

#[test]
fn functions_that_all_sparks_share_cost_nothing_per_spark() {
    let with = bytes_per_spark(|primus| {
        primus.on_connection(|_| {});
        primus.on_data(echo);
        primus.on_heartbeat(|_| {});
        primus.on_error(|_, _| {});
    });
    assert_eq!(with, bytes_per_spark(|_| {}));
    let with_its_own = bytes_per_spark(|primus| {
        primus.on_connection(|spark| spark.on_data(echo));
    });
    assert!(with < with_its_own, "{with} and {with_its_own} bytes");
}

/// The difference of two worlds leaves out what does not depend on the number of sparks.
fn bytes_per_spark(attach: fn(&Attach)) -> i64 {
    let memory_of = |sparks: usize| {
        let mut kept = None;
        let measured = measure(|| kept = Some(world(sparks, attach)));
        drop(kept);
        measured.bytes_current
    };
    // Sizes just above a power of two, where growing by doubling wastes most.
    let (small, large) = (2 * 1024 + 1, 32 * 1024 + 1);
    (memory_of(large) - memory_of(small)).div_euclid((large - small) as i64)
}
