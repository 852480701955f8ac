//! How long to wait before a request is tried again.

use std::time::Duration;

use allspark_protocol::Dice;

/// Before the first retry, at most.
const FIRST: Duration = Duration::from_millis(100);

/// Before any retry: an application that is back after a minute hears of it this soon.
const LONGEST: Duration = Duration::from_secs(5);

/// Doubles from retry to retry, and is somewhere between half of that and all of it, so that the
/// lanes of many servers do not come together.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    /// Waits are to be spread, not secret.
    dice: Dice,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        let dice = Dice::new(seed);
        Self { dice }
    }

    /// Before this retry; the first one is 1.
    pub(super) fn before(&mut self, retry: u32) -> Duration {
        let doubled = FIRST.saturating_mul(1 << retry.saturating_sub(1).min(16));
        let half = doubled.min(LONGEST) / 2;
        let spread_us = half.as_micros() as u64;
        half + Duration::from_micros(self.dice.below(spread_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_within_its_bounds_and_is_spread() {
        let mut backoff = Backoff::new(7);
        for retry in 1..100 {
            let whole = Duration::from_millis(100 << (retry - 1).min(10)).min(LONGEST);
            let waits = [backoff.before(retry), backoff.before(retry)];
            assert!(waits.iter().all(|wait| (whole / 2..=whole).contains(wait)));
            assert_ne!(waits[0], waits[1]);
        }
    }

    #[test]
    fn thirty_retries_outlast_two_minutes_of_silence() {
        let mut backoff = Backoff::new(1);
        let sum: Duration = (1..=30).map(|retry| backoff.before(retry)).sum();
        assert!(sum > Duration::from_secs(65), "{sum:?}");
    }
}
