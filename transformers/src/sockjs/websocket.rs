//! Sessions over WebSocket.
//!
//! # Invariants
//! - A ping of the client is answered, and is no sign of life for Primus.
//! - A frame of SockJS is delivered whole, or not at all and the connection is closed with 3000.

use std::borrow::Cow;
use std::time::Duration;

use allspark_protocol::http::{RequestHead, Response};
use allspark_protocol::limits::SOCKJS_WEBSOCKET_FRAME_MESSAGES_MAX;
use allspark_protocol::transformer::{Carrier, End, Event, Kind, Outputs, Progress, Units};
use allspark_protocol::websocket::handshake::{Refusal, Upgrade};
use allspark_protocol::websocket::{CloseCode, Decoder, Item, Role, encode};
use allspark_protocol::{Input, Instant, Payload};

use super::framing;
use super::service::Service;
use super::unquote::{self, Messages, Span, Walk};

/// Checks a request as sockjs-node and faye-websocket do before they open a WebSocket. The drafts 7
/// and 8, which have today's frames, are let in as well: the tests of the protocol demand it.
pub(super) fn upgrade<'b>(head: &RequestHead<'b>) -> Result<Upgrade<'b>, Response> {
    is_websocket(head)?;
    checked(head, &["13", "8", "7"])
}

/// Checks whether a request asks for a WebSocket at all, be it one of the drafts.
pub(super) fn is_websocket(head: &RequestHead<'_>) -> Result<(), Response> {
    let upgrade = head.header("Upgrade").unwrap_or_default();
    let wants_upgrade = head.has_token("Connection", "upgrade");
    match wants_upgrade && upgrade.eq_ignore_ascii_case("websocket") {
        true => Ok(()),
        false => Err(bad_request("Not a valid websocket request")),
    }
}

/// Checks the rest of a request, and words the refusals as faye-websocket does.
pub(super) fn checked<'b>(
    head: &RequestHead<'b>,
    versions: &[&str],
) -> Result<Upgrade<'b>, Response> {
    Upgrade::check_versions(head, versions).map_err(|refusal| match refusal {
        Refusal::Version => {
            let version = head.header("Sec-WebSocket-Version").unwrap_or("undefined");
            bad_request(&format!("Unsupported WebSocket version: {version}"))
        }
        Refusal::Key => bad_request("Missing handshake request header: Sec-WebSocket-Key"),
        other => bad_request(&other.to_string()),
    })
}

pub(super) fn bad_request(message: &str) -> Response {
    Response::new(400).body("text/plain", message.as_bytes().to_vec())
}

/// The state of a session over WebSocket.
#[derive(Debug)]
pub(super) struct WebSocketSession {
    decoder: Decoder,
    /// The WebSocket, from its handshake on.
    carrier: Option<Carrier>,
    deadline: Instant,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Open; a ping is due at the deadline.
    Open,
    /// A ping was sent; the client is given up at the deadline.
    Pinged,
    /// The goodbye is sent; at the deadline the session stops waiting for the answer.
    Closed,
    /// Everything has been said.
    Over,
}

/// How long a client may take to answer the ping of a heartbeat.
const PONG_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take to answer a close. (faye-websocket waits for 30 s.)
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a frame brings no messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameError {
    /// It is not JSON.
    Broken,
    /// It brings more than one frame may.
    TooMany,
}

impl FrameError {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Broken => "a frame of the client is not JSON",
            Self::TooMany => "a frame of the client has too many messages",
        }
    }
}

impl WebSocketSession {
    /// Bytes of heap memory that a message under way takes.
    pub(super) fn held_bytes(&self) -> usize {
        self.decoder.held_bytes()
    }

    /// Whether a message is under way.
    pub(super) fn is_receiving(&self) -> bool {
        self.decoder.is_receiving()
    }

    /// What came of that message since the last call.
    pub(super) fn take_progress(&mut self) -> Option<Progress> {
        self.decoder.take_progress()
    }

    /// A session whose carrier is about to come.
    pub(super) fn new(service: &Service) -> Self {
        Self {
            decoder: Decoder::new(Role::Server, service.message_bytes_max),
            carrier: None,
            deadline: Instant::ZERO,
            stage: Stage::Open,
        }
    }

