//! Whole numbers within bounds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use super::text::deserialize;
use crate::limits::MESSAGE_BYTES_MAX_HIGHEST;

/// A whole number from `LEAST` to `MOST`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounded<const LEAST: u64, const MOST: u64>(u64);

/// Bytes of the longest message: from 1 to 512 MiB.
pub type MaxLength = Bounded<1, { MESSAGE_BYTES_MAX_HIGHEST as u64 }>;

/// A text is no number, or the number is out of bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a number from {least} to {most}")]
pub struct OutOfBounds {
    text: String,
    least: u64,
    most: u64,
}

impl<const LEAST: u64, const MOST: u64> Bounded<LEAST, MOST> {
    /// A number that is known when the program is compiled.
    ///
    /// # Panics
    /// It is out of bounds; in a constant the compiler says so.
    pub const fn of(number: u64) -> Self {
        assert!(LEAST <= number && number <= MOST);
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number, of something that has to fit into memory.
    pub const fn size(self) -> usize {
        if self.0 > usize::MAX as u64 {
            return usize::MAX;
        }
        self.0 as usize
    }

    fn refused(text: impl fmt::Display) -> OutOfBounds {
        OutOfBounds {
            text: text.to_string(),
            least: LEAST,
            most: MOST,
        }
    }
}

impl<const LEAST: u64, const MOST: u64> TryFrom<u64> for Bounded<LEAST, MOST> {
    type Error = OutOfBounds;

    fn try_from(number: u64) -> Result<Self, OutOfBounds> {
        match (LEAST..=MOST).contains(&number) {
            true => Ok(Self(number)),
            false => Err(Self::refused(number)),
        }
    }
}

impl<const LEAST: u64, const MOST: u64> TryFrom<usize> for Bounded<LEAST, MOST> {
    type Error = OutOfBounds;

    fn try_from(number: usize) -> Result<Self, OutOfBounds> {
        Self::try_from(number as u64)
    }
}

impl<const LEAST: u64, const MOST: u64> FromStr for Bounded<LEAST, MOST> {
    type Err = OutOfBounds;

    fn from_str(text: &str) -> Result<Self, OutOfBounds> {
        let number = text.parse::<u64>().ok();
        let bounded = number.and_then(|number| Self::try_from(number).ok());
        bounded.ok_or_else(|| Self::refused(text))
    }
}

impl<const LEAST: u64, const MOST: u64> fmt::Display for Bounded<LEAST, MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Bounded<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_to_its_bounds() {
        type Small = Bounded<1, 2>;
        for number in [1, 2] {
            let small = Small::try_from(number).unwrap();
            assert_eq!(small.get(), number);
            assert_eq!(small.to_string().parse(), Ok(small));
        }
        assert_eq!(
            Small::try_from(3_u64).unwrap_err().to_string(),
            r#""3" is not a number from 1 to 2"#
        );
        for wrong in ["0", "3", "-1", "1.5", "one", "", "99999999999999999999999"] {
            let refusal = Small::from_str(wrong).unwrap_err().to_string();
            assert_eq!(refusal, format!("{wrong:?} is not a number from 1 to 2"));
        }
    }
}
