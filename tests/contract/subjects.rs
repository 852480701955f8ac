//! The transformers that are tested, and what is special about each.

use allspark_protocol::limits::MESSAGE_BYTES_MAX_DEFAULT;
use allspark_protocol::parser::ParserKind;
use allspark_protocol::transformer::ClientTransport;
use allspark_transformers::browserchannel::{BrowserChannelClient, BrowserChannelClientOptions};
use allspark_transformers::contract::{HOST, Setup, Traits};
use allspark_transformers::engine_io::{ClientTransports, EngineIoClient, EngineIoClientOptions};
use allspark_transformers::sockjs::{SockJsClient, SockJsClientOptions, SockJsTransport};
use allspark_transformers::websockets::{ClientDeflate, WebSocketsClient, WebSocketsClientOptions};
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::{on_epoll, on_sim, on_uring};

/// A transformer, and the client half that speaks to it.
pub(crate) struct Subject {
    /// As the tests are named.
    pub(crate) name: &'static str,
    /// What the server is told to serve.
    pub(crate) kind: TransformerKind,
    /// What both sides are told of messages.
    pub(crate) parser: ParserKind,
    pub(crate) traits: Traits,
    /// Makes a client half for this query with this seed.
    pub(crate) client: fn(&str, u64) -> Box<dyn ClientTransport>,
}

/// Options of the transports: real ones wait for much longer than a test wants to.
const TRANSPORT: [(&str, &str); 5] = [
    ("pingInterval", "2000"),
    ("pingTimeout", "2000"),
    ("disconnect_delay", "3000"),
    ("keepAliveInterval", "2000"),
    ("sessionTimeoutInterval", "3000"),
];

