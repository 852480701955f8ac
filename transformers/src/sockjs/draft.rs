//! Sessions over the drafts hixie-75 and hixie-76 of WebSocket, which sockjs-node lets in through
//! faye-websocket.
//!
//! # Invariants
//! - `o` follows the handshake at once: with hixie-76 the answer to the challenge.
//! - The drafts have no ping, so a heartbeat is the frame `h`, and nobody is given up for silence.
//! - They have no close code either: after its `c[..]` a session says the goodbye of its draft, if
//!   that has one, and closes.

use allspark_protocol::http::{Request, Response};
use allspark_protocol::transformer::{Carrier, End, Event, Kind, Outputs, Progress, Units};
use allspark_protocol::{Input, Instant};

use super::framing;
use super::service::Service;
use super::websocket::{bad_request, messages};
use crate::hixie::{self, Hixie, Item};

/// The state of a session over a draft.
#[derive(Debug)]
pub(super) struct DraftSession {
    hixie: Hixie,
    /// When the next heartbeat is due, once the session is open.
    heartbeat: Option<Instant>,
    is_over: bool,
}

impl DraftSession {
    /// Bytes of heap memory that a message under way takes.
    pub(super) fn held_bytes(&self) -> usize {
        self.hixie.held_bytes()
    }

    /// Whether a frame is under way.
    pub(super) fn is_receiving(&self) -> bool {
        self.hixie.is_receiving()
    }

    /// What came of that frame since the last call.
    pub(super) fn take_progress(&mut self) -> Option<Progress> {
        self.hixie.take_progress()
    }

    /// A session whose carrier is about to come.
    ///
    /// # Errors
    /// What faye-websocket answers to a handshake that makes no sense.
    pub(super) fn new(service: &Service, request: &Request<'_>) -> Result<Self, Response> {
        Ok(Self {
            hixie: Hixie::new(request, service.message_bytes_max).map_err(bad_request)?,
            heartbeat: None,
            is_over: false,
        })
    }

    /// Answers the request; the session is open at once, or after the challenge.
    pub(super) fn begin(
        &mut self,
        service: &Service,
        now: Instant,
        carrier: Carrier,
        body: &[u8],
        out: &mut Outputs,
    ) {
        self.hixie.begin(now, carrier, body, out);
        if self.hixie.is_open() {
            self.open(service, now, carrier, out);
        }
    }

    /// Sends what waited until the session was open.
    pub(super) fn send(&self, units: &mut dyn Units, out: &mut Outputs) {
        self.hixie.send(units, out);
    }

    /// Says goodbye.
    pub(super) fn close(&mut self, out: &mut Outputs) {
        if let Some(carrier) = self.hixie.carrier().filter(|_| self.hixie.is_open()) {
            write_frame(carrier, framing::NORMAL_CLOSURE, out);
        }
        self.end(End::Goodbye, out);
    }

    /// The carrier was lost.
    pub(super) fn lost(&mut self, out: &mut Outputs) {
        if !std::mem::replace(&mut self.is_over, true) {
            out.ended(End::Goodbye);
            out.over();
        }
    }

    /// When [`DraftSession::expired`] wants to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.hixie.deadline().or(self.heartbeat)
    }

    /// Whether the challenge is awaited: otherwise a heartbeat is due.
    pub(super) fn awaits_client(&self) -> bool {
        self.hixie.deadline().is_some()
    }

    /// The deadline has passed.
    pub(super) fn expired(&mut self, service: &Service, now: Instant, out: &mut Outputs) {
        match (self.hixie.carrier(), self.heartbeat) {
            (Some(carrier), Some(_)) => {
                write_frame(carrier, framing::HEARTBEAT, out);
                self.heartbeat = Some(now + service.heartbeat_delay());
            }
            _ => self.end(
                End::Violation("the challenge of hixie-76 did not come"),
                out,
            ),
        }
    }

    /// Reads what the client sent. What `out` holds already comes before the event.
    pub(super) fn receive<'i>(
        &mut self,
        (service, now): (&Service, Instant),
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        let end = loop {
            match self.hixie.next(input)? {
                Item::Challenge(answer) => {
                    out.write(carrier, |out| out.extend_from_slice(&answer));
                    self.open(service, now, carrier, out);
                }
                Item::Text(payload) if payload.is_empty() => {}
                Item::Text(payload) => match messages(payload, out) {
                    Ok(None) => {}
                    Ok(event) => return event,
                    Err(error) => break End::Violation(error.sentence()),
                },
                Item::Goodbye => break End::Goodbye,
                Item::TooBig => break End::Violation("a message is longer than it may be"),
            }
        };
        self.end(end, out);
        None
    }

    fn open(&mut self, service: &Service, now: Instant, carrier: Carrier, out: &mut Outputs) {
        write_frame(carrier, framing::OPEN, out);
        self.heartbeat = Some(now + service.heartbeat_delay());
        out.stream(carrier);
    }

    /// Closes the carrier, and is over with it.
    fn end(&mut self, end: End, out: &mut Outputs) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        out.ended(end);
        if let Some(carrier) = self.hixie.carrier() {
            self.hixie.close(carrier, out);
        }
        out.over();
    }
}

fn write_frame(carrier: Carrier, frame: &[u8], out: &mut Outputs) {
    out.write(carrier, |out| hixie::frame(Kind::Text, frame, out));
}
