//! The time between two pings of a spark.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::limits::PING_INTERVAL_MS_HIGHEST;
use crate::options::{self, Bounded};

/// Milliseconds between two pings of a spark, from 1 to [`PING_INTERVAL_MS_HIGHEST`], or none:
/// Primus's `pingInterval`, which may be `false`. Default 30,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingInterval(Option<Bounded<1, PING_INTERVAL_MS_HIGHEST>>);

/// A text is neither off nor an interval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither off nor a number of milliseconds from 1 to {PING_INTERVAL_MS_HIGHEST}")]
pub struct PingIntervalError(String);

impl PingInterval {
    /// No heartbeat.
    pub const OFF: Self = Self(None);

    /// Milliseconds; `None` for no heartbeat.
    pub fn ms(self) -> Option<u64> {
        self.0.map(Bounded::get)
    }
}

impl Default for PingInterval {
    fn default() -> Self {
        const { Self(Some(Bounded::of(30_000))) }
    }
}

impl TryFrom<Option<u64>> for PingInterval {
    type Error = PingIntervalError;

    fn try_from(ms: Option<u64>) -> Result<Self, PingIntervalError> {
        ms.map_or(Ok(Self::OFF), |ms| ms.to_string().parse())
    }
}

impl FromStr for PingInterval {
    type Err = PingIntervalError;

    fn from_str(text: &str) -> Result<Self, PingIntervalError> {
        if text.eq_ignore_ascii_case("off") || text.eq_ignore_ascii_case("false") {
            return Ok(Self::OFF);
        }
        let ms = text.parse();
        ms.map(|ms| Self(Some(ms)))
            .map_err(|_| PingIntervalError(text.to_owned()))
    }
}

impl fmt::Display for PingInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(ms) => ms.fmt(f),
            None => f.write_str("off"),
        }
    }
}

impl<'de> Deserialize<'de> for PingInterval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        options::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_off_or_at_most_a_day() {
        for (text, ms) in [
            ("OFF", None),
            ("false", None),
            ("86400000", Some(86_400_000)),
        ] {
            let interval: PingInterval = text.parse().unwrap();
            assert_eq!(interval.ms(), ms);
            assert_eq!(interval.to_string().parse(), Ok(interval));
            assert_eq!(PingInterval::try_from(ms), Ok(interval));
        }
        for wrong in ["0", "-1", "1.5", "86400001", "on", ""] {
            let refusal = wrong.parse::<PingInterval>().unwrap_err().to_string();
            assert!(refusal.contains("neither off nor a number"), "{refusal}");
        }
        assert!(PingInterval::try_from(Some(0)).is_err());
    }
}
