//! Fan-out in memory: what a shard does for one broadcast to so many sparks, and for echoed
//! messages, kernel excluded. A driver that does nothing takes what is sent.
//!
//! A broadcast comes from outside, as `Primus::write` brings it: it is encoded, goes through the
//! shard's inbox, is framed, and every spark is sent it. An echo is everything from the received
//! frame to the frame that is sent: unmasked, checked, handed to a handler and written back.
//!
//! Not measured: sending and receiving (4 to 5 microseconds each over loopback), and the way from
//! shard to shard (see `mesh`). With 100,000 sparks nothing is in the processor's caches any more.

use std::hint::black_box;

use allspark_engine::Options;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};

use crate::crowd::{self, World, settle};
use crate::puppet::frame;

criterion_group! {
    name = benches;
    config = crate::config();
    targets = broadcast, echo
}

fn broadcast(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fanout/broadcast");
    group.sample_size(20);
    for sparks in [1, 10, 100, 1_000, 10_000, 100_000] {
        let mut kept = None;
        group.throughput(Throughput::Elements(sparks as u64));
        group.bench_function(BenchmarkId::new("sparks", sparks), |bencher| {
            let (shard, handle, _) = kept.get_or_insert_with(|| world(sparks));
            bencher.iter(|| {
                handle
                    .write(black_box("a message of some forty bytes for everyone"))
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

fn echo(criterion: &mut Criterion) {
    const SPARKS: usize = 100;
    let mut group = criterion.benchmark_group("fanout/echo");
    for bytes in [16, 200] {
        let (mut shard, _, hand) = world(SPARKS);
        let message = frame(&format!("\"{}\"", "x".repeat(bytes)));
        group.throughput(Throughput::Elements(SPARKS as u64));
        group.bench_function(BenchmarkId::new("bytes", bytes), |bencher| {
            bencher.iter(|| {
                (0..SPARKS).for_each(|socket| hand.borrow_mut().receive(socket, &message));
                settle(&mut shard);
            });
        });
    }
    group.finish();
}

/// A shard with open sparks that echo.
fn world(sparks: usize) -> World {
    crowd::world(Options::default(), sparks, |primus| {
        primus.on_connection(|spark| {
            spark.on_data(|spark, data| {
                spark.write(data);
            });
        });
    })
}
