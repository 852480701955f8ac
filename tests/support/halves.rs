//! The client halves of the transports that need not be a WebSocket.

use allspark_protocol::limits::MESSAGE_BYTES_MAX_DEFAULT;
use allspark_protocol::transformer::ClientTransport;
use allspark_transformers::browserchannel::{BrowserChannelClient, BrowserChannelClientOptions};
use allspark_transformers::engine_io::{ClientTransports, EngineIoClient, EngineIoClientOptions};
use allspark_transformers::sockjs::{SockJsClient, SockJsClientOptions, SockJsTransport};

/// For a server at `host`, with this path and query, as for all of them.
pub(crate) fn engine_io(
    host: &str,
    target: &str,
    seed: u64,
    transports: ClientTransports,
) -> Box<dyn ClientTransport> {
    let options = EngineIoClientOptions {
        host: host.to_owned(),
        target: target.to_owned(),
        message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
        transports,
    };
    let client = EngineIoClient::new(&options, seed);
    Box::new(client.expect("host and target can stand in a request"))
}

pub(crate) fn sockjs(
    host: &str,
    target: &str,
    seed: u64,
    transport: SockJsTransport,
) -> Box<dyn ClientTransport> {
    Box::new(SockJsClient::new(SockJsClientOptions {
        host: host.to_owned(),
        target: target.to_owned(),
        message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
        seed,
        transport,
    }))
}

pub(crate) fn browserchannel(
    host: &str,
    target: &str,
    seed: u64,
    streaming: bool,
) -> Box<dyn ClientTransport> {
    Box::new(BrowserChannelClient::new(BrowserChannelClientOptions {
        host: host.to_owned(),
        target: target.to_owned(),
        message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
        streaming,
        seed,
    }))
}
