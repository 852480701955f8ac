//! The server half: requests, and the frames that sessions share.

use allspark_protocol::Input;
use allspark_protocol::Instant;
use allspark_protocol::http::{Request, RequestHead, Response};
use allspark_protocol::transformer::{
    Answer, Carrier, Context, End, Event, Kind, Outputs, Progress, Transformer, Units, Wire,
};
use allspark_protocol::websocket::deflate::{Agreement, Deflater, Inflater, WindowBits};
use allspark_protocol::websocket::handshake::{Refusal, Upgrade};
use allspark_protocol::websocket::{CloseCode, encode};

use super::carried::CarriedSession;
use super::options::{DeflateOptions, WebSocketsOptions};
use super::session::{State, WebSocketSession};
use super::shared::{Shared, WINDOWS};
use super::streaming::Streaming;
use crate::CommonOptions;

/// The server half of `websockets`.
///
/// There is a wire for plain messages and one for each window that a client may ask for: a message
/// is compressed once for each of those in use.
#[derive(Clone, Debug)]
pub struct WebSockets {
    message_bytes_max: usize,
    deflate: Option<DeflateOptions>,
    /// With which code sessions say goodbye. `ws` does without one under Primus.
    goodbye: Option<CloseCode>,
    shared: Shared,
}

impl WebSockets {
    /// Refuses messages of more than Primus's `maxLength` with close code 1009. Compresses if
    /// Primus's `compression` is on, or the transport option `perMessageDeflate`.
    pub fn new(common: &CommonOptions, options: WebSocketsOptions) -> Self {
        Self {
            message_bytes_max: options.message_bytes_max(common).size(),
            deflate: options.deflate(common),
            goodbye: None,
            shared: Shared::default(),
        }
    }

    /// One that never compresses, for messages of at most `message_bytes_max` bytes.
    pub fn uncompressed(message_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            deflate: None,
            goodbye: None,
            shared: Shared::default(),
        }
    }

    /// The same, whose sessions say goodbye with a code.
    pub(crate) fn with_goodbye(self, code: CloseCode) -> Self {
        let goodbye = Some(code);
        Self { goodbye, ..self }
    }

    /// Answers a request for an upgrade that was checked.
    pub(crate) fn answer<'r, 'h>(
        &self,
        head: &RequestHead<'h>,
        upgrade: Upgrade<'h>,
    ) -> Result<Answer<'r, WebSocketSession>, Refusal> {
        let upgrade = match &self.deflate {
            Some(deflate) => upgrade.with_deflate(head, &deflate.terms)?,
            None => upgrade,
        };
        Ok(self.open(&upgrade))
    }

    /// A session on the terms that were agreed on.
    fn open<'r>(&self, upgrade: &Upgrade<'_>) -> Answer<'r, WebSocketSession> {
        let response = upgrade.response();
        let streaming = |wire| Streaming::new(self.message_bytes_max, wire);
        let (Some(agreed), Some(deflate)) = (upgrade.deflate(), &self.deflate) else {
            let session = WebSocketSession(State::Streaming(streaming(PLAIN)));
            return Answer::Upgrade { response, session };
        };
        let inflater = (!agreed.client_no_context_takeover).then(|| Inflater::new(true));
        if !agreed.server_no_context_takeover {
            let deflater = Deflater::new(server_window(&agreed), deflate.effort, true);
            let session = CarriedSession::new(streaming(PLAIN), deflater, inflater, response);
            return Answer::Open {
                session: WebSocketSession(State::Carried(Box::new(session))),
                port: None,
            };
        }
        let streaming = streaming(wire_of(server_window(&agreed)));
        let session = WebSocketSession(match inflater {
            Some(inflater) => State::Inflating(Box::new((streaming, inflater))),
            None => State::Streaming(streaming),
        });
        Answer::Upgrade { response, session }
    }
}

impl Transformer for WebSockets {
    type Session = WebSocketSession;

    const WIRES: u8 = 1 + WINDOWS as u8;

    fn name(&self) -> &'static str {
        "websockets"
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, WebSocketSession> {
        let head = &request.head;
        if !head.wants_upgrade() {
            return Answer::Respond(upgrade_required());
        }
        Upgrade::check(head)
            .and_then(|upgrade| self.answer(head, upgrade))
            .unwrap_or_else(|refusal| Answer::Respond(refusal.response()))
    }

    #[inline]
    fn held_bytes(&self, session: &WebSocketSession) -> usize {
        session.streaming().held_bytes()
    }

    #[inline]
    fn is_receiving(&self, session: &WebSocketSession) -> bool {
        session.streaming().is_receiving()
    }

    fn take_progress(&mut self, session: &mut WebSocketSession) -> Option<Progress> {
        session.streaming_mut().take_progress()
    }

