//! What is said about traces.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use allspark_protocol::http::is_token;
use allspark_protocol::options;
use serde::{Deserialize, Deserializer};
use ureq::http::{HeaderValue, Uri};

use crate::asked_url::{self, Wrong};

/// The section `[trace]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct TraceOptions {
    /// Where the collector is; `None`: nothing is traced.
    #[serde(default, deserialize_with = "some")]
    pub(super) url: Option<TraceUrl>,
    /// Headers for it.
    #[serde(default, rename = "headers-file", deserialize_with = "some")]
    headers_file: Option<FilePath>,
    /// How many of the traces that begin here are recorded.
    #[serde(deserialize_with = "options::deserialize")]
    pub(super) sample: Sample,
    /// Whether clients may say that theirs are.
    #[serde(
        rename = "trust-parents",
        deserialize_with = "options::deserialize_switch"
    )]
    pub(super) trust_parents: bool,
    /// The name of this server.
    #[serde(rename = "service-name", deserialize_with = "options::deserialize")]
    pub(super) service_name: ServiceName,
}

fn some<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    options::deserialize(deserializer).map(Some)
}

impl TraceOptions {
    /// The headers, read from their file.
    ///
    /// # Errors
    /// It can't be read, or a line is no header; its text, which is a secret, is not told.
    pub(super) fn headers(&self) -> Result<Vec<(String, String)>, String> {
        let Some(FilePath(path)) = &self.headers_file else {
            return Ok(Vec::new());
        };
        let wrong = |what: String| format!("trace-headers-file: {}: {what}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let mut headers = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let header = line
                .split_once(':')
                .map(|(name, value)| (name.trim(), value.trim()));
            match header {
                Some((name, value))
                    if is_token(name.as_bytes()) && HeaderValue::from_str(value).is_ok() =>
                {
                    headers.push((name.to_owned(), value.to_owned()));
                }
                _ => return Err(wrong(format!("line {} is no header", number + 1))),
            }
        }
        Ok(headers)
    }
}

/// A URL that takes spans.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct TraceUrl(Uri);

impl TraceUrl {
    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }

    pub(super) fn is_secure(&self) -> bool {
        asked_url::is_https(&self.0)
    }
}

impl FromStr for TraceUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        asked_url::read(text).map(Self).map_err(|wrong| match wrong {
            Wrong::Malformed => "it is no URL such as http://127.0.0.1:4318/v1/traces",
            Wrong::Password => {
                "it holds a name and a password, which everybody on this machine could see: write \
                 a header into trace-headers-file"
            }
        })
    }
}

/// Without a query, which may hold a secret.
impl fmt::Display for TraceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        asked_url::show(&self.0, f)
    }
}

impl fmt::Debug for TraceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceUrl({self})")
    }
}

/// A part of all, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample(u32);

impl Sample {
    pub(super) fn ratio(self) -> f64 {
        f64::from(self.0) / 1e6
    }
}

impl FromStr for Sample {
    type Err = &'static str;

    /// `1%`, or `0.01`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "it has to be a part of all from 0 to 1, as in 0.01, or 1%";
        let (number, scale) = match text.strip_suffix('%') {
            Some(number) => (number, 1e4),
            None => (text, 1e6),
        };
        let number: f64 = number.trim().parse().map_err(|_| WRONG)?;
        let millionths = number * scale;
        match (0.0..=1e6).contains(&millionths) {
            // It is in the range of the type.
            true => Ok(Self(millionths.ceil() as u32)),
            false => Err(WRONG),
        }
    }
}

/// What cannot be a path is refused when it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FilePath(PathBuf);

impl FromStr for FilePath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.is_empty() || text.contains(char::is_control) {
            true => Err("it has to be a path"),
            false => Ok(Self(text.into())),
        }
    }
}

/// A name that is told to the collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceName(String);

impl std::ops::Deref for ServiceName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.is_empty() || text.len() > 255 || text.contains(char::is_control) {
            true => Err("it has to be a name of 1 to 255 bytes"),
            false => Ok(Self(text.to_owned())),
        }
    }
}
