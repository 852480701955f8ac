//! Moments.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name under which a date passes through serde.
pub(super) const NAME: &str = "$allspark::Date";

/// A moment as JavaScript's `Date` has it. A type of the application may hold it; parsers that know
/// no dates take and give its milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i64);

impl Date {
    /// Milliseconds on either side of the epoch that JavaScript can express.
    pub const MS_MAX: i64 = 8_640_000_000_000_000;

    /// The moment so many milliseconds after the beginning of 1970 (UTC); `None` if it is further
    /// away than [`Date::MS_MAX`].
    pub const fn from_epoch_ms(ms: i64) -> Option<Self> {
        match ms.unsigned_abs() <= Self::MS_MAX.unsigned_abs() {
            true => Some(Self(ms)),
            false => None,
        }
    }

    /// Milliseconds since the beginning of 1970 (UTC); negative before it.
    pub const fn epoch_ms(self) -> i64 {
        self.0
    }

    /// What `new Date(ms)` makes of a number: its fraction is cut off. `None` where that is no
    /// valid date.
    pub(crate) fn from_number(ms: f64) -> Option<Self> {
        // The cast makes 0 of not-a-number, so this is excluded first.
        let whole = (!ms.is_nan()).then_some(ms as i64)?;
        Self::from_epoch_ms(whole)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(NAME, &self.0)
    }
}

impl<'de> Deserialize<'de> for Date {
    /// A number counts as milliseconds, because some parsers know no dates.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ms = i64::deserialize(deserializer)?;
        Self::from_epoch_ms(ms).ok_or_else(|| D::Error::custom("a date is too far away"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Value, value};

    #[test]
    fn a_type_of_the_application_holds_a_date_or_its_milliseconds() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Meeting {
            when: Date,
        }
        let meeting = Meeting { when: Date(7) };
        let value = Value::from_serialize(&meeting).unwrap();
        assert_eq!(value["when"].as_date(), Some(Date(7)));
        assert_eq!(value.into_type(), Ok(Meeting { when: Date(7) }));
        assert_eq!(value!({ "when": 7 }).into_type(), Ok(meeting));
        let far = value!({ "when": (Date::MS_MAX + 1) });
        assert!(far.into_type::<Meeting>().is_err());
        let ms: i64 = Value::from(Date(7)).into_type().unwrap();
        assert_eq!(ms, 7);
    }

    #[test]
    fn dates_are_those_of_javascript() {
        assert_eq!(Date::from_number(1.9), Some(Date(1)));
        assert_eq!(Date::from_number(-1.9), Some(Date(-1)));
        assert_eq!(
            Date::from_number(8.64e15),
            Date::from_epoch_ms(Date::MS_MAX)
        );
        for ms in [f64::NAN, f64::INFINITY, -f64::INFINITY, 8.64e15 + 1.0] {
            assert_eq!(Date::from_number(ms), None);
        }
        assert_eq!(Date::from_epoch_ms(i64::MIN), None);
    }
}
