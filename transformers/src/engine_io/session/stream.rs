//! What comes on the WebSocket that a session lives on.

use std::ops::ControlFlow;

use allspark_protocol::transformer::{Context, End, Event, Kind, Outputs, Units};
use allspark_protocol::websocket::{Item, encode};
use allspark_protocol::{Input, Payload};

use super::super::base64;
use super::super::packet::{Data, Packet, PacketKind, ParseError, Protocol};
use super::socket::answer_text;
use super::{EngineIoSession, Phase, Shared, Transport};

impl EngineIoSession {
    /// Consumes bytes up to the next message. A session that says goodbye hears no message.
    #[inline]
    pub(super) fn receive_stream<'i>(
        &mut self,
        shared: &mut Shared,
        context: Context,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        loop {
            let Transport::WebSocket(stream) = &mut self.transport else {
                return None;
            };
            let item = match self.is_compressed {
                false => stream.decoder.next(input),
                true => (stream.decoder).next_inflating(input, &mut shared.codec.inflater),
            };
            match item {
                Ok(None) => return None,
                Ok(Some(Item::Message {
                    kind: Kind::Text,
                    payload,
                })) if payload.first() == Some(&b'4') && self.phase == Phase::Open => {
                    self.heard(shared, context.now);
                    let payload = without_first(payload, 1);
                    let kind = Kind::Text;
                    return Some(Event::Message { kind, payload });
                }
                Ok(Some(Item::Message { kind, payload })) => {
                    let flow = self.receive_packet(shared, context, kind, payload, out);
                    if let ControlFlow::Break(event) = flow {
                        return event;
                    }
                }
                Ok(Some(Item::Pong(_))) => {}
                Ok(Some(item)) => self.receive_control(&item, out),
                Err(violation) => {
                    if self.phase == Phase::Open {
                        stream.write_close(Some(violation.close_code()), "", out);
                    }
                    self.finish(Some(End::Violation(violation.sentence())), out);
                    input.take_all();
                    return None;
                }
            }
        }
    }

    /// Takes a message of the WebSocket that is not simply text for the application.
    #[inline(never)]
    fn receive_packet<'i>(
        &mut self,
        shared: &Shared,
        context: Context,
        kind: Kind,
        payload: Payload<'i>,
        out: &mut Outputs,
    ) -> ControlFlow<Option<Event<'i>>> {
        if self.phase != Phase::Open {
            return ControlFlow::Continue(());
        }
        let protocol = self.format.protocol();
        let packet = match kind {
            Kind::Text => Packet::from_text(protocol, &payload),
            Kind::Binary => Ok(Packet::from_binary(protocol, &payload)),
        };
        let Ok(Packet { kind, data }) = packet else {
            self.end(End::Violation(ParseError::SENTENCE), out);
            return ControlFlow::Continue(());
        };
        let now = context.now;
        let result = match kind {
            PacketKind::Ping => self.heard_ping(shared, now).map(|()| self.write_pong(out)),
            PacketKind::Pong => self.heard_pong(shared, now),
            PacketKind::Message => {
                self.heard(shared, now);
                let is_base64 = matches!(data, Data::Base64(_));
                let kind = Kind::Binary;
                let payload = binary(protocol, is_base64, payload);
                return ControlFlow::Break(Some(Event::Message { kind, payload }));
            }
            PacketKind::Close => {
                self.end(End::Goodbye, out);
                Ok(())
            }
            _ => {
                self.heard(shared, now);
                Ok(())
            }
        };
        if let Err(sentence) = result {
            self.end(End::Violation(sentence), out);
        }
        ControlFlow::Continue(())
    }

    /// Takes a ping or a close of the WebSocket itself, and answers it as `ws` does.
    #[inline(never)]
    fn receive_control(&mut self, item: &Item<'_>, out: &mut Outputs) {
        let Transport::WebSocket(stream) = &self.transport else {
            return;
        };
        let is_open = self.phase == Phase::Open;
        match item {
            Item::Ping(payload) if is_open => {
                out.latest(stream.carrier, |out| encode::pong(payload, None, out));
            }
            Item::Close { code, reason } => {
                if is_open {
                    stream.write_close(*code, reason, out);
                }
                self.finish(Some(End::closed(*code)), out);
            }
            _ => {}
        }
    }

    fn write_pong(&self, out: &mut Outputs) {
        if let Transport::WebSocket(stream) = &self.transport {
            answer_text(stream.carrier, b"3", out);
        }
    }

    /// Sends what waited while the session polled, right after the upgrade, and then the goodbye if
    /// that waited as well.
    pub(super) fn send_waiting(
        &mut self,
        shared: &mut Shared,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        let Transport::WebSocket(stream) = &self.transport else {
            return;
        };
        let (carrier, format) = (stream.carrier, self.format);
        while let Some(unit) = units.take() {
            let scratch = &mut shared.scratch;
            out.write(carrier, |out| format.reframe(unit, scratch, out));
        }
        if self.phase == Phase::Closing {
            self.say_goodbye(context.now, out);
        }
    }
}

/// The bytes of a binary message. In place, as everything that is received.
fn binary(protocol: Protocol, is_base64: bool, payload: Payload<'_>) -> Payload<'_> {
    match (protocol, is_base64) {
        (Protocol::V4, false) => payload,
        (Protocol::V4, true) => decoded(without_first(payload, b"b".len())),
        (Protocol::V3, false) => without_first(payload, 1),
        (Protocol::V3, true) => decoded(without_first(payload, b"b4".len())),
    }
}

fn decoded(mut text: Payload<'_>) -> Payload<'_> {
    let length = base64::decode_in_place(&mut text);
    text.part(0..length)
}

/// The payload without its first bytes.
#[inline]
fn without_first(payload: Payload<'_>, count: usize) -> Payload<'_> {
    let length = payload.len();
    payload.part(count..length)
}
