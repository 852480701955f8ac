//! The client half, as sockjs-client 1.6 behaves once a transport is chosen.
//!
//! It asks for no `/info`, as under Primus, whose client presets it, and it does not fall back to
//! another transport. It does two things better: messages that were sent before a close still go
//! out, and a frame that is not JSON ends the connection and is not lost silently.

mod http;
mod inbox;
mod lines;
mod options;
mod url;
mod websocket;

use allspark_protocol::transformer::{ClientOutputs, ClientTransport, Kind, Link};
use allspark_protocol::{Input, Instant};

pub use options::{SockJsClientOptions, SockJsTransport};

use http::HttpClient;
use url::Urls;
use websocket::FramedClient;

use crate::chance::Chance;

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

#[cfg(test)]
mod tests;