impl Subject {
    /// The server half.
    pub(crate) fn transformer(&self, setup: &Setup) -> AnyTransformer {
        let common = CommonOptions {
            message_bytes_max: setup.message_bytes_max,
            // For those clients that offer it.
            compression: true,
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

/// The parser of a subject that names one, or none.
macro_rules! parser {
    () => {
        ParserKind::Raw
    };
    ($parser:ident) => {
        ParserKind::$parser
    };
}

/// One test per subject and driver, and the kinds of all subjects.
macro_rules! subjects {
    ($($name:ident: $kind:ident $(by $parser:ident)?, $traits:expr, $client:expr;)*) => {
        $(mod $name {
            use super::*;

            pub(super) static SUBJECT: Subject = Subject {
                name: stringify!($name),
                kind: TransformerKind::$kind,
                parser: parser!($($parser)?),
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
    websockets: WebSockets, Traits::WEBSOCKET, |query, seed| websocket(query, seed, None);
    websockets_deflate: WebSockets, Traits::WEBSOCKET, |query, seed| {
        websocket(query, seed, Some(ClientDeflate::default()))
    };
    faye: Faye, Traits::WEBSOCKET, |query, seed| websocket(query, seed, None);
    uws: Uws, Traits::WEBSOCKET, |query, seed| websocket(query, seed, None);
    engine_io: EngineIo, ENGINE_IO, |query, seed| {
        engine_io(query, seed, ClientTransports::PollingThenWebSocket)
    };
    engine_io_polling: EngineIo, ENGINE_IO, |query, seed| {
        engine_io(query, seed, ClientTransports::Polling)
    };
    engine_io_websocket: EngineIo, ENGINE_IO, |query, seed| {
        engine_io(query, seed, ClientTransports::WebSocket)
    };
    sockjs_websocket: SockJs, SOCKJS, |query, seed| {
        sockjs(query, seed, SockJsTransport::Websocket)
    };
    sockjs_xhr_streaming: SockJs, SOCKJS, |query, seed| {
        sockjs(query, seed, SockJsTransport::XhrStreaming)
    };
    sockjs_xhr_polling: SockJs, SOCKJS, |query, seed| {
        sockjs(query, seed, SockJsTransport::XhrPolling)
    };
    browserchannel: BrowserChannel, BROWSERCHANNEL, |query, seed| {
        browserchannel(query, seed, true)
    };
    browserchannel_polling: BrowserChannel, BROWSERCHANNEL, |query, seed| {
        browserchannel(query, seed, false)
    };
    any_websockets: Any, Traits::WEBSOCKET, |query, seed| websocket(query, seed, None);
    any_engine_io: Any, ENGINE_IO, |query, seed| {
        engine_io(query, seed, ClientTransports::PollingThenWebSocket)
    };
    any_sockjs: Any, SOCKJS, |query, seed| {
        sockjs(query, seed, SockJsTransport::XhrPolling)
    };
    any_browserchannel: Any, BROWSERCHANNEL, |query, seed| {
        browserchannel(query, seed, true)
    };
    websockets_json: WebSockets by Json, WEBSOCKET_JSON, |query, seed| {
        websocket(query, seed, None)
    };
    sockjs_json: SockJs by Json, SOCKJS_JSON, |query, seed| {
        sockjs(query, seed, SockJsTransport::XhrPolling)
    };
    websockets_msgpack: WebSockets by MsgPack, WEBSOCKET_PACKED, |query, seed| {
        websocket(query, seed, None)
    };
    engine_io_msgpack: EngineIo by MsgPack, ENGINE_IO_PACKED, |query, seed| {
        engine_io(query, seed, ClientTransports::PollingThenWebSocket)
    };
    any_binary: Any by Binary, ENGINE_IO_PACKED, |query, seed| {
        engine_io(query, seed, ClientTransports::Polling)
    };
}

/// More tests of some subjects, whose connections are encrypted.
macro_rules! encrypted {
    ($($name:ident)*) => {
        mod encrypted {
            $(mod $name {
                use crate::subjects::$name::SUBJECT;

                #[test]
                fn sim() {
                    crate::on_secret_sim(&SUBJECT);
                }

                #[test]
                fn epoll() {
                    crate::on_secret_epoll(&SUBJECT);
                }

                #[test]
                fn uring() {
                    crate::on_secret_uring(&SUBJECT);
                }
            })*
        }
    };
}

// One of each kind of connection: an upgrade, one after polls, polls, answers without an end.
encrypted! { websockets_deflate engine_io sockjs_xhr_polling browserchannel }

/// As in the package, `maxLength` is a bound on packets, whose first byte is their type.
const ENGINE_IO: Traits = Traits {
    framing_bytes: 1,
    ..Traits::WEBSOCKET
};

/// Knows text alone. On a WebSocket `maxLength` is a bound on frames, which are `["message"]`.
const SOCKJS: Traits = Traits {
    carries_binary: false,
    can_send_bad_text: false,
    framing_bytes: 4,
    ..Traits::WEBSOCKET
};

/// Messages are JSON strings. The package cannot know the port of its clients.
const BROWSERCHANNEL: Traits = Traits {
    can_send_bad_text: false,
    port: Some(1337),
    ..Traits::WEBSOCKET
};

/// A string has its quotes.
const WEBSOCKET_JSON: Traits = Traits {
    framing_bytes: 2,
    ..Traits::WEBSOCKET
};

/// And before them backslashes, as the string is one of a string. Bytes are an object.
const SOCKJS_JSON: Traits = Traits {
    carries_binary: true,
    framing_bytes: 8,
    ..SOCKJS
};

/// A string of some hundred bytes has three before it.
const WEBSOCKET_PACKED: Traits = Traits {
    framing_bytes: 3,
    ..Traits::WEBSOCKET
};

/// A poll has bytes in base64 behind a letter: 744 and those three are 997 characters.
const ENGINE_IO_PACKED: Traits = Traits {
    framing_bytes: 256,
    ..Traits::WEBSOCKET
};

fn websocket(query: &str, seed: u64, deflate: Option<ClientDeflate>) -> Box<dyn ClientTransport> {
    let options = WebSocketsClientOptions {
        host: HOST.to_owned(),
        target: target("/primus", query),
        message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
        deflate,
    };
    let client = WebSocketsClient::new(&options, seed);
    Box::new(client.expect("host and target can stand in a request"))
}

fn browserchannel(query: &str, seed: u64, streaming: bool) -> Box<dyn ClientTransport> {
    Box::new(BrowserChannelClient::new(BrowserChannelClientOptions {
        host: HOST.to_owned(),
        target: target("/primus", query),
        message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
        streaming,
        seed,
    }))
}

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
fn target(path: &str, query: &str) -> String {
    match query {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

#[test]
fn every_transformer_is_a_subject() {
    for kind in TransformerKind::ALL {
        assert!(TESTED.contains(&kind), "{} is not tested", kind.name());
    }
}
