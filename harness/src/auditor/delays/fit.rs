//! How well delays fit their law: pure functions of counts.
//!
//! `counts[n]` is how many delays were `n` milliseconds longer than the shortest possible one; its
//! last entry belongs to the longest possible one.

use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Parts of the range that chi-square compares. It divides the ranges of the default options, so
/// that all parts are equally wide.
const BINS_MAX: usize = 50;

/// A test rejects when what was seen is less likely than this. Thousands of simulations can be
/// judged so, each with nine distributions, and a rejection still means something.
pub(super) const P_MIN: f64 = 1e-6;

/// Two statistics, and how likely it is that a right client shows at least as much.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct DelayTests {
    pub(crate) kolmogorov_smirnov: f64,
    /// At most this likely: see the module.
    pub(crate) kolmogorov_smirnov_p: f64,
    pub(crate) chi_square: f64,
    /// Degrees of freedom: bins less one.
    pub(crate) chi_square_degrees: usize,
    pub(crate) chi_square_p: f64,
    /// Whether neither is less likely than once in a million times.
    pub(crate) fits: bool,
}

/// Delays in equal parts of the range, and what the law would put there.
#[derive(Clone, Debug)]
pub(super) struct Bins {
    pub(super) seen: Vec<u64>,
    pub(super) expected: Vec<f64>,
}

impl Bins {
    /// Sorts counts into at most [`BINS_MAX`] parts.
    pub(super) fn of(counts: &[u32]) -> Self {
        let range_ms = counts.len() - 1;
        let parts = BINS_MAX.min(range_ms);
        let part = |offset_ms: usize| (offset_ms * parts / range_ms).min(parts - 1);
        let (mut seen, mut expected) = (vec![0; parts], vec![0.0; parts]);
        let (total, mut before) = (total(counts) as f64, 0.0);
        for (offset_ms, &count) in counts.iter().enumerate() {
            let until = law(offset_ms, range_ms);
            seen[part(offset_ms)] += u64::from(count);
            expected[part(offset_ms)] += (until - before) * total;
            before = until;
        }
        Self { seen, expected }
    }
}

/// Both tests.
pub(super) fn tests(counts: &[u32], bins: &Bins) -> DelayTests {
    let distance = kolmogorov_smirnov(counts);
    let distance_p = kolmogorov_p(distance * (total(counts) as f64).sqrt());
    let deviation = chi_square(bins);
    let degrees = bins.seen.len() - 1;
    let deviation_p = chi_square_p(deviation, degrees);
    DelayTests {
        kolmogorov_smirnov: distance,
        kolmogorov_smirnov_p: distance_p,
        chi_square: deviation,
        chi_square_degrees: degrees,
        chi_square_p: deviation_p,
        fits: distance_p >= P_MIN && deviation_p >= P_MIN,
    }
}

pub(super) fn total(counts: &[u32]) -> u64 {
    counts.iter().map(|&count| u64::from(count)).sum()
}

/// How likely a delay is to be at most so many milliseconds above the shortest one.
fn law(offset_ms: usize, range_ms: usize) -> f64 {
    ((offset_ms as f64 + 0.5) / range_ms as f64).min(1.0)
}

/// The largest distance between the distribution function of the delays and the law.
fn kolmogorov_smirnov(counts: &[u32]) -> f64 {
    let (mut seen, mut distance) = (0, 0.0_f64);
    let total = total(counts) as f64;
    for (offset_ms, &count) in counts.iter().enumerate() {
        seen += u64::from(count);
        let share = seen as f64 / total;
        distance = distance.max((share - law(offset_ms, counts.len() - 1)).abs());
    }
    distance
}

/// How likely the distance times the root of the number of samples is to be at least this, by
/// Kolmogorov's series. Under a law of steps, as this is, that is less likely still.
fn kolmogorov_p(distance: f64) -> f64 {
    // Below it the series converges slowly, to something that is 1 to nine digits.
    if distance < 0.3 {
        return 1.0;
    }
    let term = |k: i32| (-2.0 * (f64::from(k) * distance).powi(2)).exp();
    let pairs = (1..=20).step_by(2).map(|k| term(k) - term(k + 1));
    (2.0 * pairs.sum::<f64>()).clamp(0.0, 1.0)
}

fn chi_square(bins: &Bins) -> f64 {
    let pairs = bins.seen.iter().zip(&bins.expected);
    pairs
        .map(|(&seen, &expected)| (seen as f64 - expected).powi(2) / expected)
        .sum()
}

/// How likely the deviation is to be at least this. With nothing free to deviate it never fails.
fn chi_square_p(deviation: f64, degrees: usize) -> f64 {
    ChiSquared::new(degrees as f64).map_or(1.0, |law| law.sf(deviation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64) -> bool {
        (value / expected - 1.0).abs() < 0.01
    }

    #[test]
    fn likelihoods_are_those_of_the_tables() {
        for (distance, p) in [(0.8276, 0.5), (1.3581, 0.05), (1.6276, 0.01), (2.693, 1e-6)] {
            assert!(near(kolmogorov_p(distance), p), "{distance}");
        }
        assert_eq!((kolmogorov_p(0.0), kolmogorov_p(0.29)), (1.0, 1.0));
        assert!(kolmogorov_p(0.3) > 0.999_99);
        for (deviation, degrees, p) in [(3.841, 1, 0.05), (82.529, 63, 0.05), (92.010, 63, 0.01)] {
            assert!(near(chi_square_p(deviation, degrees), p), "{deviation}");
        }
        assert_eq!(chi_square_p(0.0, 0), 1.0);
    }

    #[test]
    fn ends_are_half_as_likely_as_what_is_between() {
        let counts = [5, 10, 10, 10, 5];
        assert!(kolmogorov_smirnov(&counts) < 1e-9);
        let bins = Bins::of(&counts);
        assert_eq!(bins.seen.iter().sum::<u64>(), 40);
        assert!((bins.expected.iter().sum::<f64>() - 40.0).abs() < 1e-9);
        assert!(chi_square(&bins) < 1e-9);
        assert!(tests(&counts, &bins).fits);
    }
}
