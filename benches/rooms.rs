//! Rooms in memory: what a shard does for a message to rooms, kernel excluded, with a driver that
//! does nothing and takes what is sent.
//!
//! A message comes from outside, as `Room::write` brings it: it is encoded, goes through the
//! shard's inbox, is framed once, and reaches the members. `one` has everybody in one room, beside
//! `fanout/broadcast`, whose work it shares; `small` writes to 1,000 rooms of 1 to 10 members, one
//! after the other; `overlapping` to 100 rooms of 1,000 members each, of 10,000 sparks. `join` is a
//! spark that leaves a room and joins it again.
//!
//! Not measured: sending (4 to 5 microseconds each over loopback), and the way from shard to shard.

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

use allspark_engine::io::Wait;
use allspark_engine::sim::single_shard;
use allspark_engine::{Attach, Flow, Handle, Options, Shard};
use allspark_transformers::websockets::WebSockets;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};

use crate::puppet::{HANDSHAKE, Hand, Puppet, frame};

criterion_group! {
    name = benches;
    config = crate::config();
    targets = one, small, overlapping, join
}

type World = (Shard<Puppet, WebSockets>, Handle, Rc<RefCell<Hand>>);

const MESSAGE: &str = "a message of some forty bytes for everyone";

fn one(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rooms/one");
    group.sample_size(20);
    for sparks in [10, 100, 1_000, 10_000, 100_000] {
        let mut kept = None;
        group.throughput(Throughput::Elements(sparks as u64));
        group.bench_function(BenchmarkId::new("sparks", sparks), |bencher| {
            let (shard, handle, _) = kept.get_or_insert_with(|| {
                world(sparks, |primus| {
                    primus.on_connection(|spark| spark.join("all").expect("it is one room"));
                })
            });
            let room = handle.room("all");
            bencher.iter(|| {
                room.write(black_box(MESSAGE))
                    .expect("a text can be encoded");
                settle(shard);
            });
        });
        if let Some((_, _, hand)) = kept {
            let sends = hand.borrow().sends;
            assert!(sends > 0 && sends.is_multiple_of(sparks as u64));
        }
    }
    group.finish();
}

fn small(criterion: &mut Criterion) {
    const ROOMS: usize = 1_000;
    let mut group = criterion.benchmark_group("rooms/small");
    for members in [1, 4, 10] {
        let (mut shard, handle, _) = world(ROOMS * members, |_| {});
        join_all(&mut shard, &handle, ROOMS, 1);
        let rooms: Vec<_> = (0..ROOMS).map(|room| handle.room(room)).collect();
        group.throughput(Throughput::Elements(ROOMS as u64));
        group.bench_function(BenchmarkId::new("members", members), |bencher| {
            bencher.iter(|| {
                for room in &rooms {
                    room.write(black_box(MESSAGE))
                        .expect("a text can be encoded");
                }
                settle(&mut shard);
            });
        });
    }
    group.finish();
}

fn overlapping(criterion: &mut Criterion) {
    const ROOMS: usize = 100;
    let mut group = criterion.benchmark_group("rooms/overlapping");
    group.sample_size(20);
    let (mut shard, handle, _) = world(10_000, |_| {});
    join_all(&mut shard, &handle, ROOMS, 10);
    let rooms: Vec<_> = (0..ROOMS).map(|room| handle.room(room)).collect();
    group.throughput(Throughput::Elements(ROOMS as u64));
    group.bench_function("rooms", |bencher| {
        bencher.iter(|| {
            for room in &rooms {
                room.write(black_box(MESSAGE))
                    .expect("a text can be encoded");
            }
            settle(&mut shard);
        });
    });
    group.finish();
}

fn join(criterion: &mut Criterion) {
    const SPARKS: usize = 1_000;
    let (mut shard, _, hand) = world(SPARKS, |primus| {
        primus.on_connection(|spark| spark.join("all").expect("it is one room"));
        primus.on_data(|spark, _| {
            spark.leave("all");
            spark.join("all").expect("it is one room");
        });
    });
    let message = frame("1");
    let mut group = criterion.benchmark_group("rooms/join");
    group.throughput(Throughput::Elements(100));
    group.bench_function("again", |bencher| {
        bencher.iter(|| {
            (0..100).for_each(|socket| hand.borrow_mut().receive(socket, &message));
            settle(&mut shard);
        });
    });
    group.finish();
}

/// Every spark joins `each` of so many rooms, so that all have as many members.
fn join_all(shard: &mut Shard<Puppet, WebSockets>, handle: &Handle, rooms: usize, each: usize) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    handle.for_each(move |spark| {
        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        for step in 0..each {
            let room = (number + step * rooms / each) % rooms;
            spark.join(room).expect("these are few");
        }
        true
    });
    settle(shard);
}

/// A shard with open sparks.
fn world(sparks: usize, attach: impl FnOnce(&Attach)) -> World {
    let (driver, hand) = Puppet::new();
    let transformer = WebSockets::uncompressed(1 << 20);
    let (mut shard, handle) = single_shard(driver, Options::default(), transformer, attach);
    for first in (0..sparks).step_by(512) {
        let group = first..sparks.min(first + 512);
        group.clone().for_each(|_| hand.borrow_mut().connect());
        settle(&mut shard);
        group.for_each(|socket| hand.borrow_mut().receive(socket, HANDSHAKE));
        settle(&mut shard);
    }
    // What was sent so far are the answers to the handshakes.
    hand.borrow_mut().sends = 0;
    (shard, handle, hand)
}

/// Turns until nothing is left to do.
fn settle(shard: &mut Shard<Puppet, WebSockets>) {
    loop {
        let flow = shard.turn(Wait::No).expect("the puppet does not fail");
        if flow != Flow::Continue(Wait::No) {
            return;
        }
    }
}
