//! The server half.

use allspark_protocol::http::{Request, RequestHead, Response};
use allspark_protocol::transformer::{
    Answer, Carrier, Context, End, Event, Kind, Outputs, Progress, Transformer, Units, Wire,
};
use allspark_protocol::websocket::CloseCode;
use allspark_protocol::websocket::handshake::{Refusal, Upgrade};
use allspark_protocol::{Input, Instant};

use super::options::FayeOptions;
use crate::CommonOptions;
use crate::hixie::{self, Hixie, Item};
use crate::websockets::{WebSocketSession, WebSockets, upgrade_required};

/// The server half of `faye`.
#[derive(Clone, Debug)]
pub struct Faye {
    websockets: WebSockets,
    message_bytes_max: usize,
}

/// The server half of one connection.
#[derive(Debug)]
pub struct FayeSession(State);

#[derive(Debug)]
enum State {
    WebSocket(WebSocketSession),
    Hixie(Box<Hixie>),
}

/// The wire of both drafts, behind those of WebSocket.
const HIXIE: Wire = Wire(WebSockets::WIRES);

/// Versions with the framing of RFC 6455.
const VERSIONS: [&str; 3] = ["13", "8", "7"];

impl Faye {
    /// Refuses messages of more than Primus's `maxLength`, and compresses if Primus's `compression`
    /// is on.
    pub fn new(common: &CommonOptions, options: FayeOptions) -> Self {
        let message_bytes_max = options.message_bytes_max(common);
        let common = CommonOptions {
            message_bytes_max,
            ..common.clone()
        };
        let websockets = WebSockets::new(&common, FayeOptions::websockets());
        Self {
            websockets: websockets.with_goodbye(CloseCode::NORMAL),
            message_bytes_max: message_bytes_max.size(),
        }
    }

    fn open_websocket<'r>(&self, head: &RequestHead<'_>) -> Answer<'r, FayeSession> {
        let answer = Upgrade::check_versions(head, &VERSIONS)
            .and_then(|upgrade| self.websockets.answer(head, upgrade));
        match answer.map_err(|refusal| bad_request(&explain(refusal, head))) {
            Ok(Answer::Upgrade { response, session }) => Answer::Upgrade {
                response,
                session: FayeSession(State::WebSocket(session)),
            },
            Ok(Answer::Open { session, port }) => Answer::Open {
                session: FayeSession(State::WebSocket(session)),
                port,
            },
            Ok(Answer::Respond(response)) | Err(response) => Answer::Respond(response),
            Ok(Answer::Paced { response, parts }) => Answer::Paced { response, parts },
            Ok(Answer::Find(_)) => unreachable!("a WebSocket is not looked up"),
        }
    }

    fn open_draft<'r>(&self, request: &Request<'_>) -> Answer<'r, FayeSession> {
        match Hixie::new(request, self.message_bytes_max) {
            Err(reason) => Answer::Respond(bad_request(reason)),
            Ok(hixie) => Answer::Open {
                session: FayeSession(State::Hixie(Box::new(hixie))),
                port: None,
            },
        }
    }
}

/// A refusal in the words of websocket-driver.
fn explain(refusal: Refusal, head: &RequestHead<'_>) -> String {
    match refusal {
        Refusal::Version => {
            let version = head.header("sec-websocket-version").unwrap_or("undefined");
            format!("Unsupported WebSocket version: {version}")
        }
        Refusal::Key => "Missing handshake request header: Sec-WebSocket-Key".to_owned(),
        other => other.to_string(),
    }
}

fn bad_request(reason: &str) -> Response {
    Response::new(400).body("text/plain", reason.as_bytes().to_vec())
}

impl Transformer for Faye {
    type Session = FayeSession;

    const WIRES: u8 = WebSockets::WIRES + 1;

    fn name(&self) -> &'static str {
        "faye"
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, FayeSession> {
        let head = &request.head;
        if !head.wants_upgrade() {
            Answer::Respond(upgrade_required())
        } else if head.method() != "GET" || !head.has_token("upgrade", "websocket") {
            Answer::Respond(bad_request("Not a WebSocket request"))
        } else if hixie::is_meant(head) {
            self.open_draft(request)
        } else {
            self.open_websocket(head)
        }
    }

    #[inline]
    fn held_bytes(&self, session: &FayeSession) -> usize {
        match &session.0 {
            State::WebSocket(session) => self.websockets.held_bytes(session),
            State::Hixie(hixie) => hixie.held_bytes(),
        }
    }

    #[inline]
    fn is_receiving(&self, session: &FayeSession) -> bool {
        match &session.0 {
            State::WebSocket(session) => self.websockets.is_receiving(session),
            State::Hixie(hixie) => hixie.is_receiving(),
        }
    }

