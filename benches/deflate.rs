//! What permessage-deflate costs per message: compressing and inflating, with one compressor that
//! all connections share (`shared`: each message stands alone) and with one of a connection's own
//! (`taken_over`: each is compressed with the help of those before it), as the options
//! `serverNoContextTakeover` and `clientNoContextTakeover` decide.
//!
//! The messages are tables that all differ, and so many of them come in turn that none lies in the
//! window of its own repetition.
//!
//! Not measured: framing (see `transformers`), making a compressor, and the memory that one takes
//! of its own per connection (300 KiB to compress, 45 KiB to inflate), which is why sharing is the
//! default.

use std::hint::black_box;

use allspark_protocol::websocket::deflate::{Deflater, Effort, Inflater, WindowBits};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};

use crate::table::table;

criterion_group! {
    name = benches;
    config = crate::config();
    targets = compress, inflate
}

/// Sizes by their number of rows.
const SIZES: [(&str, i64); 3] = [("200B", 2), ("4KiB", 40), ("64KiB", 640)];

/// What `ws` spends, and the least that is of use.
const EFFORTS: [(&str, Effort); 2] = [("level_6", Effort::DEFAULT), ("fast", Effort::FAST)];

/// Whether a context is kept from message to message.
const CONTEXTS: [(&str, bool); 2] = [("shared", false), ("taken_over", true)];

const MESSAGE_BYTES_MAX: usize = 1 << 20;

fn compress(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("deflate/compress");
    for (size, rows) in SIZES {
        let updates = Updates::new(rows);
        group.throughput(Throughput::Bytes(updates.message_bytes()));
        for (effort_name, effort) in EFFORTS {
            for (context, keeps_context) in CONTEXTS {
                let mut deflater = Deflater::new(WindowBits::MAX, effort, keeps_context);
                let mut scratch = Vec::new();
                let mut messages = updates.0.iter().cycle();
                let id = BenchmarkId::new(format!("{context}/{effort_name}"), size);
                group.bench_function(id, |bencher| {
                    bencher.iter(|| {
                        let message = messages.next().expect("they come again");
                        let compressed = deflater.message(black_box(message), &mut scratch);
                        compressed.map(<[u8]>::len)
                    });
                });
            }
        }
    }
    group.finish();
}

fn inflate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("deflate/inflate");
    for (size, rows) in SIZES {
        let updates = Updates::new(rows);
        group.throughput(Throughput::Bytes(updates.message_bytes()));
        for (context, keeps_context) in CONTEXTS {
            let mut inflater = Inflater::new(keeps_context);
            let mut compressed = updates.compressed(keeps_context);
            // The first round fills the window; from then on the others can go on for ever.
            let others = compressed.split_off(updates.0.len());
            for (compressed, plain) in compressed.iter().chain(&others).zip(updates.twice()) {
                let inflated = inflater.message(compressed, MESSAGE_BYTES_MAX);
                assert_eq!(inflated.as_ref(), Ok(plain));
            }
            let mut messages = others.iter().cycle();
            group.bench_function(BenchmarkId::new(context, size), |bencher| {
                bencher.iter(|| {
                    let message = messages.next().expect("they come again");
                    inflater.message(black_box(message), MESSAGE_BYTES_MAX)
                });
            });
        }
    }
    group.finish();
}

/// Messages that all differ and are together larger than a window, so that none finds itself there.
struct Updates(Vec<Vec<u8>>);

impl Updates {
    fn new(rows: i64) -> Self {
        const ROWS: i64 = 1280;
        let numbers = (0..ROWS).step_by(rows as usize);
        Self(numbers.map(|first| table(first, rows)).collect())
    }

    /// Bytes of a message, on the average.
    fn message_bytes(&self) -> u64 {
        let bytes: usize = self.0.iter().map(Vec::len).sum();
        (bytes / self.0.len()) as u64
    }

    fn twice(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.0.iter().chain(&self.0)
    }

    /// All of them twice, one after another.
    fn compressed(&self, keeps_context: bool) -> Vec<Vec<u8>> {
        let mut deflater = Deflater::new(WindowBits::MAX, Effort::DEFAULT, keeps_context);
        let mut scratch = Vec::new();
        let mut compress = |message: &Vec<u8>| {
            let compressed = deflater.message(message, &mut scratch);
            compressed.expect("tables shrink").to_vec()
        };
        self.twice().map(&mut compress).collect()
    }
}
