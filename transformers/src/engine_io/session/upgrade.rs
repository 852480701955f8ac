//! A polling session changes to a WebSocket.
//!
//! The client opens a WebSocket for the session and probes it: ping `2probe`, pong `3probe`. It
//! then stops to poll, for which a poll that waits is released with a noop every 100 ms, and says
//! `5`. Whatever else it says, or saying nothing for `upgradeTimeout`, fails the attempt: the
//! WebSocket is closed, and the session polls on. While one attempt is under way, or after one
//! was successful, another WebSocket is accepted and closed at once, as in the package.

use std::time::Duration;

use allspark_protocol::http::Request;
use allspark_protocol::transformer::{Carrier, Context, End, Kind, Outputs};
use allspark_protocol::websocket::deflate::Inflater;
use allspark_protocol::websocket::{Decoder, Item, Role, encode};
use allspark_protocol::{Input, Instant};

use super::super::format::Format;
use super::super::packet::{Data, Packet, PacketKind, Protocol};
use super::super::parameters::{Parameters, TransportName};
use super::polling::{CLOSE, DATA_OVERLAP, NOOP, Polling};
use super::stream::{Stream, answer_text, write_text};
use super::{EngineIoSession, Shared, Transport};

/// Milliseconds between two noops, as in the package.
const NOOP_INTERVAL: Duration = Duration::from_millis(100);

/// A WebSocket that a session may change to.
#[derive(Debug)]
pub(super) struct Probe {
    carrier: Carrier,
    decoder: Decoder,
    /// When the attempt has taken too long.
    deadline: Instant,
    /// When the next poll is released, once the client has probed.
    noop_at: Option<Instant>,
    /// The client wants bytes in base64.
    base64: bool,
    /// Messages may be compressed.
    is_compressed: bool,
}

impl Probe {
    pub(super) fn held_bytes(&self) -> usize {
        self.decoder.held_bytes()
    }
}

/// What came of bytes on the WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProbeStep {
    /// Nothing yet.
    More,
    /// The session changes to it.
    Upgrade,
    /// It is closed.
    Failed,
}

impl Probe {
    pub(super) fn receive(
        &mut self,
        context: Context,
        protocol: Protocol,
        inflater: &mut Inflater,
        input: &mut Input<'_>,
        out: &mut Outputs,
    ) -> ProbeStep {
        loop {
            let item = match self.is_compressed {
                false => self.decoder.next(input),
                true => self.decoder.next_inflating(input, inflater),
            };
            let packet = match item {
                Ok(None) => return ProbeStep::More,
                Ok(Some(Item::Message {
                    kind: Kind::Text,
                    payload,
                })) => Packet::from_text(protocol, &payload).map(|packet| step_of(&packet)),
                Ok(Some(Item::Message { payload, .. })) => {
                    Ok(step_of(&Packet::from_binary(protocol, &payload)))
                }
                Ok(Some(Item::Ping(payload))) => {
                    out.latest(self.carrier, |out| encode::pong(&payload, None, out));
                    continue;
                }
                Ok(Some(Item::Pong(_))) => continue,
                Ok(Some(Item::Close { code, reason })) => {
                    out.write(self.carrier, |out| encode::close(code, &reason, None, out));
                    out.close(self.carrier);
                    return ProbeStep::Failed;
                }
                Err(violation) => {
                    let code = Some(violation.close_code());
                    out.write(self.carrier, |out| encode::close(code, "", None, out));
                    out.close(self.carrier);
                    return ProbeStep::Failed;
                }
            };
            match packet {
                Ok(Step::Probe) => {
                    answer_text(self.carrier, b"3probe", out);
                    self.noop_at = Some(context.now + NOOP_INTERVAL);
                }
                Ok(Step::Upgrade) => return ProbeStep::Upgrade,
                Ok(Step::Other) | Err(_) => {
                    dismiss(self.carrier, out);
                    return ProbeStep::Failed;
                }
            }
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.noop_at
            .map_or(self.deadline, |at| at.min(self.deadline))
    }

    /// Whether the next deadline is the client's, and not that of a noop.
    pub(super) fn awaits_client(&self) -> bool {
        self.noop_at.is_none_or(|at| self.deadline <= at)
    }
}

/// What a packet on the WebSocket asks for.
#[derive(Clone, Copy)]
enum Step {
    Probe,
    Upgrade,
    Other,
}

fn step_of(packet: &Packet<'_>) -> Step {
    match (packet.kind, packet.data) {
        (PacketKind::Ping, Data::Text(b"probe")) => Step::Probe,
        (PacketKind::Upgrade, _) => Step::Upgrade,
        _ => Step::Other,
    }
}

impl Polling {
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

impl EngineIoSession {
    /// Whether the client has to go on with the upgrade by the deadline of the attempt.
    pub(super) fn awaits_upgrade(&self) -> bool {
        match &self.transport {
            Transport::Polling(polling) => polling.probe_awaits_client(),
            Transport::Awaited | Transport::WebSocket(_) => false,
        }
    }

    /// Handles a request for a WebSocket.
    pub(super) fn try_upgrade(
        &mut self,
        shared: &Shared,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        parameters: &Parameters<'_>,
        out: &mut Outputs,
    ) {
        let upgrade = match shared.upgrade(&request.head) {
            Ok(upgrade) => upgrade,
            Err(refusal) => return out.respond(carrier, refusal.response()),
        };
        out.upgrade(carrier, upgrade.response());
        match &mut self.transport {
            Transport::Polling(polling)
                if !polling.has_probe()
                    && parameters.transport == Some(TransportName::WebSocket) =>
            {
                let timeout = Duration::from_millis(shared.options.upgrade_timeout_ms);
                polling.set_probe(Box::new(Probe {
                    carrier,
                    decoder: Decoder::new(Role::Server, shared.buffer_bytes_max),
                    deadline: context.now + timeout,
                    noop_at: None,
                    base64: parameters.base64,
                    is_compressed: upgrade.deflate().is_some(),
                }));
            }
            _ => dismiss(carrier, out),
        }
    }

    /// The session changes to the WebSocket that was probed. As in the package, a poll that still
    /// waits is told that its transport is closed, which the client does not mind any more.
    pub(super) fn complete_upgrade(&mut self, out: &mut Outputs) {
        let Transport::Polling(polling) = &mut self.transport else {
            return;
        };
        if polling.has_incoming() {
            // What comes on the WebSocket would overtake it. No client changes before it has the
            // answer to what it sent.
            return self.end(End::Violation(DATA_OVERLAP), out);
        }
        let Some(probe) = polling.take_probe() else {
            return;
        };
        let Probe {
            carrier,
            decoder,
            base64,
            is_compressed,
            ..
        } = *probe;
        polling.release_poll(self.format, CLOSE, out);
        for beat in polling.take_heartbeats() {
            write_text(carrier, beat, out);
        }
        self.format = Format::websocket(self.format.protocol(), base64);
        self.is_compressed = is_compressed;
        self.transport = Transport::WebSocket(Stream { carrier, decoder });
        out.stream(carrier);
    }
}

/// Closes a WebSocket that the session does not want.
fn dismiss(carrier: Carrier, out: &mut Outputs) {
    out.write(carrier, |out| encode::close(None, "", None, out));
    out.close(carrier);
}
