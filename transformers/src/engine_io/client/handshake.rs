//! The terms of a session, which the server states first.

use std::time::Duration;

use allspark_protocol::parser::{Json, Parser, Scratch};
use allspark_protocol::transformer::Kind;
use allspark_protocol::value::Value;

/// What the server's open packet says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Terms {
    /// The name of the session; empty until it is known.
    pub(super) sid: String,
    /// Whether the server offers a WebSocket to change to.
    pub(super) offers_websocket: bool,
    /// `pingInterval` and `pingTimeout` together: the time within which a ping must come.
    pub(super) ping_window: Duration,
    /// `maxPayload`: bytes of the largest body that the server takes. Older servers do not say.
    pub(super) payload_bytes_max: Option<usize>,
}

/// The first packet of the server is not the open packet of engine.io.
pub(super) const NOT_OPENED: &str = "the server did not open a session";

/// Characters of the longest id of a session. Those of engine.io have 20.
const SID_CHARS_MAX: usize = 128;

impl Terms {
    /// Reads an open packet. `None` if it is none, or names the session in a way that can't stand
    /// in a URL.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        let terms = Json.decode(Kind::Text, json, &mut Scratch::default());
        let terms: Value = terms.ok()?;
        let sid = terms.get("sid")?.as_str()?;
        if sid.is_empty() || sid.len() > SID_CHARS_MAX || !sid.bytes().all(is_unreserved) {
            return None;
        }
        let upgrades = terms.get("upgrades").and_then(Value::as_array);
        let mut upgrades = upgrades.unwrap_or_default().iter();
        let ms = |name| terms.get(name).and_then(Value::as_u64);
        let ping_window_ms = ms("pingInterval")?.saturating_add(ms("pingTimeout")?);
        let payload_bytes_max = terms.get("maxPayload").and_then(Value::as_u64);
        Some(Self {
            sid: sid.to_owned(),
            offers_websocket: upgrades.any(|name| name.as_str() == Some("websocket")),
            ping_window: Duration::from_millis(ping_window_ms),
            payload_bytes_max: payload_bytes_max.and_then(|bytes| usize::try_from(bytes).ok()),
        })
    }
}

/// Whether a byte stands for itself in a URL (RFC 3986, 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read() {
        let json = r#"{"sid":"a-B_9","upgrades":["webtransport","websocket"],"pingInterval":300,
            "pingTimeout":200,"maxPayload":1000,"more":1}"#;
        let terms = Terms {
            sid: "a-B_9".to_owned(),
            offers_websocket: true,
            ping_window: Duration::from_millis(500),
            payload_bytes_max: Some(1000),
        };
        assert_eq!(Terms::parse(json.as_bytes()), Some(terms));
        let older = r#"{"sid":"a","upgrades":[],"pingInterval":1,"pingTimeout":2}"#;
        let older = Terms::parse(older.as_bytes()).unwrap();
        assert!(!older.offers_websocket);
        assert_eq!(older.payload_bytes_max, None);
    }

    #[test]
    fn what_is_no_terms_is_refused() {
        for json in [
            "",
            "x",
            "1",
            "{}",
            r#"{"sid":"","pingInterval":1,"pingTimeout":2}"#,
            r#"{"sid":"a&b","pingInterval":1,"pingTimeout":2}"#,
            r#"{"sid":"a","pingInterval":"1","pingTimeout":2}"#,
            r#"{"sid":1,"pingInterval":1,"pingTimeout":2}"#,
        ] {
            assert_eq!(Terms::parse(json.as_bytes()), None, "{json}");
        }
    }
}
