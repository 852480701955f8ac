//! How fast WebSocket frames are parsed, unmasked, checked and written, in memory and on one core.
//! Rivals do the same job in the usual way: tungstenite's frames, a mask byte by byte, the standard
//! library's UTF-8.
//!
//! Reads are as large as the kernel's buffers, and frames lie in them as clients send them. Where a
//! read is decoded again and again its masking key is zero, which costs as much as any other but
//! leaves the bytes as they were.
//!
//! Not measured: compression (see `deflate`), the opening handshake (see `http`), what a transport
//! makes of a frame (see `transformers`), and the kernel.

use std::hint::black_box;
use std::io;

use allspark_protocol::Input;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::utf8::Utf8;
use allspark_protocol::websocket::{Decoder, Item, Role, encode, mask};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group};
use tungstenite::protocol::{self, WebSocket, WebSocketConfig};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const KEY_NEUTRAL: [u8; 4] = [0; 4];
const READ_BYTES: usize = 4096;

criterion_group! {
    name = benches;
    config = crate::config();
    targets =
        decode_small,
        decode_pings,
        decode_fragments,
        decode_large,
        encode_message,
        encode_control,
        unmask,
        utf8
}

/// One read of 4 KiB that is full of small masked frames: the everyday load of a server.
fn decode_small(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("websocket/decode_4KiB_read_of");
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
        group.throughput(Throughput::Elements(frames as u64));
        let mut decoder = Decoder::new(Role::Server, READ_BYTES);
        let id = BenchmarkId::new(format!("{kind:?}"), payload_bytes);
        group.bench_function(id, |bencher| {
            bencher.iter(|| assert_eq!(count_messages(&mut decoder, &mut read), frames));
        });
        let mut rival = Endless::websocket(read);
        let id = BenchmarkId::new(format!("{kind:?}/tungstenite"), payload_bytes);
        group.bench_function(id, |bencher| {
            bencher.iter(|| {
                for _ in 0..frames {
                    let message = rival.read().expect("the frame is sound");
                    assert_eq!(message.len(), payload_bytes);
                }
            });
        });
    }
    group.finish();
}

/// One read of pings, which are reported and not answered here.
fn decode_pings(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("websocket/decode_pings");
    let mut ping = Vec::new();
    encode::ping(b"ping", Some(KEY_NEUTRAL), &mut ping);
    let frames = READ_BYTES / ping.len();
    let mut read = ping.repeat(frames);
    let mut decoder = Decoder::new(Role::Server, READ_BYTES);
    group.throughput(Throughput::Elements(frames as u64));
    group.bench_function("4KiB", |bencher| {
        bencher.iter(|| assert_eq!(count_messages(&mut decoder, &mut read), 0));
    });
    group.finish();
}

/// A message of 1 KiB in one frame and in more, which are put together.
fn decode_fragments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("websocket/decode_1KiB_message_in_frames");
    let payload = text(1024);
    for frames in [1, 4, 16] {
        let mut message = fragmented(&payload, payload.len() / frames);
        let mut decoder = Decoder::new(Role::Server, payload.len());
        group.throughput(Throughput::Bytes(payload.len() as u64));
        group.bench_function(frames.to_string(), |bencher| {
            bencher.iter(|| assert_eq!(count_messages(&mut decoder, &mut message), 1));
        });
    }
    group.finish();
}

