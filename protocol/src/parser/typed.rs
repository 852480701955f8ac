//! From a value to a type of the application and back, for parsers that build a value first.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DecodeError, EncodeError};
use crate::value::Value;

/// Turns a value into a type. The error says where in the message the type does not fit.
pub(super) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, DecodeError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let is_inside = error.path().iter().next().is_some();
        let place = is_inside.then(|| format!("{}: ", error.path()));
        let sentence = format!("{}{}", place.unwrap_or_default(), error.inner());
        DecodeError::Mismatch(shorten(sentence))
    })
}

/// Makes the value of a type.
pub(super) fn to_value<T: Serialize + ?Sized>(source: &T) -> Result<Value, EncodeError> {
    Value::from_serialize(source).map_err(|misfit| EncodeError::Serialize(misfit.to_string()))
}

/// A sentence about a message may quote it, and a message may be long.
fn shorten(mut sentence: String) -> String {
    if sentence.len() > MISMATCH_BYTES_MAX {
        sentence.truncate(sentence.floor_char_boundary(MISMATCH_BYTES_MAX));
        sentence.push('…');
    }
    sentence
}

/// Bytes up to which a sentence about a message quotes it: it goes into logs.
const MISMATCH_BYTES_MAX: usize = 300;
