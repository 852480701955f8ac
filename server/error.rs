//! Why there is no server, or no longer one.

use std::io;
use std::path::PathBuf;

use allspark_client::library::LibraryError;
use allspark_engine::{PluginError, ShardFailure, StartError};
use allspark_protocol::http::{CorsError, NetworkError};
use allspark_protocol::options::{OutOfBounds, UnknownChoice};
use allspark_protocol::parser::UnknownParser;
use allspark_protocol::primus::{PathnameError, PingIntervalError};
use allspark_transformers::{TransportOptionError, UnknownTransformer};

/// Why a server can't be built or started.
#[doc(alias = "PrimusError")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option has a value that means nothing.
    #[error("option `{name}`: {reason}")]
    Option {
        /// Which option, as [`Builder`](crate::Builder) calls it.
        name: &'static str,
        /// What is wrong with its value, and what is allowed.
        reason: OptionError,
    },
    /// A plugin can't be added.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The server can't be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server ran and has failed.
    #[error(transparent)]
    Failed(#[from] ShardFailure),
    /// Nobody can look whether the keys of authorization have changed.
    #[cfg(feature = "auth")]
    #[error("there can be no thread that watches keys: {0}")]
    Watch(String),
    /// The client library can't be saved. What was at that path before is still there.
    #[error("{}: {source}", path.display())]
    Save {
        /// Where it was to be saved.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is wrong with the value of an option, and what is allowed, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
#[non_exhaustive]
pub enum OptionError {
    /// No client could reach this pathname, or no one anything else.
    Pathname(#[from] PathnameError),
    /// There is no transformer of this name.
    Transformer(#[from] UnknownTransformer),
    /// The transformer has no such option, or not with this value.
    Transport(#[from] TransportOptionError),
    /// There is no parser of this name.
    Parser(#[from] UnknownParser),
    /// A parser of the application can't do without what Primus itself says.
    #[error("the parser `{parser}` does not read the pings that it writes")]
    NoControl {
        /// The name of the parser.
        parser: &'static str,
    },
    /// The messages of the parser are bytes, and no client of the transformer could get them.
    #[error("messages of `{parser}` are bytes, which the transformer `{transformer}` can't carry")]
    NoBytes {
        /// The name of the parser.
        parser: &'static str,
        /// The name of the transformer.
        transformer: &'static str,
    },
    /// No client could be pinged in this time.
    PingInterval(#[from] PingIntervalError),
    /// The number is too small or too large.
    Number(#[from] OutOfBounds),
    /// An option of CORS means nothing.
    Cors(#[from] CorsError),
    /// What is named is no network.
    Network(#[from] NetworkError),
    /// There is no such header, policy or other thing of a list.
    Choice(#[from] UnknownChoice),
    /// There can't be such a client library.
    Library(#[from] LibraryError),
    /// A file of keys, or a secret, can't be used.
    #[cfg(feature = "auth")]
    Authorization(#[from] crate::auth::KeyFileError),
    /// A file of TLS, or an option of it, can't be used.
    #[cfg(feature = "tls")]
    Tls(#[from] crate::tls::TlsError),
    /// There is a function and a configuration, and who would decide is not said.
    #[cfg(feature = "auth")]
    #[error("there is a function that authorizes, and tokens, keys or a URL, too: give only one")]
    AuthorizationTwice,
    /// No request has a header of this name.
    #[error("{0:?} is no header's name")]
    HeaderName(String),
}

impl Error {
    /// What is wrong with the option of this name.
    pub(crate) fn of<E: Into<OptionError>>(name: &'static str) -> impl FnOnce(E) -> Self {
        move |reason| Self::Option {
            name,
            reason: reason.into(),
        }
    }
}
