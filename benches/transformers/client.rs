//! What the clients of all transports send, byte by byte as browsers do.

use std::fmt::Write;

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::deflate::{Deflater, Effort, WindowBits};
use allspark_protocol::websocket::encode;
use allspark_transformers::TransformerKind;

use super::rig::SPARK;

/// One way to reach a server.
#[derive(Clone, Copy)]
pub(crate) struct Transport {
    pub(crate) name: &'static str,
    pub(crate) kind: TransformerKind,
    pub(crate) is_compressed: bool,
    dialect: Dialect,
}

#[derive(Clone, Copy)]
enum Dialect {
    /// A WebSocket at this target, on which `envelope` goes around each message.
    WebSocket {
        target: &'static str,
        envelope: fn(&[u8]) -> Vec<u8>,
    },
    EngineIoPolling,
    /// Receives by requests to this path of the session.
    SockJs {
        receive: &'static str,
    },
    BrowserChannel {
        is_streaming: bool,
    },
}

/// Every way to reach a server, and the plainest one once more with compression.
pub(crate) const TRANSPORTS: [Transport; 12] = [
    websocket("websockets", TransformerKind::WebSockets, "/primus", plain),
    Transport {
        is_compressed: true,
        ..websocket(
            "websockets-compressed",
            TransformerKind::WebSockets,
            "/primus",
            plain,
        )
    },
    websocket("faye", TransformerKind::Faye, "/primus", plain),
    websocket("uws", TransformerKind::Uws, "/primus", plain),
    websocket(
        "engine.io-websocket",
        TransformerKind::EngineIo,
        "/primus/?EIO=4&transport=websocket",
        packet,
    ),
    requests(
        "engine.io-polling",
        TransformerKind::EngineIo,
        Dialect::EngineIoPolling,
    ),
    websocket(
        "sockjs-websocket",
        TransformerKind::SockJs,
        "/primus/000/optimus1/websocket",
        array,
    ),
    requests(
        "sockjs-xhr",
        TransformerKind::SockJs,
        Dialect::SockJs { receive: "xhr" },
    ),
    requests(
        "sockjs-xhr_streaming",
        TransformerKind::SockJs,
        Dialect::SockJs {
            receive: "xhr_streaming",
        },
    ),
    requests(
        "browserchannel-polling",
        TransformerKind::BrowserChannel,
        Dialect::BrowserChannel {
            is_streaming: false,
        },
    ),
    requests(
        "browserchannel-streaming",
        TransformerKind::BrowserChannel,
        Dialect::BrowserChannel { is_streaming: true },
    ),
    // The endpoint that serves all of them, as it serves the plainest one.
    websocket("any-websockets", TransformerKind::Any, "/primus", plain),
];

const fn websocket(
    name: &'static str,
    kind: TransformerKind,
    target: &'static str,
    envelope: fn(&[u8]) -> Vec<u8>,
) -> Transport {
    requests(name, kind, Dialect::WebSocket { target, envelope })
}

const fn requests(name: &'static str, kind: TransformerKind, dialect: Dialect) -> Transport {
    Transport {
        name,
        kind,
        is_compressed: false,
        dialect,
    }
}

/// A client of the only session.
pub(crate) struct Client {
    transport: Transport,
    /// Messages sent so far.
    sent: u64,
    /// Messages received so far: a poll that tells this number is made for each of them.
    received: u64,
    deflater: Deflater,
}