    /// Opens the session on its carrier.
    pub(super) fn open(
        &mut self,
        service: &Service,
        now: Instant,
        (carrier, head): (Carrier, &RequestHead<'_>),
        out: &mut Outputs,
    ) {
        match upgrade(head) {
            Ok(upgrade) => {
                self.deadline = now + service.heartbeat_delay();
                self.carrier = Some(carrier);
                out.upgrade(carrier, upgrade.response());
                write_frame(carrier, framing::OPEN, out);
                out.stream(carrier);
            }
            Err(response) => {
                out.respond(carrier, response);
                self.end(End::Violation("the request is not for a WebSocket"), out);
            }
        }
    }

    /// Sends what waited for the carrier.
    pub(super) fn send(&self, units: &mut dyn Units, out: &mut Outputs) {
        let Some(carrier) = self.carrier else {
            return;
        };
        while let Some(unit) = units.take() {
            out.write(carrier, |out| out.extend_from_slice(unit));
        }
    }

    /// Says goodbye.
    pub(super) fn close(&mut self, now: Instant, out: &mut Outputs) {
        match self.carrier {
            Some(carrier) if self.is_open() => {
                self.say_goodbye(carrier, framing::NORMAL_CLOSURE, out);
                self.deadline = now + CLOSE_TIMEOUT;
            }
            Some(_) => {}
            None => self.end(End::Goodbye, out),
        }
    }

    /// The carrier was lost.
    pub(super) fn lost(&mut self, out: &mut Outputs) {
        self.end(End::Goodbye, out);
    }

    /// When [`WebSocketSession::expired`] wants to be called.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it is the client who has to act by the deadline: otherwise a ping is due.
    pub(super) fn awaits_client(&self) -> bool {
        self.stage != Stage::Open
    }

    /// The deadline has passed.
    pub(super) fn expired(&mut self, now: Instant, out: &mut Outputs) {
        match (self.stage, self.carrier) {
            (Stage::Open, Some(carrier)) => {
                out.write(carrier, |out| encode::ping(b"", None, out));
                self.stage = Stage::Pinged;
                self.deadline = now + PONG_TIMEOUT;
            }
            (Stage::Pinged, Some(carrier)) => {
                self.say_goodbye(carrier, framing::NO_RESPONSE, out);
                let end = End::Goodbye;
                self.finish(carrier, end, out);
            }
            (_, Some(carrier)) => self.finish(carrier, End::Goodbye, out),
            (_, None) => self.end(End::Goodbye, out),
        }
    }

    /// Understands what the client sent. An event is for what `out` holds already to precede it.
    #[inline]
    pub(super) fn receive<'i>(
        &mut self,
        service: &Service,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        loop {
            match self.decoder.next(input) {
                Ok(None) => return None,
                Ok(Some(Item::Message { kind, payload })) => {
                    if let Some(event) = self.message(carrier, (kind, payload), out) {
                        return Some(event);
                    }
                }
                Ok(Some(Item::Ping(payload))) => {
                    if self.is_open() {
                        out.latest(carrier, |out| encode::pong(&payload, None, out));
                    }
                }
                Ok(Some(Item::Pong(payload))) => self.pong(service, &payload),
                Ok(Some(Item::Close { code, reason })) => {
                    self.answer_close((code, reason), carrier, out);
                    self.finish(carrier, End::closed(code), out);
                }
                Err(violation) => {
                    if self.is_open() {
                        let code = Some(violation.close_code());
                        out.write(carrier, |out| encode::close(code, "", None, out));
                    }
                    self.finish(carrier, End::Violation(violation.sentence()), out);
                }
            }
        }
    }

    #[inline]
    fn message<'i>(
        &mut self,
        carrier: Carrier,
        (kind, payload): (Kind, Payload<'i>),
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        if payload.is_empty() || !self.is_open() {
            return None;
        }
        // sockjs-node reads the bytes of a binary frame as text.
        if kind == Kind::Binary && std::str::from_utf8(&payload).is_err() {
            self.break_off(FrameError::Broken, carrier, out);
            return None;
        }
        messages(payload, out).unwrap_or_else(|error| {
            self.break_off(error, carrier, out);
            None
        })
    }

    fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Pinged)
    }

    /// The client sent what is no frame.
    #[cold]
    fn break_off(&mut self, error: FrameError, carrier: Carrier, out: &mut Outputs) {
        self.stage = Stage::Closed;
        let (code, reason) = match error {
            FrameError::Broken => (3000, "Broken framing."),
            FrameError::TooMany => (1008, "Too many messages."),
        };
        out.write(carrier, |out| {
            encode::close(CloseCode::new(code), reason, None, out);
        });
        self.finish(carrier, End::Violation(error.sentence()), out);
    }

    /// The next ping is due one interval after the last one.
    fn pong(&mut self, service: &Service, payload: &[u8]) {
        if self.stage == Stage::Pinged && payload.is_empty() {
            self.stage = Stage::Open;
            let since_zero = self.deadline.saturating_since(Instant::ZERO);
            let pinged_at = Instant::ZERO + since_zero.saturating_sub(PONG_TIMEOUT);
            self.deadline = pinged_at + service.heartbeat_delay();
        }
    }

    fn answer_close(
        &mut self,
        (code, reason): (Option<CloseCode>, Cow<'_, str>),
        carrier: Carrier,
        out: &mut Outputs,
    ) {
        if self.is_open() {
            self.stage = Stage::Closed;
            // faye-websocket answers with the client's code and reason, and 1000 if it gave none.
            let code = code.or(Some(CloseCode::NORMAL));
            out.write(carrier, |out| encode::close(code, &reason, None, out));
        }
    }

    fn say_goodbye(&mut self, carrier: Carrier, frame: &[u8], out: &mut Outputs) {
        self.stage = Stage::Closed;
        write_frame(carrier, frame, out);
        out.write(carrier, normal_closure);
    }

    /// Closes the carrier, which ends the session.
    fn finish(&mut self, carrier: Carrier, end: End, out: &mut Outputs) {
        if self.stage != Stage::Over {
            out.close(carrier);
        }
        self.end(end, out);
    }

    fn end(&mut self, end: End, out: &mut Outputs) {
        if self.stage != Stage::Over {
            self.stage = Stage::Over;
            out.ended(end);
            out.over();
        }
    }
}

/// Appends the goodbye of a WebSocket that sockjs-node closes without being told why.
pub(super) fn normal_closure(out: &mut Vec<u8>) {
    encode::close(Some(CloseCode::NORMAL), "Normal closure", None, out);
}

fn write_frame(carrier: Carrier, frame: &[u8], out: &mut Outputs) {
    out.write(carrier, |out| encode::message(Kind::Text, frame, None, out));
}

/// Understands a frame of SockJS, which is UTF-8. One message is lent on; several are copied.
#[inline]
pub(super) fn messages<'i>(
    mut payload: Payload<'i>,
    out: &mut Outputs,
) -> Result<Option<Event<'i>>, FrameError> {
    match unquote::frame(&mut payload).map_err(|unquote::Broken| FrameError::Broken)? {
        Messages::One(span) => {
            let (kind, payload) = (Kind::Text, payload.part(span.start..span.end));
            Ok(Some(Event::Message { kind, payload }))
        }
        Messages::Several(walk) => {
            several(walk, &mut payload, out)?;
            Ok(None)
        }
    }
}

/// Hands on the messages of a frame that has several, unless they are too many.
#[cold]
fn several(mut walk: Walk, frame: &mut [u8], out: &mut Outputs) -> Result<(), FrameError> {
    const MAX: usize = SOCKJS_WEBSOCKET_FRAME_MESSAGES_MAX;
    // Each takes two bytes at least.
    if frame.len() / 2 > MAX && walk.measure(frame, MAX).count > MAX {
        return Err(FrameError::TooMany);
    }
    while let Some(Span { start, end }) = walk.next(frame) {
        out.message(Kind::Text, &frame[start..end]);
    }
    Ok(())
}
