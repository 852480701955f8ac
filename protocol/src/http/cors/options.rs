//! The options, with the names and defaults of Primus.

/// What scripts of other origins may do. Lists are separated by commas, spaces or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsOptions {
    /// `origins`: those that are allowed, in any case, or `*` for all of them. Default `*`. An
    /// empty list allows none.
    pub origins: String,
    /// `methods`: those that are allowed, for plain requests too as soon as they have an `Origin`.
    /// Default `GET,HEAD,PUT,POST,DELETE,OPTIONS`; without `OPTIONS` every preflight is refused,
    /// and an empty list allows all.
    pub methods: String,
    /// `credentials`: whether cookies may be sent. Default true, and then the answer names the
    /// origin even if all are allowed.
    pub credentials: bool,
    /// `maxAge`: seconds for which a browser may remember a preflight. Default 30 days; of 0 it is
    /// not told.
    pub max_age_s: u64,
    /// `headers`: those that a request may have, sent as they stand here. Default empty, which
    /// allows whatever a preflight asks for.
    pub headers: String,
    /// `exposed`: headers of answers that a script may see, sent as they stand here. Default empty.
    pub exposed: String,
}

impl Default for CorsOptions {
    fn default() -> Self {
        Self {
            origins: "*".to_owned(),
            methods: "GET,HEAD,PUT,POST,DELETE,OPTIONS".to_owned(),
            credentials: true,
            max_age_s: 30 * DAY_MS / SECOND_MS,
            headers: String::new(),
            exposed: String::new(),
        }
    }
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
