//! When Redis is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);

/// Pauses that double, until Redis was there for longer than the longest.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after Redis was tried, or was there, for so long.
    pub(super) fn next(&mut self, lasted: Duration) -> Duration {
        if lasted > LONGEST {
            self.failures = 0;
        }
        let pause = FIRST.saturating_mul(1 << self.failures.min(16));
        self.failures += 1;
        pause.min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_redis_stays() {
        let mut backoff = Backoff::default();
        let mut pauses = |lasted| backoff.next(Duration::from_secs(lasted)).as_millis();
        let first: Vec<u128> = (0..8).map(|_| pauses(0)).collect();
        assert_eq!(first, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert_eq!((pauses(10), pauses(11), pauses(0)), (10_000, 250, 500));
    }
}
