//! What is sent of a span.

use super::context::Context;

/// Bytes of a text in a span.
pub(super) const TEXT_BYTES_MAX: usize = 256;

/// A span that has ended.
pub(super) struct Ended {
    pub(super) context: Context,
    pub(super) parent: Option<u64>,
    pub(super) state: Option<Box<str>>,
    pub(super) name: &'static str,
    pub(super) begun_ns: u64,
    pub(super) ended_ns: u64,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) error: Option<Box<str>>,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(Box<str>),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text[..text.floor_char_boundary(TEXT_BYTES_MAX)].into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
