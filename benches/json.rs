//! What the JSON parser costs per message: checking it, building its value, writing it again, and
//! finding out that it is none of Primus's own. The rivals do the same job in the usual way.
//!
//! The check is also measured on documents of three kinds and sizes. That a text is UTF-8 is found
//! out when its frame is read, so rivals that can be told so are. simd-json can't, and it builds a
//! tape, as it has nothing that checks; sonic-rs skips the four digits of an escape unseen.
//!
//! A value that is built is dropped within the figure. Not measured: what an app does with it.

use std::hint::black_box;

use allspark_protocol::parser::{Json, Parser, Scratch};
use allspark_protocol::transformer::Kind;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group};
use serde::de::IgnoredAny;
use simd_json::{INPUT_PADDING, Tape};
use sonic_rs::LazyValue;

use crate::documents::KINDS;
use crate::messages::messages;

criterion_group! {
    name = benches;
    config = crate::config();
    targets = check, check_documents, control, decode, encode, encode_checked
}

/// Runs `bench` for each message, in a group that reports bytes per second.
fn for_each_message(
    criterion: &mut Criterion,
    group: &str,
    mut bench: impl FnMut(&mut BenchmarkGroup<'_, WallTime>, &str, &[u8]),
) {
    let mut group = criterion.benchmark_group(group);
    for (name, message) in messages() {
        group.throughput(Throughput::Bytes(message.len() as u64));
        bench(&mut group, name, &message);
    }
    group.finish();
}

fn check(criterion: &mut Criterion) {
    for_each_message(criterion, "json/check", bench_check);
}

fn check_documents(criterion: &mut Criterion) {
    for (kind, document) in KINDS {
        let mut group = criterion.benchmark_group(format!("json/check_{kind}"));
        for (name, bytes) in [("1KiB", 1 << 10), ("32KiB", 32 << 10), ("1MiB", 1 << 20)] {
            let document = document(bytes);
            group.throughput(Throughput::Bytes(document.len() as u64));
            bench_check(&mut group, name, &document);
        }
        group.finish();
    }
}

/// The check and its rivals.
fn bench_check(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, message: &[u8]) {
    let text = str::from_utf8(message).expect("the message is UTF-8");
    group.bench_function(BenchmarkId::new("scan", name), |bencher| {
        bencher.iter(|| Json.check(Kind::Text, black_box(message)).is_ok());
    });
    group.bench_function(BenchmarkId::new("simd-json-tape", name), |bencher| {
        let mut buffers = simd_json::Buffers::default();
        let (mut copy, mut spare) = (Vec::new(), Tape(Vec::new()));
        bencher.iter(|| {
            copy.clear();
            copy.extend_from_slice(black_box(message));
            copy.extend_from_slice(&[b' '; INPUT_PADDING]);
            let mut tape = std::mem::replace(&mut spare, Tape(Vec::new())).reset();
            let len = message.len();
            let is_ok =
                simd_json::fill_tape_padded(&mut copy, len, &mut buffers, &mut tape).is_ok();
            spare = tape.reset();
            is_ok
        });
    });
    group.bench_function(BenchmarkId::new("sonic-rs-lazy", name), |bencher| {
        bencher.iter(|| sonic_rs::from_str::<LazyValue<'_>>(black_box(text)).is_ok());
    });
    group.bench_function(BenchmarkId::new("sonic-rs-ignored", name), |bencher| {
        bencher.iter(|| sonic_rs::from_str::<IgnoredAny>(black_box(text)).is_ok());
    });
    group.bench_function(BenchmarkId::new("serde_json-ignored", name), |bencher| {
        bencher.iter(|| serde_json::from_str::<IgnoredAny>(black_box(text)).is_ok());
    });
}

fn control(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("json/control");
    for (name, message) in [
        ("object", &br#"{"event":"tick","value":48213}"#[..]),
        ("string", br#""hello, everybody""#),
        ("pong", br#""primus::pong::1795219200123""#),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| Json.control(Kind::Text, black_box(message)).is_some());
        });
    }
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    for_each_message(criterion, "json/decode", |group, name, message| {
        group.bench_function(BenchmarkId::new("value", name), |bencher| {
            let mut scratch = Scratch::default();
            bencher.iter(|| Json.decode(Kind::Text, black_box(message), &mut scratch));
        });
        group.bench_function(BenchmarkId::new("serde_json-value", name), |bencher| {
            bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(message)));
        });
    });
}

fn encode(criterion: &mut Criterion) {
    for_each_message(criterion, "json/encode", |group, name, message| {
        let value = Json
            .decode(Kind::Text, message, &mut Scratch::default())
            .expect("the message is JSON");
        let mut out = Vec::new();
        group.bench_function(BenchmarkId::new("value", name), |bencher| {
            bencher.iter(|| {
                out.clear();
                Json.encode_value(black_box(&value), &mut out)
            });
        });
        group.bench_function(BenchmarkId::new("serde_json-plain", name), |bencher| {
            bencher.iter(|| {
                out.clear();
                serde_json::to_writer(&mut out, black_box(&value)).is_ok()
            });
        });
    });
}

fn encode_checked(criterion: &mut Criterion) {
    for_each_message(criterion, "json/pass_on", |group, name, message| {
        group.bench_function(BenchmarkId::new("passes_through", name), |bencher| {
            bencher.iter(|| Json.passes_through(Kind::Text, black_box(message)));
        });
        group.bench_function(BenchmarkId::new("copy", name), |bencher| {
            let mut out = Vec::new();
            bencher.iter(|| {
                out.clear();
                Json.encode_checked(Kind::Text, black_box(message), &mut out)
            });
        });
    });
}
