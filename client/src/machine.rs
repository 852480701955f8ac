//! One connection of a Primus client over the transformer `websockets`.

use std::time::Duration;

use allspark_protocol::http::Misuse;
use allspark_protocol::limits::MESSAGE_BYTES_MAX_DEFAULT;
use allspark_protocol::parser::{Parser, ParserKind};
use allspark_protocol::primus::{Packet, PingTimeout};
use allspark_protocol::transformer::{self, Kind};
use allspark_protocol::{Input, Instant, Payload};
use allspark_transformers::websockets::{ClientEvent, WebSocketClient};

/// What a client is told when it is made.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The server as the `Host` header names it.
    pub host: String,
    /// Path and query, for instance `/primus?user=1`.
    pub target: String,
    /// The server's parser.
    pub parser: ParserKind,
    /// How long the server may be silent; `None` for ever. Default 45 s, as in Primus.
    pub ping_timeout: Option<Duration>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            target: "/primus".to_owned(),
            parser: ParserKind::Json,
            ping_timeout: Some(Duration::from_secs(45)),
        }
    }
}

/// What a client understood.
#[derive(Debug)]
pub enum Event<'i> {
    /// The connection is open.
    Open,
    /// A message of the application.
    Data {
        /// Text or bytes.
        kind: Kind,
        /// The message as the parser encoded it.
        payload: Payload<'i>,
    },
    /// A ping, which was answered.
    Ping,
    /// The id of the spark, as asked for with [`Client::ask_id`].
    Id(String),
    /// The connection is over.
    Closed {
        /// Whether the server wants no reconnect.
        intended: bool,
    },
}

/// One connection of a client.
///
/// Hand it what was received ([`Client::receive`]) until it returns no event, send what it appended
/// to `out`, and call [`Client::expire`] when [`Client::deadline`] has passed.
#[derive(Debug)]
pub struct Client {
    link: WebSocketClient,
    parser: ParserKind,
    ping_timeout: PingTimeout,
    intended: bool,
}

impl Client {
    /// Begins a connection; `out` gets the first bytes to send. `seed` must be random and new.
    ///
    /// # Errors
    /// If `host` or `target` can't stand in a request.
    pub fn connect(options: &ClientOptions, seed: u64, out: &mut Vec<u8>) -> Result<Self, Misuse> {
        let max = MESSAGE_BYTES_MAX_DEFAULT;
        Ok(Self {
            link: WebSocketClient::connect(&options.host, &options.target, max, seed, out)?,
            parser: options.parser,
            ping_timeout: PingTimeout::new(options.ping_timeout),
            intended: false,
        })
    }

    /// Consumes from `input` up to the next event, or all of it. What the client owes the server
    /// (pongs, a closing frame) is appended to `out`.
    pub fn receive<'i>(
        &mut self,
        now: Instant,
        input: &mut Input<'i>,
        out: &mut Vec<u8>,
    ) -> Option<Event<'i>> {
        loop {
            match self.link.receive(input, out)? {
                ClientEvent::Open => {
                    self.ping_timeout.restart(now);
                    return Some(Event::Open);
                }
                ClientEvent::Refused(_) => return Some(self.closed()),
                ClientEvent::Session(transformer::Event::Ended(_)) => return Some(self.closed()),
                ClientEvent::Session(transformer::Event::Alive) => {}
                ClientEvent::Session(transformer::Event::Message { kind, payload }) => {
                    let control = self.parser.control(kind, &payload);
                    let Some(text) = control.map(std::borrow::Cow::into_owned) else {
                        return Some(Event::Data { kind, payload });
                    };
                    if let Some(event) = self.control(now, &text, out) {
                        return Some(event);
                    }
                }
            }
        }
    }

    /// Appends an encoded message to `out`.
    pub fn write(&mut self, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        self.link.send(kind, payload, out);
    }

    /// Asks the server for the id of this connection's spark.
    pub fn ask_id(&mut self, out: &mut Vec<u8>) {
        self.write_packet(&Packet::IdRequest, out);
    }

    /// Says goodbye.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.intended = true;
        self.link.close(out);
    }

    /// When the server will have been silent for too long.
    pub fn deadline(&self) -> Option<Instant> {
        self.ping_timeout.deadline()
    }

    /// Whether the server has been silent for too long. The connection is then to be closed.
    pub fn expire(&mut self, now: Instant) -> bool {
        self.ping_timeout.expire(now)
    }

    fn control(&mut self, now: Instant, text: &str, out: &mut Vec<u8>) -> Option<Event<'static>> {
        match Packet::parse(text)? {
            Packet::Ping(value) => {
                self.ping_timeout.restart(now);
                self.write_packet(&Packet::Pong(value), out);
                Some(Event::Ping)
            }
            Packet::ServerClose => {
                self.intended = true;
                None
            }
            Packet::Id(id) => Some(Event::Id(id.to_owned())),
            Packet::Pong(_) | Packet::IdRequest | Packet::Unknown => None,
        }
    }

    fn write_packet(&mut self, packet: &Packet<'_>, out: &mut Vec<u8>) {
        let (mut text, mut encoded) = (String::new(), Vec::new());
        packet.write(&mut text);
        let kind = self.parser.encode_str(&text, &mut encoded);
        self.link.send(kind, &encoded, out);
    }

    fn closed(&mut self) -> Event<'static> {
        self.ping_timeout.stop();
        Event::Closed {
            intended: self.intended,
        }
    }
}
