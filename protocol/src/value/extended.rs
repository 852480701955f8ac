//! What some parsers know beyond JSON and bytes.
//!
//! serde has no such types. They pass through it as newtypes of names that no other type has: an
//! encoder of ours recognises them, any other one writes what is inside.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Misfit, Value};

/// A value that only some parsers know. `ejson` knows dates, regular expressions and custom types;
/// `msgpack` knows dates, regular expressions and extensions. Others refuse to encode them, except
/// `json`, which writes what is inside: of a date its milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Extended {
    /// A moment.
    Date(Date),
    /// A regular expression of JavaScript. It is not looked at.
    RegExp {
        /// What stands between the slashes.
        source: String,
        /// What stands behind them.
        flags: String,
    },
    /// A custom type of EJSON (`EJSON.addType`). Neither of the two halves is looked at.
    Custom {
        /// The name of the type.
        name: String,
        /// What its `toJSONValue` gave: JSON.
        value: Value,
    },
    /// An extension of MessagePack that is none of the above, for instance an `Int16Array`. It is
    /// not looked at.
    Extension {
        /// Its type.
        kind: u8,
        /// What it holds.
        bytes: Vec<u8>,
    },
}

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
        // Not-a-number becomes 0, so it is asked for first.
        let whole = (!ms.is_nan()).then_some(ms as i64)?;
        Self::from_epoch_ms(whole)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(DATE, &self.0)
    }
}

impl<'de> Deserialize<'de> for Date {
    /// A number is milliseconds, too: that is all that some parsers know.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ms = i64::deserialize(deserializer)?;
        Self::from_epoch_ms(ms).ok_or_else(|| D::Error::custom("a date is too far away"))
    }
}

/// The name by which a value asks a value for what it is, extended ones included.
pub(super) const VALUE: &str = "$allspark::Value";

// The names under which they pass through serde.
const DATE: &str = "$allspark::Date";
const REG_EXP: &str = "$allspark::RegExp";
const CUSTOM: &str = "$allspark::Custom";
const EXTENSION: &str = "$allspark::Extension";

impl Extended {
    /// What it is, for a person: `a date`.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Date(_) => "a date",
            Self::RegExp { .. } => "a regular expression",
            Self::Custom { .. } => "a custom type of EJSON",
            Self::Extension { .. } => "an extension of MessagePack",
        }
    }

    /// The name under which it passes through serde.
    pub(super) const fn newtype(&self) -> &'static str {
        match self {
            Self::Date(_) => DATE,
            Self::RegExp { .. } => REG_EXP,
            Self::Custom { .. } => CUSTOM,
            Self::Extension { .. } => EXTENSION,
        }
    }

    /// What the inside of a newtype of this name stands for; the inside again if it is none of the
    /// names above.
    pub(super) fn from_newtype(name: &str, inner: Value) -> Result<Value, Misfit> {
        if !name.starts_with('$') {
            return Ok(inner);
        }
        let extended = match (name, &inner) {
            (DATE, Value::Number(ms)) => ms.as_i64().and_then(Date::from_epoch_ms).map(Self::Date),
            (REG_EXP, Value::Array(parts)) => match &parts[..] {
                [Value::String(source), Value::String(flags)] => Some(Self::RegExp {
                    source: source.clone(),
                    flags: flags.clone(),
                }),
                _ => None,
            },
            (CUSTOM, Value::Array(parts)) => match &parts[..] {
                [Value::String(name), value] => Some(Self::Custom {
                    name: name.clone(),
                    value: value.clone(),
                }),
                _ => None,
            },
            (EXTENSION, Value::Array(parts)) => match &parts[..] {
                [kind, Value::Bytes(bytes)] => {
                    let kind = kind.as_u64().and_then(|kind| u8::try_from(kind).ok());
                    kind.map(|kind| Self::Extension {
                        kind,
                        bytes: bytes.clone(),
                    })
                }
                _ => None,
            },
            _ => return Ok(inner),
        };
        let extended = extended.ok_or_else(|| Misfit::new(format!("no {name} is like this")))?;
        Ok(extended.into())
    }

    /// What a parser that knows nothing of this has of it.
    pub(super) fn into_plain(self) -> Value {
        match self {
            Self::Date(date) => date.epoch_ms().into(),
            Self::RegExp { source, flags } => Value::Array(vec![source.into(), flags.into()]),
            Self::Custom { name, value } => Value::Array(vec![name.into(), value]),
            Self::Extension { kind, bytes } => Value::Array(vec![kind.into(), Value::Bytes(bytes)]),
        }
    }
}

impl Serialize for Extended {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Date(date) => date.serialize(serializer),
            Self::RegExp { source, flags } => {
                serializer.serialize_newtype_struct(REG_EXP, &(source, flags))
            }
            Self::Custom { name, value } => {
                serializer.serialize_newtype_struct(CUSTOM, &(name, value))
            }
            Self::Extension { kind, bytes } => {
                serializer.serialize_newtype_struct(EXTENSION, &(kind, Bytes(bytes)))
            }
        }
    }
}

struct Bytes<'b>(&'b [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    fn all() -> [Extended; 4] {
        let bytes = vec![0, 255];
        [
            Extended::Date(Date(-1)),
            Extended::RegExp {
                source: "a/b".into(),
                flags: "gi".into(),
            },
            Extended::Custom {
                name: "Point".into(),
                value: value!({ "x": 1 }),
            },
            Extended::Extension { kind: 0x13, bytes },
        ]
    }

    #[test]
    fn they_pass_through_serde_as_what_they_are() {
        for extended in all() {
            let value = Value::from(vec![Value::from(extended)]);
            assert_eq!(Value::from_serialize(&value), Ok(value));
        }
    }

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
    fn a_value_within_a_type_of_the_application_stays_what_it_is() {
        use std::collections::BTreeMap;

        for extended in all() {
            let map = BTreeMap::from([("it".to_owned(), Value::from(extended))]);
            let value = Value::from_serialize(&map).unwrap();
            assert_eq!(value.into_type(), Ok(map));
        }
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
