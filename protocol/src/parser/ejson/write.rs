//! Writes values as JSON, with forms for what JSON lacks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};

use super::forms::{self, form_of};
use crate::value::{Extended, Number, Object, Value};

/// A value as EJSON writes it.
pub(super) struct Written<'v>(pub(super) &'v Value);

/// The members of an object, whatever their names are.
struct Members<'v>(&'v Object);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Number(Number::Float(float)) if !float.is_finite() => {
                let sign = match *float {
                    f64::INFINITY => 1,
                    f64::NEG_INFINITY => -1,
                    _ => 0,
                };
                one(serializer, forms::INF_NAN, &sign)
            }
            Value::Bytes(bytes) => one(serializer, forms::BINARY, &STANDARD.encode(bytes)),
            Value::Array(values) => serializer.collect_seq(values.iter().map(Written)),
            Value::Object(object) => match form_of(object) {
                Some(_) => one(serializer, forms::ESCAPE, &Members(object)),
                None => Members(object).serialize(serializer),
            },
            Value::Extended(extended) => write(extended, serializer),
            plain => plain.serialize(serializer),
        }
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = self.0.iter();
        serializer.collect_map(members.map(|(name, value)| (name, Written(value))))
    }
}

fn write<S: Serializer>(extended: &Extended, serializer: S) -> Result<S::Ok, S::Error> {
    match extended {
        Extended::Date(date) => one(serializer, forms::DATE, &date.epoch_ms()),
        Extended::RegExp { source, flags } => {
            two(serializer, (forms::REG_EXP, source), (forms::FLAGS, flags))
        }
        Extended::Custom { name, value } => {
            two(serializer, (forms::TYPE, name), (forms::VALUE, value))
        }
        Extended::Extension { .. } => {
            let what = extended.type_name();
            Err(S::Error::custom(format!(
                "the parser `ejson` can not encode {what}"
            )))
        }
    }
}

fn one<S: Serializer>(
    serializer: S,
    name: &str,
    content: &(impl Serialize + ?Sized),
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, content)?;
    map.end()
}

fn two<S: Serializer>(
    serializer: S,
    (first, content): (&str, &impl Serialize),
    (second, further): (&str, &impl Serialize),
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry(first, content)?;
    map.serialize_entry(second, further)?;
    map.end()
}
