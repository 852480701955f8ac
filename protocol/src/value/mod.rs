//! A value of any type: what a message means, and what an application can write without a type of
//! its own.
//!
//! It is what JavaScript has, seen from JSON, plus bytes for the binary parsers, and what some
//! parsers know beyond that ([`Extended`]). Looking up what is not there gives [`Value::Null`], as
//! `undefined` would, and never panics.
//!
//! # Invariants
//! - Integers that fit an `i64` or `u64` are exact.
//! - The keys of an object are distinct and keep their order.

mod convert;
mod date;
mod deserialize;
mod deserializer;
mod extended;
mod misfit;
mod number;
mod serialize;
mod serializer;
mod unite;

use std::fmt;
use std::ops::Index;

pub use date::Date;
pub use misfit::Misfit;
pub use number::Number;

use unite::unite;

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
    /// What only some parsers know: a date, a regular expression, or a type of the application.
    Extended(Box<Extended>),
}

/// Values by name, in the order in which they were put in. Look-up walks the members: objects of
/// messages are small. Two objects with the same members in another order are equal.
#[derive(Clone, Default)]
pub struct Object {
    members: Vec<(String, Value)>,
}

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

    /// The moment, if it is a date. Only the parsers `ejson` and `msgpack` know dates.
    pub fn as_date(&self) -> Option<Date> {
        match self {
            Self::Extended(extended) => match **extended {
                Extended::Date(date) => Some(date),
                _ => None,
            },
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
            Self::Extended(extended) => extended.type_name(),
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

impl Object {
    /// An object without members.
    pub const fn new() -> Self {
        Self {
            members: Vec::new(),
        }
    }

    /// How many members there are.
    pub const fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The member of that name.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let (_, value) = self.members.iter().find(|(name, _)| name == key)?;
        Some(value)
    }

    /// The member of that name, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let (_, value) = self.members.iter_mut().find(|(name, _)| name == key)?;
        Some(value)
    }

    /// Sets a member and returns what it was before. A new one comes last.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        if let Some(member) = self.get_mut(&key) {
            return Some(std::mem::replace(member, value));
        }
        self.members.push((key, value));
        None
    }

    /// Takes a member out. Those after it move up.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.members.iter().position(|(name, _)| name == key)?;
        Some(self.members.remove(at).1)
    }

    /// The members in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.members.iter().map(|(key, value)| (&**key, value))
    }

    fn sorted(&self) -> Vec<(&str, &Value)> {
        let mut members: Vec<_> = self.iter().collect();
        members.sort_unstable_by_key(|(key, _)| *key);
        members
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && if self
                .iter()
                .map(|(key, _)| key)
                .eq(other.iter().map(|(key, _)| key))
            {
                self.iter().eq(other.iter())
            } else {
                self.sorted() == other.sorted()
            }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(String, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Self {
        Self::from(Vec::from_iter(members))
    }
}

impl From<Vec<(String, Value)>> for Object {
    /// Of several members with one name, the value of the last stands in the place of the first,
    /// as in JavaScript.
    fn from(mut members: Vec<(String, Value)>) -> Self {
        unite(&mut members);
        Self { members }
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
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
mod tests;
