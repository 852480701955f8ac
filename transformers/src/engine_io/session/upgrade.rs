//! A polling session changes to a WebSocket.
//!
//! The client opens a WebSocket for the session and probes it: ping `2probe`, pong `3probe`. It
//! then stops to poll, for which a poll that waits is released with a noop every 100 ms, and says
//! `5`. Whatever else it says, or saying nothing for `upgradeTimeout`, fails the attempt: the
//! WebSocket is closed, and the session polls on. While one attempt is under way, or after one
//! was successful, another WebSocket is accepted and closed at once, as in the package.

use std::time::Duration;

use allspark_protocol::http::Request;
use allspark_protocol::transformer::{Carrier, Context, End, Outputs};
use allspark_protocol::websocket::{Decoder, Role};

use super::super::format::Format;
use super::super::parameters::{Parameters, TransportName};
use super::polling::DATA_OVERLAP;
use super::polls::CLOSE;
use super::probe::{Probe, dismiss};
use super::socket::{Socket, write_text};
use super::{EngineIoSession, Shared, Transport};

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
                let timeout = Duration::from_millis(shared.options.upgrade_timeout_ms.get());
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
    /// waits is told that its transport is closed. The client ignores that by now.
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
        self.transport = Transport::WebSocket(Socket { carrier, decoder });
        out.stream(carrier);
    }
}
