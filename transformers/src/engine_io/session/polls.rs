//! The polls of a session: the request that waits, and what is said when it is answered.

use allspark_protocol::Instant;
use allspark_protocol::http::Response;
use allspark_protocol::transformer::{Carrier, Outputs};

use super::super::format::Format;
use super::super::jsonp;
use super::super::packet::Protocol;
use super::super::parameters::Parameters;
use super::super::payload::{Encoding, Packets, Payload};
use super::probe::{NOOP_INTERVAL, Probe, dismiss};

/// A session that polls.
#[derive(Debug)]
pub(super) struct Polling {
    /// The request that waits until there is something to say.
    pub(super) poll: Option<Carrier>,
    /// Its client accepts gzip.
    pub(super) accepts_gzip: bool,
    probe: Option<Box<Probe>>,
    /// The number of the function that answers are to call, if they are to be scripts.
    pub(super) jsonp: Option<Box<str>>,
    /// Bytes must be sent in base64. (In protocol 4 they always are.)
    base64: bool,
    owes_ping: bool,
    pub(super) owes_pong: bool,
    /// The request whose body is coming.
    pub(super) arriving: Option<Carrier>,
    /// A body whose packets are being handed on.
    pub(super) incoming: Option<Box<Incoming>>,
}

/// A body whose packets are being handed on, in portions over several turns. Its request is
/// answered once all of them are.
#[derive(Debug)]
pub(super) struct Incoming {
    /// What waits for the answer, unless it was lost.
    pub(super) carrier: Option<Carrier>,
    pub(super) payload: Vec<u8>,
    pub(super) packets: Packets,
}

impl Polling {
    pub(super) fn held_bytes(&self) -> usize {
        let incoming = self.incoming.as_ref();
        let incoming = incoming.map_or(0, |incoming| incoming.payload.capacity());
        incoming + self.probe.as_ref().map_or(0, |probe| probe.held_bytes())
    }

    pub(super) fn new(parameters: Parameters<'_>) -> Box<Self> {
        Box::new(Self {
            poll: None,
            accepts_gzip: false,
            probe: None,
            // A script can't hold bytes.
            base64: parameters.base64 || parameters.jsonp.is_some(),
            jsonp: parameters.jsonp,
            owes_ping: false,
            owes_pong: false,
            arriving: None,
            incoming: None,
        })
    }

    pub(super) fn poll(&self) -> Option<Carrier> {
        self.poll
    }

    pub(super) fn take_poll_on(&mut self, carrier: Carrier) -> Option<Carrier> {
        self.poll.take_if(|poll| *poll == carrier)
    }

    /// A request was lost. What it has brought has arrived all the same, if all of it has: says
    /// whether its body was cut off.
    pub(super) fn lose_sender(&mut self, lost: Carrier) -> bool {
        if let Some(incoming) = &mut self.incoming {
            incoming.carrier.take_if(|carrier| *carrier == lost);
        }
        self.arriving.take_if(|carrier| *carrier == lost).is_some()
    }

    /// Whether a body is under way, but on this carrier.
    pub(super) fn has_other_sender(&self, carrier: Carrier) -> bool {
        self.incoming.is_some() || self.arriving.is_some_and(|other| other != carrier)
    }

    /// Whether packets of a body are still being handed on.
    pub(super) fn has_incoming(&self) -> bool {
        self.incoming.is_some()
    }

    pub(super) fn probe(&mut self) -> Option<&mut Probe> {
        self.probe.as_deref_mut()
    }

    pub(super) fn has_probe(&self) -> bool {
        self.probe.is_some()
    }

    pub(super) fn probe_deadline(&self) -> Option<Instant> {
        self.probe.as_deref().map(Probe::deadline)
    }

    pub(super) fn probe_awaits_client(&self) -> bool {
        self.probe.as_deref().is_some_and(Probe::awaits_client)
    }

    pub(super) fn set_probe(&mut self, probe: Box<Probe>) {
        self.probe = Some(probe);
    }

    pub(super) fn take_probe(&mut self) -> Option<Box<Probe>> {
        self.probe.take()
    }

    pub(super) fn owe_ping(&mut self) {
        self.owes_ping = true;
    }

    /// The heartbeats that wait for a poll.
    pub(super) fn take_heartbeats(&mut self) -> impl Iterator<Item = &'static [u8]> + use<> {
        let ping = std::mem::take(&mut self.owes_ping).then_some(&b"2"[..]);
        let pong = std::mem::take(&mut self.owes_pong).then_some(&b"3"[..]);
        ping.into_iter().chain(pong)
    }

    pub(super) fn encoding(&self, format: Format) -> Encoding {
        match (format.protocol(), self.base64) {
            (Protocol::V4, _) => Encoding::Separated,
            (Protocol::V3, true) => Encoding::CountedBase64,
            (Protocol::V3, false) => Encoding::CountedBinary,
        }
    }

    /// The answer to a poll.
    pub(super) fn response(&self, payload: Payload) -> Response {
        let (content_type, body) = self.body(payload);
        Response::new(200).body(content_type, body)
    }

    /// The body of the answer to a poll, with its type.
    pub(super) fn body(&self, payload: Payload) -> (&'static str, Vec<u8>) {
        let (body, is_binary) = payload.finish();
        match &self.jsonp {
            Some(index) => (TEXT, jsonp::wrap(index, &body)),
            None if is_binary => (BYTES, body),
            None => (TEXT, body),
        }
    }

    /// Answers the waiting poll, if there is one, with a single packet.
    pub(super) fn release_poll(&mut self, format: Format, packet: &[u8], out: &mut Outputs) {
        if let Some(carrier) = self.poll.take() {
            let mut payload = Payload::new(self.encoding(format));
            payload.push(packet);
            out.respond(carrier, self.response(payload));
        }
    }

    /// The attempt on this carrier.
    pub(super) fn probe_on(&mut self, carrier: Carrier) -> Option<&mut Probe> {
        self.probe().filter(|probe| probe.carrier == carrier)
    }

    /// Gives the attempt up, if there is one.
    pub(super) fn dismiss_probe(&mut self, out: &mut Outputs) {
        if let Some(probe) = self.take_probe() {
            dismiss(probe.carrier, out);
        }
    }

    /// Time has passed: releases the poll, or gives the attempt up.
    pub(super) fn probe_expired(&mut self, now: Instant, format: Format, out: &mut Outputs) {
        let Some(probe) = self.probe() else {
            return;
        };
        if now >= probe.deadline {
            return self.dismiss_probe(out);
        }
        if probe.noop_at.is_some_and(|at| at <= now) {
            probe.noop_at = Some(now + NOOP_INTERVAL);
            self.release_poll(format, NOOP, out);
        }
    }
}

const TEXT: &str = "text/plain; charset=UTF-8";
pub(super) const BYTES: &str = "application/octet-stream";

/// Ends a poll that is of no use any more.
pub(super) const NOOP: &[u8] = b"6";

/// Tells a client that the session is over.
pub(super) const CLOSE: &[u8] = b"1";