/// A message of 64 KiB, in one piece and in reads of 4 KiB.
fn decode_large(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("websocket/decode_64KiB_message_in_reads_of");
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

/// Frames of a server and of a client, appended to a buffer that has room.
///
/// Where the copy goes to matters: see `aliased`.
fn encode_message(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("websocket/encode");
    for (end, key) in [("server", None), ("client", Some(KEY))] {
        for bytes in [16, 64, 256, 4096, 65536] {
            let id = BenchmarkId::new(end, bytes);
            encode_placed(&mut group, id, key, &text(bytes), PAGE_BYTES / 2);
        }
    }
    // Where a copy in one piece would be many times slower, see `protocol::copy`.
    for bytes in [4096, 65536] {
        let id = BenchmarkId::new("server/aliased", bytes);
        encode_placed(&mut group, id, None, &text(bytes), 16);
    }
    group.finish();
}

const PAGE_BYTES: usize = 4096;

/// The payload is copied so many bytes further, not counting whole pages.
fn encode_placed(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    key: Option<[u8; 4]>,
    payload: &[u8],
    bytes_further: usize,
) {
    let mut out = Vec::new();
    encode::message(Kind::Text, payload, key, &mut out);
    let header_bytes = out.len() - payload.len();
    let target = out.as_ptr().addr() + header_bytes;
    let mut memory = vec![0; PAGE_BYTES + payload.len()];
    let source = target.wrapping_sub(bytes_further);
    let begin = source.wrapping_sub(memory.as_ptr().addr()) % PAGE_BYTES;
    let placed = &mut memory[begin..begin + payload.len()];
    placed.copy_from_slice(payload);
    group.throughput(Throughput::Bytes(payload.len() as u64));
    group.bench_function(id, |bencher| {
        bencher.iter(|| {
            out.clear();
            encode::message(Kind::Text, black_box(placed), key, &mut out);
            black_box(&mut out);
        });
    });
    assert_eq!(
        out.as_ptr().addr() + header_bytes,
        target,
        "the buffer had room"
    );
}

fn encode_control(criterion: &mut Criterion) {
    let mut out = Vec::new();
    criterion.bench_function("websocket/encode_pong", |bencher| {
        bencher.iter(|| {
            out.clear();
            encode::pong(black_box(b"ping"), None, &mut out);
            black_box(&mut out);
        });
    });
}

fn unmask(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("websocket/unmask");
    for bytes in [4, 16, 64, 256, 1024, 4096, 65536] {
        let mut payload = text(bytes);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(bytes.to_string(), |bencher| {
            bencher.iter(|| mask::apply(black_box(&mut payload), black_box(KEY), 1));
        });
        let id = BenchmarkId::new("byte_by_byte", bytes);
        group.bench_function(id, |bencher| {
            bencher.iter(|| {
                let key = black_box(KEY).into_iter().cycle().skip(1);
                let bytes = black_box(&mut payload).iter_mut();
                bytes.zip(key).for_each(|(byte, key)| *byte ^= key);
            });
        });
    }
    group.finish();
}

fn utf8(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("websocket/utf8");
    for (name, unit) in [("ascii", "plain text, "), ("mixed", "naïve 世界 🦀 ")] {
        for bytes in [64, 4096, 65536] {
            let text = unit.repeat(bytes / unit.len());
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(BenchmarkId::new(name, bytes), |bencher| {
                bencher.iter(|| Utf8::default().push(black_box(text.as_bytes())));
            });
            let id = BenchmarkId::new(format!("{name}/std"), bytes);
            group.bench_function(id, |bencher| {
                bencher.iter(|| str::from_utf8(black_box(text.as_bytes())).is_ok());
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

/// A stream on which the same bytes come again and again.
struct Endless {
    bytes: Vec<u8>,
    /// How many of them were read in this round.
    read: usize,
}

impl Endless {
    /// A server of tungstenite's that reads as much at once as ours does.
    fn websocket(bytes: Vec<u8>) -> WebSocket<Self> {
        let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
        let stream = Self { bytes, read: 0 };
        WebSocket::from_raw_socket(stream, protocol::Role::Server, Some(config))
    }
}

impl io::Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.bytes[self.read..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read = (self.read + count) % self.bytes.len();
        Ok(count)
    }
}

impl io::Write for Endless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A message in frames of so many bytes.
fn fragmented(payload: &[u8], frame_bytes: usize) -> Vec<u8> {
    const FIN: u8 = 0x80;
    const CONTINUATION: u8 = 0;
    let mut out = Vec::new();
    let frames = payload.len().div_ceil(frame_bytes);
    for (number, part) in payload.chunks(frame_bytes).enumerate() {
        let begin = out.len();
        encode::message(Kind::Text, part, Some(KEY_NEUTRAL), &mut out);
        if number > 0 {
            out[begin] = FIN | CONTINUATION;
        }
        if number + 1 < frames {
            out[begin] &= !FIN;
        }
    }
    out
}

fn text(bytes: usize) -> Vec<u8> {
    b"[\"a message of plain text\",12345]"
        .iter()
        .copied()
        .cycle()
        .take(bytes)
        .collect()
}
