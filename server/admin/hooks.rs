//! Hooks, as the dashboard shows them.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::samples::{QUANTILE_SAMPLES, per_s};
use crate::durations::Lately;
use crate::hooks::{Hooks, Reading};

/// Hooks that are looked at once per sample.
pub(super) struct WatchedHooks {
    hooks: Arc<Hooks>,
    last: (Instant, Reading),
    lately: Lately,
}

/// What there is to see; what happens is per second, what has happened since the start.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HooksNow {
    /// Bytes of memory that wait for the application, and how many may.
    queue: usize,
    queue_max: usize,
    told: f32,
    failed: f32,
    /// Milliseconds that requests of the last minute took.
    p50: Option<f32>,
    p99: Option<f32>,
    failed_total: u64,
    dead: u64,
    turned_away: u64,
    left_out: u64,
    /// Lanes in which something waits, or whose application fails.
    lanes: Vec<LaneRow>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LaneRow {
    number: usize,
    bytes: usize,
    is_failing: bool,
    is_full: bool,
}

impl WatchedHooks {
    pub(super) fn new(hooks: Arc<Hooks>) -> Self {
        let last = (Instant::now(), hooks.read());
        Self {
            hooks,
            last,
            lately: Lately::new(QUANTILE_SAMPLES),
        }
    }

    /// Looks once more.
    pub(super) fn look(&mut self) -> HooksNow {
        let (at, now) = (Instant::now(), self.hooks.read());
        let (before, then) = &self.last;
        let seconds = at.duration_since(*before).as_secs_f64().max(0.001);
        let rate = |of: fn(&Reading) -> u64| per_s(of(&now), of(then), seconds);
        let [p50, p99] = self.lately.half_and_most_ms(now.times.clone());
        let lanes = now.lanes.iter().enumerate();
        let lanes = lanes.map(|(number, lane)| LaneRow {
            number,
            bytes: lane.bytes,
            is_failing: lane.is_failing,
            is_full: lane.is_full,
        });
        let shown = HooksNow {
            queue: now.lanes.iter().map(|lane| lane.bytes).sum(),
            queue_max: now.queue_bytes_max,
            told: rate(|reading| reading.told),
            failed: rate(|reading| reading.failed),
            p50,
            p99,
            failed_total: now.failed,
            dead: now.dead,
            turned_away: now.turned_away,
            left_out: now.left_out,
            lanes: lanes
                .filter(|lane| lane.bytes > 0 || lane.is_failing)
                .collect(),
        };
        self.last = (at, now);
        shown
    }
}