impl Client {
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            transport,
            sent: 0,
            received: 0,
            deflater: Deflater::new(WindowBits::MAX, Effort::DEFAULT, false),
        }
    }

    /// The request that opens the session.
    pub(crate) fn opening(&mut self) -> Vec<u8> {
        match self.transport.dialect {
            Dialect::WebSocket { target, .. } => {
                let extensions = match self.transport.is_compressed {
                    true => "Sec-WebSocket-Extensions: permessage-deflate\r\n",
                    false => "",
                };
                let head = format!("{HANDSHAKE}{extensions}");
                request("GET", target, &head, b"")
            }
            Dialect::EngineIoPolling => request("GET", ENGINE_IO, "", b""),
            Dialect::SockJs { .. } => request("POST", "/primus/000/optimus1/xhr", "", b""),
            Dialect::BrowserChannel { .. } => {
                let target = format!("{BIND}&RID=1000&CVER=1");
                request("POST", &target, FORM, b"count=0")
            }
        }
    }

    /// The bytes that bring a message: a frame, or a request.
    pub(crate) fn message(&mut self, message: &[u8]) -> Vec<u8> {
        let number = self.sent;
        self.sent += 1;
        match self.transport.dialect {
            Dialect::WebSocket { envelope, .. } => self.frame(&envelope(message)),
            Dialect::EngineIoPolling => {
                let target = format!("{ENGINE_IO}&sid={SPARK}");
                request("POST", &target, TEXT, &packet(message))
            }
            Dialect::SockJs { .. } => {
                let target = "/primus/000/optimus1/xhr_send";
                request("POST", target, TEXT, &array(message))
            }
            Dialect::BrowserChannel { .. } => {
                let (id, received, rid) = (SPARK, self.received, 1001 + number);
                let target = format!("{BIND}&SID={id}&AID={received}&RID={rid}");
                let mut body = format!("count=1&ofs={number}&req0__S=");
                push_encoded(message, &mut body);
                request("POST", &target, FORM, body.as_bytes())
            }
        }
    }

    /// The request by which the next message is received, unless one is under way already.
    pub(crate) fn poll(&mut self) -> Vec<u8> {
        let received = self.received;
        self.received += 1;
        match self.transport.dialect {
            Dialect::WebSocket { .. } => Vec::new(),
            Dialect::EngineIoPolling => {
                request("GET", &format!("{ENGINE_IO}&sid={SPARK}"), "", b"")
            }
            Dialect::SockJs { receive } => {
                request("POST", &format!("/primus/000/optimus1/{receive}"), "", b"")
            }
            Dialect::BrowserChannel { is_streaming } => {
                let chunk = u8::from(!is_streaming);
                let target =
                    format!("{BIND}&RID=rpc&SID={SPARK}&CI={chunk}&AID={received}&TYPE=xmlhttp");
                request("GET", &target, "", b"")
            }
        }
    }

    fn frame(&mut self, payload: &[u8]) -> Vec<u8> {
        const KEY: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);
        /// What `ws` leaves as it is.
        const THRESHOLD_BYTES: usize = 1024;
        let mut frame = Vec::new();
        if self.transport.is_compressed && payload.len() >= THRESHOLD_BYTES {
            let mut scratch = Vec::new();
            let compressed = self.deflater.message(payload, &mut scratch);
            let compressed = compressed.expect("tables shrink");
            encode::compressed(Kind::Text, compressed, KEY, &mut frame);
        } else {
            encode::message(Kind::Text, payload, KEY, &mut frame);
        }
        frame
    }
}

const ENGINE_IO: &str = "/primus/?EIO=4&transport=polling&t=x7Gk2a1";
const BIND: &str = "/primus/bind?VER=8&zx=x7gk2a1qwe09";
const TEXT: &str = "Content-Type: text/plain;charset=UTF-8\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded;charset=utf-8\r\n";
const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/// What a browser says about itself with each request.
const BROWSER: &str = "Host: spark.example:8080\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/140.0.0.0 Safari/537.36\r\n\
    Accept: */*\r\nOrigin: http://spark.example\r\nReferer: http://spark.example/\r\n\
    Accept-Encoding: gzip, deflate\r\nAccept-Language: en-US,en;q=0.9\r\n";

fn request(method: &str, target: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {target} HTTP/1.1\r\n{BROWSER}{head}").into_bytes();
    if method == "POST" {
        let length = format!("Content-Length: {}\r\n", body.len());
        bytes.extend_from_slice(length.as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// As it is.
fn plain(message: &[u8]) -> Vec<u8> {
    message.to_vec()
}

/// A packet of engine.io.
fn packet(message: &[u8]) -> Vec<u8> {
    [b"4", message].concat()
}

/// An array of SockJS.
fn array(message: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(message).expect("messages are text");
    serde_json::to_vec(&[text]).expect("a string has a JSON text")
}

/// As `encodeURIComponent` does.
fn push_encoded(message: &[u8], out: &mut String) {
    for &byte in message {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a String takes everything");
        }
    }
}
