//! What can go wrong with one spark.

use std::io;

use allspark_protocol::parser::{EncodeError, ParseError};

/// An error of one spark, by who is at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SparkError {
    /// The client sent something that is no value of the parser. It was dropped; the spark stays.
    #[error("the message is no value of the parser: {0}")]
    Parse(ParseError),
    /// The application wrote something that the parser can't express. The spark stays.
    #[error("the message can't be encoded: {0}")]
    Encode(EncodeError),
    /// The application wrote a message that no frame can hold: 2 GiB, as its transport writes it.
    /// The spark stays.
    #[error("the message is too long to be sent")]
    TooLong,
    /// The client broke a rule or a limit of the transport. The spark ends.
    #[error("the client broke a rule of the transport: {0}")]
    Violation(&'static str),
    /// A `connection` listener that is `async`, or a function that was given the spark's stream,
    /// failed with this. The spark ends, and its client does not reconnect, as in Primus.
    #[error("a listener failed: {0}")]
    Listener(String),
    /// The application wrote to a spark that has ended.
    #[error("the spark has ended")]
    Ended,
    /// The client reads too slowly and its send queue is full. The spark ends.
    #[error("the send queue is full")]
    Overflow,
    /// The connection broke. The spark ends.
    #[error("the connection broke: {0}")]
    Io(io::Error),
}
