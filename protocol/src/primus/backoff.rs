//! When a client tries to connect again: the algorithm of the npm module `recovery`, which Primus
//! uses, as a function of its options and of a random number that is handed in.

use std::time::Duration;

/// The options of a reconnect, by the names and defaults of Primus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackoffOptions {
    /// The longest delay. Default: no limit.
    pub max: Duration,
    /// The first delay, and the base of all others. Default: 500 ms.
    pub min: Duration,
    /// After so many attempts the client gives up. Default: 10.
    pub retries: u32,
    /// How long one attempt may take (`reconnect timeout`). Default: 30 s.
    #[doc(alias = "reconnect timeout")]
    pub reconnect_timeout: Duration,
    /// By how much the delay grows from attempt to attempt. Default: 2.
    pub factor: f64,
}

impl Default for BackoffOptions {
    fn default() -> Self {
        Self {
            max: Duration::MAX,
            min: Duration::from_millis(500),
            retries: 10,
            reconnect_timeout: Duration::from_secs(30),
            factor: 2.0,
        }
    }
}

/// One reconnect procedure: counts its attempts and says how long to wait before each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    options: BackoffOptions,
    attempt: u32,
}

impl Backoff {
    /// A procedure that has not begun.
    pub const fn new(options: BackoffOptions) -> Self {
        Self {
            options,
            attempt: 0,
        }
    }

    /// Begins the next attempt and returns the delay before it, in whole milliseconds unless `min`
    /// or `max` are finer; `None` if all attempts are used up (`reconnect failed`).
    ///
    /// `random` is uniform in 0 to 1 and is used from the second attempt on: attempt 1 waits
    /// exactly `min`, attempt n waits `(1 + random) * min * factor^(n-1)`, at most `max`.
    pub fn next(&mut self, random: f64) -> Option<Duration> {
        if self.attempt >= self.options.retries {
            return None;
        }
        self.attempt += 1;
        if self.attempt == 1 {
            return Some(self.options.min);
        }
        let min_ms = self.options.min.as_secs_f64() * 1000.0;
        let grown_ms = min_ms * self.options.factor.powf(f64::from(self.attempt - 1));
        let delay_ms = ((1.0 + random) * grown_ms).round();
        Some(duration_from_ms(delay_ms).min(self.options.max))
    }

    /// How many attempts have begun.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The options it was made with.
    pub const fn options(&self) -> &BackoffOptions {
        &self.options
    }

    /// Whether a procedure is under way.
    pub const fn is_active(&self) -> bool {
        self.attempt > 0
    }

    /// Ends the procedure: the connection is open again, or the client gave it up. The next attempt
    /// is a first one.
    pub const fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// What is too large for a `Duration`, or no number at all, is the longest one.
fn duration_from_ms(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays_ms(options: BackoffOptions, random: f64) -> Vec<u128> {
        let mut backoff = Backoff::new(options);
        std::iter::from_fn(|| backoff.next(random))
            .map(|delay| delay.as_millis())
            .collect()
    }

    #[test]
    fn the_defaults_double_from_half_a_second() {
        let least = delays_ms(BackoffOptions::default(), 0.0);
        assert_eq!(least[..5], [500, 1_000, 2_000, 4_000, 8_000]);
        assert_eq!(least.len(), 10);
        let most = delays_ms(BackoffOptions::default(), 1.0);
        assert_eq!(most[..5], [500, 2_000, 4_000, 8_000, 16_000]);
    }

    #[test]
    fn the_mean_lies_half_way() {
        let steps = 1_000;
        let sum_ms: f64 = (0..steps)
            .map(|step| {
                let random = (f64::from(step) + 0.5) / f64::from(steps);
                delays_ms(BackoffOptions::default(), random)[3] as f64
            })
            .sum();
        let mean_ms = sum_ms / f64::from(steps);
        assert!((mean_ms - 6_000.0).abs() < 1.0, "{mean_ms}");
    }

    #[test]
    fn no_delay_is_longer_than_max() {
        let max = Duration::from_secs(3);
        let options = BackoffOptions {
            max,
            retries: 2_000,
            ..BackoffOptions::default()
        };
        let delays = delays_ms(options, 0.5);
        assert_eq!(delays[..4], [500, 1_500, 3_000, 3_000]);
        assert_eq!(delays[1_999], 3_000, "even where the power overflows");
    }

    #[test]
    fn a_power_that_overflows_without_max_waits_for_ever() {
        let options = BackoffOptions {
            retries: 2_000,
            ..BackoffOptions::default()
        };
        let mut backoff = Backoff::new(options);
        let last = std::iter::from_fn(|| backoff.next(0.0)).last();
        assert_eq!(last, Some(Duration::MAX));
    }

    #[test]
    fn the_delay_is_rounded_to_milliseconds() {
        let options = BackoffOptions {
            min: Duration::from_millis(3),
            factor: 1.5,
            ..BackoffOptions::default()
        };
        assert_eq!(delays_ms(options, 0.1)[..4], [3, 5, 7, 11]);
    }

    #[test]
    fn gives_up_after_the_last_attempt_and_starts_anew_after_reset() {
        let options = BackoffOptions {
            retries: 2,
            ..BackoffOptions::default()
        };
        let mut backoff = Backoff::new(options);
        assert!(!backoff.is_active());
        assert_eq!(backoff.next(0.0), Some(Duration::from_millis(500)));
        assert!(backoff.is_active());
        assert_eq!(backoff.next(0.0), Some(Duration::from_millis(1_000)));
        assert_eq!(backoff.next(0.0), None);
        assert_eq!(backoff.attempt(), 2);
        backoff.reset();
        assert_eq!(backoff.next(0.7), Some(Duration::from_millis(500)));
    }

    #[test]
    fn no_retries_means_none() {
        let options = BackoffOptions {
            retries: 0,
            ..BackoffOptions::default()
        };
        assert_eq!(delays_ms(options, 0.0), [0u128; 0]);
    }
}
