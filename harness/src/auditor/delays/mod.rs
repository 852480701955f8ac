//! Whether the delays before attempts to reconnect are distributed as the algorithm says.
//!
//! The delay before attempt n is `round((1 + r) * g)` milliseconds, `g = min * factor^(n-1)` and
//! `r` uniform in 0 to 1. So every whole millisecond between `g` and `2 g` is equally likely,
//! except that the first and the last are half as likely as the others. That law is compared with
//! what was seen, by two tests:
//!
//! - Kolmogorov-Smirnov: the largest distance between the two distribution functions. For a law
//!   of steps, as this is, its likelihood is an upper bound, so that the test is the milder for it.
//! - chi-square over bins of about the same likelihood.
//!
//! Both reject a right generator once in a million times at most.

mod fit;

use std::time::Duration;

use allspark_protocol::primus::BackoffOptions;
use serde::Serialize;

use super::{Fault, Findings};
use fit::{Bins, DelayTests};

/// Attempts whose delays are counted.
const ATTEMPTS_MAX: usize = 16;

/// Milliseconds between the shortest and the longest delay, up to which all are counted singly.
/// That is enough for the tenth and last attempt of the default options.
const RANGE_MS_MAX: u64 = 1 << 18;

/// Delays from which on their distribution says something.
const JUDGED_MIN: u64 = 1_000;

/// The delays before one attempt, and how they compare with the algorithm.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DelayReport {
    /// Which attempt.
    pub(crate) attempt: usize,
    /// How many delays there were.
    pub(crate) count: u64,
    /// The shortest.
    pub(crate) ms_min: u64,
    /// The longest.
    pub(crate) ms_max: u64,
    /// Their mean.
    pub(crate) ms_mean: f64,
    /// The mean of the algorithm.
    pub(crate) ms_mean_expected: f64,
    /// Delays in equal parts of the range.
    pub(crate) bins: Vec<u64>,
    /// What the algorithm would put there.
    pub(crate) bins_expected: Vec<f64>,
    /// The tests, if there are enough delays.
    pub(crate) tests: Option<DelayTests>,
}

/// The delays of all attempts, counted by the millisecond.
pub(super) struct Delays {
    options: BackoffOptions,
    attempts: Vec<Vec<u32>>,
}

impl Delays {
    pub(super) fn new(options: BackoffOptions) -> Self {
        Self {
            options,
            attempts: vec![Vec::new(); ATTEMPTS_MAX],
        }
    }

    /// A delay that lies within the bounds, give or take some tolerance.
    pub(super) fn record(&mut self, attempt: u8, delay: Duration) {
        let Some((least_ms, range_ms)) = self.range_ms(attempt) else {
            return;
        };
        let delay_ms = (delay.as_secs_f64() * 1000.0).round() as u64;
        let offset = delay_ms.saturating_sub(least_ms).min(range_ms) as usize;
        let counts = &mut self.attempts[usize::from(attempt)];
        counts.resize(range_ms as usize + 1, 0);
        counts[offset] += 1;
    }

    /// Judges each attempt.
    pub(super) fn judge(self, findings: &mut Findings) -> Vec<DelayReport> {
        let reports = self.reports();
        for report in &reports {
            if report.tests.is_some_and(|tests| !tests.fits) {
                findings.note(Fault::DelaysSkewed, || {
                    format!(
                        "the delays before attempt {}: {:?}",
                        report.attempt, report.tests
                    )
                });
            }
        }
        reports
    }

    /// Compares each attempt, and blames nobody.
    pub(super) fn reports(&self) -> Vec<DelayReport> {
        let attempts = self.attempts.iter().enumerate();
        let reports = attempts.filter_map(|(attempt, counts)| {
            let range = u8::try_from(attempt).ok().and_then(|n| self.range_ms(n));
            let (least_ms, _) = range.filter(|_| !counts.is_empty())?;
            Some(report(attempt, least_ms, counts))
        });
        reports.collect()
    }

