//! One session on the server.
//!
//! | module | what it does |
//! |---|---|
//! | `opening` | the first request of a session |
//! | `polling` | requests for a session, and the answers to its polls |
//! | `upgrade` | a WebSocket that a polling session may change to |
//! | `stream` | the WebSocket that a session lives on |
//! | `heartbeat` | the pings of engine.io, and its time-outs |
//! | `ending` | every way in which it ends |
//!
//! # Invariants
//! - Polls are answered in `send`, so that what waits for the client comes along. Only a poll that
//!   is given up (a noop, or the close packet of a session that ended without being told to) is
//!   answered where that happens.

mod ending;
mod heartbeat;
mod opening;
mod polling;
mod stream;
mod upgrade;

use allspark_protocol::http::RequestHead;
use allspark_protocol::transformer::{Carrier, Context, Event, Kind, Outputs, Units, Wire};
use allspark_protocol::websocket::deflate::{Inflater, WindowBits};
use allspark_protocol::websocket::handshake::{Refusal, Upgrade};
use allspark_protocol::{Input, Instant};

use super::format::Format;
use super::gzipped::Gzipped;
use super::options::EngineIoOptions;
use super::parameters::{Parameters, TransportName};
use crate::websockets::{self, DeflateOptions};
use heartbeat::Beat;
use polling::Polling;
use stream::Stream;
use upgrade::ProbeStep;

/// What the sessions of a shard share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) options: EngineIoOptions,
    /// Bytes of the largest body and of the largest WebSocket message.
    pub(super) buffer_bytes_max: usize,
    /// Where bytes are decoded.
    pub(super) scratch: Vec<u8>,
    /// How messages on WebSockets are compressed, if they are.
    pub(super) deflate: Option<DeflateOptions>,
    pub(super) codec: websockets::Shared,
    pub(super) gzipped: Gzipped,
}

/// Bytes up to which scratch space is kept: a rare huge message must not stay in memory.
const SCRATCH_BYTES_KEPT_MAX: usize = 64 * 1024;

impl Shared {
    /// Checks a request for a WebSocket. Whether messages may be compressed is what it agrees on:
    /// only with the largest window, which no client in the field forbids, so that there is one
    /// wire for all.
    ///
    /// # Errors
    /// As those of [`Upgrade::check`] and [`Upgrade::with_deflate`].
    pub(super) fn upgrade<'b>(&self, head: &RequestHead<'b>) -> Result<Upgrade<'b>, Refusal> {
        let plain = Upgrade::check(head)?;
        let Some(deflate) = &self.deflate else {
            return Ok(plain);
        };
        let compressed = plain.clone().with_deflate(head, &deflate.terms)?;
        let bits = compressed
            .deflate()
            .and_then(|it| it.server_max_window_bits);
        Ok(match bits {
            None | Some(WindowBits::MAX) => compressed,
            Some(_) => plain,
        })
    }

    /// Appends a message as a compressed frame of this format.
    pub(super) fn frame(
        &mut self,
        format: Format,
        deflate: &DeflateOptions,
        kind: Kind,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) {
        self.scratch.clear();
        let kind = format.packet(kind, payload, &mut self.scratch);
        self.codec
            .frame(deflate, WindowBits::MAX, kind, &self.scratch, out);
        self.trim();
    }

    /// Gives back what a huge message needed.
    pub(super) fn trim(&mut self) {
        self.scratch.truncate(SCRATCH_BYTES_KEPT_MAX);
        self.scratch.shrink_to(SCRATCH_BYTES_KEPT_MAX);
    }
}

/// The server half of one session.
#[derive(Debug)]
pub struct EngineIoSession {
    transport: Transport,
    /// When the heartbeat wants attention, or when a goodbye has taken too long.
    deadline: Instant,
    beat: Beat,
    phase: Phase,
    format: Format,
    /// Messages on its WebSocket may be compressed.
    is_compressed: bool,
}

const _: () = assert!(
    size_of::<EngineIoSession>() <= 40,
    "there is one in every idle spark"
);

/// What the session uses at the moment.
#[derive(Debug)]
enum Transport {
    /// The WebSocket that it begins with; the first request brings it.
    Awaited,
    Polling(Box<Polling>),
    WebSocket(Stream),
}

/// How far the session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Its first request has not been handled.
    Opening,
    Open,
    /// The app has ended it: what waits is still sent, then the goodbye.
    Closing,
    /// It can be forgotten.
    Over,
}

