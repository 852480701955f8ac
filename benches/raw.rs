//! What the parser `raw` costs per message, which is next to nothing: it is what remains of the
//! work of a parser when there is none. Compare `json`.
//!
//! Not measured: checking that text is UTF-8, which the transports do for every parser (see
//! `websocket`); only where a value is built is it checked again.

#[path = "support/config.rs"]
mod config;
#[path = "support/messages.rs"]
mod messages;

use std::hint::black_box;

use allspark_protocol::parser::{Parser, Raw, Scratch};
use allspark_protocol::transformer::Kind;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

criterion_group! {
    name = benches;
    config = config::config();
    targets = check, control, decode, encode, encode_checked
}
criterion_main!(benches);

const KINDS: [Kind; 2] = [Kind::Text, Kind::Binary];

/// Messages of 200 bytes and of 4 KiB.
fn messages() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    messages::messages().into_iter().skip(1).take(2)
}

fn check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("raw_check");
    for (size, message) in messages() {
        group.bench_function(size, |bencher| {
            bencher.iter(|| Raw.check(Kind::Text, black_box(&message)));
        });
    }
    group.finish();
}

fn control(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("raw_control");
    for (name, message) in [
        ("message", &b"hello, everybody"[..]),
        ("pong", b"primus::pong::1795219200123"),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| Raw.control(Kind::Text, black_box(message)).is_some());
        });
    }
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("raw_decode");
    for (size, message) in messages() {
        group.throughput(Throughput::Bytes(message.len() as u64));
        for kind in KINDS {
            group.bench_function(BenchmarkId::new(format!("{kind:?}"), size), |bencher| {
                let mut scratch = Scratch::default();
                bencher.iter(|| Raw.decode(kind, black_box(&message), &mut scratch));
            });
        }
    }
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("raw_encode");
    for (size, message) in messages() {
        group.throughput(Throughput::Bytes(message.len() as u64));
        for kind in KINDS {
            let value = Raw.decode(kind, &message, &mut Scratch::default());
            let value = value.expect("every message is a value");
            group.bench_function(BenchmarkId::new(format!("{kind:?}"), size), |bencher| {
                let mut out = Vec::new();
                bencher.iter(|| {
                    out.clear();
                    Raw.encode_value(black_box(&value), &mut out)
                });
            });
        }
    }
    group.finish();
}

fn encode_checked(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("raw_encode_checked");
    for (size, message) in messages() {
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_function(size, |bencher| {
            let mut out = Vec::new();
            bencher.iter(|| {
                out.clear();
                Raw.encode_checked(Kind::Text, black_box(&message), &mut out)
            });
        });
    }
    group.finish();
}
