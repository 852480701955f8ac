//! The URL that is asked, and which headers it is told.

use std::fmt;
use std::str::FromStr;

use allspark_protocol::http::is_token;
use allspark_protocol::options;
use serde::{Deserialize, Deserializer};
use ureq::http::Uri;

use crate::asked_url::{self, Wrong};

/// A URL that says who may connect, `http://..` or `https://..`.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthUrl(Uri);

/// A text that can't be asked. It is not quoted, as a URL may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthUrlError {
    /// It is none.
    #[error("it is no URL such as http://127.0.0.1:3000/authorize")]
    Malformed,
    /// Flags are seen by everybody on the machine.
    #[error("it holds a name and a password, which everybody on this machine could see")]
    Password,
}

impl AuthUrl {
    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }
}

impl FromStr for AuthUrl {
    type Err = AuthUrlError;

    fn from_str(text: &str) -> Result<Self, AuthUrlError> {
        asked_url::read(text)
            .map(Self)
            .map_err(|wrong| match wrong {
                Wrong::Malformed => AuthUrlError::Malformed,
                Wrong::Password => AuthUrlError::Password,
            })
    }
}

/// Without what may be a secret.
impl fmt::Display for AuthUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        asked_url::show(&self.0, f)
    }
}

impl fmt::Debug for AuthUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthUrl({self})")
    }
}

/// Names of headers of requests, in any case. Default `authorization,cookie`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderNames(Vec<String>);

/// A list of names that can't be those of headers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no header's name: write them as in authorization,cookie")]
pub struct HeaderNamesError(String);

/// Headers that say where a message ends, or that concern one connection: they are never passed on.
const OF_CONNECTIONS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-uri",
];

impl HeaderNames {
    /// Whether this one is among them.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|other| other.eq_ignore_ascii_case(name))
    }
}

impl Default for HeaderNames {
    fn default() -> Self {
        Self(vec!["authorization".to_owned(), "cookie".to_owned()])
    }
}

impl FromStr for HeaderNames {
    type Err = HeaderNamesError;

    fn from_str(text: &str) -> Result<Self, HeaderNamesError> {
        let names = text.split([',', ' ']).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(str::to_ascii_lowercase).collect();
        let is_wrong =
            |name: &&String| !is_token(name.as_bytes()) || OF_CONNECTIONS.contains(&name.as_str());
        match names.iter().find(is_wrong) {
            Some(wrong) => Err(HeaderNamesError(wrong.clone())),
            None => Ok(Self(names)),
        }
    }
}

impl<'de> Deserialize<'de> for HeaderNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = options::list(deserializer, Self::from_str)?;
        Ok(list.parse().expect("it was checked"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_one_that_can_be_asked_and_is_shown_without_its_query() {
        let url: AuthUrl = "https://a.example:8443/x?key=hush".parse().unwrap();
        assert_eq!(url.to_string(), "https://a.example:8443/x");
        assert!(!format!("{url:?}").contains("hush"));
        for (text, expected) in [
            ("", AuthUrlError::Malformed),
            ("/x", AuthUrlError::Malformed),
            ("a.example/x", AuthUrlError::Malformed),
            ("ftp://a.example", AuthUrlError::Malformed),
            ("http://", AuthUrlError::Malformed),
            ("http://a b/", AuthUrlError::Malformed),
            ("http://ann:hush@a.example/", AuthUrlError::Password),
        ] {
            assert_eq!(text.parse::<AuthUrl>().unwrap_err(), expected, "{text}");
        }
        assert!(!AuthUrlError::Password.to_string().contains("hush"));
    }

    #[test]
    fn headers_of_one_connection_are_not_passed_on() {
        let names: HeaderNames = "Cookie, X-Key".parse().unwrap();
        assert!(names.has("COOKIE") && names.has("x-key") && !names.has("authorization"));
        assert!("".parse::<HeaderNames>().is_ok());
        for wrong in ["a:b", "host", "X-Forwarded-For", "a\u{e9}"] {
            assert!(wrong.parse::<HeaderNames>().is_err(), "{wrong}");
        }
    }
}
