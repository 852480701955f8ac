//! The server half: requests are dispatched, and sessions of all kinds look alike.

use std::borrow::Cow;

use allspark_protocol::http::{Query, Request, RequestHead, Response};
use allspark_protocol::primus::Pathname;
use allspark_protocol::transformer::{
    Answer, Carrier, Context, Event, Kind, Outputs, Progress, SessionName, Transformer, Units, Wire,
};
use allspark_protocol::websocket::encode;
use allspark_protocol::{Input, Instant};

use super::SockJsOptions;
use super::asked::Asked;
use super::caching;
use super::draft::DraftSession;
use super::endpoint::{Endpoint, Sender, Transport};
use super::http::HttpSession;
use super::incoming;
use super::quote;
use super::raw::{self, RawSession};
use super::reply::{self, Entropy};
use super::service::Service;
use super::websocket::{self, WebSocketSession};
use crate::CommonOptions;
use crate::hixie;

/// The server half of `sockjs`.
#[derive(Clone, Debug)]
pub struct SockJs {
    pathname: Pathname,
    service: Service,
    entropy: Entropy,
}

/// The state of one session.
#[derive(Debug)]
pub struct SockJsSession(Session);

#[derive(Debug)]
enum Session {
    Http(HttpSession),
    WebSocket(WebSocketSession),
    Draft(Box<DraftSession>),
    Raw(RawSession),
}

const _: () = assert!(
    size_of::<SockJsSession>() <= 56,
    "there is one in every idle spark"
);

/// Messages for requests: JSON strings, which the session joins to frames.
const WIRE_HTTP: Wire = Wire(0);

/// Messages for WebSockets: each is a frame of SockJS in a frame of WebSocket.
const WIRE_WEBSOCKET: Wire = Wire(1);

/// Messages for raw WebSockets: frames of WebSocket.
const WIRE_RAW: Wire = Wire(2);

/// Messages for the drafts of WebSocket: each is a frame of SockJS in a frame of the draft.
const WIRE_DRAFT: Wire = Wire(3);

impl SockJs {
    /// A service under the pathname of the common options.
    pub fn new(common: &CommonOptions, options: SockJsOptions) -> Self {
        Self {
            pathname: common.pathname.clone(),
            entropy: Entropy::new(common.seed),
            service: Service {
                options,
                message_bytes_max: common.message_bytes_max.size(),
                scratch: Vec::new(),
            },
        }
    }

    fn answer<'r>(
        &mut self,
        request: &'r Request<'_>,
        endpoint: Endpoint<'r>,
    ) -> Answer<'r, SockJsSession> {
        let (head, options) = (&request.head, &self.service.options);
        Answer::Respond(match endpoint {
            _ if head.method() == "OPTIONS" => reply::preflight(head, endpoint, options),
            Endpoint::Greeting => reply::greeting(),
            Endpoint::Iframe => reply::iframe(head, options.sockjs_url.as_deref()),
            Endpoint::IframeScript => reply::iframe_script(head),
            Endpoint::Info => reply::info(head, options, self.entropy.next()),
            Endpoint::ChunkingTest => reply::chunking_test(head, options),
            Endpoint::RawWebSocket | Endpoint::WebSocket if !options.websocket => {
                reply::not_found_with(caching::cached(Response::new(404)))
            }
            Endpoint::RawWebSocket => match raw::upgrade(head) {
                Ok(upgrade) => {
                    let session = Session::Raw(RawSession::new(&self.service));
                    return Answer::Upgrade {
                        response: upgrade.response(),
                        session: SockJsSession(session),
                    };
                }
                Err(response) => response,
            },
            Endpoint::WebSocket => match self.websocket(request) {
                Ok(session) => return open(session),
                Err(response) => response,
            },
            Endpoint::Receive(_, name) | Endpoint::Send(_, name) => {
                match receives_as_asked(endpoint, head) {
                    Ok(()) => return Answer::Find(SessionName::Chosen(name)),
                    Err(message) => {
                        let asked = Asked::of(head, "").cookie(Response::new(500), options);
                        reply::failure(caching::not_cached(asked), message)
                    }
                }
            }
        })
    }

    /// A session over a WebSocket, or over one of its drafts.
    fn websocket(&self, request: &Request<'_>) -> Result<Session, Response> {
        let head = &request.head;
        websocket::is_websocket(head)?;
        if hixie::is_meant(head) {
            let session = DraftSession::new(&self.service, request)?;
            return Ok(Session::Draft(Box::new(session)));
        }
        websocket::upgrade(head)?;
        Ok(Session::WebSocket(WebSocketSession::new(&self.service)))
    }
}

impl Transformer for SockJs {
    type Session = SockJsSession;

    const WIRES: u8 = 4;

