//! The options that every transformer has, and the errors in options.

use std::borrow::Cow;

use allspark_protocol::limits::MESSAGE_BYTES_MAX_DEFAULT;
use allspark_protocol::options::{Bounded, MaxLength};
use allspark_protocol::primus::Pathname;

/// What every transformer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonOptions {
    /// The path under which the server is reached. Default `/primus`.
    pub pathname: Pathname,
    /// Bytes of the largest message, Primus's `maxLength`. Default 10 MiB.
    pub message_bytes_max: MaxLength,
    /// Whether messages may be compressed. Default false.
    pub compression: bool,
    /// What nobody outside may foresee: another number for each server that is started.
    pub seed: u64,
}

impl Default for CommonOptions {
    fn default() -> Self {
        Self {
            pathname: Pathname::default(),
            message_bytes_max: const { Bounded::of(MESSAGE_BYTES_MAX_DEFAULT as u64) },
            compression: false,
            seed: 0,
        }
    }
}

/// Why an option of a transport (Primus's `transport: { name: value }`) can't be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportOptionError {
    /// The transformer has no such option.
    #[error(
        "the transformer `{transformer}` has no transport option `{name}`; it has: {}",
        known.join(", ")
    )]
    Unknown {
        /// The transformer by name.
        transformer: &'static str,
        /// The name that was given.
        name: String,
        /// The names that there are.
        known: Cow<'static, [&'static str]>,
    },
    /// The value is not one that the option can have.
    #[error("the transport option `{name}` must be {expected}, not `{value}`")]
    Invalid {
        /// The option.
        name: &'static str,
        /// The value that was given.
        value: String,
        /// What it must be, in words.
        expected: &'static str,
    },
}

/// Reads the number of an option.
pub(crate) fn number<N: std::str::FromStr>(
    name: &'static str,
    value: &str,
    expected: &'static str,
) -> Result<N, TransportOptionError> {
    value.parse().map_err(|_| invalid(name, value, expected))
}

/// Reads the number of an option that has bounds, both included.
pub(crate) fn number_within<N: std::str::FromStr + PartialOrd>(
    name: &'static str,
    value: &str,
    range: std::ops::RangeInclusive<N>,
    expected: &'static str,
) -> Result<N, TransportOptionError> {
    let number = number(name, value, expected)?;
    match range.contains(&number) {
        true => Ok(number),
        false => Err(invalid(name, value, expected)),
    }
}

/// Reads the number of bytes of the longest message.
pub(crate) fn max_length(
    name: &'static str,
    value: &str,
) -> Result<MaxLength, TransportOptionError> {
    number(name, value, "a number of bytes from 1 to 536870912")
}

/// Reads the switch of an option.
pub(crate) fn switch(name: &'static str, value: &str) -> Result<bool, TransportOptionError> {
    number(name, value, "true or false")
}

/// The option can't have that value.
pub(crate) fn invalid(
    name: &'static str,
    value: &str,
    expected: &'static str,
) -> TransportOptionError {
    TransportOptionError::Invalid {
        name,
        value: value.to_owned(),
        expected,
    }
}
