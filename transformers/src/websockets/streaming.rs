//! What a session receives, and how it says goodbye.

use allspark_protocol::Input;
use allspark_protocol::transformer::{Carrier, End, Event, Outputs, Progress, Wire};
use allspark_protocol::websocket::deflate::Inflater;
use allspark_protocol::websocket::{CloseCode, Decoder, Item, Role, encode};

/// The end of a WebSocket that sends whole frames.
#[derive(Debug)]
pub(super) struct Streaming {
    decoder: Decoder,
    said_goodbye: bool,
    wire: Wire,
}

impl Streaming {
    pub(super) fn held_bytes(&self) -> usize {
        self.decoder.held_bytes()
    }

    pub(super) fn is_receiving(&self) -> bool {
        self.decoder.is_receiving()
    }

    pub(super) fn take_progress(&mut self) -> Option<Progress> {
        self.decoder.take_progress()
    }

    pub(super) fn new(message_bytes_max: usize, wire: Wire) -> Self {
        Self {
            decoder: Decoder::new(Role::Server, message_bytes_max),
            said_goodbye: false,
            wire,
        }
    }

    pub(super) fn wire(&self) -> Wire {
        self.wire
    }

    pub(super) fn said_goodbye(&self) -> bool {
        self.said_goodbye
    }

    /// Consumes bytes up to the next event, or all of them. There is an `inflater` if and only if
    /// permessage-deflate has been negotiated.
    #[inline]
    pub(super) fn receive<'i>(
        &mut self,
        carrier: Carrier,
        input: &mut Input<'i>,
        mut inflater: Option<&mut Inflater>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        loop {
            let item = match &mut inflater {
                None => self.decoder.next(input),
                Some(inflater) => self.decoder.next_inflating(input, inflater),
            };
            match item {
                Ok(None) => return None,
                Ok(Some(Item::Message { kind, payload })) => {
                    return Some(Event::Message { kind, payload });
                }
                Ok(Some(Item::Ping(payload))) => {
                    if !self.said_goodbye {
                        out.latest(carrier, |out| encode::pong(&payload, None, out));
                    }
                    return Some(Event::Alive);
                }
                Ok(Some(Item::Pong(_))) => {}
                Ok(Some(Item::Close { code, reason })) => {
                    if !self.said_goodbye {
                        // As `ws` does: the peer's own words are the answer (RFC 6455, 5.5.1).
                        out.write(carrier, |out| encode::close(code, &reason, None, out));
                    }
                    return Some(Event::Ended(End::closed(code)));
                }
                Err(violation) => {
                    if !self.said_goodbye {
                        let code = Some(violation.close_code());
                        out.write(carrier, |out| encode::close(code, "", None, out));
                    }
                    return Some(Event::Ended(End::Violation(violation.sentence())));
                }
            }
        }
    }

    pub(super) fn close(&mut self, carrier: Carrier, code: Option<CloseCode>, out: &mut Outputs) {
        self.said_goodbye = true;
        out.write(carrier, |out| encode::close(code, "", None, out));
    }
}
