//! The client half, as sockjs-client 1.6 behaves once a transport is chosen.
//!
//! It asks for no `/info`, as under Primus, whose client presets it, and it does not fall back to
//! another transport. Two things it does better: messages that were sent before a close still go
//! out, and a frame that is not JSON ends the connection instead of being lost.

mod http;
mod inbox;
mod lines;
mod url;
mod websocket;

use allspark_protocol::transformer::{ClientOutputs, ClientTransport, Kind, Link};
use allspark_protocol::{Input, Instant};

use http::HttpClient;
use url::Urls;
use websocket::FramedClient;

use crate::chance::Chance;

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

/// The client half of `sockjs`.
#[derive(Debug)]
pub struct SockJsClient(Half);

#[derive(Debug)]
enum Half {
    WebSocket(Box<FramedClient>),
    Http(Box<HttpClient>),
}

impl SockJsClient {
    /// A client that has yet to be started.
    pub fn new(options: SockJsClientOptions) -> Self {
        let mut chance = Chance::new(options.seed);
        let urls = Urls::new(&options.target, options.transport, &mut chance);
        Self(match options.transport {
            SockJsTransport::Websocket => {
                Half::WebSocket(Box::new(FramedClient::new(options, urls, chance.number())))
            }
            _ => Half::Http(Box::new(HttpClient::new(options, urls))),
        })
    }
}

impl ClientTransport for SockJsClient {
    fn start(&mut self, _now: Instant, out: &mut ClientOutputs) {
        match &mut self.0 {
            Half::WebSocket(half) => half.start(out),
            Half::Http(half) => half.start(out),
        }
    }

    fn receive(
        &mut self,
        _now: Instant,
        link: Link,
        input: &mut Input<'_>,
        out: &mut ClientOutputs,
    ) {
        match &mut self.0 {
            Half::WebSocket(half) => half.receive(input, out),
            Half::Http(half) => half.receive(link, input, out),
        }
    }

    fn lost(&mut self, _now: Instant, link: Link, out: &mut ClientOutputs) {
        match &mut self.0 {
            Half::WebSocket(half) => half.lost(out),
            Half::Http(half) => half.lost(link, out),
        }
    }

    fn send(&mut self, _now: Instant, kind: Kind, payload: &[u8], out: &mut ClientOutputs) {
        match &mut self.0 {
            Half::WebSocket(half) => half.send(kind, payload, out),
            Half::Http(half) => half.send(kind, payload, out),
        }
    }

    fn close(&mut self, now: Instant, out: &mut ClientOutputs) {
        match &mut self.0 {
            Half::WebSocket(half) => half.close(now, out),
            Half::Http(half) => half.close(now, out),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.0 {
            Half::WebSocket(half) => half.deadline(),
            Half::Http(half) => half.deadline(),
        }
    }

    fn expired(&mut self, _now: Instant, out: &mut ClientOutputs) {
        match &mut self.0 {
            Half::WebSocket(half) => half.expired(out),
            Half::Http(half) => half.expired(out),
        }
    }
}

/// How long a client that closes waits for the server.
const CLOSE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

#[cfg(test)]
mod tests;
