//! A WebSocket that a polling session may change to.

use std::time::Duration;

use allspark_protocol::transformer::{Carrier, Context, Kind, Outputs};
use allspark_protocol::websocket::deflate::Inflater;
use allspark_protocol::websocket::{Decoder, Item, encode};
use allspark_protocol::{Input, Instant};

use super::super::packet::{Data, Packet, PacketKind, Protocol};
use super::socket::answer_text;

/// Milliseconds between two noops, as in the package.
pub(super) const NOOP_INTERVAL: Duration = Duration::from_millis(100);

/// A WebSocket that a session may change to.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) carrier: Carrier,
    pub(super) decoder: Decoder,
    /// When the attempt has taken too long.
    pub(super) deadline: Instant,
    /// When the next poll is released, once the client has probed.
    pub(super) noop_at: Option<Instant>,
    /// The client wants bytes in base64.
    pub(super) base64: bool,
    /// Messages may be compressed.
    pub(super) is_compressed: bool,
}

impl Probe {
    pub(super) fn held_bytes(&self) -> usize {
        self.decoder.held_bytes()
    }
}

/// What the bytes on the WebSocket lead to.
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

/// Closes a WebSocket that the session does not want.
pub(super) fn dismiss(carrier: Carrier, out: &mut Outputs) {
    out.write(carrier, |out| encode::close(None, "", None, out));
    out.close(carrier);
}
