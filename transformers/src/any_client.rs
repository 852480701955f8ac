//! Makes the client half of any transport from what all of them need to know.

use allspark_protocol::http::Misuse;
use allspark_protocol::limits::MESSAGE_BYTES_MAX_DEFAULT;
use allspark_protocol::transformer::ClientTransport;

use crate::TransformerKind;
use crate::browserchannel::{BrowserChannelClient, BrowserChannelClientOptions};
use crate::engine_io::{ClientTransports, EngineIoClient, EngineIoClientOptions};
use crate::sockjs::{SockJsClient, SockJsClientOptions, SockJsTransport};
use crate::websockets::{ClientDeflate, WebSocketsClient, WebSocketsClientOptions};

/// How a client speaks: the transport, and what there is to choose about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// One WebSocket: `websockets`, `faye` and `uws`. Compression is offered if it says how.
    WebSocket(Option<ClientDeflate>),
    /// `engine.io`.
    EngineIo(ClientTransports),
    /// `sockjs`.
    SockJs(SockJsTransport),
    /// `browserchannel`; see [`BrowserChannelClientOptions::streaming`].
    BrowserChannel {
        /// Whether the back channel is streamed.
        streaming: bool,
    },
}

impl Speech {
    /// What a client of Primus in Node.js, or in a browser of today, speaks in the end. To a server
    /// of `any`, which understands them all, that is a WebSocket.
    pub fn usual(transformer: TransformerKind) -> Self {
        match transformer {
            TransformerKind::WebSockets
            | TransformerKind::Faye
            | TransformerKind::Uws
            | TransformerKind::Any => Self::WebSocket(None),
            TransformerKind::EngineIo => Self::EngineIo(ClientTransports::default()),
            TransformerKind::SockJs => Self::SockJs(SockJsTransport::Websocket),
            TransformerKind::BrowserChannel => Self::BrowserChannel { streaming: true },
        }
    }

    /// A client half that has not begun to connect. `seed` must be random and new for each one.
    ///
    /// # Errors
    /// If the host or the target would change the structure of a request. The halves of `sockjs`
    /// and `browserchannel` say so by ending when they are started.
    pub fn half(
        self,
        server: &ClientCommonOptions<'_>,
        seed: u64,
    ) -> Result<Box<dyn ClientTransport>, Misuse> {
        Ok(match self {
            Self::WebSocket(deflate) => Box::new(server.websocket(deflate, seed)?),
            Self::EngineIo(transports) => Box::new(server.engine_io(transports, seed)?),
            Self::SockJs(transport) => Box::new(server.sockjs(transport, seed)),
            Self::BrowserChannel { streaming } => Box::new(server.browserchannel(streaming, seed)),
        })
    }
}

/// What every client half needs to know of its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientCommonOptions<'a> {
    /// The server as the `Host` header names it.
    pub host: &'a str,
    /// Primus's pathname, and a query if there is one, for instance `/primus?user=1`.
    pub target: &'a str,
    /// Bytes of the largest message that is taken. Default 10 MiB.
    pub message_bytes_max: usize,
}

impl Default for ClientCommonOptions<'_> {
    fn default() -> Self {
        Self {
            host: "localhost",
            target: "/primus",
            message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
        }
    }
}

impl ClientCommonOptions<'_> {
    fn websocket(
        &self,
        deflate: Option<ClientDeflate>,
        seed: u64,
    ) -> Result<WebSocketsClient, Misuse> {
        let options = WebSocketsClientOptions {
            host: self.host.to_owned(),
            target: self.target.to_owned(),
            message_bytes_max: self.message_bytes_max,
            deflate,
        };
        WebSocketsClient::new(&options, seed)
    }

    fn engine_io(&self, transports: ClientTransports, seed: u64) -> Result<EngineIoClient, Misuse> {
        let options = EngineIoClientOptions {
            host: self.host.to_owned(),
            target: with_slash(self.target),
            message_bytes_max: self.message_bytes_max,
            transports,
        };
        EngineIoClient::new(&options, seed)
    }

    fn sockjs(&self, transport: SockJsTransport, seed: u64) -> SockJsClient {
        SockJsClient::new(SockJsClientOptions {
            host: self.host.to_owned(),
            target: self.target.to_owned(),
            message_bytes_max: self.message_bytes_max,
            seed,
            transport,
        })
    }

    fn browserchannel(&self, streaming: bool, seed: u64) -> BrowserChannelClient {
        BrowserChannelClient::new(BrowserChannelClientOptions {
            host: self.host.to_owned(),
            target: self.target.to_owned(),
            message_bytes_max: self.message_bytes_max,
            streaming,
            seed,
        })
    }
}

/// The target with a slash at the end of its path, which engine.io-client adds (`addTrailingSlash`)
/// and npm's server insists on.
fn with_slash(target: &str) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let slash = if path.ends_with('/') { "" } else { "/" };
    format!("{path}{slash}{query}")
}

#[cfg(test)]
mod tests {
    use allspark_protocol::Instant;
    use allspark_protocol::transformer::{ClientOutput, ClientOutputs};

    use super::*;

    fn first_request(kind: TransformerKind, target: &str) -> String {
        let server = ClientCommonOptions {
            target,
            ..ClientCommonOptions::default()
        };
        let mut half = Speech::usual(kind).half(&server, 7).unwrap();
        let mut out = ClientOutputs::default();
        half.start(Instant::ZERO, &mut out);
        let writes = out.list().iter().filter_map(|output| match output {
            ClientOutput::Write(_, bytes) => Some(out.bytes(bytes.clone())),
            _ => None,
        });
        String::from_utf8(writes.flatten().copied().collect()).unwrap()
    }

    #[test]
    fn every_transformer_asks_for_its_own_path() {
        for (kind, path) in [
            (TransformerKind::WebSockets, "/p?a=b "),
            (TransformerKind::Faye, "/p?a=b "),
            (TransformerKind::Uws, "/p?a=b "),
            (TransformerKind::Any, "/p?a=b "),
            (TransformerKind::EngineIo, "/p/?a=b&EIO=4"),
            (TransformerKind::SockJs, "/p/"),
            (TransformerKind::BrowserChannel, "/p/bind?"),
        ] {
            let request = first_request(kind, "/p?a=b");
            let line = request.lines().next().unwrap();
            let target = line.split_once(' ').unwrap().1;
            assert!(target.starts_with(path), "{kind:?}: {line}");
            assert!(line.contains("a=b"), "{kind:?} keeps the query: {line}");
        }
    }

    #[test]
    fn a_host_that_is_none_is_found_before_or_when_it_connects() {
        let server = ClientCommonOptions {
            host: "a\r\nb",
            ..ClientCommonOptions::default()
        };
        for kind in TransformerKind::ALL {
            let Ok(mut half) = Speech::usual(kind).half(&server, 7) else {
                continue;
            };
            let mut out = ClientOutputs::default();
            half.start(Instant::ZERO, &mut out);
            let ended = |output: &ClientOutput| matches!(output, ClientOutput::Ended(_));
            assert!(out.list().iter().any(ended), "{kind:?}");
        }
    }

    #[test]
    fn a_slash_is_added_before_the_query_unless_it_is_there() {
        assert_eq!(with_slash("/primus"), "/primus/");
        assert_eq!(with_slash("/primus/?a=/b"), "/primus/?a=/b");
        assert_eq!(with_slash("/primus?a=/"), "/primus/?a=/");
    }
}
