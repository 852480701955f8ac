//! What the API counts.

use crate::metrics::metric::Metric;
use crate::metrics::registry::{Counter, Metrics};

const REQUESTS: Metric = Metric::counter(
    "allspark_api_requests_total",
    "Requests to the API with a right key",
);

const COMMANDS: Metric = Metric::counter(
    "allspark_api_commands_total",
    "Commands that the API has passed on to the shards",
);

const REPLAYED: Metric = Metric::counter(
    "allspark_api_replayed_total",
    "Requests that came again with their Idempotency-Key, and were not done again",
);

const REFUSED: Metric = Metric::counter(
    "allspark_api_refused_total",
    "Requests and commands that the API has refused: without a right key, without the scope, too \
     fast, because too much waited, or because they were none or could not be written",
)
.by(&["reason"]);

const WAITING: Metric = Metric::gauge(
    "allspark_api_waiting_bytes",
    "Bytes of requests that wait for the thread of the API",
);

/// All of them.
pub(crate) const METRICS: &[Metric] = &[REQUESTS, COMMANDS, REPLAYED, REFUSED, WAITING];

/// The counters of the API.
#[derive(Clone)]
pub(super) struct Counts {
    pub(super) requests: Counter,
    pub(super) commands: Counter,
    pub(super) replayed: Counter,
    pub(super) without_key: Counter,
    pub(super) without_scope: Counter,
    pub(super) too_fast: Counter,
    pub(super) busy: Counter,
    pub(super) invalid: Counter,
}

impl Counts {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let refused = |reason| metrics.counter(&REFUSED, &[reason]);
        Self {
            requests: metrics.counter(&REQUESTS, &[]),
            commands: metrics.counter(&COMMANDS, &[]),
            replayed: metrics.counter(&REPLAYED, &[]),
            without_key: refused("key"),
            without_scope: refused("scope"),
            too_fast: refused("rate"),
            busy: refused("busy"),
            invalid: refused("invalid"),
        }
    }
}

/// Has it be told how much waits.
pub(super) fn tell_waiting(metrics: &Metrics, bytes: impl Fn() -> usize + Send + Sync + 'static) {
    metrics.gauge_of(&WAITING, &[], move || bytes() as f64);
}
