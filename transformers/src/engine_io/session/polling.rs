//! Requests for a session that exists, and the answers to its polls.

use allspark_protocol::http::{Request, RequestHead, Response, accepts_gzip};
use allspark_protocol::limits::PORTION_MESSAGES;
use allspark_protocol::transformer::{Begun, Carrier, Context, End, Kind, Outputs, Units};

use super::super::base64;
use super::super::gzipped::Gzipped;
use super::super::jsonp;
use super::super::packet::{Data, Packet, PacketKind, ParseError, Protocol};
use super::super::parameters::{Parameters, TransportName};
use super::super::payload::{Packets, Payload};
use super::super::refusal::Refusal;
use super::polls::{BYTES, CLOSE, Incoming};
use super::{EngineIoSession, Phase, Shared, Transport};

const OVERLAP: &str = "overlap from client";
pub(super) const DATA_OVERLAP: &str = "data request overlap from client";
pub(super) const CUT_OFF: &str = "data request connection closed prematurely";
const INVALID_CONTENT: &str = "invalid content";

/// What one packet of a body leads to.
enum Stop {
    /// The client has ended the session.
    Closed,
    Violation(&'static str),
}

impl EngineIoSession {
    /// Handles a request for this session, in the order in which the package checks it.
    pub(in super::super) fn exchange(
        &mut self,
        shared: &mut Shared,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        let head = &request.head;
        if self.phase == Phase::Opening {
            return self.open(shared, context, carrier, request, out);
        }
        let parameters = Parameters::of(head);
        let is_upgrade = head.wants_upgrade();
        if !self.fits(&parameters, is_upgrade) {
            let response = Refusal::BadRequest.response(is_upgrade);
            out.respond(carrier, response);
        } else if is_upgrade {
            self.try_upgrade(shared, context, carrier, request, &parameters, out);
        } else {
            match head.method() {
                "GET" => self.take_poll(carrier, head, out),
                "POST" => self.take_body(shared, context, carrier, request, out),
                _ => out.respond(carrier, Response::new(500)),
            }
        }
    }

    fn fits(&self, parameters: &Parameters<'_>, is_upgrade: bool) -> bool {
        let polls = parameters.transport == Some(TransportName::Polling)
            && matches!(self.transport, Transport::Polling(_));
        self.phase != Phase::Over
            && (is_upgrade || polls)
            && parameters.protocol == self.format.protocol()
    }

    /// A body is about to come. A second one while one is under way ends the session, as in the
    /// package.
    pub(in super::super) fn begun(
        &mut self,
        carrier: Carrier,
        head: &RequestHead<'_>,
        out: &mut Outputs,
    ) -> Begun {
        let fits = self.fits(&Parameters::of(head), head.wants_upgrade());
        let Transport::Polling(polling) = &mut self.transport else {
            return Begun::Ignored;
        };
        if !fits || head.method() != "POST" {
            return Begun::Ignored;
        }
        if polling.has_other_sender(carrier) {
            self.end(End::Violation(DATA_OVERLAP), out);
            return Begun::Refused(Response::new(400));
        }
        polling.arriving = Some(carrier);
        Begun::Noted
    }

    /// Keeps a poll until there is something to say. A second one ends the session.
    fn take_poll(&mut self, carrier: Carrier, head: &RequestHead<'_>, out: &mut Outputs) {
        let Transport::Polling(polling) = &mut self.transport else {
            return;
        };
        if polling.poll.is_none() {
            polling.poll = Some(carrier);
            polling.accepts_gzip = accepts_gzip(head);
        } else {
            out.respond(carrier, Response::new(400));
            self.end(End::Violation(OVERLAP), out);
        }
    }

    /// Takes what the client sends. A second body while one is under way ends the session, as in
    /// the package.
    fn take_body(
        &mut self,
        shared: &mut Shared,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        let body = &*request.body;
        if let Transport::Polling(polling) = &mut self.transport {
            if polling.has_other_sender(carrier) {
                out.respond(carrier, Response::new(400));
                return self.end(End::Violation(DATA_OVERLAP), out);
            }
            polling.arriving = None;
        }
        if body.len() > shared.buffer_bytes_max {
            return out.respond(carrier, Response::new(413));
        }
        let is_binary = request.head.header("content-type") == Some(BYTES);
        if is_binary && self.format.protocol() == Protocol::V4 {
            out.respond(carrier, Response::new(400));
            return self.end(End::Violation(INVALID_CONTENT), out);
        }
        let protocol = self.format.protocol();
        let form = match self.is_jsonp() && !is_binary {
            true => match jsonp::unwrap(body) {
                Some(payload) => Some(payload),
                None => return out.respond(carrier, taken()),
            },
            false => None,
        };
        let payload = form.as_deref().unwrap_or(body);
        let packets = match is_binary {
            true => Ok(Packets::of_binary()),
            false => Packets::of_text(protocol, payload),
        };
        let step = match packets {
            Ok(mut packets) => match self.hand_on(shared, context, payload, &mut packets, out) {
                None => {
                    let incoming = Incoming {
                        carrier: Some(carrier),
                        payload: form.unwrap_or_else(|| body.to_vec()),
                        packets,
                    };
                    return self.put_off(incoming, out);
                }
                Some(step) => step,
            },
            Err(ParseError) => self.malformed(),
        };
        self.taken(Some(carrier), step, out);
    }

