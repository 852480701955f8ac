//! What a client is told when it is made.

use std::str::FromStr;
use std::time::Duration;

use allspark_protocol::limits::MESSAGE_BYTES_MAX_DEFAULT;
use allspark_protocol::parser::ParserKind;
use allspark_protocol::primus::BackoffOptions;
use allspark_transformers::{Speech, TransformerKind};

/// The options of a client, by the names and defaults of Primus. Shared by all clients that are
/// told the same.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientOptions {
    /// The server as the `Host` header names it. Default `localhost`.
    pub host: String,
    /// Primus's pathname, and a query if there is one, for instance `/primus?user=1`; `_primuscb`
    /// is added for each connection. Default `/primus`.
    pub target: String,
    /// The transport, and what there is to choose about it. Default: one WebSocket.
    pub speech: Speech,
    /// The server's parser. Default JSON.
    pub parser: ParserKind,
    /// How long the first connection may take (`timeout`); `None` or zero for ever. Default 10 s.
    ///
    /// As in npm nothing is done about a first connection that fails if this is `None`: an `error`
    /// says so, and that is all. Attempts to reconnect have a limit of their own
    /// ([`BackoffOptions::reconnect_timeout`]).
    pub timeout: Option<Duration>,
    /// How long the server may be silent (`pingTimeout`), counted from its last ping; `None` or
    /// zero for ever. Default 45 s.
    pub ping_timeout: Option<Duration>,
    /// When to reconnect. Default: always.
    pub strategy: Strategy,
    /// How to reconnect (`reconnect`).
    pub reconnect: BackoffOptions,
    /// How many messages wait for a connection (`queueSize`). When one more comes, the oldest is
    /// dropped. Default: no limit.
    pub queue_size: usize,
    /// Bytes of the largest message that is taken from the server. Default 10 MiB.
    pub message_bytes_max: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            target: "/primus".to_owned(),
            speech: Speech::usual(TransformerKind::WebSockets),
            parser: ParserKind::Json,
            timeout: Some(Duration::from_secs(10)),
            ping_timeout: Some(Duration::from_secs(45)),
            strategy: Strategy::default(),
            reconnect: BackoffOptions::default(),
            queue_size: usize::MAX,
            message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
        }
    }
}

/// On which occasions a client reconnects. All of them by default; Primus leaves `timeout` out when
/// the server has an authorization handler, because a refusal would be tried again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// An open connection was lost.
    pub disconnect: bool,
    /// The network is back ([`Client::network`](super::Client::network)).
    pub online: bool,
    /// The first connection failed or took too long.
    pub timeout: bool,
}

impl Strategy {
    /// Never (`false` in Primus).
    pub const NONE: Self = Self {
        disconnect: false,
        online: false,
        timeout: false,
    };
}

impl Default for Strategy {
    fn default() -> Self {
        Self {
            disconnect: true,
            online: true,
            timeout: true,
        }
    }
}

/// A word that names no strategy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no strategy `{0}`; use any of: disconnect, online, timeout")]
pub struct UnknownStrategy(String);

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    /// Reads `disconnect, online`: names in any case, separated by commas. No name at all means
    /// never, as the empty string does in Primus.
    fn from_str(text: &str) -> Result<Self, UnknownStrategy> {
        let mut strategy = Self::NONE;
        let names = text.split(',').map(str::trim);
        for name in names.filter(|name| !name.is_empty()) {
            match name.to_ascii_lowercase().as_str() {
                "disconnect" => strategy.disconnect = true,
                "online" => strategy.online = true,
                "timeout" => strategy.timeout = true,
                other => return Err(UnknownStrategy(other.to_owned())),
            }
        }
        Ok(strategy)
    }
}

impl TryFrom<&str> for Strategy {
    type Error = UnknownStrategy;

    fn try_from(text: &str) -> Result<Self, UnknownStrategy> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_are_read_as_primus_spells_them() {
        let both = Strategy {
            timeout: false,
            ..Strategy::default()
        };
        for text in [
            "disconnect,online",
            "Online , Disconnect",
            "online,,disconnect",
        ] {
            assert_eq!(text.parse(), Ok(both), "{text}");
        }
        assert_eq!("".parse(), Ok(Strategy::NONE));
        let error = "online, never".parse::<Strategy>().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("there is no strategy `never`")
        );
    }
}