    /// The shortest delay of an attempt and how much longer the longest one is, if delays are
    /// distributed at all, in whole milliseconds, and not cut off by `max`.
    fn range_ms(&self, attempt: u8) -> Option<(u64, u64)> {
        let BackoffOptions {
            min, max, factor, ..
        } = self.options;
        if attempt < 2 || usize::from(attempt) >= ATTEMPTS_MAX {
            return None;
        }
        let least_ms = min.as_secs_f64() * 1000.0 * factor.powi(i32::from(attempt) - 1);
        let is_whole = least_ms.fract() == 0.0 && least_ms >= 1.0;
        let is_cut_off = 2.0 * least_ms > max.as_secs_f64() * 1000.0;
        let whole_ms = least_ms as u64;
        (is_whole && !is_cut_off && whole_ms <= RANGE_MS_MAX).then_some((whole_ms, whole_ms))
    }
}

fn report(attempt: usize, least_ms: u64, counts: &[u32]) -> DelayReport {
    let count = fit::total(counts);
    let first = counts.iter().position(|&count| count > 0).unwrap_or(0);
    let last = counts.iter().rposition(|&count| count > 0).unwrap_or(0);
    let offsets = counts.iter().enumerate();
    let sum_ms: f64 = offsets
        .map(|(ms, &count)| ms as f64 * f64::from(count))
        .sum();
    let bins = Bins::of(counts);
    DelayReport {
        attempt,
        count,
        ms_min: least_ms + first as u64,
        ms_max: least_ms + last as u64,
        ms_mean: least_ms as f64 + sum_ms / count as f64,
        ms_mean_expected: 1.5 * least_ms as f64,
        tests: (count >= JUDGED_MIN).then(|| fit::tests(counts, &bins)),
        bins: bins.seen,
        bins_expected: bins.expected,
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::Dice;
    use allspark_protocol::primus::Backoff;

    use super::*;

    const SAMPLES: u32 = 20_000;

    /// The delays of so many reconnects of three attempts, each random number changed first.
    fn judged(change: impl Fn(f64) -> f64) -> (Findings, Vec<DelayReport>) {
        let options = BackoffOptions::default();
        let (mut delays, mut findings) = (Delays::new(options), Findings::default());
        let mut dice = Dice::new(5);
        for _ in 0..SAMPLES {
            let mut backoff = Backoff::new(options);
            for attempt in 1..=3 {
                let random = (dice.roll() >> 11) as f64 / (1_u64 << 53) as f64;
                let delay = backoff.next(change(random)).unwrap();
                delays.record(attempt, delay);
            }
        }
        let reports = delays.judge(&mut findings);
        (findings, reports)
    }

    #[test]
    fn the_algorithm_passes() {
        let (findings, reports) = judged(|random| random);
        assert_eq!(findings.total(), 0, "{:?}", findings.examples());
        let attempts: Vec<_> = reports.iter().map(|report| report.attempt).collect();
        assert_eq!(attempts, [2, 3], "the first has no distribution");
        for report in &reports {
            assert_eq!(report.count, u64::from(SAMPLES));
            assert!((report.ms_mean / report.ms_mean_expected - 1.0).abs() < 0.01);
            let expected: f64 = report.bins_expected.iter().sum();
            assert!((expected - f64::from(SAMPLES)).abs() < 1e-6);
        }
    }

    #[test]
    fn other_laws_within_the_same_bounds_do_not() {
        type Law = fn(f64) -> f64;
        let laws: [(&str, Law); 4] = [
            ("always the same", |_| 0.5),
            ("too short", |random| random * 0.9),
            ("square", |random| random * random),
            ("in sixteen steps", |random| (random * 16.0).floor() / 16.0),
        ];
        for (name, law) in laws {
            assert_eq!(judged(law).0.count(Fault::DelaysSkewed), 2, "{name}");
        }
    }

    #[test]
    fn a_delay_that_max_cuts_off_has_no_distribution() {
        let options = BackoffOptions {
            max: Duration::from_millis(3_000),
            ..BackoffOptions::default()
        };
        let delays = Delays::new(options);
        assert!(delays.range_ms(2).is_some());
        assert!(delays.range_ms(3).is_none());
    }
}
