//! Gives back what a peak has left behind.
//!
//! What is kept for later, and the room of lists, follow what was needed lately. And an allocator
//! gives freed memory back lazily, when it is called for something else; a shard that sleeps does
//! not call it. So while a shard works, and once more some time after its last work, it looks after
//! both. Idle, it is not woken for it again.

use std::time::Duration;

use allspark_protocol::Instant;

use crate::limits::{GIVE_BACK_INTERVAL_MS, PEAK_ENTRIES_MIN};

const INTERVAL: Duration = Duration::from_millis(GIVE_BACK_INTERVAL_MS);

/// When it is time again.
#[derive(Debug)]
pub(crate) struct Upkeep {
    /// Something happened in this turn.
    pub(super) has_worked: bool,
    due: Option<Instant>,
    worked_at: Instant,
    /// The most sparks and connections since the end of the last peak.
    peak: usize,
}

impl Upkeep {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            has_worked: false,
            due: None,
            worked_at: now,
            peak: 0,
        }
    }

    /// When the shard wants to be woken for it.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The turn ends. Returns whether it is time.
    pub(super) fn is_due(&mut self, now: Instant, entries: usize) -> bool {
        self.peak = self.peak.max(entries);
        if std::mem::take(&mut self.has_worked) {
            self.worked_at = now;
            self.due.get_or_insert(now + INTERVAL);
        }
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        let next = self.worked_at + INTERVAL;
        self.due = (next > now).then_some(next);
        true
    }

    /// It will be time again soon, as there may be more to give back then.
    pub(super) fn again(&mut self, now: Instant) {
        self.due.get_or_insert(now + INTERVAL);
    }

    /// Whether all is to be given back that can be: most of what was held is gone, however slowly
    /// it went, or the shard is idle. Then nothing would give back later what is freed now.
    pub(super) fn wants_all(&mut self, now: Instant, entries: usize) -> bool {
        let has_ended = self.peak > 2 * entries + PEAK_ENTRIES_MIN;
        if has_ended {
            self.peak = entries;
        }
        has_ended || now >= self.worked_at + INTERVAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_ms(ms)
    }

    #[test]
    fn comes_while_there_is_work_and_once_more() {
        let mut upkeep = Upkeep::new(ms(0));
        let mut moments = Vec::new();
        for now in (0..20_000).step_by(100) {
            upkeep.has_worked = now <= 5_000;
            if upkeep.is_due(ms(now), 1) {
                moments.push(now);
            }
        }
        assert_eq!(moments, [2_000, 4_000, 6_000, 7_000]);
        assert_eq!(upkeep.due(), None, "an idle shard is not woken");
    }

    #[test]
    fn knows_the_end_of_a_peak() {
        let mut upkeep = Upkeep::new(ms(0));
        upkeep.is_due(ms(0), 100_000);
        assert!(!upkeep.wants_all(ms(0), 60_000));
        assert!(upkeep.wants_all(ms(0), 40_000), "60,000 have gone");
        assert!(!upkeep.wants_all(ms(0), 30_000));
        assert!(upkeep.wants_all(ms(0), 1_000));
        assert!(!upkeep.wants_all(ms(0), 0), "few are no peak");
    }

    #[test]
    fn an_idle_shard_keeps_nothing() {
        let mut upkeep = Upkeep::new(ms(0));
        upkeep.has_worked = true;
        assert!(!upkeep.is_due(ms(10_000), 1));
        assert!(!upkeep.wants_all(ms(11_999), 1));
        assert!(upkeep.is_due(ms(12_000), 1) && upkeep.wants_all(ms(12_000), 1));
        // The pool has found out only now what it does not need.
        upkeep.again(ms(12_000));
        assert!(upkeep.is_due(ms(14_000), 1) && upkeep.wants_all(ms(14_000), 1));
    }

    #[test]
    fn a_peak_ends_however_slowly() {
        let mut upkeep = Upkeep::new(ms(0));
        let mut kept = 100_000;
        for entries in (0..100_000).rev().step_by(1_000) {
            upkeep.is_due(ms(0), entries + 1_000);
            if upkeep.wants_all(ms(0), entries) {
                kept = entries;
            }
        }
        assert!(kept <= PEAK_ENTRIES_MIN, "{kept}");
    }
}
