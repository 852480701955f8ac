//! What an engine.io server can be told.

use allspark_protocol::limits::PING_INTERVAL_MS_HIGHEST;
use allspark_protocol::options::{Bounded, MaxLength};

use crate::CommonOptions;
use crate::options::{TransportOptionError, invalid, max_length, number, switch};
use crate::websockets::{COMPRESSION, DeflateOptions, LEVEL, MEMORY_LEVEL, THRESHOLD};

/// Milliseconds, from 1 to a day: with 0 a server would ping without end, and the timers of
/// JavaScript overflow at 2^31 ms.
pub(crate) type Milliseconds = Bounded<1, PING_INTERVAL_MS_HIGHEST>;

/// The options of engine.io 6, with its names for [`EngineIoOptions::set`] and its defaults.
///
/// Options of the npm package that are not here configure what AllSpark does elsewhere (`cors`,
/// `allowRequest`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineIoOptions {
    /// `pingInterval`: milliseconds from an answered ping to the next one. Default 25000.
    pub ping_interval_ms: Milliseconds,
    /// `pingTimeout`: milliseconds that the client has to answer. Default 20000.
    pub ping_timeout_ms: Milliseconds,
    /// `upgradeTimeout`: milliseconds that a client has to complete an upgrade. Default 10000.
    pub upgrade_timeout_ms: Milliseconds,
    /// `maxHttpBufferSize`: bytes of the largest request body and of the largest WebSocket message.
    /// By default that is Primus's `maxLength`, as Primus sets it.
    pub http_buffer_bytes_max: Option<MaxLength>,
    /// `allowUpgrades`: whether `websocket` is offered to clients that poll. As in engine.io, a
    /// client that upgrades without an offer may do so. Default true.
    pub allow_upgrades: bool,
    /// `transports`: those that can be used. Default both.
    pub transports: Transports,
    /// `cookie`: the name of the cookie that tells the id of the session; `true` is `io`. Nothing
    /// reads it but load balancers. Default none.
    pub cookie: Option<String>,
    /// `allowEIO3`: whether clients of protocol 3 (engine.io 3, Socket.IO 2) are served as well.
    /// Default false.
    pub allow_eio3: bool,
    /// `perMessageDeflate`: whether messages on WebSockets may be compressed. Default: Primus's
    /// `compression`.
    pub per_message_deflate: Option<bool>,
    /// `perMessageDeflate.threshold`, `.zlibDeflateOptions.level` and `.memLevel`. A message never
    /// depends on another, so that one compressor serves all sessions of a shard.
    pub(crate) deflate: DeflateOptions,
    /// `httpCompression`: whether answers to polls are compressed (gzip) for clients that accept
    /// it. Default: Primus's `compression`.
    pub http_compression: Option<bool>,
    /// `httpCompression.threshold`: bytes of an answer below which it is sent as it is. Default
    /// 1024. An answer of more than 1 MiB is never compressed.
    pub http_compression_threshold_bytes: usize,
}

/// The transports of engine.io that a server lets be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transports {
    /// HTTP requests, of which one waits until there is something to say.
    pub polling: bool,
    /// A WebSocket.
    pub websocket: bool,
}

impl Default for EngineIoOptions {
    fn default() -> Self {
        Self {
            ping_interval_ms: const { Bounded::of(25_000) },
            ping_timeout_ms: const { Bounded::of(20_000) },
            upgrade_timeout_ms: const { Bounded::of(10_000) },
            http_buffer_bytes_max: None,
            allow_upgrades: true,
            transports: Transports {
                polling: true,
                websocket: true,
            },
            cookie: None,
            allow_eio3: false,
            per_message_deflate: None,
            deflate: DeflateOptions::default(),
            http_compression: None,
            http_compression_threshold_bytes: HTTP_THRESHOLD_BYTES_DEFAULT,
        }
    }
}

/// As in the package.
const HTTP_THRESHOLD_BYTES_DEFAULT: usize = 1024;

/// The names that [`EngineIoOptions::set`] knows.
const NAMES: [&str; 14] = [
    "pingInterval",
    "pingTimeout",
    "upgradeTimeout",
    "maxHttpBufferSize",
    "allowUpgrades",
    "transports",
    "cookie",
    "allowEIO3",
    COMPRESSION,
    THRESHOLD,
    LEVEL,
    MEMORY_LEVEL,
    "httpCompression",
    "httpCompression.threshold",
];

impl EngineIoOptions {
    /// From how many bytes on answers to polls are compressed, if they are.
    pub(super) fn http_compression(&self, common: &CommonOptions) -> Option<usize> {
        let is_on = self.http_compression.unwrap_or(common.compression);
        is_on.then_some(self.http_compression_threshold_bytes)
    }

    /// How messages on WebSockets are compressed, if they are.
    pub(super) fn deflate(&self, common: &CommonOptions) -> Option<DeflateOptions> {
        let is_on = self.per_message_deflate.unwrap_or(common.compression);
        is_on.then_some(self.deflate)
    }

