//! What can go wrong between a message and a value, by who is at fault.

use thiserror::Error;

/// A received message that the parser does not understand. The peer is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// A byte that cannot stand where it stands.
    #[error("unexpected byte at offset {at}")]
    Unexpected {
        /// Bytes before it.
        at: usize,
    },
    /// The message ends in the middle of a value, or holds none.
    #[error("unexpected end of the message")]
    UnexpectedEnd,
    /// More levels of arrays and objects than [`crate::limits::VALUE_DEPTH_MAX`].
    #[error("nested too deeply at offset {at}")]
    TooDeep {
        /// Bytes before the level that is one too many.
        at: usize,
    },
    /// It came as text, and the parser knows binary messages alone.
    #[error("text where bytes are due")]
    NotBinary,
    /// It came as bytes, and the parser knows text alone.
    #[error("bytes where text is due")]
    NotText,
    /// It says what can't be, for instance a date that does not exist.
    #[error("{what}")]
    Refused {
        /// What can't be, as the parser puts it.
        what: &'static str,
    },
}

/// A message of which no value could be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The message is not valid: the peer is at fault.
    #[error("invalid message: {0}")]
    Invalid(#[from] ParseError),
    /// The text of the message is not UTF-8. The transport is at fault: it must refuse such a
    /// message.
    #[error("invalid message: text that is not UTF-8")]
    NotUtf8,
    /// The message is valid, but no message of the type that the application decodes it as. The
    /// sentence says where the message and the type differ.
    #[error("unexpected message: {0}")]
    Mismatch(String),
}

/// A value for which the parser has no message. The application is at fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The parser cannot express such a value.
    #[error("the parser `{parser}` cannot encode {what}")]
    Unsupported {
        /// The name of the parser.
        parser: &'static str,
        /// What the value is.
        what: &'static str,
    },
    /// The `Serialize` of the value failed, for instance on a map whose keys are no strings.
    #[error("the value cannot be serialized: {0}")]
    Serialize(String),
}
