//! The error between values and types.

use std::fmt::Display;

use thiserror::Error;

/// A value and a type do not fit each other. The sentence is serde's, or the type's own.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Misfit(String);

impl Misfit {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl serde::ser::Error for Misfit {
    fn custom<T: Display>(sentence: T) -> Self {
        Self(sentence.to_string())
    }
}

impl serde::de::Error for Misfit {
    fn custom<T: Display>(sentence: T) -> Self {
        Self(sentence.to_string())
    }
}
