//! One session on the server.
//!
//! | module | what it does |
//! |---|---|
//! | `opening` | the first request of a session |
//! | `polling`, `polls` | requests for a session, and the answers to its polls |
//! | `upgrade`, `probe` | a WebSocket that a polling session may change to |
//! | `stream`, `socket` | the WebSocket that a session lives on |
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
mod polls;
mod probe;
mod shared;
mod socket;
mod stream;
mod upgrade;

use allspark_protocol::transformer::{Carrier, Context, Event, Outputs, Progress, Units, Wire};
use allspark_protocol::websocket::deflate::Inflater;
use allspark_protocol::{Input, Instant};

use super::format::Format;
use super::parameters::{Parameters, TransportName};

pub(super) use shared::Shared;

use polls::Polling;
use probe::ProbeStep;
use socket::Socket;

/// The server half of one session.
#[derive(Debug)]
pub struct EngineIoSession {
    transport: Transport,
    /// The moment of the next heartbeat, or the end of the time for a goodbye.
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
    WebSocket(Socket),
}

/// How far the session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Its first request has not been handled.
    Opening,
    Open,
    /// The application has ended it: what waits is still sent, then the goodbye.
    Closing,
    /// It can be forgotten.
    Over,
}

/// What the deadline of a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beat {
    /// There is none.
    Stopped,
    /// To send a ping.
    PingDue,
    /// To receive a pong.
    PongDue,
    /// To receive a pong. The session has already granted the time once more.
    PongOverdue,
    /// To receive a ping.
    ClientPingDue,
    /// To give up a goodbye that the client has not answered.
    GoodbyeDue,
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

    /// Whether a message is under way on its WebSocket. One that it is about to change to has a
    /// time of its own.
    #[inline]
    pub(super) fn is_receiving(&self) -> bool {
        match &self.transport {
            Transport::WebSocket(stream) => stream.decoder.is_receiving(),
            Transport::Awaited | Transport::Polling(_) => false,
        }
    }

    /// What came of that message since the last call.
    pub(super) fn take_progress(&mut self) -> Option<Progress> {
        match &mut self.transport {
            Transport::WebSocket(stream) => stream.decoder.take_progress(),
            Transport::Awaited | Transport::Polling(_) => None,
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
            // A carrier that the session has given up.
            None => {
                input.take_all();
            }
        }
    }
}
