//! How fast something may come, for threads that share it without a lock: a token bucket, kept as
//! the moment until when all that came is paid for.

use std::sync::atomic::{AtomicU64, Ordering};

/// What may come at once: that of so many milliseconds.
const BURST_NS: u64 = 1_000_000_000;

/// A bucket, full at the beginning.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// In nanoseconds of a clock that never goes back.
    paid_ns: AtomicU64,
}

impl Pace {
    /// Whether so much may come now, at so much per second; 0 is any number. What is more than a
    /// whole burst may come when all of that is there.
    ///
    /// # Errors
    /// It may not: after so many nanoseconds it may.
    pub(super) fn admit(&self, per_s: u64, now_ns: u64, amount: u64) -> Result<(), u64> {
        if per_s == 0 {
            return Ok(());
        }
        let cost = u128::from(amount) * 1_000_000_000;
        let cost_ns = u64::try_from(cost.div_ceil(u128::from(per_s))).unwrap_or(u64::MAX);
        let latest = now_ns.saturating_add(BURST_NS - cost_ns.min(BURST_NS));
        let pay = |paid: u64| {
            let is_admitted = paid <= latest;
            is_admitted.then(|| paid.max(now_ns).saturating_add(cost_ns))
        };
        let paid = &self.paid_ns;
        match paid.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay) {
            Ok(_) => Ok(()),
            Err(paid) => Err(paid - latest),
        }
    }
}

/// The nanoseconds of a clock that never goes back.
pub(super) fn now_ns() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    // A burst ahead, so that a bucket that nobody has used is full.
    let since = START.elapsed().as_nanos() + u128::from(BURST_NS);
    u64::try_from(since).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_second_may_come_at_once_and_then_as_much_per_second() {
        let pace = Pace::default();
        let count = |now| {
            (0..1000)
                .filter(|_| pace.admit(100, now, 1).is_ok())
                .count()
        };
        assert_eq!(count(10 * SECOND), 100);
        assert_eq!(count(10 * SECOND + SECOND / 2), 50);
        assert_eq!(count(100 * SECOND), 100);
        assert_eq!(pace.admit(100, 100 * SECOND, 1), Err(SECOND / 100));
        assert_eq!(pace.admit(0, 100 * SECOND, u64::MAX), Ok(()), "any number");
    }

    #[test]
    fn more_than_a_burst_waits_for_all_of_it_and_is_paid_for() {
        let pace = Pace::default();
        assert_eq!(pace.admit(100, 10 * SECOND, 1000), Ok(()));
        assert!(pace.admit(100, 19 * SECOND, 1000).is_err());
        assert!(pace.admit(100, 20 * SECOND, 1).is_ok());
    }
}
