//! What the parser `raw` costs per message, which is next to nothing: it is what remains of the
//! work of a parser when there is none. Compare `json`.
//!
//! Not measured: checking that text is UTF-8, which the transports do for every parser (see
//! `websocket`); only where a value is built is it checked again.

use std::hint::black_box;

use allspark_protocol::parser::{Parser, Raw, Scratch};
use allspark_protocol::transformer::Kind;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};

use crate::messages::everyday;

criterion_group! {
    name = benches;
    config = crate::config();
    targets = check, control, decode, encode, encode_checked
}

const KINDS: [Kind; 2] = [Kind::Text, Kind::Binary];

fn check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("raw/check");
    for (size, message) in everyday() {
        group.bench_function(size, |bencher| {
            bencher.iter(|| Raw.check(Kind::Text, black_box(&message)));
        });
    }
    group.finish();
}

fn control(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("raw/control");
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
    let mut group = criterion.benchmark_group("raw/decode");
    for (size, message) in everyday() {
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
    let mut group = criterion.benchmark_group("raw/encode");
    for (size, message) in everyday() {
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
    let mut group = criterion.benchmark_group("raw/pass_on");
    for (size, message) in everyday() {
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
