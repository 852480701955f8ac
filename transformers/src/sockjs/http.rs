//! A session without WebSocket: requests of the client come and go, and the session outlives them.
//!
//! One request at a time receives. It waits until there is something for the client: a polling
//! transport then answers it with one frame, a streaming one goes on until `response_limit` bytes
//! have been sent. Other requests send.
//!
//! # Invariants
//! - Without a request that receives, a session lives for `disconnect_delay`, as in sockjs-node. If
//!   such a request is lost, the session is over at once: messages may have been lost with it.
//! - After [`HttpSession::close`] what waits is sent first. Then every request that would receive
//!   is told that the session is closed, until `disconnect_delay` has passed.

use allspark_protocol::Instant;
use allspark_protocol::http::Response;
use allspark_protocol::limits::SOCKJS_FRAME_BYTES_MAX;
use allspark_protocol::transformer::{Carrier, End, Outputs, Units};

use super::asked::{Asked, Kept};
use super::endpoint::Transport;
use super::framing;
use super::queue::Queue;
use super::service::Service;

/// The state of a session without WebSocket.
#[derive(Debug)]
pub(super) struct HttpSession {
    /// The request that receives.
    receiver: Option<Receiver>,
    /// Requests whose messages are being handed on.
    pub(super) incoming: Option<Box<Queue>>,
    /// When a heartbeat is due or, without a receiver, when the session is over.
    deadline: Instant,
    goodbye: Goodbye,
    is_new: bool,
}

/// A request that receives.
#[derive(Debug)]
struct Receiver {
    carrier: Carrier,
    /// What the head of the answer needs, if it has not been sent.
    kept: Kept,
    sent_bytes: u32,
    transport: Transport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goodbye {
    /// The session is open.
    No,
    /// The client is to be told that it is closed, after everything that waits.
    Due,
    /// The client has been told, and will be told again if it asks.
    Said,
}

const _: () = assert!(
    size_of::<HttpSession>() <= 56,
    "there is one in every idle polling session"
);

impl HttpSession {
    /// A session whose first request is about to come.
    pub(super) fn new() -> Self {
        Self {
            receiver: None,
            incoming: None,
            deadline: Instant::ZERO,
            goodbye: Goodbye::No,
            is_new: true,
        }
    }

    /// Bytes of memory that messages of the client take which are not handed on yet.
    pub(super) fn held_bytes(&self) -> usize {
        self.incoming.as_ref().map_or(0, |queue| queue.bytes())
    }

    /// Whether messages of the client are wanted.
    pub(super) fn is_open(&self) -> bool {
        self.goodbye == Goodbye::No
    }

    /// The request that waits for messages.
    pub(super) fn carrier(&self) -> Option<Carrier> {
        self.receiver.as_ref().map(|receiver| receiver.carrier)
    }

    /// When [`HttpSession::expired`] wants to be called.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it is the client who has to act by the deadline: otherwise a heartbeat is due.
    pub(super) fn awaits_client(&self) -> bool {
        self.receiver.is_none() || self.goodbye != Goodbye::No
    }

    /// A request that wants to receive.
    pub(super) fn receive(
        &mut self,
        service: &Service,
        now: Instant,
        (carrier, transport): (Carrier, Transport),
        asked: Asked<'_>,
        out: &mut Outputs,
    ) {
        let refusal = match (&self.receiver, self.goodbye) {
            (Some(_), _) => Some(framing::ALREADY_OPEN),
            (None, Goodbye::Said) => Some(framing::NORMAL_CLOSURE),
            _ => None,
        };
        if let Some(frame) = refusal {
            refuse(service, (carrier, transport), asked, frame, out);
            return;
        }
        if !transport.is_polling() {
            begin(service, (carrier, transport), asked, out);
        }
        self.receiver = Some(Receiver {
            carrier,
            kept: transport.is_polling().then(|| asked.keep()).flatten(),
            sent_bytes: 0,
            transport,
        });
        self.wait(service, now);
        if std::mem::take(&mut self.is_new) {
            self.put(service, now, framing::OPEN, out);
        }
    }

    /// Sends what waits, and says goodbye if that is due.
    pub(super) fn send(
        &mut self,
        service: &mut Service,
        now: Instant,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        if self.receiver.is_none() {
            return;
        }
        let mut frame = service.take_scratch();
        let is_all = compose(units, &mut frame);
        if !frame.is_empty() {
            self.put(service, now, &frame, out);
        }
        service.return_scratch(frame);
        if is_all && self.goodbye == Goodbye::Due && self.receiver.is_some() {
            self.put(service, now, framing::NORMAL_CLOSURE, out);
            self.goodbye = Goodbye::Said;
            self.finish(service, now, out);
            out.ended(End::Goodbye);
        }
    }

    /// Says goodbye once everything that waits has been sent.
    pub(super) fn close(&mut self, service: &Service, now: Instant) {
        if self.goodbye == Goodbye::No {
            self.goodbye = Goodbye::Due;
            self.wait(service, now);
        }
    }

