//! What the transformer can be told, by the names of the npm package.

use crate::options::{TransportOptionError, invalid, number, number_within, switch};

/// The options of sockjs-node that mean something here. (`log` is for the engine, `prefix` is set
/// by Primus, `faye_server_options` are Primus's `maxLength` and `compression`.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SockJsOptions {
    /// Where the iframe page finds a client library, `sockjs_url`. Default none: then it takes a
    /// script of this server, which all clients of version 1 can use. (sockjs-node takes the newest
    /// release from a public host, which then may act for the server.)
    pub sockjs_url: Option<String>,
    /// Another URL that `/info` tells clients to use, `base_url`. Default none.
    pub base_url: Option<String>,
    /// Whether WebSockets are served, `websocket`. Default true.
    pub websocket: bool,
    /// Whether session requests are answered with the cookie `JSESSIONID`, on which some load
    /// balancers rely for sticky sessions: `jsessionid`. Default false.
    pub jsessionid: bool,
    /// Whether the CORS headers are left out, `disable_cors`. Default false.
    pub disable_cors: bool,
    /// Milliseconds between two heartbeats, `heartbeat_delay`. Default 25,000.
    pub heartbeat_delay_ms: u32,
    /// Milliseconds after which a client without a receiving request is given up,
    /// `disconnect_delay`. Default 5,000.
    pub disconnect_delay_ms: u32,
    /// Bytes after which a streaming response ends, so that browsers can free what they keep of
    /// it: `response_limit`. Default 128 KiB; 0 is no limit.
    pub response_limit: u32,
}

impl Default for SockJsOptions {
    fn default() -> Self {
        Self {
            sockjs_url: None,
            base_url: None,
            websocket: true,
            jsessionid: false,
            disable_cors: false,
            heartbeat_delay_ms: 25_000,
            disconnect_delay_ms: 5_000,
            response_limit: 128 * 1024,
        }
    }
}

const NAMES: &[&str] = &[
    "sockjs_url",
    "base_url",
    "websocket",
    "jsessionid",
    "disable_cors",
    "heartbeat_delay",
    "disconnect_delay",
    "response_limit",
];

impl SockJsOptions {
    /// Sets an option by its npm name.
    ///
    /// # Errors
    /// If there is no such option, or it can't have that value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TransportOptionError> {
        match name {
            "sockjs_url" => self.sockjs_url = Some(url("sockjs_url", value)?),
            "base_url" => self.base_url = Some(url("base_url", value)?),
            "websocket" => self.websocket = switch("websocket", value)?,
            "jsessionid" => self.jsessionid = switch("jsessionid", value)?,
            "disable_cors" => self.disable_cors = switch("disable_cors", value)?,
            "heartbeat_delay" => self.heartbeat_delay_ms = delay("heartbeat_delay", value)?,
            "disconnect_delay" => self.disconnect_delay_ms = delay("disconnect_delay", value)?,
            "response_limit" => {
                self.response_limit = number("response_limit", value, BYTES)?;
            }
            _ => {
                return Err(TransportOptionError::Unknown {
                    transformer: super::NAME,
                    name: name.to_owned(),
                    known: NAMES.into(),
                });
            }
        }
        Ok(())
    }
}

const BYTES: &str = "a number of bytes below 4 GiB";

/// The timers of Node.js overflow above this.
const DELAY_MS_MAX: u32 = i32::MAX as u32;

fn delay(name: &'static str, value: &str) -> Result<u32, TransportOptionError> {
    const EXPECTED: &str = "a number of milliseconds from 1 to 2147483647";
    number_within(name, value, 1..=DELAY_MS_MAX, EXPECTED)
}

/// A URL stands in an attribute of the iframe page, and in JSON.
fn url(name: &'static str, value: &str) -> Result<String, TransportOptionError> {
    let is_url_byte = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\".contains(&byte);
    match value.bytes().all(is_url_byte) && !value.is_empty() {
        true => Ok(value.to_owned()),
        false => Err(invalid(name, value, "a URL")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_set_by_their_npm_names() {
        let mut options = SockJsOptions::default();
        for (name, value) in [
            ("sockjs_url", "/sockjs.js"),
            ("base_url", "http://b/x"),
            ("websocket", "false"),
            ("jsessionid", "true"),
            ("disable_cors", "true"),
            ("heartbeat_delay", "1"),
            ("disconnect_delay", "2147483647"),
            ("response_limit", "0"),
        ] {
            options.set(name, value).unwrap();
        }
        let expected = SockJsOptions {
            sockjs_url: Some("/sockjs.js".to_owned()),
            base_url: Some("http://b/x".to_owned()),
            websocket: false,
            jsessionid: true,
            disable_cors: true,
            heartbeat_delay_ms: 1,
            disconnect_delay_ms: 2_147_483_647,
            response_limit: 0,
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn a_wrong_option_is_explained() {
        let error = |name, value| {
            let result = SockJsOptions::default().set(name, value);
            result.unwrap_err().to_string()
        };
        assert_eq!(
            error("prefix", "/x"),
            "the transformer `sockjs` has no transport option `prefix`; it has: sockjs_url, \
             base_url, websocket, jsessionid, disable_cors, heartbeat_delay, disconnect_delay, \
             response_limit"
        );
        for value in ["0", "-1", "2147483648", "x", ""] {
            assert_eq!(
                error("heartbeat_delay", value),
                format!(
                    "the transport option `heartbeat_delay` must be a number of milliseconds from \
                     1 to 2147483647, not `{value}`"
                )
            );
        }
        assert!(error("sockjs_url", "\"><script>").contains("a URL"));
        assert!(error("websocket", "maybe").contains("true or false"));
        assert!(error("response_limit", "-1").contains("bytes"));
    }
}
