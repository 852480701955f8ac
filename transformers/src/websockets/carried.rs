//! Sessions that compress each message with the help of those before it.
//!
//! The compressed form of a message depends on the messages before it, so such sessions can't share
//! frames. Their messages wait as plain frames. The session compresses them one after another when
//! the kernel takes what it has sent before.
//!
//! So their queue counts messages as they are before compression. To compress them when they are
//! queued would not do: what waits may be dropped or replaced (`drop-oldest`, `keep-latest`), after
//! which the context knows what the client has never seen; and a broadcast waits once for all
//! clients, not in the queue of each.

use std::time::Duration;

use allspark_protocol::http::Response;
use allspark_protocol::transformer::{Carrier, Context, Event, Kind, Outputs, Units};
use allspark_protocol::websocket::deflate::{Deflater, Inflater};
use allspark_protocol::websocket::encode;
use allspark_protocol::websocket::frame::{Header, Opcode};
use allspark_protocol::{Input, Instant};

use super::streaming::Streaming;

/// How long a closing session waits, first until everything is sent and then for the answer to its
/// goodbye. The engine gives other sessions as long.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(5);

/// After so many compressed bytes the session waits until the kernel has taken them. The messages
/// that are left wait in the engine's queue, whose bound they count towards.
const SEND_BYTES_MAX: usize = 64 * 1024;

/// A session with a compressor of its own.
#[derive(Debug)]
pub(super) struct CarriedSession {
    streaming: Streaming,
    deflater: Deflater,
    /// If the client keeps its context as well.
    inflater: Option<Inflater>,
    /// The answer to the request that opened the session, until it is given.
    response: Option<Response>,
    carrier: Option<Carrier>,
    /// When a closing session is given up.
    deadline: Option<Instant>,
}

impl CarriedSession {
    pub(super) fn streaming(&self) -> &Streaming {
        &self.streaming
    }

    pub(super) fn streaming_mut(&mut self) -> &mut Streaming {
        &mut self.streaming
    }

    pub(super) fn new(
        streaming: Streaming,
        deflater: Deflater,
        inflater: Option<Inflater>,
        response: Response,
    ) -> Self {
        Self {
            streaming,
            deflater,
            inflater,
            response: Some(response),
            carrier: None,
            deadline: None,
        }
    }

    /// Takes the connection over, on the first request. There is no other, because a WebSocket has
    /// no name that a request could find it by.
    pub(super) fn exchange(&mut self, carrier: Carrier, out: &mut Outputs) {
        match self.response.take() {
            Some(response) => {
                self.carrier = Some(carrier);
                out.upgrade(carrier, response);
            }
            None => out.respond(carrier, Response::text(400, "Bad Request\n")),
        }
    }

    /// `shared` inflates messages of clients that keep no context.
    pub(super) fn receive<'i>(
        &mut self,
        carrier: Carrier,
        input: &mut Input<'i>,
        shared: &mut Inflater,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        let inflater = self.inflater.as_mut().unwrap_or(shared);
        match self.streaming.receive(carrier, input, Some(inflater), out) {
            Some(Event::Ended(end)) => {
                input.take_all();
                self.carrier = None;
                out.ended(end);
                out.close(carrier);
                out.over();
                None
            }
            event => event,
        }
    }

    /// The connection, unless everything has been said on it.
    pub(super) fn carrier(&self) -> Option<Carrier> {
        self.carrier.filter(|_| !self.streaming.said_goodbye())
    }

    pub(super) fn send(
        &mut self,
        context: Context,
        units: &mut dyn Units,
        scratch: &mut Vec<u8>,
        out: &mut Outputs,
    ) {
        let Some(carrier) = self.carrier() else {
            return;
        };
        let mut sent_bytes = 0;
        // A closing session takes all that is left, because it is not asked again without cause.
        while sent_bytes < SEND_BYTES_MAX || self.deadline.is_some() {
            let Some(frame) = units.take() else {
                if self.deadline.is_some() {
                    self.streaming.close(carrier, None, out);
                    self.deadline = Some(context.now + GOODBYE_TIMEOUT);
                }
                return;
            };
            out.write(carrier, |out| {
                let before = out.len();
                compress_frame(&mut self.deflater, frame, scratch, out);
                sent_bytes += out.len() - before;
            });
        }
    }

    /// Says goodbye as soon as nothing waits any more.
    pub(super) fn close(&mut self, context: Context) {
        self.deadline = Some(context.now + GOODBYE_TIMEOUT);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

/// Appends a plain frame of ours in its compressed form. As in `ws`, a small one is compressed as
/// well: with a context even a small message shrinks.
fn compress_frame(deflater: &mut Deflater, frame: &[u8], scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    let (kind, payload) = match Header::parse(frame) {
        Ok(Some((header, header_bytes))) => match header.opcode {
            Opcode::Text => (Kind::Text, &frame[header_bytes..]),
            _ => (Kind::Binary, &frame[header_bytes..]),
        },
        _ => unreachable!("a unit is a whole frame of `frame`"),
    };
    match deflater.message(payload, scratch) {
        Some(compressed) => encode::compressed(kind, compressed, None, out),
        None => out.extend_from_slice(frame),
    }
}