    fn take_progress(&mut self, session: &mut FayeSession) -> Option<Progress> {
        match &mut session.0 {
            State::WebSocket(session) => self.websockets.take_progress(session),
            State::Hixie(hixie) => hixie.take_progress(),
        }
    }

    fn wire(&self, session: &FayeSession) -> Wire {
        match &session.0 {
            State::WebSocket(session) => self.websockets.wire(session),
            State::Hixie(_) => HIXIE,
        }
    }

    fn frame(&mut self, wire: Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        match wire {
            HIXIE => hixie::frame(kind, payload, out),
            wire => self.websockets.frame(wire, kind, payload, out),
        }
    }

    fn frame_in_place(
        &mut self,
        wire: Wire,
        kind: Kind,
        payload: &[u8],
        room: &mut [u8],
    ) -> Option<usize> {
        match wire {
            HIXIE => None,
            wire => self.websockets.frame_in_place(wire, kind, payload, room),
        }
    }

    #[inline]
    fn receive<'i>(
        &mut self,
        session: &mut FayeSession,
        context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        let session = match &mut session.0 {
            State::WebSocket(session) => session,
            State::Hixie(hixie) => return receive_draft(hixie, carrier, input, out),
        };
        loop {
            let inner = &mut self.websockets;
            match inner.receive(session, context, carrier, input, out) {
                // Primus does not listen to the pings of this transport.
                Some(Event::Alive) => {}
                event => return event,
            }
        }
    }

    fn close(&mut self, session: &mut FayeSession, context: Context, out: &mut Outputs) {
        match &mut session.0 {
            State::WebSocket(session) => self.websockets.close(session, context, out),
            State::Hixie(hixie) => {
                if let Some(carrier) = context.stream {
                    hixie.close(carrier, out);
                }
                out.over();
            }
        }
    }

    fn expel(&mut self, session: &mut FayeSession, context: Context, out: &mut Outputs) {
        match &mut session.0 {
            State::WebSocket(session) => self.websockets.expel(session, context, out),
            State::Hixie(_) => self.close(session, context, out),
        }
    }

    fn exchange(
        &mut self,
        session: &mut FayeSession,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        match &mut session.0 {
            State::WebSocket(session) => {
                self.websockets
                    .exchange(session, context, carrier, request, out);
            }
            State::Hixie(hixie) => {
                hixie.begin(context.now, carrier, &request.body, out);
                if hixie.is_open() {
                    out.stream(carrier);
                }
            }
        }
    }

    fn carrier(&self, session: &FayeSession) -> Option<Carrier> {
        match &session.0 {
            State::WebSocket(session) => self.websockets.carrier(session),
            State::Hixie(_) => None,
        }
    }

    fn send(
        &mut self,
        session: &mut FayeSession,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        match &mut session.0 {
            State::WebSocket(session) => self.websockets.send(session, context, units, out),
            State::Hixie(hixie) => hixie.send(units, out),
        }
    }

    fn lost(
        &mut self,
        session: &mut FayeSession,
        context: Context,
        carrier: Carrier,
        out: &mut Outputs,
    ) {
        match &mut session.0 {
            State::WebSocket(session) => self.websockets.lost(session, context, carrier, out),
            State::Hixie(_) => {
                out.ended(End::Goodbye);
                out.over();
            }
        }
    }

    fn deadline(&self, session: &FayeSession) -> Option<Instant> {
        match &session.0 {
            State::WebSocket(session) => self.websockets.deadline(session),
            State::Hixie(hixie) => hixie.deadline(),
        }
    }

    fn expired(&mut self, session: &mut FayeSession, context: Context, out: &mut Outputs) {
        match &mut session.0 {
            State::WebSocket(session) => self.websockets.expired(session, context, out),
            State::Hixie(_) => {
                out.ended(End::Violation(
                    "the challenge of hixie-76 did not come in time",
                ));
                out.over();
            }
        }
    }
}

/// What comes on a connection that speaks a draft.
fn receive_draft<'i>(
    hixie: &mut Hixie,
    carrier: Carrier,
    input: &mut Input<'i>,
    out: &mut Outputs,
) -> Option<Event<'i>> {
    let end = loop {
        match hixie.next(input)? {
            Item::Challenge(answer) => {
                out.write(carrier, |out| out.extend_from_slice(&answer));
                out.stream(carrier);
            }
            Item::Text(payload) => {
                let kind = Kind::Text;
                return Some(Event::Message { kind, payload });
            }
            Item::Goodbye => break End::Goodbye,
            Item::TooBig => break End::Violation("a message is longer than it may be"),
        }
    };
    out.ended(end);
    hixie.close(carrier, out);
    out.over();
    None
}
