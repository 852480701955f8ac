//! The transformers that are tested, and what is special about each.

use allspark_protocol::limits::MESSAGE_BYTES_MAX_DEFAULT;
use allspark_protocol::transformer::ClientTransport;
use allspark_transformers::contract::{HOST, Setup, Traits};
use allspark_transformers::engine_io::{ClientTransports, EngineIoClient, EngineIoClientOptions};
use allspark_transformers::sockjs::{SockJsClient, SockJsClientOptions, SockJsTransport};
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::websocket::websocket;
use crate::{on_epoll, on_sim, on_uring};

/// A transformer, and the client half that speaks to it.
pub(crate) struct Subject {
    /// As the tests are named.
    pub(crate) name: &'static str,
    /// What the server is told to serve.
    pub(crate) kind: TransformerKind,
    pub(crate) traits: Traits,
    /// Makes a client half for this query with this seed.
    pub(crate) client: fn(&str, u64) -> Box<dyn ClientTransport>,
}

/// Options of the transports: real ones wait for much longer than a test wants to.
const TRANSPORT: [(&str, &str); 3] = [
    ("pingInterval", "4000"),
    ("pingTimeout", "3000"),
    ("disconnect_delay", "1000"),
];

impl Subject {
    /// The server half.
    pub(crate) fn transformer(&self, setup: &Setup) -> AnyTransformer {
        let common = CommonOptions {
            message_bytes_max: setup.message_bytes_max,
            ..CommonOptions::default()
        };
        let with =
            |transport: &[(String, String)]| AnyTransformer::new(self.kind, &common, transport);
        let owned = |(name, value): (&str, &str)| vec![(name.to_owned(), value.to_owned())];
        let is_known = |option: &Vec<(String, String)>| with(option).is_ok();
        let known: Vec<_> = TRANSPORT.map(owned).into_iter().filter(is_known).collect();
        with(&known.concat()).expect("each option is known")
    }
}

/// One test per subject and driver, and the kinds of all subjects.
macro_rules! subjects {
    ($($name:ident: $kind:ident, $traits:expr, $client:expr;)*) => {
        $(mod $name {
            use super::*;

            static SUBJECT: Subject = Subject {
                name: stringify!($name),
                kind: TransformerKind::$kind,
                traits: $traits,
                client: $client,
            };

            #[test]
            fn sim() {
                on_sim(&SUBJECT);
            }

            #[test]
            fn epoll() {
                on_epoll(&SUBJECT);
            }

            #[test]
            fn uring() {
                on_uring(&SUBJECT);
            }
        })*

        const TESTED: &[TransformerKind] = &[$(TransformerKind::$kind),*];
    };
}

subjects! {
    websockets: WebSockets, Traits::WEBSOCKET, websocket;
    engine_io: EngineIo, Traits::WEBSOCKET, |query, seed| {
        engine_io(query, seed, ClientTransports::PollingThenWebSocket)
    };
    engine_io_polling: EngineIo, Traits::WEBSOCKET, |query, seed| {
        engine_io(query, seed, ClientTransports::Polling)
    };
    engine_io_websocket: EngineIo, Traits::WEBSOCKET, |query, seed| {
        engine_io(query, seed, ClientTransports::WebSocket)
    };
    sockjs_websocket: SockJs, TEXT, |query, seed| {
        sockjs(query, seed, SockJsTransport::Websocket)
    };
    sockjs_xhr_streaming: SockJs, TEXT, |query, seed| {
        sockjs(query, seed, SockJsTransport::XhrStreaming)
    };
    sockjs_xhr_polling: SockJs, TEXT, |query, seed| {
        sockjs(query, seed, SockJsTransport::XhrPolling)
    };
    any_websockets: Any, Traits::WEBSOCKET, websocket;
    any_engine_io: Any, Traits::WEBSOCKET, |query, seed| {
        engine_io(query, seed, ClientTransports::PollingThenWebSocket)
    };
    any_sockjs: Any, TEXT, |query, seed| {
        sockjs(query, seed, SockJsTransport::XhrPolling)
    };
}

/// A transport that knows text alone.
const TEXT: Traits = Traits {
    carries_binary: false,
    can_send_bad_text: false,
    ..Traits::WEBSOCKET
};

fn engine_io(query: &str, seed: u64, transports: ClientTransports) -> Box<dyn ClientTransport> {
    let options = EngineIoClientOptions {
        host: HOST.to_owned(),
        target: target("/primus/", query),
        message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
        transports,
    };
    let client = EngineIoClient::new(&options, seed);
    Box::new(client.expect("host and target can stand in a request"))
}

fn sockjs(query: &str, seed: u64, transport: SockJsTransport) -> Box<dyn ClientTransport> {
    Box::new(SockJsClient::new(SockJsClientOptions {
        host: HOST.to_owned(),
        target: target("/primus", query),
        message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
        seed,
        transport,
    }))
}

/// Path and query.
pub(crate) fn target(path: &str, query: &str) -> String {
    match query {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// Transformers whose client halves do not exist yet.
const NOT_YET: [TransformerKind; 3] = [
    TransformerKind::Faye,
    TransformerKind::Uws,
    TransformerKind::BrowserChannel,
];

#[test]
fn every_transformer_is_a_subject() {
    for kind in TransformerKind::ALL {
        let is_awaited = NOT_YET.contains(&kind);
        assert_ne!(TESTED.contains(&kind), is_awaited, "{}", kind.name());
    }
}
