//! The client half.

use std::time::Duration;

use allspark_protocol::http::Misuse;
use allspark_protocol::limits::MESSAGE_BYTES_MAX_DEFAULT;
use allspark_protocol::transformer::{ClientOutputs, ClientTransport, End, Event, Kind, Link};
use allspark_protocol::{Input, Instant};

use super::codec::{ClientDeflate, ClientEvent, WebSocketClient};

/// The only connection of a WebSocket.
const LINK: Link = Link(0);

/// How long the server has to answer a goodbye before the connection is closed (`closeTimeout` of
/// `ws`).
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(30);

/// The options of a client half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketsClientOptions {
    /// The server as the `Host` header names it.
    pub host: String,
    /// Path and query, for instance `/primus?user=1`.
    pub target: String,
    /// Bytes of the largest message. Default 10 MiB.
    pub message_bytes_max: usize,
    /// What is offered for compression. Default: nothing. (The client of Primus in Node.js offers
    /// what `ws` does, browsers always offer something.)
    pub deflate: Option<ClientDeflate>,
}

impl Default for WebSocketsClientOptions {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            target: "/primus".to_owned(),
            message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
            deflate: None,
        }
    }
}

/// The client half of `websockets`, of `faye` and of `uws`.
#[derive(Debug)]
pub struct WebSocketsClient {
    codec: WebSocketClient,
    /// The handshake, until it is sent.
    request: Vec<u8>,
    state: State,
    /// When the client stops waiting for the server's answer to its goodbye.
    deadline: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Open,
    SaidGoodbye,
    Ended,
}

impl WebSocketsClient {
    /// A client half that has not begun to connect. `seed` must be random and new for each
    /// connection; it gives the nonce and the masking keys.
    ///
    /// # Errors
    /// If `host` or `target` would change the structure of the request.
    pub fn new(options: &WebSocketsClientOptions, seed: u64) -> Result<Self, Misuse> {
        let mut request = Vec::new();
        let codec = WebSocketClient::connect_offering(
            &options.host,
            &options.target,
            options.message_bytes_max,
            seed,
            options.deflate,
            &mut request,
        )?;
        Ok(Self {
            codec,
            request,
            state: State::Opening,
            deadline: None,
        })
    }

    /// The connection is over; `has_link` unless it is gone already.
    fn end(&mut self, end: End, has_link: bool, out: &mut ClientOutputs) {
        self.state = State::Ended;
        self.deadline = None;
        out.ended(end);
        if has_link {
            out.close(LINK);
        }
    }
}

impl ClientTransport for WebSocketsClient {
    fn start(&mut self, _now: Instant, out: &mut ClientOutputs) {
        let request = std::mem::take(&mut self.request);
        out.connect(LINK);
        out.write(LINK, |out| out.extend_from_slice(&request));
    }

    fn receive(
        &mut self,
        _now: Instant,
        _link: Link,
        input: &mut Input<'_>,
        out: &mut ClientOutputs,
    ) {
        while self.state != State::Ended {
            match out.write(LINK, |out| self.codec.receive(input, out)) {
                None => return,
                Some(ClientEvent::Open) => {
                    self.state = State::Open;
                    out.open();
                }
                Some(ClientEvent::Session(Event::Message { kind, payload })) => {
                    out.message(kind, &payload);
                }
                Some(ClientEvent::Session(Event::Alive)) => {}
                Some(ClientEvent::Session(Event::Ended(end))) => self.end(end, true, out),
                Some(ClientEvent::Refused(_)) => {
                    let refused = End::Violation("the server does not open a WebSocket here");
                    self.end(refused, true, out);
                }
            }
        }
        input.take_all();
    }

    fn lost(&mut self, _now: Instant, _link: Link, out: &mut ClientOutputs) {
        match self.state {
            State::Opening => {
                let lost = End::Violation("the connection could not be opened");
                self.end(lost, false, out);
            }
            State::Open | State::SaidGoodbye => self.end(End::Goodbye, false, out),
            State::Ended => {}
        }
    }

    fn send(&mut self, _now: Instant, kind: Kind, payload: &[u8], out: &mut ClientOutputs) {
        if self.state == State::Open {
            out.write(LINK, |out| self.codec.send(kind, payload, out));
        }
    }

    fn close(&mut self, now: Instant, out: &mut ClientOutputs) {
        match self.state {
            State::Opening => self.end(End::Goodbye, true, out),
            State::Open => {
                self.state = State::SaidGoodbye;
                self.deadline = Some(now + GOODBYE_TIMEOUT);
                out.write(LINK, |out| self.codec.close(out));
            }
            State::SaidGoodbye | State::Ended => {}
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn expired(&mut self, _now: Instant, out: &mut ClientOutputs) {
        self.end(End::Goodbye, true, out);
    }
}