impl EngineIoSession {
    /// Bytes of heap memory that a message under way takes.
    pub(super) fn held_bytes(&self) -> usize {
        match &self.transport {
            Transport::Awaited => 0,
            Transport::Polling(polling) => polling.held_bytes(),
            Transport::WebSocket(stream) => stream.decoder.held_bytes(),
        }
    }

    pub(super) fn new(transport: TransportName, parameters: Parameters<'_>) -> Self {
        let protocol = parameters.protocol;
        let (transport, format) = match transport {
            TransportName::Polling => (
                Transport::Polling(Polling::new(parameters)),
                Format::polling(protocol),
            ),
            TransportName::WebSocket => (
                Transport::Awaited,
                Format::websocket(protocol, parameters.base64),
            ),
        };
        Self {
            transport,
            deadline: Instant::ZERO,
            beat: Beat::Stopped,
            phase: Phase::Opening,
            format,
            is_compressed: false,
        }
    }

    #[inline]
    pub(super) fn wire(&self) -> Wire {
        self.format.wire(self.is_compressed)
    }

    /// The poll that waits, if one does.
    pub(super) fn poll(&self) -> Option<Carrier> {
        match &self.transport {
            Transport::Polling(polling) => polling.poll(),
            Transport::Awaited | Transport::WebSocket(_) => None,
        }
    }

    #[inline]
    pub(super) fn deadline(&self) -> Option<Instant> {
        let own = (self.beat != Beat::Stopped).then_some(self.deadline);
        match &self.transport {
            Transport::Polling(polling) => match (own, polling.probe_deadline()) {
                (Some(own), Some(probe)) => Some(own.min(probe)),
                (own, probe) => own.or(probe),
            },
            Transport::Awaited | Transport::WebSocket(_) => own,
        }
    }

    /// Whether it is the client who has to act by that deadline.
    pub(super) fn awaits_client(&self) -> bool {
        let own = (self.beat != Beat::Stopped).then_some(self.deadline);
        let probe = match &self.transport {
            Transport::Polling(polling) => polling.probe_deadline(),
            Transport::Awaited | Transport::WebSocket(_) => None,
        };
        match (own, probe) {
            (Some(own), Some(probe)) if probe < own => self.awaits_upgrade(),
            (None, Some(_)) => self.awaits_upgrade(),
            _ => self.beat != Beat::PingDue,
        }
    }

    /// Consumes bytes of a WebSocket: the one that the session lives on, or the one that it is
    /// about to change to.
    #[inline]
    pub(super) fn receive<'i>(
        &mut self,
        shared: &mut Shared,
        context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        if !matches!(&self.transport, Transport::WebSocket(stream) if stream.carrier == carrier) {
            let inflater = &mut shared.codec.inflater;
            self.receive_probe(inflater, context, carrier, input, out);
        }
        // After an upgrade the rest is for the new transport.
        match &self.transport {
            Transport::WebSocket(_) => self.receive_stream(shared, context, input, out),
            Transport::Awaited | Transport::Polling(_) => None,
        }
    }

    /// Takes units for the poll that waits or, right after an upgrade, for the WebSocket.
    pub(super) fn send(
        &mut self,
        shared: &mut Shared,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        match self.transport {
            Transport::Polling(_) => self.answer_poll(&mut shared.gzipped, units, out),
            Transport::WebSocket(_) => self.send_waiting(shared, context, units, out),
            Transport::Awaited => {}
        }
    }

    #[inline(never)]
    fn receive_probe(
        &mut self,
        inflater: &mut Inflater,
        context: Context,
        carrier: Carrier,
        input: &mut Input<'_>,
        out: &mut Outputs,
    ) {
        let probe = match &mut self.transport {
            Transport::Polling(polling) => polling.probe_on(carrier),
            Transport::Awaited | Transport::WebSocket(_) => None,
        };
        let protocol = self.format.protocol();
        match probe.map(|probe| probe.receive(context, protocol, inflater, input, out)) {
            Some(ProbeStep::More) => {}
            Some(ProbeStep::Upgrade) => self.complete_upgrade(out),
            Some(ProbeStep::Failed) => {
                if let Transport::Polling(polling) = &mut self.transport {
                    polling.take_probe();
                }
                input.take_all();
            }
            // A carrier that was given up.
            None => {
                input.take_all();
            }
        }
    }
}