    /// Hands on the next packets of a body that brought many.
    pub(in super::super) fn proceed(
        &mut self,
        shared: &mut Shared,
        context: Context,
        out: &mut Outputs,
    ) {
        let Transport::Polling(polling) = &mut self.transport else {
            return;
        };
        let Some(mut incoming) = polling.incoming.take() else {
            return;
        };
        let Incoming {
            carrier,
            payload,
            packets,
        } = &mut *incoming;
        match self.hand_on(shared, context, payload, packets, out) {
            None => self.put_off(*incoming, out),
            Some(step) => self.taken(*carrier, step, out),
        }
    }

    /// Keeps a body whose other packets are handed on in a later turn.
    fn put_off(&mut self, incoming: Incoming, out: &mut Outputs) {
        if let Transport::Polling(polling) = &mut self.transport {
            polling.incoming = Some(Box::new(incoming));
            out.more();
        }
    }

    /// Hands on as many packets as one call should. `None` if there are more.
    fn hand_on(
        &mut self,
        shared: &mut Shared,
        context: Context,
        payload: &[u8],
        packets: &mut Packets,
        out: &mut Outputs,
    ) -> Option<Result<(), Stop>> {
        // Pings and unknown packets are no outputs, but cost time.
        for _ in 0..PORTION_MESSAGES {
            if out.is_portion() {
                break;
            }
            match packets.next(payload) {
                Ok(None) => return Some(Ok(())),
                Ok(Some(packet)) => {
                    if let Err(stop) = self.packet(shared, context, packet, out) {
                        return Some(Err(stop));
                    }
                }
                Err(ParseError) => return Some(self.malformed()),
            }
        }
        None
    }

    /// What a body that is malformed leads to.
    fn malformed(&self) -> Result<(), Stop> {
        match self.phase {
            Phase::Open => Err(Stop::Violation(ParseError::SENTENCE)),
            _ => Ok(()),
        }
    }

    /// Answers the request of a body that is done with.
    fn taken(&mut self, carrier: Option<Carrier>, step: Result<(), Stop>, out: &mut Outputs) {
        if let Some(carrier) = carrier {
            out.respond(carrier, taken());
        }
        match step {
            Ok(()) => {}
            Err(Stop::Closed) => self.finish_by_client(out),
            Err(Stop::Violation(sentence)) => self.end(End::Violation(sentence), out),
        }
    }

    /// Takes one packet of a body. A session that says goodbye hears nothing but a close.
    fn packet(
        &mut self,
        shared: &mut Shared,
        context: Context,
        packet: Packet<'_>,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        if packet.kind == PacketKind::Close {
            return Err(Stop::Closed);
        }
        if self.phase != Phase::Open {
            return Ok(());
        }
        let now = context.now;
        match packet.kind {
            PacketKind::Ping => {
                self.heard_ping(shared, now).map_err(Stop::Violation)?;
                if let Transport::Polling(polling) = &mut self.transport {
                    polling.owes_pong = true;
                }
            }
            PacketKind::Pong => self.heard_pong(shared, now).map_err(Stop::Violation)?,
            PacketKind::Message => {
                self.heard(shared, now);
                message(packet.data, &mut shared.scratch, out);
            }
            _ => self.heard(shared, now),
        }
        Ok(())
    }

    /// Answers the poll that waits with everything that waits, if there is anything. After a
    /// goodbye the close packet comes last, and the session is over.
    pub(super) fn answer_poll(
        &mut self,
        gzipped: &mut Gzipped,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        let Transport::Polling(polling) = &mut self.transport else {
            return;
        };
        let Some(carrier) = polling.poll else {
            return;
        };
        let mut payload = Payload::new(polling.encoding(self.format));
        polling
            .take_heartbeats()
            .for_each(|beat| payload.push(beat));
        while let Some(unit) = units.take() {
            payload.push(unit);
        }
        if self.phase == Phase::Closing {
            payload.push(CLOSE);
        }
        if payload.is_empty() {
            return;
        }
        polling.poll = None;
        let (content_type, body) = polling.body(payload);
        let accepted = polling.accepts_gzip.then(|| gzipped.body(&body)).flatten();
        let response = Response::new(200);
        let response = match accepted {
            Some(gzip) => response
                .header("Content-Encoding", "gzip")
                .body(content_type, gzip),
            None => response.body(content_type, body),
        };
        out.respond(carrier, response);
        if self.phase == Phase::Closing {
            self.finish(None, out);
        }
    }

    fn is_jsonp(&self) -> bool {
        matches!(&self.transport, Transport::Polling(polling) if polling.jsonp.is_some())
    }
}

/// The answer to a body.
fn taken() -> Response {
    Response::new(200).body("text/html", &b"ok"[..])
}

/// Hands a message to the application.
fn message(data: Data<'_>, scratch: &mut Vec<u8>, out: &mut Outputs) {
    match data {
        Data::Text(text) => out.message(Kind::Text, text),
        Data::Binary(bytes) => out.message(Kind::Binary, bytes),
        Data::Base64(text) => {
            scratch.clear();
            scratch.extend_from_slice(text);
            let length = base64::decode_in_place(scratch);
            out.message(Kind::Binary, &scratch[..length]);
        }
    }
}
