//! A value of any type: what a message means, and what an app can write without a type of its own.
//!
//! It is what JavaScript has, seen from JSON, plus bytes for the binary parsers. Looking up what is
//! not there gives [`Value::Null`], as `undefined` would, and never panics.
//!
//! # Invariants
//! - Integers that fit an `i64` or `u64` are exact.
//! - The keys of an object are distinct and keep their order.

mod convert;
mod deserialize;
mod deserializer;
mod misfit;
mod number;
mod object;
mod serialize;
mod serializer;

use std::ops::Index;

pub use misfit::Misfit;
pub use number::Number;
pub use object::Object;

/// A value of any type.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`, and everything that is missing.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer or a floating-point number.
    Number(Number),
    /// Text.
    String(String),
    /// Bytes without further meaning. JSON has no such thing: see [`crate::parser::Json`].
    Bytes(Vec<u8>),
    /// Values in order.
    Array(Vec<Self>),
    /// Values by name.
    Object(Object),
}

static NULL: Value = Value::Null;

impl Value {
    /// Whether it is null.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The truth value, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// The number, if it is one, as JavaScript would have it: large integers lose precision.
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number.as_f64()),
            _ => None,
        }
    }

    /// The number, if it is one, is whole and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The number, if it is one, is whole and fits.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes, if it is bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub const fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The members, if it is an object, to change them.
    pub const fn as_object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The member of that name, if it is an object and has one. `value["key"]` gives null instead.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// What it is, for a person: `a number`, `an object`.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl Index<&str> for Value {
    type Output = Self;

    /// The member of that name; null if there is none.
    fn index(&self, key: &str) -> &Self {
        self.get(key).unwrap_or(&NULL)
    }
}

impl Index<usize> for Value {
    type Output = Self;

    /// The element at that place; null if there is none.
    fn index(&self, at: usize) -> &Self {
        self.as_array()
            .and_then(|elements| elements.get(at))
            .unwrap_or(&NULL)
    }
}

/// Writes a [`Value`] down as JSON. A value of more than one token, such as `-1` or a call, goes in
/// parentheses.
///
/// ```
/// use allspark_protocol::value;
///
/// let name = String::from("Optimus");
/// let spark = value!({ "name": name, "alive": true, "at": [1.5, (-2), null] });
/// assert_eq!(spark["at"][1].as_i64(), Some(-2));
/// assert!(spark["at"][7]["nothing"].is_null());
/// ```
#[macro_export]
macro_rules! value {
    (null) => { $crate::Value::Null };
    ([ $($element:tt),* $(,)? ]) => {
        $crate::Value::Array(::std::vec![$($crate::value!($element)),*])
    };
    ({ $($key:tt : $member:tt),* $(,)? }) => {
        $crate::Value::Object($crate::value::Object::from_iter([
            $((::std::string::String::from($key), $crate::value!($member))),*
        ] as [(::std::string::String, $crate::Value); _]))
    };
    ($other:expr) => { $crate::Value::from($other) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_null() {
        let value = value!({ "a": [1, { "b": "c" }] });
        assert_eq!(value["a"][1]["b"].as_str(), Some("c"));
        assert!(value["a"][2].is_null());
        assert!(value["x"]["y"][0].is_null());
        assert!(value["a"]["length"].is_null());
        assert_eq!(value.get("x"), None);
    }

    #[test]
    fn the_macro_writes_every_type() {
        let text = String::from("t");
        let value = value!({ "n": null, "t": text, "e": {}, "l": [], "x": (1 + 1), });
        let expected: Vec<(String, Value)> = vec![
            ("n".into(), Value::Null),
            ("t".into(), "t".into()),
            ("e".into(), Value::Object(Object::new())),
            ("l".into(), Value::Array(Vec::new())),
            ("x".into(), 2.into()),
        ];
        assert_eq!(value, Value::Object(expected.into_iter().collect()));
        assert_eq!(value!(true), Value::Bool(true));
    }

    #[test]
    fn an_accessor_gives_nothing_of_another_type() {
        let all = value!([null, true, 1, "s", [], {}]);
        let all = all.as_array().unwrap();
        assert_eq!(all.iter().filter_map(Value::as_bool).count(), 1);
        assert_eq!(all.iter().filter_map(Value::as_f64).count(), 1);
        assert_eq!(all.iter().filter_map(Value::as_i64).count(), 1);
        assert_eq!(all.iter().filter_map(Value::as_u64).count(), 1);
        assert_eq!(all.iter().filter_map(Value::as_str).count(), 1);
        assert_eq!(all.iter().filter_map(Value::as_bytes).count(), 0);
        assert_eq!(all.iter().filter_map(Value::as_array).count(), 1);
        assert_eq!(all.iter().filter_map(Value::as_object).count(), 1);
        assert_eq!(Value::Bytes(vec![7]).as_bytes(), Some(&[7][..]));
    }
}
