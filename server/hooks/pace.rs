//! How much the client of one spark may send, where its application says so.
//!
//! Kept as the engine keeps rates: as the moment until which everything that came is paid for.

use std::time::Duration;

use super::reply::Rate;

/// How much may come at once: what two seconds bring, as with the rates of the server.
const BURST_NS: u64 = 2_000_000_000;

/// What a client may send, and until when it has paid for what it sent.
#[derive(Debug)]
pub(super) struct Pace {
    rate: Rate,
    paid_ns: [u64; 2],
}

impl Pace {
    /// `None` if there is no bound.
    pub(super) fn new(rate: Rate) -> Option<Self> {
        let paid_ns = [0; 2];
        (rate != Rate::default()).then_some(Self { rate, paid_ns })
    }

    /// A message of this size has come. Returns how long it has to wait.
    pub(super) fn pay(&mut self, now_ns: u64, bytes: usize) -> Duration {
        let amounts = [(self.rate.messages, 1), (self.rate.bytes, bytes as u64)];
        let mut wait_ns = 0;
        for ((per_s, amount), paid_ns) in amounts.into_iter().zip(&mut self.paid_ns) {
            if per_s > 0 {
                wait_ns = wait_ns.max(paid_ns.saturating_sub(now_ns.saturating_add(BURST_NS)));
                let cost_ns = amount.saturating_mul(1_000_000_000) / u64::from(per_s);
                *paid_ns = (*paid_ns).max(now_ns).saturating_add(cost_ns);
            }
        }
        Duration::from_nanos(wait_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn two_seconds_worth_may_come_at_once_and_the_rest_at_its_rate() {
        assert!(Pace::new(Rate::default()).is_none());
        let rate = Rate {
            messages: 10,
            bytes: 0,
        };
        let mut pace = Pace::new(rate).unwrap();
        for _ in 0..=20 {
            assert_eq!(pace.pay(7, 1 << 30), Duration::ZERO);
        }
        assert_eq!(pace.pay(7, 0), Duration::from_millis(100));
        assert_eq!(pace.pay(7 + SECOND, 0), Duration::ZERO, "a second later");
    }

    #[test]
    fn bytes_cost_what_they_are() {
        let rate = Rate {
            messages: 0,
            bytes: 1_000,
        };
        let mut pace = Pace::new(rate).unwrap();
        assert_eq!(pace.pay(0, 5_000), Duration::ZERO, "one may be long");
        assert_eq!(pace.pay(0, 1), Duration::from_secs(3));
        assert_eq!(pace.pay(u64::MAX, usize::MAX), Duration::ZERO);
    }
}
