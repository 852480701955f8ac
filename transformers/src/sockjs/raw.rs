//! The raw WebSocket, for those who need no frames of SockJS: each message is one of WebSocket.

use allspark_protocol::Input;
use allspark_protocol::http::{RequestHead, Response};
use allspark_protocol::transformer::{Carrier, Context, End, Event, Outputs, Progress};
use allspark_protocol::websocket::handshake::Upgrade;
use allspark_protocol::websocket::{CloseCode, Decoder, Item, Role, encode};

use super::service::Service;
use super::websocket::{bad_request, checked, is_websocket, normal_closure};

/// Checks a request as sockjs-node does, before a raw WebSocket is opened.
pub(super) fn upgrade<'b>(head: &RequestHead<'b>) -> Result<Upgrade<'b>, Response> {
    is_websocket(head)?;
    match head.header("Sec-WebSocket-Version") {
        Some("8" | "13") => checked(head, &["13", "8"]),
        _ => Err(bad_request(
            "Only supported WebSocket protocol is RFC 6455.",
        )),
    }
}

/// The state of a raw WebSocket.
#[derive(Debug)]
pub(super) struct RawSession {
    decoder: Decoder,
    said_goodbye: bool,
}

impl RawSession {
    /// Bytes of heap memory that a message under way takes.
    pub(super) fn held_bytes(&self) -> usize {
        self.decoder.held_bytes()
    }

    /// Whether a message is under way.
    pub(super) fn is_receiving(&self) -> bool {
        self.decoder.is_receiving()
    }

    /// What came of that message since the last call.
    pub(super) fn take_progress(&mut self) -> Option<Progress> {
        self.decoder.take_progress()
    }

    pub(super) fn new(service: &Service) -> Self {
        Self {
            decoder: Decoder::new(Role::Server, service.message_bytes_max),
            said_goodbye: false,
        }
    }

    /// Understands what the client sent.
    pub(super) fn receive<'i>(
        &mut self,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        loop {
            match self.decoder.next(input) {
                Ok(None) => return None,
                Ok(Some(Item::Message { kind, payload })) => {
                    return Some(Event::Message { kind, payload });
                }
                Ok(Some(Item::Ping(payload))) => {
                    if !self.said_goodbye {
                        out.latest(carrier, |out| encode::pong(&payload, None, out));
                    }
                }
                Ok(Some(Item::Pong(_))) => {}
                Ok(Some(Item::Close { code, reason })) => {
                    let answer = code.or(Some(CloseCode::NORMAL));
                    self.write(carrier, out, |out| {
                        encode::close(answer, &reason, None, out);
                    });
                    return Some(Event::Ended(End::closed(code)));
                }
                Err(violation) => {
                    let code = Some(violation.close_code());
                    self.write(carrier, out, |out| encode::close(code, "", None, out));
                    return Some(Event::Ended(End::Violation(violation.sentence())));
                }
            }
        }
    }

    /// Says goodbye.
    pub(super) fn close(&mut self, context: Context, out: &mut Outputs) {
        if let Some(carrier) = context.stream {
            self.write(carrier, out, normal_closure);
            self.said_goodbye = true;
        }
    }

    /// Nothing is written after a goodbye.
    fn write(&self, carrier: Carrier, out: &mut Outputs, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.said_goodbye {
            out.write(carrier, write);
        }
    }
}
