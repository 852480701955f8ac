//! What can go wrong with one spark.

use std::error::Error;
use std::io;

use allspark_protocol::parser::{EncodeError, ParseError};

/// Who can do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The client, or whoever wrote it: it sent something that it must not, or takes too long.
    Client,
    /// The application: it wrote something that can't be written, or refused something itself.
    Application,
    /// Something between the two. Nobody did anything wrong; clients reconnect by themselves.
    Network,
}

/// An error of one spark. [`SparkError::fault`] says who can do something about it, and
/// [`SparkError::ends_spark`] whether the spark goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SparkError {
    /// The client sent something that is no value of the parser. It was dropped; the spark stays.
    #[doc(alias = "ParserError")]
    #[error("the message is no value of the parser: {0}")]
    Parse(ParseError),
    /// The application wrote something that the parser can't express. The spark stays.
    #[doc(alias = "ParserError")]
    #[error("the message can't be encoded: {0}")]
    Encode(EncodeError),
    /// The application wrote a message that no frame can hold: 2 GiB, as its transport writes it.
    /// The spark stays.
    #[error("the message is too long to be sent")]
    TooLong,
    /// A transform of the application has refused a message, or one that it made of it can't be
    /// encoded. The message was dropped; the spark stays.
    #[error("a transform failed: {0}")]
    Transform(Box<dyn Error + Send + Sync>),
    /// The application emitted an event whose name Primus uses itself. It was not written; the
    /// spark stays.
    #[error("{0:?} is an event of Primus itself")]
    Reserved(String),
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
    /// The client sends more than it may, and [`crate::RatePolicy::End`] is the policy. The spark
    /// ends.
    #[error("the client sends more than it may")]
    Flood,
    /// The connection broke. The spark ends.
    #[error("the connection broke: {0}")]
    Io(io::Error),
}

impl SparkError {
    /// Who can do something about it.
    ///
    /// ```
    /// use allspark_engine::{Fault, SparkError};
    ///
    /// fn count(error: &SparkError) -> &'static str {
    ///     match error.fault() {
    ///         Fault::Application => "our own mistakes",
    ///         _ => "what clients and networks do",
    ///     }
    /// }
    /// # assert_eq!(count(&SparkError::TooLong), "our own mistakes");
    /// ```
    pub fn fault(&self) -> Fault {
        match self {
            Self::Parse(_) | Self::Violation(_) | Self::Overflow | Self::Flood => Fault::Client,
            Self::Encode(_)
            | Self::TooLong
            | Self::Transform(_)
            | Self::Reserved(_)
            | Self::Listener(_)
            | Self::Ended => Fault::Application,
            Self::Io(_) => Fault::Network,
        }
    }

    /// Whether the spark ends with it. Otherwise a message was lost, and the spark goes on.
    pub fn ends_spark(&self) -> bool {
        match self {
            Self::Violation(_)
            | Self::Overflow
            | Self::Flood
            | Self::Io(_)
            | Self::Listener(_)
            | Self::Ended => true,
            Self::Parse(_)
            | Self::Encode(_)
            | Self::TooLong
            | Self::Transform(_)
            | Self::Reserved(_) => false,
        }
    }
}
