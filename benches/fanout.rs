//! Fan-out in memory: what a shard does for one broadcast, kernel excluded.

#[path = "../tests/support/puppet.rs"]
mod puppet;

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

use allspark_engine::io::Wait;
use allspark_engine::sim::single_shard;
use allspark_engine::{Flow, Handle, Options, Shard};
use allspark_transformers::websockets::WebSockets;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use puppet::{HANDSHAKE, Hand, Puppet, frame};

type World = (Shard<Puppet, WebSockets>, Handle, Rc<RefCell<Hand>>);

/// A shard with open sparks that echo.
fn world(sparks: usize) -> World {
    let (driver, hand) = Puppet::new();
    let (mut shard, handle) = single_shard(
        driver,
        Options::default(),
        WebSockets::uncompressed(1 << 20),
        |primus| {
            primus.on_connection(|spark| {
                spark.on_data(|spark, data| {
                    spark.write(data);
                });
            });
        },
    );
    for first in (0..sparks).step_by(512) {
        let group = first..sparks.min(first + 512);
        group.clone().for_each(|_| hand.borrow_mut().connect());
        settle(&mut shard);
        group.for_each(|socket| hand.borrow_mut().receive(socket, HANDSHAKE));
        settle(&mut shard);
    }
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

fn broadcast(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("broadcast");
    group.sample_size(20);
    for sparks in [1, 100, 10_000, 100_000] {
        let (mut shard, handle, _) = world(sparks);
        group.throughput(Throughput::Elements(sparks as u64));
        group.bench_function(BenchmarkId::new("sparks", sparks), |bencher| {
            bencher.iter(|| {
                handle
                    .write(black_box("a message of some forty bytes for everyone"))
                    .unwrap();
                settle(&mut shard);
            });
        });
    }
}

fn echo(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("echo");
    for bytes in [16, 200] {
        let (mut shard, _, hand) = world(100);
        let message = frame(&format!("\"{}\"", "x".repeat(bytes)));
        group.throughput(Throughput::Elements(100));
        group.bench_function(BenchmarkId::new("bytes", bytes), |bencher| {
            bencher.iter(|| {
                (0..100).for_each(|socket| hand.borrow_mut().receive(socket, &message));
                settle(&mut shard);
            });
        });
    }
}

criterion_group!(benches, broadcast, echo);
criterion_main!(benches);
