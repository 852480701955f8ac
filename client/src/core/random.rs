//! Chance that can be repeated.

use allspark_transformers::Chance;

/// What a client draws. Some of it is said in clear (`_primuscb`), some is the seed of a
/// connection, whose masks nobody may foresee.
#[derive(Clone, Debug)]
pub(super) struct Random(Chance);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(Chance::new(seed))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0.number()
    }

    /// Uniform in 0 to 1, 1 excluded, like `Math.random()`.
    pub(super) fn unit(&mut self) -> f64 {
        const STEPS: f64 = (1u64 << 53) as f64;
        (self.next() >> 11) as f64 / STEPS
    }
}
