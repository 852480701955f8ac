//! The options of a client half.

use std::time::Duration;

/// How long a client that closes waits for the server.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SockJsTransport {
    /// `websocket`.
    Websocket,
    /// `xhr-streaming`.
    XhrStreaming,
    /// `xhr-polling`.
    XhrPolling,
    /// `eventsource`.
    EventSource,
    /// `htmlfile`.
    HtmlFile,
    /// `jsonp-polling`.
    JsonpPolling,
}

impl SockJsTransport {
    /// All of them, in the order in which sockjs-client tries them.
    pub const ALL: [Self; 6] = [
        Self::Websocket,
        Self::XhrStreaming,
        Self::EventSource,
        Self::HtmlFile,
        Self::XhrPolling,
        Self::JsonpPolling,
    ];

    /// The name in sockjs-client.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Websocket => "websocket",
            Self::XhrStreaming => "xhr-streaming",
            Self::XhrPolling => "xhr-polling",
            Self::EventSource => "eventsource",
            Self::HtmlFile => "htmlfile",
            Self::JsonpPolling => "jsonp-polling",
        }
    }
}

/// Where a client connects to, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SockJsClientOptions {
    /// Name or address of the server, and the port if it is not 80.
    pub host: String,
    /// The path of the server and perhaps a query, for instance `/primus?a=b`.
    pub target: String,
    /// Bytes of the largest message that the server may send.
    pub message_bytes_max: usize,
    /// Must be random and new for each client: the name of the session is made from it.
    pub seed: u64,
    /// How to reach the server.
    pub transport: SockJsTransport,
}
