//! What one message costs the server half of each transport: from the bytes of a client to the
//! message (`in`), and from the message to the bytes for a client (`out`). For
//! polling transports that includes the HTTP request, read as a browser sends it, and its answer.
//!
//! A message in is a frame, or a request with one message, copied anew each time as if it had just
//! been read. A message out answers a poll, or follows the one before in the same body; where a
//! body has a limit, a new poll comes after it.
//!
//! Not measured: the engine (finding the session, the queue, the headers that Primus adds for
//! browsers), the parser, the kernel, and what a client has to do. In a broadcast a frame is made
//! once for all clients of a transport, and only what follows it once for each.

mod client;
mod rig;

use std::hint::black_box;

use allspark_transformers::{AnyTransformer, CommonOptions};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, criterion_group};

use crate::messages::everyday;
use client::{Client, TRANSPORTS, Transport};
use rig::Rig;

criterion_group! {
    name = benches;
    config = crate::config();
    targets = message_in, message_out
}

/// Requests and frames that are made ahead: few enough to stay in the processor's cache.
const BATCH: BatchSize = BatchSize::NumIterations(32);

fn message_in(criterion: &mut Criterion) {
    for_each_case(
        criterion,
        "transformers/in",
        |group, id, transport, message| {
            let (mut rig, mut client) = open(transport);
            let by_request = !rig.is_streaming();
            group.bench_function(id, |bencher| {
                bencher.iter_batched_ref(
                    || client.message(message),
                    |bytes| {
                        match by_request {
                            true => rig.request(bytes),
                            false => rig.receive(bytes),
                        }
                        rig.take_sent();
                        assert_eq!(rig.take_messages(), 1);
                    },
                    BATCH,
                );
            });
        },
    );
}

fn message_out(criterion: &mut Criterion) {
    for_each_case(
        criterion,
        "transformers/out",
        |group, id, transport, message| {
            let (mut rig, mut client) = open(transport);
            if rig.is_streaming() {
                group.bench_function(id, |bencher| {
                    bencher.iter(|| {
                        rig.write(black_box(message));
                        rig.take_sent()
                    });
                });
                return;
            }
            group.bench_function(id, |bencher| {
                bencher.iter_batched_ref(
                    || client.poll(),
                    |poll| {
                        if !rig.has_carrier() {
                            rig.request(poll);
                        }
                        rig.write(black_box(message));
                        rig.take_sent()
                    },
                    BATCH,
                );
            });
        },
    );
}

/// Runs `bench` for every transport, with messages of 200 bytes and of 4 KiB.
fn for_each_case(
    criterion: &mut Criterion,
    group: &str,
    mut bench: impl FnMut(&mut BenchmarkGroup<'_, WallTime>, BenchmarkId, Transport, &[u8]),
) {
    let mut group = criterion.benchmark_group(group);
    for transport in TRANSPORTS {
        for (size, message) in everyday() {
            let id = BenchmarkId::new(transport.name, size);
            bench(&mut group, id, transport, &message);
        }
    }
    group.finish();
}

/// A session that has been opened, and its client.
fn open(transport: Transport) -> (Rig, Client) {
    let common = CommonOptions {
        compression: transport.is_compressed,
        ..CommonOptions::default()
    };
    let transformer = AnyTransformer::new(transport.kind, &common, &[]);
    let mut rig = Rig::new(transformer.expect("there are no options"));
    let mut client = Client::new(transport);
    rig.request(&mut client.opening());
    assert!(rig.take_sent() > 0, "the client is answered");
    (rig, client)
}