    fn name(&self) -> &'static str {
        super::NAME
    }

    fn request_body_bytes_max(&self) -> usize {
        self.service.body_bytes_max()
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, SockJsSession> {
        let head = &request.head;
        match Endpoint::of(&self.pathname, head.path()) {
            None => Answer::Respond(reply::not_found()),
            Some(endpoint) if !endpoint.allows(head.method()) => {
                Answer::Respond(reply::method_not_allowed(endpoint))
            }
            Some(endpoint) => self.answer(request, endpoint),
        }
    }

    fn addressee<'r>(&self, head: &RequestHead<'r>) -> Option<SessionName<'r>> {
        let endpoint = Endpoint::of(&self.pathname, head.path())?;
        let (Endpoint::Receive(_, name) | Endpoint::Send(_, name)) = endpoint else {
            return None;
        };
        let is_asked = endpoint.allows(head.method()) && head.method() != "OPTIONS";
        let is_found = is_asked && receives_as_asked(endpoint, head).is_ok();
        is_found.then_some(SessionName::Chosen(name))
    }

    fn absent<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, SockJsSession> {
        match Endpoint::of(&self.pathname, request.head.path()) {
            Some(Endpoint::Receive(..)) => open(Session::Http(HttpSession::new())),
            Some(Endpoint::Send(sender, _)) => {
                Answer::Respond(incoming::answer_absent(&mut self.service, sender, request))
            }
            _ => Answer::Respond(reply::not_found()),
        }
    }

    #[inline]
    fn held_bytes(&self, session: &SockJsSession) -> usize {
        match &session.0 {
            Session::Http(session) => session.held_bytes(),
            Session::WebSocket(session) => session.held_bytes(),
            Session::Draft(session) => session.held_bytes(),
            Session::Raw(session) => session.held_bytes(),
        }
    }

    #[inline]
    fn is_receiving(&self, session: &SockJsSession) -> bool {
        match &session.0 {
            Session::Http(_) => false,
            Session::WebSocket(session) => session.is_receiving(),
            Session::Draft(session) => session.is_receiving(),
            Session::Raw(session) => session.is_receiving(),
        }
    }

    fn take_progress(&mut self, session: &mut SockJsSession) -> Option<Progress> {
        match &mut session.0 {
            Session::Http(_) => None,
            Session::WebSocket(session) => session.take_progress(),
            Session::Draft(session) => session.take_progress(),
            Session::Raw(session) => session.take_progress(),
        }
    }

    fn wire(&self, session: &SockJsSession) -> Wire {
        match session.0 {
            Session::Http(_) => WIRE_HTTP,
            Session::WebSocket(_) => WIRE_WEBSOCKET,
            Session::Draft(_) => WIRE_DRAFT,
            Session::Raw(_) => WIRE_RAW,
        }
    }

    fn frame(&mut self, wire: Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        let text = quote::text(kind, payload);
        match wire {
            WIRE_HTTP => quote::quote(&text, out),
            WIRE_RAW => encode::message(Kind::Text, &text, None, out),
            _ => {
                let mut frame = self.service.take_scratch();
                frame.extend_from_slice(b"a[");
                quote::quote(&text, &mut frame);
                frame.push(b']');
                match wire {
                    WIRE_DRAFT => hixie::frame(Kind::Text, &frame, out),
                    _ => encode::message(Kind::Text, &frame, None, out),
                }
                self.service.return_scratch(frame);
            }
        }
    }

    fn frame_in_place(
        &mut self,
        wire: Wire,
        kind: Kind,
        payload: &[u8],
        room: &mut [u8],
    ) -> Option<usize> {
        match (wire, kind) {
            (WIRE_RAW, Kind::Text) => encode::message_header_before(kind, payload.len(), room),
            // Messages are quoted.
            _ => None,
        }
    }

    #[inline]
    fn receive<'i>(
        &mut self,
        session: &mut SockJsSession,
        context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        match &mut session.0 {
            Session::WebSocket(session) => session.receive(&self.service, carrier, input, out),
            Session::Draft(session) => {
                session.receive((&self.service, context.now), carrier, input, out)
            }
            Session::Raw(session) => session.receive(carrier, input, out),
            Session::Http(_) => {
                input.take_all();
                None
            }
        }
    }

    fn close(&mut self, session: &mut SockJsSession, context: Context, out: &mut Outputs) {
        match &mut session.0 {
            Session::Http(session) => session.close(&self.service, context.now),
            Session::WebSocket(session) => session.close(context.now, out),
            Session::Draft(session) => session.close(out),
            Session::Raw(session) => session.close(context, out),
        }
    }

    fn exchange(
        &mut self,
        session: &mut SockJsSession,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        let head = &request.head;
        let endpoint = Endpoint::of(&self.pathname, head.path());
        match (endpoint, &mut session.0) {
            (Some(Endpoint::WebSocket), Session::WebSocket(session)) => {
                session.open(&self.service, context.now, (carrier, head), out);
            }
            (Some(Endpoint::WebSocket), Session::Draft(session)) => {
                session.begin(&self.service, context.now, carrier, &request.body, out);
            }
            (Some(Endpoint::Receive(transport, _)), Session::Http(session)) => {
                // It has been checked by `request`.
                let callback = callback(transport, head.query()).unwrap_or_default();
                let (receiver, asked) = ((carrier, transport), Asked::of(head, &callback));
                session.receive(&self.service, context.now, receiver, asked, out);
            }
            (Some(Endpoint::Send(sender, _)), Session::Http(session)) => {
                session.take(&mut self.service, (carrier, sender), request, out);
            }
            _ => out.respond(carrier, reply::not_found()),
        }
    }

    fn proceed(&mut self, session: &mut SockJsSession, _context: Context, out: &mut Outputs) {
        if let Session::Http(session) = &mut session.0 {
            session.proceed(&self.service, out);
        }
    }

    fn is_script(&self, head: &RequestHead<'_>) -> bool {
        matches!(
            Endpoint::of(&self.pathname, head.path()),
            Some(
                Endpoint::Iframe
                    | Endpoint::Receive(Transport::Jsonp | Transport::HtmlFile, _)
                    | Endpoint::Send(Sender::Jsonp, _)
            )
        )
    }

    fn carrier(&self, session: &SockJsSession) -> Option<Carrier> {
        match &session.0 {
            Session::Http(session) => session.carrier(),
            Session::WebSocket(_) | Session::Draft(_) | Session::Raw(_) => None,
        }
    }

    fn send(
        &mut self,
        session: &mut SockJsSession,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        match &mut session.0 {
            Session::Http(session) => session.send(&mut self.service, context.now, units, out),
            Session::WebSocket(session) => session.send(units, out),
            Session::Draft(session) => session.send(units, out),
            Session::Raw(_) => {}
        }
    }

    fn lost(
        &mut self,
        session: &mut SockJsSession,
        _context: Context,
        carrier: Carrier,
        out: &mut Outputs,
    ) {
        match &mut session.0 {
            Session::Http(session) => session.lost(carrier, out),
            Session::WebSocket(session) => session.lost(out),
            Session::Draft(session) => session.lost(out),
            Session::Raw(_) => {}
        }
    }

    fn deadline(&self, session: &SockJsSession) -> Option<Instant> {
        match &session.0 {
            Session::Http(session) => Some(session.deadline()),
            Session::WebSocket(session) => Some(session.deadline()),
            Session::Draft(session) => session.deadline(),
            Session::Raw(_) => None,
        }
    }

    fn awaits_client(&self, session: &SockJsSession) -> bool {
        match &session.0 {
            Session::Http(session) => session.awaits_client(),
            Session::WebSocket(session) => session.awaits_client(),
            Session::Draft(session) => session.awaits_client(),
            Session::Raw(_) => true,
        }
    }

    fn expired(&mut self, session: &mut SockJsSession, context: Context, out: &mut Outputs) {
        match &mut session.0 {
            Session::Http(session) => session.expired(&self.service, context.now, out),
            Session::WebSocket(session) => session.expired(context.now, out),
            Session::Draft(session) => session.expired(&self.service, context.now, out),
            Session::Raw(_) => {}
        }
    }
}

