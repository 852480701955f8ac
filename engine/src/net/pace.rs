//! How fast something may come: a token bucket, kept as one moment.
//!
//! Whatever comes is paid for with time: at 10 per second each costs 100 ms. What is kept is until
//! when everything that came is **paid**; that moment may lie a **burst** ahead of the present. A
//! bucket that is full is a moment in the past, so nothing is to be done while nothing comes,
//! whatever the clock does meanwhile. (The "virtual scheduling" of ATM's generic cell rate
//! algorithm, ITU-T I.371.)

use allspark_protocol::Instant;

use crate::config::{Options, given};
use crate::limits::ACCEPT_BURST_MS;

/// What is given for rounding at most.
const ROUNDING_NS_MAX: u64 = 1_000_000;

/// So many per second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    per_s: u64,
    burst_ns: u64,
}

impl Pace {
    /// That of new connections, if there is one.
    pub(crate) fn of_accepts(options: &Options) -> Option<Self> {
        let per_s = given(options.admission.accepts_per_s)?;
        Some(Self::new(per_s, ACCEPT_BURST_MS))
    }

    /// At least one may come at once, whatever the burst.
    pub(crate) fn new(per_s: u64, burst_ms: u64) -> Self {
        let mut pace = Self { per_s, burst_ns: 0 };
        // The cost of each is rounded up by less than a nanosecond, which must not cost one.
        let rounding_ns = (per_s.saturating_mul(burst_ms) / 1_000).min(ROUNDING_NS_MAX);
        pace.burst_ns = (burst_ms * 1_000_000 + rounding_ns).max(pace.cost_ns(1));
        pace
    }

    /// The time that so much costs, rounded up: a million small things must not be for nothing.
    fn cost_ns(self, amount: u64) -> u64 {
        let ns = u128::from(amount) * 1_000_000_000;
        let cost = ns.div_ceil(u128::from(self.per_s.max(1)));
        u64::try_from(cost).unwrap_or(u64::MAX)
    }

    /// Whether so much may come now. What is more than a whole burst may come when all of that is
    /// there.
    pub(crate) fn admits(self, paid: Instant, now: Instant, amount: u64) -> bool {
        let needed = self.cost_ns(amount).min(self.burst_ns);
        let latest = now.as_ns().saturating_add(self.burst_ns - needed);
        paid.as_ns() <= latest
    }

    /// So much has come. Returns until when everything is paid.
    pub(crate) fn pay(self, paid: Instant, now: Instant, amount: u64) -> Instant {
        let from = paid.as_ns().max(now.as_ns());
        Instant::from_ns(from.saturating_add(self.cost_ns(amount)))
    }

    /// When something may come again, if that is later than now.
    pub(crate) fn next(self, paid: Instant, now: Instant) -> Option<Instant> {
        let next = Instant::from_ns(paid.as_ns().saturating_sub(self.burst_ns));
        (next > now).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_ms(ms)
    }

    /// How many of what comes in steps of `step_ms` are admitted.
    fn admitted(pace: Pace, steps: u64, step_ms: u64, amount: u64) -> u64 {
        let (mut paid, mut count) = (Instant::ZERO, 0);
        for step in 0..steps {
            let now = ms(5_000 + step * step_ms);
            if pace.admits(paid, now, amount) {
                paid = pace.pay(paid, now, amount);
                count += 1;
            }
        }
        count
    }

    #[test]
    fn so_many_per_second_and_a_burst() {
        let pace = Pace::new(10, 2_000);
        assert_eq!(admitted(pace, 1_000, 0, 1), 20, "at once");
        assert_eq!(
            admitted(pace, 1_001, 10, 1),
            20 + 100,
            "at ten times the rate"
        );
        assert_eq!(admitted(pace, 1_000, 100, 1), 1_000, "at the rate");
        assert_eq!(admitted(Pace::new(1, 1), 11, 500, 1), 6, "one at a time");
    }

    #[test]
    fn days_at_the_rate_neither_lose_nor_gain_one() {
        // A rate that no number of nanoseconds expresses.
        let pace = Pace::new(7, 1_000);
        let seconds = 3 * 24 * 60 * 60;
        let mut paid = Instant::ZERO;
        let mut count = 0;
        for step in 1..=4 * seconds {
            let now = ms(step * 250);
            while pace.admits(paid, now, 1) {
                paid = pace.pay(paid, now, 1);
                count += 1;
            }
        }
        let expected = 7 * seconds;
        assert!((expected - 1..=expected + 7).contains(&count), "{count}");
    }

    #[test]
    fn a_clock_that_jumps_gives_one_burst() {
        let pace = Pace::new(100, 1_000);
        let mut paid = Instant::ZERO;
        for now in [ms(1), ms(1_000_000_000), Instant::from_ns(u64::MAX - 1)] {
            let mut count = 0;
            while pace.admits(paid, now, 1) && count < 1_000 {
                paid = pace.pay(paid, now, 1);
                count += 1;
            }
            assert!(
                count >= 100 && (count == 100 || now > ms(1_000_000_000)),
                "{count}"
            );
        }
    }

    #[test]
    fn what_is_longer_than_a_burst_passes_alone_and_is_paid_for() {
        let pace = Pace::new(1_000, 1_000);
        assert!(pace.admits(ms(0), ms(0), 1 << 40));
        let paid = pace.pay(ms(0), ms(0), 60_000);
        assert_eq!(paid, ms(60_000));
        assert!(!pace.admits(paid, ms(58_999), 1) && pace.admits(paid, ms(59_001), 1));
        let next = pace.next(paid, ms(10)).unwrap();
        assert!(ms(58_999) < next && next <= ms(59_000), "{next:?}");
        assert_eq!(pace.next(paid, ms(59_000)), None);
        // Nothing overflows.
        assert_eq!(pace.pay(paid, ms(0), u64::MAX).as_ns(), u64::MAX);
    }

    proptest! {
        /// In any time no more is admitted than the rate and one burst allow.
        #[test]
        fn never_more_than_rate_and_burst(
            per_s in 1_u64..2_000_000,
            burst_ms in 1_u64..5_000,
            gaps_us in proptest::collection::vec(0_u64..50_000, 1..300),
            amount in 1_u64..2_000,
        ) {
            let pace = Pace::new(per_s, burst_ms);
            let (mut paid, mut now_us, mut sum) = (Instant::ZERO, 1_000_000, 0);
            let mut largest = 0;
            for gap in gaps_us {
                now_us += gap;
                let now = Instant::from_ns(now_us * 1_000);
                if pace.admits(paid, now, amount) {
                    paid = pace.pay(paid, now, amount);
                    sum += amount;
                    largest = amount;
                }
            }
            let passed_ms = (now_us - 1_000_000) / 1_000 + 1 + burst_ms;
            let most = per_s * passed_ms / 1_000 + 1 + largest;
            prop_assert!(sum <= most, "{sum} of {most}");
        }
    }
}
