//! What can go wrong, by who has to do something about it: the options of the application, the
//! connection, a message.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use allspark_protocol::http::Misuse;
use allspark_protocol::parser::{EncodeError, UnknownParser};
use allspark_transformers::UnknownTransformer;

use super::url::UrlError;
use crate::core::{ClientError, UnknownStrategy};

/// An option that can't be what it was set to. Nothing was connected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// The URL.
    #[error("{url}: {error}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        error: UrlError,
    },
    /// The pathname holds something that does not belong into a path.
    #[error("the pathname {0:?} holds what no path can hold")]
    Pathname(String),
    /// No transformer has this name.
    #[error("{0}")]
    Transformer(#[from] UnknownTransformer),
    /// No parser has this name.
    #[error("{0}")]
    Parser(#[from] UnknownParser),
    /// No strategy has this name.
    #[error("{0}")]
    Strategy(#[from] UnknownStrategy),
    /// A number or time of an option makes no sense.
    #[error("the option `{name}` must be {expected}")]
    Range {
        /// The option.
        name: &'static str,
        /// What it must be, in words.
        expected: &'static str,
    },
    /// URL and pathname make no request.
    #[error("{0}")]
    Request(#[from] Misuse),
    /// The host of a secure URL is none that a certificate can be checked for.
    #[error("no certificate can be made out to the host {0:?}")]
    ServerName(String),
    /// There are no root certificates on this system. Set [`super::Builder::tls`].
    #[error("no root certificates were found: {0}")]
    Roots(String),
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    Random,
    /// A client is driven by a task, and there is no tokio runtime to run one.
    #[error("a client must be started within a tokio runtime")]
    Runtime,
}

impl From<Infallible> for OptionError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Why a client that was to be opened is not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// An option is wrong.
    #[error("{0}")]
    Option(#[from] OptionError),
    /// The server was not reached, and the strategy allows no further attempt. What went wrong
    /// last, if anything was said about it.
    #[error("could not connect: {}", .0.as_ref().map_or("no answer".to_owned(), Error::to_string))]
    Failed(#[source] Option<Error>),
}

/// What [`super::Event::Error`] tells.
#[derive(Clone, Debug)]
pub struct Error {
    pub(super) error: ClientError,
    pub(super) cause: Option<Arc<io::Error>>,
}

impl Error {
    /// What went wrong, as far as the protocol is concerned.
    pub fn client_error(&self) -> &ClientError {
        &self.error
    }

    /// What the system or TLS said about it, if it was about a connection.
    pub fn io_error(&self) -> Option<&io::Error> {
        self.cause.as_deref()
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{}: {cause}", self.error),
            None => write!(f, "{}", self.error),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// Why a message was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The parser has no message for it.
    #[error("{0}")]
    Encode(#[from] EncodeError),
    /// So much waits to be sent that only [`super::Writer::write`], which waits, takes more.
    #[error("too much waits to be sent")]
    Full,
    /// The client was destroyed, or its runtime is gone.
    #[error("the client is gone")]
    Gone,
}

/// What was asked for will not come: the connection was lost, or the client is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection was lost before the answer came")]
pub struct Lost;
