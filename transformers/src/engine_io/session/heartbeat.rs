//! The pings of engine.io, which have nothing to do with those of Primus.
//!
//! In protocol 4 the server pings, `pingInterval` after the last pong, and ends the session if no
//! pong comes within `pingTimeout`; the first other packet that comes meanwhile grants that time
//! once more, since it shows that the client is there but busy (engine.io 6.6). In protocol 3 the
//! client pings, at the latest after both times together.

use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::transformer::{Context, End, Outputs};

use super::super::packet::Protocol;
use super::{Beat, EngineIoSession, Phase, Shared, Transport};

/// A heartbeat in the wrong direction.
pub(super) const WRONG_DIRECTION: &str = "invalid heartbeat direction";

impl EngineIoSession {
    pub(super) fn start_heartbeat(&mut self, shared: &Shared, now: Instant) {
        match self.format.protocol() {
            Protocol::V4 => self.schedule_ping(shared, now),
            Protocol::V3 => self.await_client_ping(shared, now),
        }
    }

    /// A packet came that is no heartbeat.
    #[inline]
    pub(super) fn heard(&mut self, shared: &Shared, now: Instant) {
        if self.beat == Beat::PongDue {
            self.beat = Beat::PongOverdue;
            self.deadline = now + Duration::from_millis(shared.options.ping_timeout_ms.get());
        }
    }

    /// A ping came, which wants a pong.
    ///
    /// # Errors
    /// If it is not for the client to ping.
    pub(super) fn heard_ping(&mut self, shared: &Shared, now: Instant) -> Result<(), &'static str> {
        match self.format.protocol() {
            Protocol::V4 => Err(WRONG_DIRECTION),
            Protocol::V3 => {
                self.await_client_ping(shared, now);
                Ok(())
            }
        }
    }

    /// A pong came, whether asked for or not.
    ///
    /// # Errors
    /// If it is not for the server to ping.
    pub(super) fn heard_pong(&mut self, shared: &Shared, now: Instant) -> Result<(), &'static str> {
        match self.format.protocol() {
            Protocol::V3 => Err(WRONG_DIRECTION),
            Protocol::V4 => {
                self.schedule_ping(shared, now);
                Ok(())
            }
        }
    }

    /// The deadline has passed.
    pub(in super::super) fn expired(
        &mut self,
        shared: &Shared,
        context: Context,
        out: &mut Outputs,
    ) {
        if let Transport::Polling(polling) = &mut self.transport {
            polling.probe_expired(context.now, self.format, out);
        }
        if self.beat == Beat::Stopped || context.now < self.deadline {
            return;
        }
        match self.beat {
            Beat::Stopped => {}
            Beat::PingDue => self.ping(shared, context, out),
            Beat::PongDue | Beat::PongOverdue | Beat::ClientPingDue => {
                self.end(End::Goodbye, out);
            }
            Beat::GoodbyeDue => self.finish(None, out),
        }
    }

    fn ping(&mut self, shared: &Shared, context: Context, out: &mut Outputs) {
        debug_assert_eq!(self.phase, Phase::Open);
        match &mut self.transport {
            Transport::Polling(polling) => polling.owe_ping(),
            Transport::WebSocket(stream) => stream.write_ping(out),
            Transport::Awaited => {}
        }
        self.beat = Beat::PongDue;
        self.deadline = context.now + Duration::from_millis(shared.options.ping_timeout_ms.get());
    }

    fn schedule_ping(&mut self, shared: &Shared, now: Instant) {
        self.beat = Beat::PingDue;
        self.deadline = now + Duration::from_millis(shared.options.ping_interval_ms.get());
    }

    fn await_client_ping(&mut self, shared: &Shared, now: Instant) {
        let options = &shared.options;
        self.beat = Beat::ClientPingDue;
        let ms = options.ping_interval_ms.get() + options.ping_timeout_ms.get();
        self.deadline = now + Duration::from_millis(ms);
    }
}