    /// A request was lost.
    pub(super) fn lost(&mut self, carrier: Carrier, out: &mut Outputs) {
        if self.carrier() == Some(carrier) {
            self.receiver = None;
            self.end(End::Goodbye, out);
        } else {
            self.lost_sender(carrier);
        }
    }

    /// The deadline has passed.
    pub(super) fn expired(&mut self, service: &Service, now: Instant, out: &mut Outputs) {
        match (self.goodbye, &self.receiver) {
            (Goodbye::No, Some(_)) => {
                self.wait(service, now);
                self.put(service, now, framing::HEARTBEAT, out);
            }
            (Goodbye::No, None) => self.end(End::Goodbye, out),
            (Goodbye::Due | Goodbye::Said, _) => self.end(End::Goodbye, out),
        }
    }

    fn end(&mut self, end: End, out: &mut Outputs) {
        if self.goodbye != Goodbye::Said {
            out.ended(end);
        }
        out.over();
    }

    /// Sends a frame to the request that receives. It is then answered, or goes on.
    fn put(&mut self, service: &Service, now: Instant, frame: &[u8], out: &mut Outputs) {
        let Some(receiver) = &mut self.receiver else {
            return;
        };
        let Receiver {
            carrier, transport, ..
        } = *receiver;
        if transport.is_polling() {
            let asked = Asked::of_kept(&receiver.kept);
            out.respond(carrier, whole_response(service, transport, asked, frame));
            self.receiver = None;
            self.wait(service, now);
            return;
        }
        let sent_bytes = &mut receiver.sent_bytes;
        out.write(carrier, |out| {
            let start = out.len();
            transport.wrap(frame, "", out);
            let bytes = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
            *sent_bytes = sent_bytes.saturating_add(bytes);
        });
        let limit = service.options.response_limit;
        if limit > 0 && *sent_bytes >= limit {
            self.finish(service, now, out);
        } else if self.goodbye == Goodbye::Due {
            self.wait(service, now);
        }
    }

    /// Ends the response of a streaming transport.
    fn finish(&mut self, service: &Service, now: Instant, out: &mut Outputs) {
        if let Some(receiver) = self.receiver.take() {
            out.finish(receiver.carrier);
        }
        self.wait(service, now);
    }

    /// Begins to wait for whatever comes next. A heartbeat comes at its own pace, however much is
    /// sent meanwhile, so this is not called for messages.
    fn wait(&mut self, service: &Service, now: Instant) {
        let is_receiving = self.receiver.is_some() && self.goodbye == Goodbye::No;
        self.deadline = now
            + match is_receiving {
                true => service.heartbeat_delay(),
                // While a goodbye is due, each part of what waits may take so long.
                false => service.disconnect_delay(),
            };
    }
}

/// Tells a request that would receive that it can't. To a streaming transport sockjs-node says so
/// as it says everything, in a chunk after that of the prelude, and its protocol tests look for it.
fn refuse(
    service: &Service,
    (carrier, transport): (Carrier, Transport),
    asked: Asked<'_>,
    frame: &[u8],
    out: &mut Outputs,
) {
    if transport.is_polling() {
        out.respond(carrier, whole_response(service, transport, asked, frame));
        return;
    }
    begin(service, (carrier, transport), asked, out);
    out.write(carrier, |out| transport.wrap(frame, "", out));
    out.finish(carrier);
}

/// Begins the response of a streaming transport.
fn begin(
    service: &Service,
    (carrier, transport): (Carrier, Transport),
    asked: Asked<'_>,
    out: &mut Outputs,
) {
    let head = asked.receiving(transport, &service.options);
    let head = head.header("Content-Type", transport.content_type());
    out.begin(carrier, head);
    out.write(carrier, |out| transport.prelude(asked.callback, out));
}

/// A response of a polling transport: one frame.
fn whole_response(
    service: &Service,
    transport: Transport,
    asked: Asked<'_>,
    frame: &[u8],
) -> Response {
    let mut body = Vec::with_capacity(frame.len() + asked.callback.len() + 16);
    transport.prelude(asked.callback, &mut body);
    transport.wrap(frame, asked.callback, &mut body);
    let head = asked.receiving(transport, &service.options);
    head.body(transport.content_type(), body)
}

/// Makes one frame of what waits, or of as much of it as one frame should hold. Says whether that
/// is all. Without any message the frame stays empty.
fn compose(units: &mut dyn Units, frame: &mut Vec<u8>) -> bool {
    let mut is_all = false;
    while frame.len() < SOCKJS_FRAME_BYTES_MAX {
        let Some(unit) = units.take() else {
            is_all = true;
            break;
        };
        frame.extend_from_slice(if frame.is_empty() { b"a[" } else { b"," });
        frame.extend_from_slice(unit);
    }
    if !frame.is_empty() {
        frame.push(b']');
    }
    is_all
}
