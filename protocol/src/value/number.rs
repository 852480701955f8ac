//! Numbers: exact where they are whole, else as in JavaScript.

use std::fmt;

/// A number. Two numbers are equal if they are the same point on the number line, however they are
/// held; not-a-number equals nothing.
#[derive(Clone, Copy)]
pub enum Number {
    /// A whole number that fits an `i64`.
    Signed(i64),
    /// A whole number. It is above `i64::MAX`, unless the application has made it otherwise.
    Unsigned(u64),
    /// Any other number.
    Float(f64),
}

impl Number {
    /// The nearest floating-point number: what JavaScript would have.
    pub const fn as_f64(self) -> f64 {
        match self {
            Self::Signed(number) => number as f64,
            Self::Unsigned(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    /// The number, if it is whole and fits.
    pub fn as_i64(self) -> Option<i64> {
        self.as_whole()?.try_into().ok()
    }

    /// The number, if it is whole and fits.
    pub fn as_u64(self) -> Option<u64> {
        self.as_whole()?.try_into().ok()
    }

    fn as_whole(self) -> Option<i128> {
        match self {
            Self::Signed(number) => Some(number.into()),
            Self::Unsigned(number) => Some(number.into()),
            // A whole float below 2^127 converts exactly; the conversion saturates above, and the
            // way back then differs.
            Self::Float(number) => {
                Some(number as i128).filter(|&whole| whole as f64 == number && whole != i128::MAX)
            }
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(one), Self::Float(other)) => one == other,
            (one, other) => one
                .as_whole()
                .is_some_and(|one| other.as_whole() == Some(one)),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(number) => number.fmt(f),
            Self::Unsigned(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_that_of_the_number_line() {
        assert_eq!(Number::Signed(1), Number::Unsigned(1));
        assert_eq!(Number::Signed(1), Number::Float(1.0));
        assert_eq!(Number::Float(0.0), Number::Float(-0.0));
        assert_eq!(Number::Signed(0), Number::Float(-0.0));
        assert_ne!(Number::Signed(-1), Number::Unsigned(u64::MAX));
        assert_ne!(Number::Float(f64::NAN), Number::Float(f64::NAN));
        assert_ne!(Number::Signed(1), Number::Float(1.5));
        // 2^63 as a float is one more than the largest i64.
        assert_ne!(Number::Signed(i64::MAX), Number::Float(i64::MAX as f64));
        assert_eq!(
            Number::Unsigned(1 << 63),
            Number::Float(9_223_372_036_854_775_808.0)
        );
        assert_ne!(Number::Unsigned(u64::MAX), Number::Float(u64::MAX as f64));
    }

    #[test]
    fn whole_numbers_are_exact_where_they_fit() {
        assert_eq!(Number::Float(-3.0).as_i64(), Some(-3));
        assert_eq!(Number::Float(-3.0).as_u64(), None);
        assert_eq!(Number::Float(0.5).as_i64(), None);
        assert_eq!(Number::Float(f64::INFINITY).as_u64(), None);
        assert_eq!(Number::Float(f64::NAN).as_i64(), None);
        assert_eq!(Number::Float(1e300).as_u64(), None);
        assert_eq!(Number::Unsigned(u64::MAX).as_u64(), Some(u64::MAX));
        assert_eq!(Number::Unsigned(u64::MAX).as_i64(), None);
        assert_eq!(Number::Signed(i64::MIN).as_i64(), Some(i64::MIN));
    }
}
