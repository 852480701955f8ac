//! Every way in which a session ends.
//!
//! | who | how | what the client gets |
//! |---|---|---|
//! | the application | [`EngineIoSession::close`] | what waits, then the close packet or frame |
//! | the client, on a poll's side | `1` in a body | a noop for its poll |
//! | the client, on a WebSocket | `1`, or the close frame | the close frame |
//! | nobody: a rule is broken, or a time is up | | the close packet or frame, if it can be sent |
//! | the network | [`EngineIoSession::lost`] | |

use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::transformer::{Carrier, Context, End, Outputs};

use super::polling::CUT_OFF;
use super::polls::{CLOSE, NOOP};
use super::{Beat, EngineIoSession, Phase, Transport};

/// How long a client has to come for the goodbye: `closeTimeout` of the package.
const POLL_GOODBYE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long it has to answer the goodbye on a WebSocket. (`ws` grants 30 s; the engine grants 5 s
/// to every other WebSocket.)
const WEBSOCKET_GOODBYE_TIMEOUT: Duration = Duration::from_secs(5);

impl EngineIoSession {
    /// The application has ended the session. On a WebSocket the goodbye follows what was written;
    /// a client that polls gets it with what waits.
    pub(in super::super) fn close(&mut self, context: Context, out: &mut Outputs) {
        if !matches!(self.phase, Phase::Opening | Phase::Open) {
            return;
        }
        self.phase = Phase::Closing;
        match self.transport {
            Transport::WebSocket(_) => self.say_goodbye(context.now, out),
            Transport::Polling(_) => self.await_goodbye(context.now + POLL_GOODBYE_TIMEOUT),
            Transport::Awaited => self.finish(None, out),
        }
    }

    pub(super) fn say_goodbye(&mut self, now: Instant, out: &mut Outputs) {
        if let Transport::WebSocket(stream) = &self.transport {
            stream.write_close(None, "", out);
        }
        self.await_goodbye(now + WEBSOCKET_GOODBYE_TIMEOUT);
    }

    fn await_goodbye(&mut self, deadline: Instant) {
        self.beat = Beat::GoodbyeDue;
        self.deadline = deadline;
    }

    /// The session ends, and its client is told so as far as it waits to be told.
    pub(super) fn end(&mut self, end: End, out: &mut Outputs) {
        match &mut self.transport {
            Transport::Polling(polling) => polling.release_poll(self.format, CLOSE, out),
            Transport::WebSocket(stream) if self.phase == Phase::Open => {
                stream.write_close(None, "", out);
            }
            Transport::WebSocket(_) | Transport::Awaited => {}
        }
        self.finish(Some(end), out);
    }

    /// The client that polls has ended the session.
    pub(super) fn finish_by_client(&mut self, out: &mut Outputs) {
        if let Transport::Polling(polling) = &mut self.transport {
            polling.release_poll(self.format, NOOP, out);
        }
        self.finish(Some(End::Goodbye), out);
    }

    /// A carrier is gone.
    pub(in super::super) fn lost(&mut self, lost: Carrier, out: &mut Outputs) {
        match &mut self.transport {
            Transport::Polling(polling) => {
                if polling.take_poll_on(lost).is_some() {
                    self.finish(Some(End::Goodbye), out);
                } else if polling.probe_on(lost).is_some() {
                    polling.take_probe();
                } else if polling.lose_sender(lost) {
                    self.end(End::Violation(CUT_OFF), out);
                }
            }
            Transport::WebSocket(stream) => {
                if stream.carrier == lost {
                    self.finish(Some(End::Goodbye), out);
                }
            }
            Transport::Awaited => self.finish(Some(End::Goodbye), out),
        }
    }

    /// Lets go of everything, which closes the carriers that are left. The end is reported unless
    /// the application has ended the session, and then there is no reason.
    pub(super) fn finish(&mut self, end: Option<End>, out: &mut Outputs) {
        if self.phase == Phase::Over {
            return;
        }
        if let Transport::Polling(polling) = &mut self.transport {
            polling.dismiss_probe(out);
        }
        if let Some(end) = end
            && self.phase != Phase::Closing
        {
            out.ended(end);
        }
        self.phase = Phase::Over;
        self.beat = Beat::Stopped;
        out.over();
    }
}
