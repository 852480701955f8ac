//! What can be seen of hooks at a moment.

use std::sync::atomic::Ordering;

use super::hooks::Hooks;
use crate::durations::Counts;

/// See above; what is counted is so since the start.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) lanes: Vec<LaneReading>,
    /// What may wait in all of them.
    pub(crate) queue_bytes_max: usize,
    /// Events that were told, and requests that failed.
    pub(crate) told: u64,
    pub(crate) failed: u64,
    pub(crate) dead: u64,
    pub(crate) turned_away: u64,
    pub(crate) left_out: u64,
    /// How long requests took, however they ended.
    pub(crate) times: Counts,
}

/// One lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaneReading {
    pub(crate) bytes: usize,
    pub(crate) is_failing: bool,
    pub(crate) is_full: bool,
}

impl Hooks {
    /// How they are now.
    pub(crate) fn read(&self) -> Reading {
        let counts = &self.counts;
        let lanes = self.lanes().map(|lane| LaneReading {
            bytes: lane.bytes(),
            is_failing: lane.is_failing(),
            is_full: lane.is_full(),
        });
        Reading {
            lanes: lanes.collect(),
            queue_bytes_max: self.options.queue.size(),
            told: counts.told.load(Ordering::Relaxed),
            failed: counts.failed.load(Ordering::Relaxed),
            dead: self.dead.count.load(Ordering::Relaxed),
            turned_away: counts.turned_away.load(Ordering::Relaxed),
            left_out: counts.left_out.load(Ordering::Relaxed),
            times: self.durations.counts(),
        }
    }
}
