//! What comes from sparks that a dashboard shows: counted, never kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use allspark::{SparkHandle, SparkId};

use super::bounds::TAPS_MAX;

/// Counts the messages of one spark while it is shown.
#[derive(Debug, Default)]
pub(super) struct Tap {
    is_open: AtomicBool,
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Tap {
    /// Messages and bytes.
    pub(super) fn counts(&self) -> (u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (count(&self.messages), count(&self.bytes))
    }

    fn add(&self, bytes: usize) {
        if self.is_open.load(Ordering::Relaxed) {
            self.messages.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }
}

/// Those of all sparks that were shown and are there. A spark has one at the most, however often
/// it is shown: what is attached to a spark stays.
#[derive(Default)]
pub(super) struct Taps(HashMap<SparkId, Arc<Tap>>);

impl Taps {
    /// Counts from now on. `None` if as many are counted as may be.
    pub(super) fn open(&mut self, spark: &SparkHandle) -> Option<Arc<Tap>> {
        let id = spark.id();
        if let Some(tap) = self.0.get(&id) {
            tap.is_open.store(true, Ordering::Relaxed);
            return Some(Arc::clone(tap));
        }
        if self.0.len() >= TAPS_MAX {
            return None;
        }
        let tap = Arc::new(Tap {
            is_open: AtomicBool::new(true),
            ..Tap::default()
        });
        let counting = Arc::clone(&tap);
        spark.with(move |spark| {
            spark.on_data(move |_, data| counting.add(data.encoded().len()));
        });
        self.0.insert(id, Arc::clone(&tap));
        Some(tap)
    }

    /// Nobody shows it any more.
    pub(super) fn close(&mut self, spark: SparkId) {
        if let Some(tap) = self.0.get(&spark) {
            tap.is_open.store(false, Ordering::Relaxed);
        }
    }

    /// It has ended, and what was attached to it is gone.
    pub(super) fn forget(&mut self, spark: SparkId) {
        self.0.remove(&spark);
    }

    pub(super) fn of(&self, spark: SparkId) -> Option<&Tap> {
        self.0.get(&spark).map(|tap| &**tap)
    }
}
