//! Where a request has its credential.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use allspark_plugins::express_session::cookie_in;
use allspark_protocol::http::{RequestHead, is_token};
use serde::{Deserialize, Deserializer};

/// Bytes of the longest credential that is looked at. A JWT with a page of claims has a few
/// thousand; proxies allow no longer headers either.
pub(super) const CREDENTIAL_BYTES_MAX: usize = 8 * 1024;

/// One place of a request in which a credential may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// `Authorization: Bearer <credential>` (RFC 6750, 2.1).
    Bearer,
    /// The whole value of a header.
    Header(String),
    /// A parameter of the query string, for browsers, which can set no headers of WebSockets.
    Query(String),
    /// A cookie.
    Cookie(String),
}

/// Where credentials are looked for, in this order: the first place that has one counts. Written as
/// a list: `bearer`, `header:NAME`, `query:NAME`, `cookie:NAME`. Default `bearer,query:token`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources(Vec<Source>);

/// A list of places that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no place of a credential: write bearer, header:NAME, query:NAME or cookie:NAME")]
pub struct SourceError(String);

/// What a request has in a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'r> {
    Nothing,
    /// Something that can be no credential: too long, or twice.
    Unusable,
    Credential(Cow<'r, str>),
}

impl Sources {
    /// The places, in order.
    pub fn places(&self) -> &[Source] {
        &self.0
    }

    /// The first credential of a request.
    pub(super) fn find<'r>(&self, head: &RequestHead<'r>) -> Found<'r> {
        for source in &self.0 {
            match source.find(head) {
                Found::Nothing => {}
                found => return found,
            }
        }
        Found::Nothing
    }

    /// Whether `Authorization: Bearer` is one of the places.
    pub(super) fn take_bearer(&self) -> bool {
        self.0.contains(&Source::Bearer)
    }
}

impl Default for Sources {
    fn default() -> Self {
        Self(vec![Source::Bearer, Source::Query("token".to_owned())])
    }
}

impl FromStr for Sources {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let places = text.split([',', ' ']).filter(|place| !place.is_empty());
        let sources: Result<Vec<_>, _> = places.map(Source::from_str).collect();
        match sources?.as_slice() {
            [] => Err(SourceError(text.to_owned())),
            sources => Ok(Self(sources.to_vec())),
        }
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let (place, name) = text.split_once(':').unwrap_or((text, ""));
        match (place.to_ascii_lowercase().as_str(), name) {
            ("bearer", "") => Ok(Self::Bearer),
            ("header", name) if is_token(name.as_bytes()) => Ok(Self::Header(name.to_owned())),
            ("query", name) if !name.is_empty() => Ok(Self::Query(name.to_owned())),
            ("cookie", name) if is_token(name.as_bytes()) => Ok(Self::Cookie(name.to_owned())),
            _ => Err(SourceError(text.to_owned())),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer => f.write_str("bearer"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Query(name) => write!(f, "query:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
        }
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<String> = self.0.iter().map(Source::to_string).collect();
        f.write_str(&places.join(","))
    }
}

impl<'de> Deserialize<'de> for Sources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = allspark_protocol::options::list(deserializer, Self::from_str)?;
        Ok(text.parse().expect("it was checked"))
    }
}

impl Source {
    fn find<'r>(&self, head: &RequestHead<'r>) -> Found<'r> {
        match self {
            Self::Bearer => match only(head, "authorization") {
                Only::One(value) => bearer(value).map_or(Found::Nothing, usable),
                Only::Several => Found::Unusable,
                Only::None => Found::Nothing,
            },
            Self::Header(name) => match only(head, name) {
                Only::One(value) => usable(value.into()),
                Only::Several => Found::Unusable,
                Only::None => Found::Nothing,
            },
            Self::Query(name) => match head.query().fields().find(|field| field.is(name)) {
                // Not decoded before it is known how long it is.
                Some(field) if field.value.len() > 3 * CREDENTIAL_BYTES_MAX => Found::Unusable,
                Some(field) => usable(field.value()),
                None => Found::Nothing,
            },
            Self::Cookie(name) => match cookie(head, name) {
                Some(value) => usable(value.into()),
                None => Found::Nothing,
            },
        }
    }
}

