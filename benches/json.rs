//! What the JSON parser costs per message: checking it, building its value, writing it again, and
//! finding out that it is none of Primus's own. The rivals do the same job in the usual way.

use std::hint::black_box;
use std::time::Duration;

use allspark_protocol::Value;
use allspark_protocol::parser::{Json, Parser, Scratch};
use allspark_protocol::transformer::Kind;
use allspark_protocol::value;
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use serde::de::IgnoredAny;

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30);
    targets = check, control, decode, encode, encode_checked
}
criterion_main!(benches);

/// Messages as apps send them, by what they weigh.
fn messages() -> [(&'static str, Vec<u8>); 4] {
    let chat = value!({
        "type": "message",
        "room": "lobby",
        "from": { "id": 48213, "name": "Optimus" },
        "text": "Autobots, roll out! We meet where the road crosses the river, at dawn.",
        "at": 1795219200123i64,
        "read": false,
        "likes": null,
    });
    [
        ("30B", br#"{"event":"tick","value":48213}"#.to_vec()),
        ("200B", encoded(&chat)),
        ("4KiB", encoded(&rows(40))),
        ("100KiB", encoded(&rows(1000))),
    ]
}

/// A table of about 100 bytes a row: numbers, short strings, some escapes.
fn rows(count: i64) -> Value {
    let row = |at: i64| {
        let price = at as f64 * 1.37 + 0.25;
        let name = format!("Spark \"{at}\" of\n{}", at % 7);
        value!({
            "id": at,
            "price": price,
            "name": name,
            "tags": ["new", "blue"],
            "flags": [at, true, null],
        })
    };
    Value::from((0..count).map(row).collect::<Vec<_>>())
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    Json.encode_value(value, &mut out)
        .expect("a value has a JSON text");
    out
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
    for_each_message(criterion, "check", |group, name, message| {
        group.bench_function(BenchmarkId::new("scan", name), |bencher| {
            bencher.iter(|| Json.check(Kind::Text, black_box(message)));
        });
        group.bench_function(BenchmarkId::new("simd-json-tape", name), |bencher| {
            let mut buffers = simd_json::Buffers::default();
            let mut copy = Vec::new();
            bencher.iter(|| {
                copy.clear();
                copy.extend_from_slice(black_box(message));
                simd_json::to_tape_with_buffers(&mut copy, &mut buffers).is_ok()
            });
        });
        group.bench_function(BenchmarkId::new("serde_json-ignored", name), |bencher| {
            bencher.iter(|| serde_json::from_slice::<IgnoredAny>(black_box(message)).is_ok());
        });
    });
}

fn control(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("control");
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
    for_each_message(criterion, "decode", |group, name, message| {
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
    for_each_message(criterion, "encode", |group, name, message| {
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
    for_each_message(criterion, "encode_checked", |group, name, message| {
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
