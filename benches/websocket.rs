//! How fast WebSocket frames are parsed, unmasked and checked, in memory and on one core.

use std::hint::black_box;

use allspark_protocol::Input;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::utf8::Utf8;
use allspark_protocol::websocket::{Decoder, Item, Role, encode, mask};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// Costs as much as any other key, but leaves the read as it was, so that it can be decoded again.
const KEY_NEUTRAL: [u8; 4] = [0; 4];
const READ_BYTES: usize = 4096;

criterion_group!(
    benches,
    decode_small,
    decode_large,
    encode_small,
    unmask,
    utf8
);
criterion_main!(benches);

/// One read of 4 KiB that is full of small masked frames: the everyday load of a server.
fn decode_small(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode_4KiB_read_of");
    for (kind, payload_bytes) in [
        (Kind::Text, 16),
        (Kind::Text, 64),
        (Kind::Text, 256),
        (Kind::Binary, 64),
    ] {
        let mut frame = Vec::new();
        encode::message(kind, &text(payload_bytes), Some(KEY_NEUTRAL), &mut frame);
        let frames = READ_BYTES / frame.len();
        let mut read = frame.repeat(frames);
        let mut decoder = Decoder::new(Role::Server, READ_BYTES);
        group.throughput(Throughput::Elements(frames as u64));
        let id = BenchmarkId::new(format!("{kind:?}"), payload_bytes);
        group.bench_function(id, |bencher| {
            bencher.iter(|| assert_eq!(count_messages(&mut decoder, &mut read), frames));
        });
    }
    group.finish();
}

/// A message of 64 KiB, in one piece and in reads of 4 KiB.
fn decode_large(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode_64KiB_message_in_reads_of");
    let mut frame = Vec::new();
    encode::message(Kind::Text, &text(64 * 1024), Some(KEY_NEUTRAL), &mut frame);
    group.throughput(Throughput::Bytes(frame.len() as u64));
    for read_bytes in [READ_BYTES, frame.len()] {
        let mut decoder = Decoder::new(Role::Server, frame.len());
        group.bench_function(read_bytes.to_string(), |bencher| {
            bencher.iter(|| {
                let reads = frame.chunks_mut(read_bytes);
                let messages: usize = reads.map(|read| count_messages(&mut decoder, read)).sum();
                assert_eq!(messages, 1);
            });
        });
    }
    group.finish();
}

/// Frames of a server, appended to a buffer that has room.
fn encode_small(criterion: &mut Criterion) {
    let payload = text(64);
    let mut out = Vec::with_capacity(1024);
    criterion.bench_function("encode_message/64", |bencher| {
        bencher.iter(|| {
            out.clear();
            encode::message(Kind::Text, black_box(&payload), None, &mut out);
            black_box(&mut out);
        });
    });
}

fn unmask(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("unmask");
    for bytes in [4, 16, 64, 256, 1024, 4096, 65536] {
        let mut payload = text(bytes);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(bytes.to_string(), |bencher| {
            bencher.iter(|| mask::apply(black_box(&mut payload), black_box(KEY), 1));
        });
    }
    group.finish();
}

fn utf8(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("utf8");
    for (name, unit) in [("ascii", "plain text, "), ("mixed", "naïve 世界 🦀 ")] {
        for bytes in [64, 4096, 65536] {
            let text = unit.repeat(bytes / unit.len());
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(BenchmarkId::new(name, bytes), |bencher| {
                bencher.iter(|| Utf8::default().push(black_box(text.as_bytes())));
            });
        }
    }
    group.finish();
}

fn count_messages(decoder: &mut Decoder, read: &mut [u8]) -> usize {
    let mut input = Input::new(read);
    let mut messages = 0;
    loop {
        match decoder.next(&mut input) {
            Ok(Some(Item::Message { kind, payload })) => {
                black_box((kind, &*payload));
                messages += 1;
            }
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(violation) => panic!("{violation}"),
        }
    }
    messages
}

fn text(bytes: usize) -> Vec<u8> {
    b"[\"a message of plain text\",12345]"
        .iter()
        .copied()
        .cycle()
        .take(bytes)
        .collect()
}
