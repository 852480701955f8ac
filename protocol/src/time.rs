//! A clock reading, which the kernel's clock gives, or the simulator's.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Nanoseconds since a fixed but unspecified moment. Never goes backwards within one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment that clock readings count from.
    pub const ZERO: Self = Self(0);
    /// Later than any other moment.
    pub const NEVER: Self = Self(u64::MAX);

    /// The reading `ns` nanoseconds after [`Instant::ZERO`].
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// The reading `ms` milliseconds after [`Instant::ZERO`].
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms * 1_000_000)
    }

    /// Nanoseconds since [`Instant::ZERO`].
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since [`Instant::ZERO`], rounded down.
    pub const fn as_ms(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The same in nanoseconds.
    pub const fn ns_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(ns))
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_and_subtracts() {
        let start = Instant::from_ms(5);
        let later = start + Duration::from_micros(1500);
        assert_eq!(later.as_ns(), 6_500_000);
        assert_eq!(later.as_ms(), 6);
        assert_eq!(later - start, Duration::from_micros(1500));
        assert_eq!(start - later, Duration::ZERO);
    }
}
