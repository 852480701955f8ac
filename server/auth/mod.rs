//! Authorization that is configured instead of written: who may connect is known by a static token,
//! a JSON Web Token, the signed cookie of an express or connect session, or because a URL of the
//! operator's says so. It stands where Primus's `authorization` function stands, in its place.
//!
//! | file | what it is |
//! |---|---|
//! | `options` | what an operator says |
//! | `sources` | where a request has its credential |
//! | `tokens`, `jwt`, `sessions` | the judges: text in, a verdict out |
//! | `verdict` | who somebody is, or why nobody may come in |
//! | `judges` | all judges of a server, asked in turn |
//! | `files` | secrets and keys, read from files and the environment |
//! | `ask`, `url` | the URL that is asked |
//! | `authorizer` | all of it, in the place of Primus's function |
//! | `attach`, `watch` | how a server has it: its layer, its sparks, its files |
//!
//! # Invariants
//! - A judge takes text and the time and touches nothing else: no socket, clock or file.
//! - No secret and no credential is ever part of an error, a log line or a debug output.
//! - A credential is compared in a time that tells nothing of the right one.
//! - Whatever can't be judged is refused.

mod ask;
mod attach;
mod authorizer;
mod files;
mod judges;
mod jwt;
mod options;
mod sessions;
mod sources;
mod tokens;
mod url;
mod verdict;
mod watch;

pub use crate::secret::Secret;
pub use attach::Authorized;
pub(crate) use attach::{connected, decide, renew};
pub(crate) use authorizer::Authorizer;
pub use files::KeyFileError;
pub use judges::Judges;
pub use jwt::{JwtAlgorithm, UnknownJwtAlgorithm};
pub use options::{AuthorizationOptions, Expiry, LeewayS, UrlAtOnce, UrlCacheMs, UrlTimeoutMs};
pub use sessions::SessionKind;
pub use sources::{Source, SourceError, Sources};
pub use url::{AuthUrl, AuthUrlError, HeaderNames, HeaderNamesError};
pub use verdict::{Auth, ClaimsError, Method, Reason, Refusal};
pub(crate) use watch::Watch;
