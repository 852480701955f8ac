//! What an operator says about authorization.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use allspark_protocol::options::{self, Bounded, UnknownChoice};
use serde::{Deserialize, Deserializer};

use super::jwt::JwtAlgorithm;
use super::sessions::SessionKind;
use super::sources::Sources;
use super::url::{AuthUrl, HeaderNames};
use crate::secret::Secret;

/// Seconds by which the clocks of issuer and server may differ: from 0 to an hour.
pub type LeewayS = Bounded<0, { 60 * 60 }>;

/// Milliseconds that a URL may take: from 1 to a minute.
pub type UrlTimeoutMs = Bounded<1, { 60 * 1000 }>;

/// Requests that a URL may get at once: from 1 to 256, each of which is a thread.
pub type UrlAtOnce = Bounded<1, 256>;

/// Milliseconds for which an answer counts: from 0 to an hour.
pub type UrlCacheMs = Bounded<0, { 60 * 60 * 1000 }>;

/// Milliseconds that a URL may take unless somebody says otherwise: half as long as npm's client
/// waits for its connection.
const URL_TIMEOUT_MS_DEFAULT: u64 = 5_000;

/// Requests that it may get at once unless somebody says otherwise.
const URL_AT_ONCE_DEFAULT: u64 = 16;

/// Milliseconds for which its answer counts unless somebody says otherwise: clients that poll are
/// asked about with each request.
const URL_CACHE_MS_DEFAULT: u64 = 10_000;

/// Seconds by which clocks may differ unless somebody says otherwise.
const LEEWAY_S_DEFAULT: u64 = 60;

/// Who may connect. Without any token, key, secret or URL everybody may, as in Primus without an
/// `authorization` function. With several, a client needs one of them.
///
/// Serde reads them by the names of the command line without `auth-`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuthorizationOptions {
    /// Where a request has its credential. Default `bearer,query:token`.
    pub sources: Sources,
    /// A file of static tokens: one per line, or `sha256:` and its digest, and behind it who has
    /// it.
    #[serde(deserialize_with = "path")]
    pub tokens_file: Option<PathBuf>,
    /// Static tokens, as such a file has them.
    pub tokens: Option<Secret>,
    /// A file that holds the secret of JWTs (HS256, HS384, HS512): all of it but a line's end.
    #[serde(deserialize_with = "path")]
    pub jwt_secret_file: Option<PathBuf>,
    /// The secret itself.
    pub jwt_secret: Option<Secret>,
    /// A file that holds a public key in PEM format (RSA, P-256, P-384, Ed25519).
    #[serde(deserialize_with = "path")]
    pub jwt_key_file: Option<PathBuf>,
    /// A file that holds a set of keys (JWKS, RFC 7517).
    #[serde(deserialize_with = "path")]
    pub jwks_file: Option<PathBuf>,
    /// Which algorithms keys may be used with. Default: RS256, ES256, ES384, EdDSA and HS256, each
    /// with the keys that it is for, or what a key of a set names.
    #[serde(deserialize_with = "algorithms")]
    pub jwt_algorithms: Vec<JwtAlgorithm>,
    /// Who may have issued a JWT (`iss`). Default: anybody who has a key.
    #[serde(deserialize_with = "names")]
    pub jwt_issuer: Vec<String>,
    /// For whom it must be (`aud`). Default: for nobody, so that one that names an audience is
    /// refused.
    #[serde(deserialize_with = "names")]
    pub jwt_audience: Vec<String>,
    /// Seconds by which clocks may differ. Default 60.
    pub jwt_leeway: LeewayS,
    /// Whether a JWT must say when it expires (`exp`). Default true: one that counts for ever can't
    /// be taken back but with its key, which takes back all of them.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub jwt_require_exp: bool,
    /// A file of the secrets of session cookies, one per line, the newest first.
    #[serde(deserialize_with = "path")]
    pub session_secrets_file: Option<PathBuf>,
    /// Those secrets, with line ends between them.
    pub session_secrets: Option<Secret>,
    /// Who signs those cookies. Default `express`.
    #[serde(deserialize_with = "options::deserialize")]
    pub session_kind: SessionKind,
    /// The cookie's name. Default: `connect.sid`, and `session` for `cookie-session`.
    #[serde(deserialize_with = "cookie_name")]
    pub session_cookie: Option<String>,
    /// A URL that is asked about who has no other credential. Default none.
    #[serde(deserialize_with = "url")]
    pub url: Option<AuthUrl>,
    /// Milliseconds after which it is given up. Default 5,000.
    pub url_timeout: UrlTimeoutMs,
    /// How many requests it may get at once. Default 16.
    pub url_at_once: UrlAtOnce,
    /// Milliseconds for which an answer counts. Default 10,000.
    pub url_cache: UrlCacheMs,
    /// Which headers of a request it is told. Default `authorization,cookie`.
    pub url_headers: HeaderNames,
    /// What happens to a spark whose credential expires. Default [`Expiry::End`].
    #[serde(deserialize_with = "options::deserialize")]
    pub expiry: Expiry,
}

