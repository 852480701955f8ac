//! How long something takes that many threads do, for the dashboard: they count, one reads.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Durations that differ by less than a fifth share a bucket: four for each doubling, from 64
/// microseconds to over an hour.
const BUCKETS: usize = 4 * 26;
const PER_DOUBLING: usize = 4;
const LEAST_US: f64 = 64.0;

/// Counts of durations.
#[derive(Debug)]
pub(crate) struct Durations([AtomicU64; BUCKETS]);

/// The counts at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts([u64; BUCKETS]);

impl Default for Durations {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; BUCKETS])
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Durations {
    /// Counts one.
    pub(crate) fn add(&self, duration: Duration) {
        self.0[bucket(duration)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (count, counted) in counts.0.iter_mut().zip(&self.0) {
            *count = counted.load(Ordering::Relaxed);
        }
        counts
    }
}

impl Counts {
    /// The shares (0.99 is "all but a hundredth") of what was counted since `before`, in
    /// milliseconds; `None` if nothing was.
    fn quantiles_ms<const N: usize>(&self, before: &Self, shares: [f64; N]) -> [Option<f32>; N] {
        let since: Vec<u64> = self.0.iter().zip(&before.0).map(|(a, b)| a - b).collect();
        let total: u64 = since.iter().sum();
        shares.map(|share| {
            let wanted = ((total as f64 * share).ceil() as u64).max(1);
            let mut seen = 0;
            let bucket = since.iter().position(|count| {
                seen += count;
                seen >= wanted
            });
            bucket.filter(|_| total > 0).map(end_ms)
        })
    }
}

/// The quantiles of the last counts that were read.
#[derive(Debug)]
pub(crate) struct Lately {
    kept: VecDeque<Counts>,
    readings: usize,
}

impl Lately {
    /// Of so many readings.
    pub(crate) fn new(readings: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            readings,
        }
    }

    /// These are the counts now. Returns how long, in milliseconds, half of what was counted lately
    /// took at most, and all but a hundredth.
    pub(crate) fn half_and_most_ms(&mut self, now: Counts) -> [Option<f32>; 2] {
        let before = self.kept.front().cloned().unwrap_or_default();
        let quantiles = now.quantiles_ms(&before, [0.5, 0.99]);
        if self.kept.len() == self.readings {
            self.kept.pop_front();
        }
        self.kept.push_back(now);
        quantiles
    }
}

fn bucket(duration: Duration) -> usize {
    let us = duration.as_micros() as f64;
    let doublings = (us / LEAST_US).log2();
    if doublings <= 0.0 {
        return 0;
    }
    ((doublings * PER_DOUBLING as f64).ceil() as usize).min(BUCKETS - 1)
}

/// The longest duration of a bucket.
fn end_ms(bucket: usize) -> f32 {
    (LEAST_US * (bucket as f64 / PER_DOUBLING as f64).exp2() / 1000.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_came_since_and_a_fifth_too_long_at_the_most() {
        let durations = Durations::default();
        durations.add(Duration::from_secs(9));
        let before = durations.counts();
        assert_eq!(before.quantiles_ms(&before, [0.5]), [None]);
        for ms in 1..=100 {
            durations.add(Duration::from_millis(ms));
        }
        let [half, most] = durations.counts().quantiles_ms(&before, [0.5, 0.99]);
        let is_near = |found: Option<f32>, ms: f32| found.is_some_and(|f| f >= ms && f < ms * 1.2);
        assert!(
            is_near(half, 50.0) && is_near(most, 99.0),
            "{half:?} {most:?}"
        );
    }

    #[test]
    fn what_is_no_longer_among_the_last_readings_does_not_count() {
        let (durations, mut lately) = (Durations::default(), Lately::new(2));
        durations.add(Duration::from_secs(9));
        let [_, most] = lately.half_and_most_ms(durations.counts());
        assert!(most.is_some_and(|ms| ms >= 9_000.0), "{most:?}");
        durations.add(Duration::from_millis(1));
        for _ in 0..2 {
            let [_, most] = lately.half_and_most_ms(durations.counts());
            assert!(most.is_some_and(|ms| ms < 2.0), "{most:?}");
        }
        assert_eq!(lately.half_and_most_ms(durations.counts()), [None; 2]);
    }

    #[test]
    fn the_shortest_and_the_longest_have_a_place() {
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(Duration::from_micros(64)), 0);
        assert_eq!(bucket(Duration::from_micros(65)), 1);
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }
}
