//! What is counted of reloads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::metrics::metric::Metric;
use crate::metrics::registry::{Counter, Metrics};

const RELOADS: Metric = Metric::counter(
    "allspark_reloads_total",
    "Reloads of the configuration, by how they ended: all that can change has (done), a part stays \
     as it was (partial), or everything does, because the file is wrong (refused)",
)
.by(&["outcome"]);
const SUCCESSFUL: Metric = Metric::gauge(
    "allspark_reload_successful",
    "1 if the last reload was done or there was none, 0 if it was partial or refused",
);
const LAST_SUCCESS: Metric = Metric::gauge(
    "allspark_reload_last_success_timestamp_seconds",
    "When the configuration that counts was read whole: the last reload that was done, or the \
     start",
);

/// All of them.
pub(crate) const METRICS: &[Metric] = &[RELOADS, SUCCESSFUL, LAST_SUCCESS];

/// How a reload has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Partial,
    Refused,
}

/// Counts reloads.
pub(crate) struct Counts {
    done: Counter,
    partial: Counter,
    refused: Counter,
    last: Arc<Last>,
}

struct Last {
    is_successful: AtomicBool,
    success_s: AtomicU64,
}

impl Counts {
    /// Has these metrics tell of them. The server starts now.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let counter = |outcome| metrics.counter(&RELOADS, &[outcome]);
        let last = Arc::new(Last {
            is_successful: AtomicBool::new(true),
            success_s: AtomicU64::new(now_s()),
        });
        let told = Arc::clone(&last);
        metrics.gauge_of(&SUCCESSFUL, &[], move || {
            f64::from(u8::from(told.is_successful.load(Ordering::Relaxed)))
        });
        let told = Arc::clone(&last);
        metrics.gauge_of(&LAST_SUCCESS, &[], move || {
            told.success_s.load(Ordering::Relaxed) as f64
        });
        Self {
            done: counter("done"),
            partial: counter("partial"),
            refused: counter("refused"),
            last,
        }
    }

    /// One has ended.
    pub(super) fn note(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Done => &self.done,
            Outcome::Partial => &self.partial,
            Outcome::Refused => &self.refused,
        };
        counter.inc();
        let (last, is_successful) = (&self.last, outcome == Outcome::Done);
        last.is_successful.store(is_successful, Ordering::Relaxed);
        if is_successful {
            last.success_s.store(now_s(), Ordering::Relaxed);
        }
    }
}

fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