fn open<'r>(session: Session) -> Answer<'r, SockJsSession> {
    Answer::Open {
        session: SockJsSession(session),
        port: None,
    }
}

/// Whether a session can be received in the way that a request asks for, if it asks for that.
fn receives_as_asked(endpoint: Endpoint<'_>, head: &RequestHead<'_>) -> Result<(), &'static str> {
    match endpoint {
        Endpoint::Receive(transport, _) => callback(transport, head.query()).map(drop),
        _ => Ok(()),
    }
}

/// The function that a request wants to be called. Transports without one have an empty one.
fn callback<'r>(transport: Transport, query: Query<'r>) -> Result<Cow<'r, str>, &'static str> {
    const JSONP_BYTES_MAX: usize = 32;
    let bytes_max = match transport {
        Transport::Jsonp => JSONP_BYTES_MAX,
        Transport::HtmlFile => usize::MAX,
        _ => return Ok(Cow::Borrowed("")),
    };
    let name = match query.fields().any(|field| field.is("c")) {
        true => "c",
        false => "callback",
    };
    let mut named = query.fields().filter(|field| field.is(name));
    let callback = named.next().ok_or("\"callback\" parameter required")?;
    let callback = callback.value();
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_only_one = named.next().is_none();
    match is_only_one && callback.len() <= bytes_max && callback.bytes().all(is_allowed) {
        true => Ok(callback),
        false => Err("invalid \"callback\" parameter"),
    }
}
