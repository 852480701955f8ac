//! The WebSocket that a session lives on, and what it writes there.

use allspark_protocol::transformer::{Carrier, Kind, Outputs};
use allspark_protocol::websocket::{CloseCode, Decoder, Role, encode};

use super::shared::Shared;

/// The WebSocket of a session.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) decoder: Decoder,
    pub(super) carrier: Carrier,
}

impl Socket {
    pub(super) fn new(shared: &Shared, carrier: Carrier) -> Self {
        Self {
            decoder: Decoder::new(Role::Server, shared.buffer_bytes_max),
            carrier,
        }
    }

    pub(super) fn write_ping(&self, out: &mut Outputs) {
        write_text(self.carrier, b"2", out);
    }

    /// Writes a close frame, with a code if there is one.
    pub(super) fn write_close(&self, code: Option<CloseCode>, reason: &str, out: &mut Outputs) {
        out.write(self.carrier, |out| encode::close(code, reason, None, out));
    }
}

/// Writes a packet as a frame of text.
pub(super) fn write_text(carrier: Carrier, packet: &[u8], out: &mut Outputs) {
    out.write(carrier, |out| {
        encode::message(Kind::Text, packet, None, out);
    });
}

/// Writes a packet as a frame of text, in answer to another packet.
pub(super) fn answer_text(carrier: Carrier, packet: &[u8], out: &mut Outputs) {
    out.latest(carrier, |out| {
        encode::message(Kind::Text, packet, None, out);
    });
}