    /// Sets an option by its npm name.
    ///
    /// # Errors
    /// If there is no such option, or if it can't have this value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TransportOptionError> {
        match name {
            "pingInterval" => self.ping_interval_ms = milliseconds("pingInterval", value)?,
            "pingTimeout" => self.ping_timeout_ms = milliseconds("pingTimeout", value)?,
            "upgradeTimeout" => self.upgrade_timeout_ms = milliseconds("upgradeTimeout", value)?,
            "maxHttpBufferSize" => {
                self.http_buffer_bytes_max = Some(max_length("maxHttpBufferSize", value)?);
            }
            "allowUpgrades" => self.allow_upgrades = switch("allowUpgrades", value)?,
            "transports" => self.transports = transports(value)?,
            "cookie" => self.cookie = cookie(value)?,
            "allowEIO3" => self.allow_eio3 = switch("allowEIO3", value)?,
            COMPRESSION => self.per_message_deflate = Some(switch(COMPRESSION, value)?),
            THRESHOLD | LEVEL | MEMORY_LEVEL => self.deflate.set(name, value)?,
            "httpCompression" => self.http_compression = Some(switch("httpCompression", value)?),
            "httpCompression.threshold" => {
                let threshold = number("httpCompression.threshold", value, "a number of bytes")?;
                self.http_compression_threshold_bytes = threshold;
            }
            _ => {
                return Err(TransportOptionError::Unknown {
                    transformer: super::NAME,
                    name: name.to_owned(),
                    known: NAMES[..].into(),
                });
            }
        }
        Ok(())
    }
}

fn milliseconds(name: &'static str, value: &str) -> Result<Milliseconds, TransportOptionError> {
    number(name, value, "a number of milliseconds from 1 to 86400000")
}

fn transports(value: &str) -> Result<Transports, TransportOptionError> {
    let mut chosen = Transports {
        polling: false,
        websocket: false,
    };
    for name in value.split(',') {
        match name.trim() {
            "polling" => chosen.polling = true,
            "websocket" => chosen.websocket = true,
            _ => {
                let expected = "a list of polling and websocket";
                return Err(invalid("transports", value, expected));
            }
        }
    }
    Ok(chosen)
}

fn cookie(value: &str) -> Result<Option<String>, TransportOptionError> {
    match value {
        "false" => Ok(None),
        "true" => Ok(Some("io".to_owned())),
        name if is_token(name) => Ok(Some(name.to_owned())),
        _ => {
            let expected = "true, false or the name of a cookie";
            Err(invalid("cookie", value, expected))
        }
    }
}

/// Whether a text can be the name of a cookie (RFC 6265, 4.1.1).
fn is_token(text: &str) -> bool {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

#[cfg(test)]
mod tests {
    use allspark_protocol::websocket::deflate::Effort;

    use super::*;

    #[test]
    fn every_option_is_set_by_its_npm_name() {
        let mut options = EngineIoOptions::default();
        for (name, value) in [
            ("pingInterval", "300"),
            ("pingTimeout", "200"),
            ("upgradeTimeout", "100"),
            ("maxHttpBufferSize", "1000000"),
            ("allowUpgrades", "false"),
            ("transports", "websocket"),
            ("cookie", "true"),
            ("allowEIO3", "true"),
            ("perMessageDeflate", "true"),
            ("perMessageDeflate.threshold", "10"),
            ("perMessageDeflate.zlibDeflateOptions.level", "9"),
            ("perMessageDeflate.zlibDeflateOptions.memLevel", "1"),
            ("httpCompression", "true"),
            ("httpCompression.threshold", "5"),
        ] {
            assert!(NAMES.contains(&name));
            options.set(name, value).unwrap();
        }
        let expected = EngineIoOptions {
            ping_interval_ms: Bounded::of(300),
            ping_timeout_ms: Bounded::of(200),
            upgrade_timeout_ms: Bounded::of(100),
            http_buffer_bytes_max: Some(Bounded::of(1_000_000)),
            allow_upgrades: false,
            transports: Transports {
                polling: false,
                websocket: true,
            },
            cookie: Some("io".to_owned()),
            allow_eio3: true,
            per_message_deflate: Some(true),
            deflate: DeflateOptions {
                threshold_bytes: 10,
                effort: Effort::DEFAULT
                    .with_level(9)
                    .and_then(|effort| effort.with_memory_level(1))
                    .unwrap(),
                ..DeflateOptions::default()
            },
            http_compression: Some(true),
            http_compression_threshold_bytes: 5,
        };
        assert_eq!(options, expected);
        options.set("transports", "polling, websocket").unwrap();
        options.set("cookie", "route").unwrap();
        assert_eq!(options.transports, EngineIoOptions::default().transports);
        assert_eq!(options.cookie.as_deref(), Some("route"));
        options.set("cookie", "false").unwrap();
        assert_eq!(options.cookie, None);
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_and_changes_nothing() {
        let mut options = EngineIoOptions::default();
        for (name, value) in [
            ("pingInterval", "0"),
            ("pingInterval", "-1"),
            ("pingInterval", "86400001"),
            ("pingTimeout", ""),
            ("pingTimeout", "2s"),
            ("upgradeTimeout", "1.5"),
            ("maxHttpBufferSize", "0"),
            ("maxHttpBufferSize", "536870913"),
            ("allowUpgrades", "yes"),
            ("transports", ""),
            ("transports", "polling,webtransport"),
            ("cookie", "a;b"),
            ("cookie", ""),
            ("allowEIO3", "3"),
            ("httpCompression", "1"),
            ("httpCompression.threshold", "x"),
            ("perMessageDeflate", "1"),
            ("perMessageDeflate.threshold", "-1"),
            ("perMessageDeflate.zlibDeflateOptions.level", "10"),
        ] {
            let error = options.set(name, value).unwrap_err();
            assert!(
                error.to_string().contains(&format!("`{name}` must be")),
                "{error}"
            );
        }
        assert_eq!(options, EngineIoOptions::default());
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = EngineIoOptions::default().set("pingintervall", "1");
        let text = error.unwrap_err().to_string();
        assert!(text.contains("`engine.io` has no transport option `pingintervall`"));
        assert!(text.contains("pingInterval, pingTimeout"), "{text}");
    }
}