    fn wire(&self, session: &WebSocketSession) -> Wire {
        match &session.0 {
            State::Streaming(streaming) => streaming.wire(),
            State::Inflating(own) => own.0.wire(),
            State::Carried(_) => PLAIN,
        }
    }

    #[inline]
    fn frame(&mut self, wire: Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        match &self.deflate {
            Some(deflate) if wire != PLAIN && payload.len() >= deflate.threshold_bytes => {
                let window = window_of(wire);
                self.shared.frame(deflate, window, kind, payload, out);
            }
            _ => encode::message(kind, payload, None, out),
        }
    }

    fn frame_in_place(
        &mut self,
        wire: Wire,
        kind: Kind,
        payload: &[u8],
        room: &mut [u8],
    ) -> Option<usize> {
        match &self.deflate {
            Some(deflate) if wire != PLAIN && payload.len() >= deflate.threshold_bytes => None,
            _ => encode::message_header_before(kind, payload.len(), room),
        }
    }

    #[inline]
    fn receive<'i>(
        &mut self,
        session: &mut WebSocketSession,
        _context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        let shared = &mut self.shared.inflater;
        match &mut session.0 {
            State::Streaming(streaming) if streaming.wire() == PLAIN => {
                streaming.receive(carrier, input, None, out)
            }
            State::Streaming(streaming) => streaming.receive(carrier, input, Some(shared), out),
            State::Inflating(own) => own.0.receive(carrier, input, Some(&mut own.1), out),
            State::Carried(session) => session.receive(carrier, input, shared, out),
        }
    }

    fn close(&mut self, session: &mut WebSocketSession, context: Context, out: &mut Outputs) {
        close_with(session, self.goodbye, context, out);
    }

    fn expel(&mut self, session: &mut WebSocketSession, context: Context, out: &mut Outputs) {
        let code = Some(CloseCode::POLICY_VIOLATION);
        close_with(session, code, context, out);
    }

    fn exchange(
        &mut self,
        session: &mut WebSocketSession,
        _context: Context,
        carrier: Carrier,
        _request: &Request<'_>,
        out: &mut Outputs,
    ) {
        match &mut session.0 {
            State::Carried(session) => session.exchange(carrier, out),
            _ => out.respond(carrier, Response::text(400, "Bad Request\n")),
        }
    }

    fn carrier(&self, session: &WebSocketSession) -> Option<Carrier> {
        match &session.0 {
            State::Carried(session) => session.carrier(),
            _ => None,
        }
    }

    fn send(
        &mut self,
        session: &mut WebSocketSession,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        if let State::Carried(session) = &mut session.0 {
            session.send(context, units, &mut self.shared.scratch, out);
            self.shared.trim();
        }
    }

    fn lost(
        &mut self,
        session: &mut WebSocketSession,
        _context: Context,
        _carrier: Carrier,
        out: &mut Outputs,
    ) {
        if let State::Carried(_) = &session.0 {
            out.ended(End::Goodbye);
            out.over();
        }
    }

    fn deadline(&self, session: &WebSocketSession) -> Option<Instant> {
        match &session.0 {
            State::Carried(session) => session.deadline(),
            _ => None,
        }
    }

    fn expired(&mut self, session: &mut WebSocketSession, _: Context, out: &mut Outputs) {
        if let State::Carried(_) = &session.0 {
            out.over();
        }
    }
}

/// Says goodbye with this code. What is carried has no code.
fn close_with(
    session: &mut WebSocketSession,
    code: Option<CloseCode>,
    context: Context,
    out: &mut Outputs,
) {
    let streaming = match &mut session.0 {
        State::Streaming(streaming) => streaming,
        State::Inflating(own) => &mut own.0,
        State::Carried(session) => return session.close(context),
    };
    if let Some(carrier) = context.stream {
        streaming.close(carrier, code, out);
    }
}

/// The wire of messages that are not compressed.
const PLAIN: Wire = Wire(0);

fn server_window(agreed: &Agreement) -> WindowBits {
    agreed.server_max_window_bits.unwrap_or(WindowBits::MAX)
}

/// The window of the messages of a wire that is not the plain one.
fn window_of(Wire(wire): Wire) -> WindowBits {
    let bits = WindowBits::new(WindowBits::MIN.bits() + wire);
    bits.expect("there is a wire for each window and no more")
}

fn wire_of(window: WindowBits) -> Wire {
    Wire((window.bits() - WindowBits::MIN.bits()).max(1))
}

/// What Primus has `ws` answer to a plain request.
pub(crate) fn upgrade_required() -> Response {
    Response::new(426).body("text/plain", "Upgrade Required".as_bytes())
}
