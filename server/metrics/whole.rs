//! What is told of the whole server: what it is, how it is, and what it may.

use allspark::{Handle, Server};

use super::metric::Metric;
use super::registry::Metrics;

const BUILD: Metric = Metric::gauge(
    "allspark_build_info",
    "1, with the version of AllSpark and the driver of its shards",
)
.by(&["version", "driver"]);
const SHARDS: Metric = Metric::gauge("allspark_shards", "Shards, each with a thread of its own");
const DRAINING: Metric = Metric::gauge(
    "allspark_draining",
    "1 while the server drains, otherwise 0",
);
const INBOXES: Metric = Metric::gauge(
    "allspark_inbox_bytes",
    "Bytes of commands that wait in the inboxes of all shards",
);
const HELD: Metric = Metric::gauge(
    "allspark_memory_held_bytes",
    "What counts for --memory-max: what is held for peers, blocks of outgoing bytes, inboxes",
);
const HELD_MAX: Metric = Metric::gauge(
    "allspark_memory_max_bytes",
    "The bound of that, --memory-max; above it, less 4 MiB per shard, nobody new is let in",
);
const CONNECTIONS_MAX: Metric = Metric::gauge(
    "allspark_connections_max",
    "The bound of connections, --connections-max",
);
const SESSIONS_MAX: Metric = Metric::gauge(
    "allspark_sparks_unattended_max",
    "The bound of sparks of polling transports that no request waits for, --sessions-max",
);
const REQUESTS_MAX: Metric = Metric::gauge(
    "allspark_requests_under_way_max",
    "The bound of requests that are under way, --requests-max",
);
const HANDSHAKES_MAX: Metric = Metric::gauge(
    "allspark_handshakes_under_way_max",
    "The bound of handshakes of TLS that are under way, --handshakes-max",
);
pub(super) const LINES_LOST: Metric = Metric::counter(
    "allspark_log_lines_lost_total",
    "Lines of the log that were lost, because whoever reads it is too slow or gone",
);

/// All of them.
pub(super) const METRICS: &[Metric] = &[
    BUILD,
    SHARDS,
    DRAINING,
    HELD,
    HELD_MAX,
    INBOXES,
    CONNECTIONS_MAX,
    SESSIONS_MAX,
    REQUESTS_MAX,
    HANDSHAKES_MAX,
    LINES_LOST,
];

/// Adds those of a server that serves.
pub(super) fn add(metrics: &Metrics, server: &Server) {
    let build = [env!("CARGO_PKG_VERSION"), server.driver().name()];
    metrics.gauge_of(&BUILD, &build, || 1.0);
    let shards = server.shards() as f64;
    metrics.gauge_of(&SHARDS, &[], move || shards);
    let add = |metric: &Metric, read: fn(&Handle) -> f64| {
        let handle = server.handle();
        metrics.gauge_of(metric, &[], move || read(&handle));
    };
    add(&DRAINING, |server| {
        f64::from(u8::from(server.is_draining()))
    });
    add(&HELD, |server| server.memory().held_bytes as f64);
    add(&HELD_MAX, |server| match server.memory().bytes_max {
        u64::MAX => f64::INFINITY,
        bytes => bytes as f64,
    });
    add(&INBOXES, |server| server.memory().inbox_bytes as f64);
    add(&CONNECTIONS_MAX, |server| {
        server.bounds().connections as f64
    });
    add(&SESSIONS_MAX, |server| server.bounds().sessions as f64);
    add(&REQUESTS_MAX, |server| server.bounds().requests as f64);
    add(&HANDSHAKES_MAX, |server| server.bounds().handshakes as f64);
}