impl Default for AuthorizationOptions {
    fn default() -> Self {
        Self {
            sources: Sources::default(),
            tokens_file: None,
            tokens: None,
            jwt_secret_file: None,
            jwt_secret: None,
            jwt_key_file: None,
            jwks_file: None,
            jwt_algorithms: Vec::new(),
            jwt_issuer: Vec::new(),
            jwt_audience: Vec::new(),
            jwt_leeway: Bounded::of(LEEWAY_S_DEFAULT),
            jwt_require_exp: true,
            session_secrets_file: None,
            session_secrets: None,
            session_kind: SessionKind::default(),
            session_cookie: None,
            url: None,
            url_timeout: Bounded::of(URL_TIMEOUT_MS_DEFAULT),
            url_at_once: Bounded::of(URL_AT_ONCE_DEFAULT),
            url_cache: Bounded::of(URL_CACHE_MS_DEFAULT),
            url_headers: HeaderNames::default(),
            expiry: Expiry::default(),
        }
    }
}

impl AuthorizationOptions {
    /// Whether not everybody may connect.
    pub fn is_on(&self) -> bool {
        self.takes_tokens() || self.takes_jwt() || self.takes_sessions() || self.url.is_some()
    }

    /// The files that keys are read from.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = [
            &self.tokens_file,
            &self.jwt_secret_file,
            &self.jwt_key_file,
            &self.jwks_file,
            &self.session_secrets_file,
        ];
        files.into_iter().flatten().map(PathBuf::as_path)
    }

    pub(super) fn takes_tokens(&self) -> bool {
        self.tokens.is_some() || self.tokens_file.is_some()
    }

    pub(super) fn takes_jwt(&self) -> bool {
        let files = [&self.jwt_secret_file, &self.jwt_key_file, &self.jwks_file];
        self.jwt_secret.is_some() || files.into_iter().any(Option::is_some)
    }

    pub(super) fn takes_sessions(&self) -> bool {
        self.session_secrets.is_some() || self.session_secrets_file.is_some()
    }
}

/// What happens to a spark whose credential expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expiry {
    /// It ends, and its client does not reconnect: `end` is what the page sees.
    #[default]
    End,
    /// It ends, and its client reconnects, with the cookie or the query that it has by then.
    Reconnect,
    /// A minute before, or halfway if it counts for less than two, the server writes
    /// `{"authorization":"refresh","expires":<ms since 1970>}`, so that the page can get a new
    /// credential and send it (`primus::authorization::<credential>`). If it does not, as
    /// [`Expiry::Reconnect`].
    Refresh,
    /// Nothing: the credential only had to be valid when the spark came.
    Ignore,
}

const EXPIRIES: &[(&str, Expiry)] = &[
    ("end", Expiry::End),
    ("reconnect", Expiry::Reconnect),
    ("refresh", Expiry::Refresh),
    ("ignore", Expiry::Ignore),
];

impl FromStr for Expiry {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        options::choose(text, EXPIRIES)
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = EXPIRIES.iter().find(|(_, expiry)| expiry == self);
        f.write_str(named.expect("every one has a name").0)
    }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    options::read(deserializer, |text| match text {
        path if path.is_empty() || path.contains(char::is_control) => Err("it names no file"),
        path => Ok(Some(PathBuf::from(path))),
    })
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<AuthUrl>, D::Error> {
    options::read(deserializer, |text| text.parse().map(Some))
}

fn cookie_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    options::read(
        deserializer,
        |text| match allspark_protocol::http::is_token(text.as_bytes()) {
            true => Ok(Some(text.to_owned())),
            false => Err(format!("{text:?} is no name of a cookie")),
        },
    )
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let list = options::list(deserializer, |list| match list.contains(char::is_control) {
        true => Err(format!("{list:?} is no list of names")),
        false => Ok(()),
    })?;
    Ok(elements(&list).map(str::to_owned).collect())
}

fn algorithms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<JwtAlgorithm>, D::Error> {
    let read = |list: &str| {
        elements(list)
            .map(str::parse)
            .collect::<Result<Vec<_>, _>>()
    };
    let list = options::list(deserializer, read)?;
    Ok(read(&list).expect("it was checked"))
}

fn elements(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|element| !element.is_empty())
}
