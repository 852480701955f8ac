//! The options, with the names and defaults of Primus, and what their values can be.

use serde::{Deserialize, Deserializer};

use super::super::fields::is_token;
use super::origins::origin;
use crate::options;

/// What scripts of other origins may do. Origins and methods are separated by commas, spaces or
/// both, headers by commas. What serde reads was checked, as [`Cors::new`](super::Cors::new) does;
/// its names are those of the command line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CorsOptions {
    /// `origins`: those that are allowed, as browsers write them and in any case (`https://a.b`,
    /// `http://a.b:8080`), or `*` for all of them. Default `*`. An empty list allows none. The
    /// server's own origin is one like any other, and `null` can't be listed, as every site can
    /// send it.
    #[serde(deserialize_with = "origin_list")]
    pub origins: String,
    /// Whether `origins` is asked of upgrades, too, as soon as it is not `*`. Default true. Primus
    /// does not ask them, which false gives back: then any page that a person visits can open a
    /// WebSocket to this server with that person's cookies, and read what it is sent.
    #[serde(
        rename = "origins-upgrades",
        deserialize_with = "options::deserialize_switch"
    )]
    pub upgrades: bool,
    /// `methods`: those that are allowed, for plain requests too as soon as they have an `Origin`.
    /// Default `GET,HEAD,PUT,POST,DELETE,OPTIONS`; without `OPTIONS` every preflight is refused,
    /// and an empty list allows all.
    #[serde(deserialize_with = "method_list")]
    pub methods: String,
    /// `credentials`: whether cookies may be sent. Default true, and then the answer names the
    /// origin even if all are allowed.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub credentials: bool,
    /// `maxAge`: seconds for which a browser may remember a preflight. Default 30 days. With 0 the
    /// answer says nothing about it.
    #[serde(rename = "max-age", deserialize_with = "max_age")]
    pub max_age_s: u64,
    /// `headers`: those that a request may have, sent as they stand here. Default empty, which
    /// allows whatever a preflight asks for.
    #[serde(deserialize_with = "header_list")]
    pub headers: String,
    /// `exposed`: headers of answers that a script may see, sent as they stand here. Default empty.
    #[serde(deserialize_with = "header_list")]
    pub exposed: String,
}

impl Default for CorsOptions {
    fn default() -> Self {
        Self {
            origins: "*".to_owned(),
            upgrades: true,
            methods: "GET,HEAD,PUT,POST,DELETE,OPTIONS".to_owned(),
            credentials: true,
            max_age_s: 30 * DAY_MS / SECOND_MS,
            headers: String::new(),
            exposed: String::new(),
        }
    }
}

/// Why an option of CORS means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {reason}")]
#[non_exhaustive]
pub struct CorsError {
    /// Which one, as [`CorsOptions`] calls it.
    pub option: &'static str,
    /// What is wrong with its value and how it should be written, in one line.
    pub reason: String,
}

impl CorsOptions {
    /// The origins as browsers write them; `None` allows all.
    pub(super) fn origins(&self) -> Result<Option<Vec<String>>, CorsError> {
        origins(&self.origins).map_err(of("origins"))
    }

    /// The methods in upper case; none allows all.
    pub(super) fn methods(&self) -> Result<Vec<String>, CorsError> {
        methods(&self.methods).map_err(of("methods"))
    }

    /// Both lists of headers are sent as they stand, so they have to be lists of HTTP.
    pub(super) fn check_headers(&self) -> Result<(), CorsError> {
        check_headers(&self.headers).map_err(of("headers"))?;
        check_headers(&self.exposed).map_err(of("exposed"))
    }
}

fn of(option: &'static str) -> impl Fn(String) -> CorsError {
    move |reason| CorsError { option, reason }
}

fn origins(list: &str) -> Result<Option<Vec<String>>, String> {
    if list == "*" {
        return Ok(None);
    }
    let origins: Result<_, _> = elements(list, &[',', ' ']).map(origin).collect();
    origins.map(Some)
}

fn methods(list: &str) -> Result<Vec<String>, String> {
    let methods = elements(list, &[',', ' ']);
    let methods = methods.map(|method| match is_token(method.as_bytes()) {
        true => Ok(method.to_ascii_uppercase()),
        false => Err(format!(
            "{method:?} is no method: write them as in GET,POST"
        )),
    });
    methods.collect()
}

fn check_headers(list: &str) -> Result<(), String> {
    let mut headers = elements(list, &[',']);
    match headers.find(|header| !is_token(header.as_bytes())) {
        Some(wrong) => Err(format!(
            "{wrong:?} is no header's name: write them as in X-One,X-Two"
        )),
        None => Ok(()),
    }
}

fn origin_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    options::list(deserializer, origins)
}

fn method_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    options::list(deserializer, methods)
}

fn header_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    options::list(deserializer, check_headers)
}

fn max_age<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    options::read(deserializer, |text| {
        max_age_s(text).ok_or_else(|| format!("{text:?} is not a time such as 30 days"))
    })
}

/// What stands between the separators, apart from white space.
fn elements<'t>(list: &'t str, separators: &'static [char]) -> impl Iterator<Item = &'t str> {
    let elements = list.split(separators);
    elements
        .map(|element| element.trim_matches([' ', '\t']))
        .filter(|element| !element.is_empty())
}

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The units of the npm package `millisecond`.
const UNITS: [(&[&str], u64); 7] = [
    (
        &["", "ms", "msec", "msecs", "millisecond", "milliseconds"],
        1,
    ),
    (&["s", "sec", "secs", "second", "seconds"], SECOND_MS),
    (&["m", "min", "mins", "minute", "minutes"], MINUTE_MS),
    (&["h", "hr", "hrs", "hour", "hours"], HOUR_MS),
    (&["d", "day", "days"], DAY_MS),
    (&["w", "wk", "wks", "week", "weeks"], 7 * DAY_MS),
    (&["y", "yr", "yrs", "year", "years"], 365 * DAY_MS),
];

/// Reads `maxAge` as Primus does if it is text, into whole seconds: `30 days`, `1.5 h`. A number
/// without a unit then counts milliseconds, whereas Primus takes what is no text for seconds.
/// `None` if it is no duration; Primus then tells browsers none.
pub fn max_age_s(text: &str) -> Option<u64> {
    let text = text.trim();
    let is_digit = |char: char| char.is_ascii_digit() || char == '.';
    let digits = text.len() - text.trim_start_matches(is_digit).len();
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let (_, unit_ms) = UNITS
        .iter()
        .find(|(names, _)| names.contains(&unit.as_str()))?;
    // What is too long for the type becomes the longest.
    Some((number * *unit_ms as f64 / SECOND_MS as f64) as u64)
}