fn usable(credential: Cow<'_, str>) -> Found<'_> {
    match credential.len() {
        0 => Found::Nothing,
        1..=CREDENTIAL_BYTES_MAX => Found::Credential(credential),
        _ => Found::Unusable,
    }
}

enum Only<'r> {
    None,
    One(&'r str),
    Several,
}

/// The value of a header that may stand only once: of two, who stands between client and server may
/// have looked at the other one.
fn only<'r>(head: &RequestHead<'r>, name: &str) -> Only<'r> {
    let mut values = head
        .headers()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (None, _) => Only::None,
        (Some(_), Some(_)) => Only::Several,
        (Some(value), None) => match std::str::from_utf8(value) {
            Ok(value) => Only::One(value),
            Err(_) => Only::Several,
        },
    }
}

fn bearer(value: &str) -> Option<Cow<'_, str>> {
    let (scheme, credential) = value.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    is_bearer.then(|| credential.trim_matches(' ').into())
}

/// The value of a cookie, as it was sent. Of two with one name the first counts, as in the npm
/// package `cookie`: browsers send the one with the longest path first.
pub(super) fn cookie<'r>(head: &RequestHead<'r>, name: &str) -> Option<&'r str> {
    let mut lines = head
        .headers()
        .filter(|(header, _)| header.eq_ignore_ascii_case("cookie"))
        .filter_map(|(_, value)| std::str::from_utf8(value).ok());
    lines.find_map(|line| cookie_in(line, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(sources: &str, lines: &str) -> Option<String> {
        let head = format!("GET {lines}\r\n\r\n").replace('\n', "\r\n");
        let head = head.replace("\r\r", "\r");
        let head = RequestHead::parse(head.as_bytes()).unwrap();
        match sources.parse::<Sources>().unwrap().find(&head) {
            Found::Credential(text) => Some(text.into_owned()),
            Found::Nothing => None,
            Found::Unusable => Some("unusable".to_owned()),
        }
    }

    const HEAD: &str = "/primus?token=q%2B+q&token=second HTTP/1.1\nHost: a\n\
        Authorization: bEaRer  abc \nX-Key: k\nCookie: a=1; t=c\nCookie: t=d; \"q\"=\"r\"";

    #[test]
    fn the_first_place_that_has_a_credential_counts() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(find("bearer,query:token", HEAD), some("abc"));
        assert_eq!(find("query:token bearer", HEAD), some("q+ q"));
        assert_eq!(find("header:x-key", HEAD), some("k"));
        assert_eq!(find("cookie:t", HEAD), some("c"));
        assert_eq!(find("cookie:T,header:none,query:x", HEAD), None);
    }

    #[test]
    fn what_is_ambiguous_or_too_long_is_no_credential() {
        let twice = "/ HTTP/1.1\nHost: a\nAuthorization: Bearer a\nauthorization: Bearer b";
        assert_eq!(find("bearer", twice).as_deref(), Some("unusable"));
        let basic = "/ HTTP/1.1\nHost: a\nAuthorization: Basic abc";
        assert_eq!(find("bearer", basic), None);
        let empty = "/?token= HTTP/1.1\nHost: a\nAuthorization: Bearer ";
        assert_eq!(find("bearer,query:token", empty), None);
        let long = format!("/ HTTP/1.1\nHost: a\nX: {}", "x".repeat(9000));
        assert_eq!(find("header:x", &long).as_deref(), Some("unusable"));
    }

    #[test]
    fn a_list_of_places_is_read_and_written() {
        let text = "bearer,header:X-Key,query:token,cookie:t";
        assert_eq!(text.parse::<Sources>().unwrap().to_string(), text);
        assert_eq!(Sources::default().to_string(), "bearer,query:token");
        for wrong in [
            "",
            ",",
            "basic",
            "bearer:x",
            "header",
            "header:",
            "query:",
            "cookie:a b;",
            "header:a:b",
        ] {
            assert!(wrong.parse::<Sources>().is_err(), "{wrong}");
        }
    }
}
