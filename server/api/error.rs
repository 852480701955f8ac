//! What is wrong with a command: a word for programs, and a sentence for people.

use allspark::SparkError;
use serde::Serialize;

/// Characters of a message, at most.
const MESSAGE_CHARS_MAX: usize = 300;

/// Why a command is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct CommandError {
    /// `invalid` if it can't be understood or exceeds a bound; `unencodable`, `too_long`, `refused`
    /// (by a transform) and `reserved` if its message can't be written.
    pub(crate) code: &'static str,
    /// What is wrong, in one line.
    pub(crate) message: String,
}

impl CommandError {
    /// A message may quote what was asked, and is cut where that is long.
    pub(super) fn new(code: &'static str, message: impl ToString) -> Self {
        let message: String = message
            .to_string()
            .chars()
            .take(MESSAGE_CHARS_MAX)
            .collect();
        Self { code, message }
    }

    /// It can't be understood, or exceeds a bound.
    pub(super) fn invalid(reason: impl ToString) -> Self {
        Self::new("invalid", reason)
    }
}

impl From<SparkError> for CommandError {
    fn from(error: SparkError) -> Self {
        let code = match error {
            SparkError::TooLong => "too_long",
            SparkError::Transform(_) => "refused",
            SparkError::Reserved(_) => "reserved",
            _ => "unencodable",
        };
        Self::new(code, error)
    }
}
