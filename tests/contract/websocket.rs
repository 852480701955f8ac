//! The least that makes a client half of the WebSocket codec.

use allspark_protocol::transformer::{ClientOutputs, ClientTransport, End, Event, Kind, Link};
use allspark_protocol::{Input, Instant};
use allspark_transformers::contract::HOST;
use allspark_transformers::websockets::{ClientEvent, WebSocketClient};

use crate::subjects::target;

const LINK: Link = Link(0);

/// Bytes of the longest message that a client takes.
const MESSAGE_BYTES_MAX: usize = 10 * 1024 * 1024;

struct WebSocket {
    codec: WebSocketClient,
    handshake: Vec<u8>,
    has_ended: bool,
}

pub(crate) fn websocket(query: &str, seed: u64) -> Box<dyn ClientTransport> {
    let mut handshake = Vec::new();
    let target = target("/primus", query);
    let codec = WebSocketClient::connect(HOST, &target, MESSAGE_BYTES_MAX, seed, &mut handshake);
    Box::new(WebSocket {
        codec: codec.expect("host and target can stand in a request"),
        handshake,
        has_ended: false,
    })
}

impl WebSocket {
    fn ended(&mut self, end: End, out: &mut ClientOutputs) {
        if !std::mem::replace(&mut self.has_ended, true) {
            out.ended(end);
        }
    }
}

impl ClientTransport for WebSocket {
    fn start(&mut self, _now: Instant, out: &mut ClientOutputs) {
        out.connect(LINK);
        out.write(LINK, |out| out.append(&mut self.handshake));
    }

    fn receive(&mut self, _: Instant, link: Link, input: &mut Input<'_>, out: &mut ClientOutputs) {
        let mut replies = Vec::new();
        let mut end = None;
        while end.is_none()
            && let Some(event) = self.codec.receive(input, &mut replies)
        {
            match event {
                ClientEvent::Open => out.open(),
                ClientEvent::Refused(_) => end = Some(End::Violation("refused")),
                ClientEvent::Session(Event::Message { kind, payload }) => {
                    out.message(kind, &payload);
                }
                ClientEvent::Session(Event::Alive) => {}
                ClientEvent::Session(Event::Ended(why)) => end = Some(why),
            }
        }
        out.write(link, |out| out.append(&mut replies));
        if let Some(end) = end {
            input.take_all();
            self.ended(end, out);
            out.close(link);
        }
    }

    fn lost(&mut self, _now: Instant, _link: Link, out: &mut ClientOutputs) {
        self.ended(End::Violation("the connection broke"), out);
    }

    fn send(&mut self, _now: Instant, kind: Kind, payload: &[u8], out: &mut ClientOutputs) {
        out.write(LINK, |out| self.codec.send(kind, payload, out));
    }

    fn close(&mut self, _now: Instant, out: &mut ClientOutputs) {
        out.write(LINK, |out| self.codec.close(out));
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn expired(&mut self, _now: Instant, _out: &mut ClientOutputs) {}
}
