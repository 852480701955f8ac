//! What some parsers know beyond JSON and bytes.
//!
//! serde has no such types. They pass through it as newtypes of names that no other type has: an
//! encoder of ours recognises them, any other one writes what is inside.

use serde::{Serialize, Serializer};

use super::date::{self, Date};
use super::{Extended, Misfit, Value};

/// The name by which a `Value` that is being read asks the `Value` that it is read from for its
/// variant, extended ones included.
pub(super) const VALUE: &str = "$allspark::Value";

// The names under which they pass through serde.
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
            Self::Date(_) => date::NAME,
            Self::RegExp { .. } => REG_EXP,
            Self::Custom { .. } => CUSTOM,
            Self::Extension { .. } => EXTENSION,
        }
    }

    /// What a newtype of this name stands for. The inside is given back if this is none of the
    /// names above.
    pub(super) fn from_newtype(name: &str, inner: Value) -> Result<Value, Misfit> {
        if !name.starts_with('$') {
            return Ok(inner);
        }
        let extended = match (name, &inner) {
            (date::NAME, Value::Number(ms)) => {
                ms.as_i64().and_then(Date::from_epoch_ms).map(Self::Date)
            }
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

    /// What is left of it for a parser that does not know it.
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
            Extended::Date(Date::from_epoch_ms(-1).unwrap()),
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
    fn a_value_within_a_type_of_the_application_stays_what_it_is() {
        use std::collections::BTreeMap;

        for extended in all() {
            let map = BTreeMap::from([("it".to_owned(), Value::from(extended))]);
            let value = Value::from_serialize(&map).unwrap();
            assert_eq!(value.into_type(), Ok(map));
        }
    }
}
