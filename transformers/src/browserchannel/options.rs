//! The options of the transport.

use std::time::Duration;

use allspark_protocol::http::Response;

use super::json;
use crate::options::{TransportOptionError, invalid, number_within, switch};

/// The options of the npm package that can be given as text. Its `base` is always Primus's
/// pathname.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserChannelOptions {
    /// `hostPrefixes`: labels that clients of Internet Explorer put in front of the host's name, to
    /// get around its limit of connections per host. They are given out in turn. Default none.
    pub host_prefixes: Vec<String>,
    /// `headers`: headers of all answers but those of the html form. They replace the standard ones
    /// of the same name. Default none.
    pub headers: Vec<(String, String)>,
    /// `cors`: the value of `Access-Control-Allow-Origin`. What Primus itself says to a request
    /// with an `Origin` takes its place. Default none.
    pub cors: Option<String>,
    /// `corsAllowCredentials`: whether `Access-Control-Allow-Credentials: true` is sent. Default
    /// false.
    pub cors_allow_credentials: bool,
    /// `keepAliveInterval`: between two noops on a back channel. Default 20 s.
    pub keep_alive_interval: Duration,
    /// `sessionTimeoutInterval`: how long a session lasts without a back channel. Default 30 s.
    pub session_timeout_interval: Duration,
}

impl Default for BrowserChannelOptions {
    fn default() -> Self {
        Self {
            host_prefixes: Vec::new(),
            headers: Vec::new(),
            cors: None,
            cors_allow_credentials: false,
            keep_alive_interval: Duration::from_secs(20),
            session_timeout_interval: Duration::from_secs(30),
        }
    }
}

impl BrowserChannelOptions {
    /// The names that [`BrowserChannelOptions::set`] knows.
    pub const NAMES: &[&str] = &[
        "cors",
        "corsAllowCredentials",
        "headers",
        "hostPrefixes",
        "keepAliveInterval",
        "sessionTimeoutInterval",
    ];

    /// Sets an option by the name that it has in the package. Times are in milliseconds,
    /// `hostPrefixes` is a list with commas, `headers` a JSON object of strings.
    ///
    /// # Errors
    /// If there is no such option, or it cannot have this value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TransportOptionError> {
        match name {
            "cors" => self.cors = cors(value)?,
            "corsAllowCredentials" => {
                self.cors_allow_credentials = switch("corsAllowCredentials", value)?;
            }
            "headers" => self.headers = headers(value)?,
            "hostPrefixes" => self.host_prefixes = host_prefixes(value)?,
            "keepAliveInterval" => self.keep_alive_interval = interval("keepAliveInterval", value)?,
            "sessionTimeoutInterval" => {
                self.session_timeout_interval = interval("sessionTimeoutInterval", value)?;
            }
            _ => {
                return Err(TransportOptionError::Unknown {
                    transformer: "browserchannel",
                    name: name.to_owned(),
                    known: Self::NAMES.into(),
                });
            }
        }
        Ok(())
    }
}

/// What a timer of Node.js can wait at most.
const INTERVAL_MS_MAX: u64 = (1 << 31) - 1;

fn interval(name: &'static str, value: &str) -> Result<Duration, TransportOptionError> {
    const EXPECTED: &str = "a number of milliseconds from 1 to 2147483647";
    number_within(name, value, 1..=INTERVAL_MS_MAX, EXPECTED).map(Duration::from_millis)
}

fn cors(value: &str) -> Result<Option<String>, TransportOptionError> {
    let can_be_sent = is_header("Access-Control-Allow-Origin", value);
    match value {
        "" => Ok(None),
        value if can_be_sent => Ok(Some(value.to_owned())),
        _ => Err(invalid("cors", value, "an origin or `*`")),
    }
}

fn host_prefixes(value: &str) -> Result<Vec<String>, TransportOptionError> {
    let is_label = |prefix: &str| {
        let is_label_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        !prefix.is_empty() && prefix.bytes().all(is_label_byte)
    };
    let prefixes = value.split(',').map(str::trim);
    let prefixes: Vec<_> = prefixes.filter(|prefix| !prefix.is_empty()).collect();
    match prefixes.iter().all(|prefix| is_label(prefix)) {
        true => Ok(prefixes.into_iter().map(str::to_owned).collect()),
        false => Err(invalid(
            "hostPrefixes",
            value,
            "a list of host labels with commas between",
        )),
    }
}

fn headers(value: &str) -> Result<Vec<(String, String)>, TransportOptionError> {
    let expected = "a JSON object whose names and values can be sent as headers, \
                    other than Cache-Control and Pragma, which are Primus's own";
    let is_valid = json::is_valid(value.as_bytes());
    let members = is_valid.then(|| json::members(value.as_bytes())).flatten();
    let header = |(name, value): (_, &[u8])| {
        let name = text(Some(name))?;
        let value = text(json::text(value))?;
        is_header(&name, &value).then_some((name, value))
    };
    let headers = members.and_then(|members| members.map(header).collect());
    headers.ok_or_else(|| invalid("headers", value, expected))
}

fn text(bytes: Option<std::borrow::Cow<'_, [u8]>>) -> Option<String> {
    String::from_utf8(bytes?.into_owned()).ok()
}

fn is_header(name: &str, value: &str) -> bool {
    let is_primus = ["cache-control", "pragma"]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own));
    !is_primus && Response::new(200).header(name, value).misuse().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> Result<BrowserChannelOptions, String> {
        let mut options = BrowserChannelOptions::default();
        let result = options.set(name, value);
        result.map(|()| options).map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_set_by_their_names() {
        assert_eq!(set("cors", "*").unwrap().cors.as_deref(), Some("*"));
        assert!(
            set("corsAllowCredentials", "true")
                .unwrap()
                .cors_allow_credentials
        );
        let options = set("keepAliveInterval", "1500").unwrap();
        assert_eq!(options.keep_alive_interval, Duration::from_millis(1500));
        let options = set("sessionTimeoutInterval", "1").unwrap();
        assert_eq!(options.session_timeout_interval, Duration::from_millis(1));
        assert_eq!(
            set("hostPrefixes", "a, b").unwrap().host_prefixes,
            ["a", "b"]
        );
        let options = set("headers", r#"{"X-A": "b\u0063", "x": "1"}"#).unwrap();
        let expected = [("X-A", "bc"), ("x", "1")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(options.headers, expected);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (name, value) in [
            ("cors", "a\r\nb"),
            ("corsAllowCredentials", "yes"),
            ("keepAliveInterval", "0"),
            ("keepAliveInterval", "2147483648"),
            ("sessionTimeoutInterval", "-1"),
            ("hostPrefixes", "a b"),
            ("headers", "{"),
            ("headers", "[]"),
            ("headers", r#"{"a": 1}"#),
            ("headers", r#"{"a b": "c"}"#),
            ("headers", r#"{"a": "b\n"}"#),
            ("headers", r#"{"Content-Length": "1"}"#),
            ("headers", r#"{"pragma": "x"}"#),
        ] {
            let error = set(name, value).unwrap_err();
            assert!(
                error.starts_with(&format!("the transport option `{name}` must be ")),
                "{error}"
            );
        }
        let error = set("base", "/x").unwrap_err();
        assert!(
            error.contains("`browserchannel` has no transport option `base`"),
            "{error}"
        );
        assert!(
            BrowserChannelOptions::NAMES
                .iter()
                .all(|name| error.contains(name)),
            "{error}"
        );
    }
}
