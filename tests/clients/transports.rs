//! The client halves by name.

use allspark_protocol::transformer::ClientTransport;
use allspark_transformers::engine_io::ClientTransports;
use allspark_transformers::sockjs::SockJsTransport;
use allspark_transformers::websockets::{WebSocketsClient, WebSocketsClientOptions};

use crate::halves::{self, browserchannel, engine_io};

/// What [`transport`] knows, beside the transports of SockJS as `sockjs/NAME`.
pub(crate) const NAMES: [&str; 6] = [
    "websockets",
    "engine.io",
    "engine.io/polling",
    "engine.io/websocket",
    "browserchannel",
    "browserchannel/polling",
];

/// The client half of this name.
pub(crate) fn transport(
    name: &str,
    host: &str,
    target: &str,
    seed: u64,
) -> Box<dyn ClientTransport> {
    match name {
        "websockets" => websockets(host, target, seed),
        "engine.io" => engine_io(host, target, seed, ClientTransports::PollingThenWebSocket),
        "engine.io/polling" => engine_io(host, target, seed, ClientTransports::Polling),
        "engine.io/websocket" => engine_io(host, target, seed, ClientTransports::WebSocket),
        "browserchannel" => browserchannel(host, target, seed, true),
        "browserchannel/polling" => browserchannel(host, target, seed, false),
        _ => sockjs(name, host, target, seed),
    }
}

fn websockets(host: &str, target: &str, seed: u64) -> Box<dyn ClientTransport> {
    let options = WebSocketsClientOptions {
        host: host.to_owned(),
        target: target.to_owned(),
        ..WebSocketsClientOptions::default()
    };
    Box::new(WebSocketsClient::new(&options, seed).expect("a plain host and target"))
}

/// `sockjs/NAME`.
fn sockjs(name: &str, host: &str, target: &str, seed: u64) -> Box<dyn ClientTransport> {
    let transport = SockJsTransport::ALL
        .into_iter()
        .find(|transport| name.strip_prefix("sockjs/") == Some(transport.name()))
        .unwrap_or_else(|| panic!("there is no transport {name}"));
    halves::sockjs(host, target, seed, transport)
}
