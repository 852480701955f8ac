//! The server half over byte streams. The answers that are compared byte for byte are those of the
//! npm package under Primus.

mod compression;
mod heartbeat;
mod polling;
mod refusals;
mod upgrade;
mod version_3;
mod websocket;

use allspark_protocol::Input;
use allspark_protocol::http::{ResponsePart, ResponseReader};
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{End, Kind};
use allspark_protocol::websocket::{Decoder, Item, Role, encode};

use super::{EngineIo, EngineIoOptions};
use crate::testing::{NoClient, Pair, Raw};
use crate::{AnyTransformer, CommonOptions};

const WEBSOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

const BUFFER_BYTES_MAX: usize = 1000;

/// A server and those who speak to it.
struct World(Pair<AnyTransformer, NoClient>);

/// An answer to a request.
#[derive(Debug, PartialEq, Eq)]
struct Reply {
    status: u16,
    /// Lines of the form `name: value`, in order.
    headers: Vec<String>,
    body: String,
}

/// What came in a WebSocket.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Text(String),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
}

/// The socket of one who has upgraded it.
struct Socket {
    raw: Raw,
    decoder: Decoder,
    /// What came behind the answer to the handshake.
    rest: Vec<u8>,
}

impl World {
    fn new(options: &[(&str, &str)]) -> Self {
        Self::seeded(options, 1)
    }

    fn seeded(options: &[(&str, &str)], seed: u64) -> Self {
        let mut all = EngineIoOptions::default();
        for (name, value) in options {
            all.set(name, value).unwrap();
        }
        let common = CommonOptions {
            message_bytes_max: BUFFER_BYTES_MAX.try_into().unwrap(),
            ..CommonOptions::default()
        };
        Self(Pair::server_only(EngineIo::new(&common, all).into(), seed))
    }

    /// Sends a request on a connection of its own, and lets happen what happens at once.
    fn ask(&mut self, method: &str, query: &str, headers: &str, body: Option<&[u8]>) -> Raw {
        let raw = self.0.raw();
        let mut request =
            format!("{method} /primus/?{query} HTTP/1.1\r\nHost: x\r\n{headers}").into_bytes();
        if let Some(body) = body {
            request.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
        }
        request.extend(b"\r\n");
        request.extend(body.unwrap_or_default());
        self.0.raw_send(raw, request);
        self.0.settle();
        raw
    }

    /// The answer to a request, if it has come.
    fn reply(&mut self, raw: Raw) -> Option<Reply> {
        let mut bytes = self.0.raw_received(raw);
        let mut input = Input::new(&mut bytes);
        let mut reader = ResponseReader::default();
        let mut reply = match reader.next(&mut input, false).unwrap()? {
            ResponsePart::Head(head) => Reply {
                status: head.status(),
                headers: head
                    .headers()
                    .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
                    .collect(),
                body: String::new(),
            },
            other => panic!("{other:?}"),
        };
        while let Some(ResponsePart::Data(data)) = reader.next(&mut input, false).unwrap() {
            // A byte for a character, so that a body of bytes can be compared as well.
            reply.body.extend(data.iter().map(|&byte| char::from(byte)));
        }
        Some(reply)
    }

    fn get(&mut self, query: &str) -> Reply {
        let raw = self.ask("GET", query, "", None);
        self.reply(raw).expect("an answer at once")
    }

    fn post(&mut self, query: &str, body: impl AsRef<[u8]>) -> Reply {
        let headers = "Content-Type: text/plain;charset=UTF-8\r\n";
        let raw = self.ask("POST", query, headers, Some(body.as_ref()));
        self.reply(raw).expect("an answer at once")
    }

    /// Begins a session by polling. Returns its id, and the query of its further requests.
    fn open(&mut self, query: &str) -> (SparkId, String) {
        let query = format!("{query}&transport=polling");
        assert_eq!(self.get(&query).status, 200);
        let spark = *self.0.sparks().last().unwrap();
        (spark, format!("{query}&sid={spark}"))
    }

    /// A poll, which is left to wait.
    fn poll(&mut self, query: &str) -> Raw {
        self.ask("GET", query, "", None)
    }

    /// The body of the answer to a poll. Panics if there is none.
    #[track_caller]
    fn polled(&mut self, raw: Raw) -> String {
        let reply = self.reply(raw).expect("an answer to the poll");
        assert_eq!(reply.status, 200);
        reply.body
    }

