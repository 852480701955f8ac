//! Lines of the log that come as often as somebody wants: one per second, which says how many were
//! not logged since the one before.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use allspark_protocol::Instant;

use crate::limits::LOG_LINE_INTERVAL_MS;

/// Lets one line of a kind through per second and counts the others, whichever thread they are of.
///
/// ```
/// static FAILURES: allspark_engine::Throttle = allspark_engine::Throttle::new();
///
/// if let Some(line) = FAILURES.admit() {
///     tracing::warn!(unlogged = line.unlogged, "it has failed");
/// }
/// ```
#[derive(Debug, Default)]
pub struct Throttle {
    next_ms: AtomicU64,
    unlogged: AtomicU64,
}

/// A line that may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// How many of its kind were not, since the last that was; `None` for none.
    pub unlogged: Option<u64>,
}

impl Throttle {
    /// One that lets the first line through.
    pub const fn new() -> Self {
        Self {
            next_ms: AtomicU64::new(0),
            unlogged: AtomicU64::new(0),
        }
    }

    /// Whether a line may be logged now; if not, it is counted.
    pub fn admit(&self) -> Option<Admitted> {
        static BEGUN: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
        let ms = u64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.admit_at(Instant::from_ms(ms))
    }

    /// The same for who reads the clock. One throttle is asked by one clock.
    pub(crate) fn admit_at(&self, now: Instant) -> Option<Admitted> {
        let now_ms = now.as_ms();
        let next_ms = self.next_ms.load(Ordering::Relaxed);
        let later_ms = now_ms + LOG_LINE_INTERVAL_MS;
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        // Of several threads that come at the same time one succeeds.
        let is_due = now_ms >= next_ms
            && self
                .next_ms
                .compare_exchange(next_ms, later_ms, success, failure)
                .is_ok();
        if !is_due {
            self.unlogged.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let unlogged = self.unlogged.swap(0, Ordering::Relaxed);
        Some(Admitted {
            unlogged: (unlogged > 0).then_some(unlogged),
        })
    }
}
