//! What code costs in memory, on one core or two, without the kernel where that is possible. Each
//! module is one subject, and says what it measures and what it does not.
//!
//! All of them are one program, because to link one takes longer than to run several: it optimizes
//! across all crates, as the server's build does. The name of a bench begins with its module, so
//! `scripts/bench json/` runs those of JSON.

#[path = "../tests/support/crowd.rs"]
mod crowd;
mod deflate;
mod documents;
mod fanout;
mod hand_over;
mod http;
mod json;
mod mesh;
mod messages;
#[path = "../tests/support/puppet.rs"]
mod puppet;
mod raw;
mod rooms;
mod table;
mod tls;

mod transformers;
mod visit;
mod websocket;
mod wheel;

use std::time::Duration;

use criterion::{Criterion, criterion_main};

criterion_main!(
    websocket::benches,
    deflate::benches,
    http::benches,
    json::benches,
    raw::benches,
    transformers::benches,
    fanout::benches,
    rooms::benches,
    visit::benches,
    wheel::benches,
    mesh::benches,
    hand_over::benches,
    tls::benches,
);

/// About a second for each case: there are some two hundred, and all of them together are to take
/// less than ten minutes. The command line has the last word, as with any `Criterion`.
fn config() -> Criterion {
    Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(700))
        .sample_size(30)
        // A tenth of the usual number; the intervals stay the same to two digits.
        .nresamples(10_000)
}