    /// Opens a WebSocket.
    fn socket(&mut self, query: &str) -> Socket {
        let raw = self.ask(
            "GET",
            &format!("{query}&transport=websocket"),
            WEBSOCKET,
            None,
        );
        let received = self.0.raw_received(raw);
        let head_end = received.windows(4).position(|window| window == b"\r\n\r\n");
        let (head, rest) = received.split_at(head_end.expect("an answer") + 4);
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{head:?}");
        Socket {
            raw,
            decoder: Decoder::new(Role::Client, 1 << 20),
            rest: rest.to_vec(),
        }
    }

    /// Begins a session with a WebSocket.
    fn open_socket(&mut self, query: &str) -> (SparkId, Socket) {
        let mut socket = self.socket(query);
        let spark = *self.0.sparks().last().unwrap();
        match &self.came(&mut socket)[..] {
            [Came::Text(open)] => assert!(open.starts_with("0{\"sid\":"), "{open}"),
            other => panic!("{other:?}"),
        }
        (spark, socket)
    }

    /// Everything that came in a WebSocket since the last call.
    fn came(&mut self, socket: &mut Socket) -> Vec<Came> {
        let mut bytes = std::mem::take(&mut socket.rest);
        bytes.extend(self.0.raw_received(socket.raw));
        let mut input = Input::new(&mut bytes);
        let mut came = Vec::new();
        while let Some(item) = socket.decoder.next(&mut input).unwrap() {
            came.push(match item {
                Item::Message {
                    kind: Kind::Text,
                    payload,
                } => Came::Text(String::from_utf8(payload.to_vec()).unwrap()),
                Item::Message { payload, .. } => Came::Binary(payload.to_vec()),
                Item::Pong(payload) => Came::Pong(payload.to_vec()),
                Item::Close { code, .. } => Came::Close(code.map(|code| code.number())),
                Item::Ping(_) => panic!("engine.io sends no ping of WebSocket"),
            });
        }
        came
    }

    /// Sends frames on a WebSocket, and lets happen what happens at once.
    fn frame(&mut self, socket: &Socket, write: impl FnOnce(&mut Vec<u8>, Option<[u8; 4]>)) {
        let mut bytes = Vec::new();
        write(&mut bytes, Some([1, 2, 3, 4]));
        self.0.raw_send(socket.raw, bytes);
        self.0.settle();
    }

    fn say(&mut self, socket: &Socket, text: &str) {
        self.frame(socket, |out, key| {
            encode::message(Kind::Text, text.as_bytes(), key, out);
        });
    }

    fn say_bytes(&mut self, socket: &Socket, bytes: &[u8]) {
        self.frame(socket, |out, key| {
            encode::message(Kind::Binary, bytes, key, out);
        });
    }

    /// The messages that a spark got, text as it is and bytes in hexadecimal digits.
    fn messages(&self, spark: SparkId) -> Vec<String> {
        let shown = |(kind, bytes): (Kind, Vec<u8>)| match kind {
            Kind::Text => String::from_utf8(bytes).unwrap(),
            Kind::Binary => bytes.iter().map(|byte| format!("x{byte:02x}")).collect(),
        };
        self.0
            .server_messages(spark)
            .into_iter()
            .map(shown)
            .collect()
    }

    /// Asserts that a session has ended and is forgotten, and why.
    #[track_caller]
    fn assert_ended(&self, spark: SparkId, end: &End) {
        assert_eq!(self.0.server_end(spark), Some(end));
        assert!(self.0.is_over(spark), "the session is not over");
    }

    #[track_caller]
    fn assert_open(&self, spark: SparkId) {
        assert_eq!(self.0.server_end(spark), None);
        assert!(!self.0.is_over(spark), "the session is over");
    }

    /// Asserts that the server ends a connection.
    #[track_caller]
    fn assert_closed(&mut self, raw: Raw) {
        self.0.settle();
        assert!(self.0.raw_is_closed(raw), "the connection is open");
    }
}

/// The open packet of a session.
fn open_packet(spark: SparkId, upgrades: &str, interval_ms: u64, timeout_ms: u64) -> String {
    let pings = format!(r#""pingInterval":{interval_ms},"pingTimeout":{timeout_ms}"#);
    format!(r#"0{{"sid":"{spark}","upgrades":{upgrades},{pings},"maxPayload":1000}}"#)
}

fn text(text: &str) -> Came {
    Came::Text(text.to_owned())
}

fn violation(sentence: &'static str) -> End {
    End::Violation(sentence)
}
