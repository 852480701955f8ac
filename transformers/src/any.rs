//! The transformer that a server was told to serve: one of the six, or all of them on one endpoint.
//!
//! With `any` a request's path and query say which transport it is for; no two transports use the
//! same.

use std::ops::Range;

use allspark_protocol::Input;
use allspark_protocol::Instant;
use allspark_protocol::http::{Request, RequestHead, Response};
use allspark_protocol::primus::Pathname;
use allspark_protocol::transformer::{
    Answer, Begun, Carrier, Context, Event, Kind, Outputs, Progress, SessionName, Transformer,
    Units, Wire,
};

use crate::browserchannel::{self, BrowserChannel, BrowserChannelOptions, BrowserChannelSession};
use crate::engine_io::{EngineIo, EngineIoOptions, EngineIoSession};
use crate::faye::{Faye, FayeOptions, FayeSession};
use crate::kind::TransformerKind;
use crate::options::{CommonOptions, TransportOptionError};
use crate::sockjs::{SockJs, SockJsOptions, SockJsSession};
use crate::uws::{Uws, UwsOptions};
use crate::websockets::{WebSocketSession, WebSockets, WebSocketsOptions};

/// The transformer that a server was told to serve.
#[derive(Clone, Debug)]
pub struct AnyTransformer {
    kind: TransformerKind,
    pathname: Pathname,
    websockets: WebSockets,
    faye: Faye,
    uws: Uws,
    engine_io: EngineIo,
    sockjs: SockJs,
    browserchannel: BrowserChannel,
}

/// A session of any transformer. Those that polling transports need are boxed, so that the session
/// of a plain WebSocket stays small.
#[derive(Debug)]
pub enum AnySession {
    /// Of `websockets`.
    WebSockets(WebSocketSession),
    /// Of `faye`.
    Faye(FayeSession),
    /// Of `uws`.
    Uws(WebSocketSession),
    /// Of `engine.io`.
    EngineIo(Box<EngineIoSession>),
    /// Of `sockjs`.
    SockJs(Box<SockJsSession>),
    /// Of `browserchannel`.
    BrowserChannel(Box<BrowserChannelSession>),
}

/// The first wire format of each transformer among those of all.
mod wires {
    use super::*;

    pub(super) const WEBSOCKETS: u8 = 0;
    pub(super) const FAYE: u8 = WEBSOCKETS + WebSockets::WIRES;
    pub(super) const UWS: u8 = FAYE + Faye::WIRES;
    pub(super) const ENGINE_IO: u8 = UWS + Uws::WIRES;
    pub(super) const SOCKJS: u8 = ENGINE_IO + EngineIo::WIRES;
    pub(super) const BROWSERCHANNEL: u8 = SOCKJS + SockJs::WIRES;
    pub(super) const ALL: u8 = BROWSERCHANNEL + BrowserChannel::WIRES;
}

impl AnyTransformer {
    /// A transformer with these options of its transport, by name. Of two with the same name the
    /// last one counts. With `any` an option counts for every transport that has it.
    ///
    /// # Errors
    /// The first option that no transport in question has, or whose value it can't have.
    pub fn new(
        kind: TransformerKind,
        common: &CommonOptions,
        transport: &[(String, String)],
    ) -> Result<Self, TransportOptionError> {
        let mut options = AllOptions::default();
        for (name, value) in transport {
            options.set(kind, name, value)?;
        }
        Ok(Self {
            kind,
            pathname: common.pathname.clone(),
            websockets: WebSockets::new(common, options.websockets),
            faye: Faye::new(common, options.faye),
            uws: Uws::new(common, options.uws),
            engine_io: EngineIo::new(common, options.engine_io),
            sockjs: SockJs::new(common, options.sockjs),
            browserchannel: BrowserChannel::new(common, options.browserchannel),
        })
    }

    /// The transport that a request is for.
    fn kind_of(&self, head: &RequestHead<'_>) -> TransformerKind {
        if self.kind != TransformerKind::Any {
            return self.kind;
        }
        let path = head.path().strip_prefix(&*self.pathname);
        let asks_browserchannel = || {
            let path = browserchannel::behind(&self.pathname, head.path());
            matches!(path, Some("/test" | "/bind")) && head.query().get("VER").is_some()
        };
        if head.query().get("EIO").is_some() {
            TransformerKind::EngineIo
        } else if asks_browserchannel() {
            TransformerKind::BrowserChannel
        } else if path.is_some_and(is_sockjs) {
            TransformerKind::SockJs
        } else if wants_websocket(head) && head.header("sec-websocket-version") != Some("13") {
            TransformerKind::Faye
        } else {
            TransformerKind::WebSockets
        }
    }
}

fn wants_websocket(head: &RequestHead<'_>) -> bool {
    head.wants_upgrade() && head.has_token("upgrade", "websocket")
}

/// Whether SockJS serves this path behind the pathname, and no other transport does.
fn is_sockjs(path: &str) -> bool {
    const TRANSPORTS: [&str; 8] = [
        "websocket",
        "xhr",
        "xhr_send",
        "xhr_streaming",
        "eventsource",
        "htmlfile",
        "jsonp",
        "jsonp_send",
    ];
    // As in sockjs-node, one slash more means nothing.
    let path = path.strip_suffix('/').unwrap_or(path);
    match path.rsplit_once('/') {
        Some((before, last)) if TRANSPORTS.contains(&last) => before.matches('/').count() >= 2,
        Some((_, last)) => {
            matches!(last, "info" | "chunking_test" | "iframe.js")
                || (last.starts_with("iframe") && last.ends_with(".html"))
        }
        None => false,
    }
}

/// The options of all transports.
#[derive(Debug, Default)]
struct AllOptions {
    websockets: WebSocketsOptions,
    faye: FayeOptions,
    uws: UwsOptions,
    engine_io: EngineIoOptions,
    sockjs: SockJsOptions,
    browserchannel: BrowserChannelOptions,
}

impl AllOptions {
    fn set(
        &mut self,
        kind: TransformerKind,
        name: &str,
        value: &str,
    ) -> Result<(), TransportOptionError> {
        match kind {
            TransformerKind::WebSockets => self.websockets.set(name, value),
            TransformerKind::Faye => self.faye.set(name, value),
            TransformerKind::Uws => self.uws.set(name, value),
            TransformerKind::EngineIo => self.engine_io.set(name, value),
            TransformerKind::SockJs => self.sockjs.set(name, value),
            TransformerKind::BrowserChannel => self.browserchannel.set(name, value),
            TransformerKind::Any => self.set_any(name, value),
        }
    }

    fn set_any(&mut self, name: &str, value: &str) -> Result<(), TransportOptionError> {
        let mut all_known = Vec::new();
        let mut is_known = false;
        for kind in TransformerKind::ALL {
            if kind == TransformerKind::Any {
                continue;
            }
            match self.set(kind, name, value) {
                Ok(()) => is_known = true,
                Err(TransportOptionError::Unknown { known, .. }) => {
                    all_known.extend_from_slice(&known);
                }
                Err(invalid) => return Err(invalid),
            }
        }
        if is_known {
            return Ok(());
        }
        all_known.sort_unstable();
        all_known.dedup();
        Err(TransportOptionError::Unknown {
            transformer: TransformerKind::Any.name(),
            name: name.to_owned(),
            known: all_known.into(),
        })
    }
}

/// Calls the transformer that a session belongs to.
macro_rules! of_session {
    ($self:ident, $session:ident, |$transformer:ident, $inner:ident| $call:expr) => {
        match $session {
            AnySession::WebSockets($inner) => {
                let $transformer = &mut $self.websockets;
                $call
            }
            AnySession::Faye($inner) => {
                let $transformer = &mut $self.faye;
                $call
            }
            AnySession::Uws($inner) => {
                let $transformer = &mut $self.uws;
                $call
            }
            AnySession::EngineIo($inner) => {
                let $transformer = &mut $self.engine_io;
                $call
            }
            AnySession::SockJs($inner) => {
                let $transformer = &mut $self.sockjs;
                $call
            }
            AnySession::BrowserChannel($inner) => {
                let $transformer = &mut $self.browserchannel;
                $call
            }
        }
    };
}

/// The same, for questions.
macro_rules! ask_session {
    ($self:ident, $session:ident, |$transformer:ident, $inner:ident| $call:expr) => {
        match $session {
            AnySession::WebSockets($inner) => {
                let $transformer = &$self.websockets;
                $call
            }
            AnySession::Faye($inner) => {
                let $transformer = &$self.faye;
                $call
            }
            AnySession::Uws($inner) => {
                let $transformer = &$self.uws;
                $call
            }
            AnySession::EngineIo($inner) => {
                let $transformer = &$self.engine_io;
                $call
            }
            AnySession::SockJs($inner) => {
                let $transformer = &$self.sockjs;
                $call
            }
            AnySession::BrowserChannel($inner) => {
                let $transformer = &$self.browserchannel;
                $call
            }
        }
    };
}

/// Makes an answer of one transformer one of all.
fn widen<S>(answer: Answer<'_, S>, wrap: impl FnOnce(S) -> AnySession) -> Answer<'_, AnySession> {
    match answer {
        Answer::Respond(response) => Answer::Respond(response),
        Answer::Find(name) => Answer::Find(name),
        Answer::Paced { response, parts } => Answer::Paced { response, parts },
        Answer::Upgrade { response, session } => Answer::Upgrade {
            response,
            session: wrap(session),
        },
        Answer::Open { session, port } => Answer::Open {
            session: wrap(session),
            port,
        },
    }
}

/// Asks the transformer that a request is for.
macro_rules! of_request {
    ($self:ident, $request:ident, $method:ident) => {
        match $self.kind_of(&$request.head) {
            TransformerKind::WebSockets | TransformerKind::Any => {
                widen($self.websockets.$method($request), AnySession::WebSockets)
            }
            TransformerKind::Faye => widen($self.faye.$method($request), AnySession::Faye),
            TransformerKind::Uws => widen($self.uws.$method($request), AnySession::Uws),
            TransformerKind::EngineIo => widen($self.engine_io.$method($request), |session| {
                AnySession::EngineIo(Box::new(session))
            }),
            TransformerKind::SockJs => widen($self.sockjs.$method($request), |session| {
                AnySession::SockJs(Box::new(session))
            }),
            TransformerKind::BrowserChannel => {
                widen($self.browserchannel.$method($request), |session| {
                    AnySession::BrowserChannel(Box::new(session))
                })
            }
        }
    };
}

impl AnySession {
    fn kind(&self) -> TransformerKind {
        match self {
            Self::WebSockets(_) => TransformerKind::WebSockets,
            Self::Faye(_) => TransformerKind::Faye,
            Self::Uws(_) => TransformerKind::Uws,
            Self::EngineIo(_) => TransformerKind::EngineIo,
            Self::SockJs(_) => TransformerKind::SockJs,
            Self::BrowserChannel(_) => TransformerKind::BrowserChannel,
        }
    }

    /// The wire formats of its transformer.
    fn wires(&self) -> Range<u8> {
        match self {
            Self::WebSockets(_) => wires::WEBSOCKETS..wires::FAYE,
            Self::Faye(_) => wires::FAYE..wires::UWS,
            Self::Uws(_) => wires::UWS..wires::ENGINE_IO,
            Self::EngineIo(_) => wires::ENGINE_IO..wires::SOCKJS,
            Self::SockJs(_) => wires::SOCKJS..wires::BROWSERCHANNEL,
            Self::BrowserChannel(_) => wires::BROWSERCHANNEL..wires::ALL,
        }
    }
}

impl Transformer for AnyTransformer {
    type Session = AnySession;

    const WIRES: u8 = wires::ALL;

    fn name(&self) -> &'static str {
        self.kind.name()
    }

    fn session_name(&self, session: &AnySession) -> &'static str {
        session.kind().name()
    }

    fn finds_sessions(&self) -> bool {
        match self.kind {
            TransformerKind::WebSockets | TransformerKind::Faye | TransformerKind::Uws => false,
            TransformerKind::EngineIo
            | TransformerKind::SockJs
            | TransformerKind::BrowserChannel
            | TransformerKind::Any => true,
        }
    }

    /// With `any`, a request that wants to change to anything but a WebSocket (HTTP/2, `h2c`) is a
    /// plain request, as RFC 9110, 7.8 has it.
    fn is_upgrade(&self, head: &RequestHead<'_>) -> bool {
        match self.kind {
            TransformerKind::WebSockets => self.websockets.is_upgrade(head),
            TransformerKind::Faye => self.faye.is_upgrade(head),
            TransformerKind::Uws => self.uws.is_upgrade(head),
            TransformerKind::EngineIo => self.engine_io.is_upgrade(head),
            TransformerKind::SockJs => self.sockjs.is_upgrade(head),
            TransformerKind::BrowserChannel => self.browserchannel.is_upgrade(head),
            TransformerKind::Any => wants_websocket(head),
        }
    }

    fn request_body_bytes_max(&self) -> usize {
        match self.kind {
            TransformerKind::WebSockets => self.websockets.request_body_bytes_max(),
            TransformerKind::Faye => self.faye.request_body_bytes_max(),
            TransformerKind::Uws => self.uws.request_body_bytes_max(),
            TransformerKind::EngineIo => self.engine_io.request_body_bytes_max(),
            TransformerKind::SockJs => self.sockjs.request_body_bytes_max(),
            TransformerKind::BrowserChannel => self.browserchannel.request_body_bytes_max(),
            TransformerKind::Any => self
                .engine_io
                .request_body_bytes_max()
                .max(self.sockjs.request_body_bytes_max())
                .max(self.browserchannel.request_body_bytes_max()),
        }
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, AnySession> {
        of_request!(self, request, request)
    }

    fn absent<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, AnySession> {
        of_request!(self, request, absent)
    }

    fn addressee<'r>(&self, head: &RequestHead<'r>) -> Option<SessionName<'r>> {
        match self.kind_of(head) {
            TransformerKind::EngineIo => self.engine_io.addressee(head),
            TransformerKind::SockJs => self.sockjs.addressee(head),
            TransformerKind::BrowserChannel => self.browserchannel.addressee(head),
            TransformerKind::WebSockets
            | TransformerKind::Faye
            | TransformerKind::Uws
            | TransformerKind::Any => None,
        }
    }

    fn begun(
        &mut self,
        session: &mut AnySession,
        context: Context,
        carrier: Carrier,
        head: &RequestHead<'_>,
        out: &mut Outputs,
    ) -> Begun {
        if self.kind_of(head) != session.kind() {
            return Begun::Ignored;
        }
        of_session!(self, session, |transformer, inner| transformer
            .begun(inner, context, carrier, head, out))
    }

    #[inline]
    fn held_bytes(&self, session: &AnySession) -> usize {
        ask_session!(self, session, |transformer, inner| transformer
            .held_bytes(inner))
    }

    #[inline]
    fn is_receiving(&self, session: &AnySession) -> bool {
        ask_session!(self, session, |transformer, inner| transformer
            .is_receiving(inner))
    }

    fn take_progress(&mut self, session: &mut AnySession) -> Option<Progress> {
        of_session!(self, session, |transformer, inner| transformer
            .take_progress(inner))
    }

    fn wire(&self, session: &AnySession) -> Wire {
        let Wire(wire) = ask_session!(self, session, |transformer, inner| transformer.wire(inner));
        let wires = session.wires();
        let found = wires.start + wire;
        assert!(wires.contains(&found), "a wire of another transformer");
        Wire(found)
    }

    fn frame(&mut self, Wire(wire): Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        match wire {
            wires::WEBSOCKETS..wires::FAYE => self.websockets.frame(Wire(wire), kind, payload, out),
            wires::FAYE..wires::UWS => {
                let wire = Wire(wire - wires::FAYE);
                self.faye.frame(wire, kind, payload, out);
            }
            wires::UWS..wires::ENGINE_IO => {
                let wire = Wire(wire - wires::UWS);
                self.uws.frame(wire, kind, payload, out);
            }
            wires::ENGINE_IO..wires::SOCKJS => {
                let wire = Wire(wire - wires::ENGINE_IO);
                self.engine_io.frame(wire, kind, payload, out);
            }
            wires::SOCKJS..wires::BROWSERCHANNEL => {
                let wire = Wire(wire - wires::SOCKJS);
                self.sockjs.frame(wire, kind, payload, out);
            }
            _ => {
                let wire = Wire(wire - wires::BROWSERCHANNEL);
                self.browserchannel.frame(wire, kind, payload, out);
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
        let Wire(number) = wire;
        match number {
            wires::BROWSERCHANNEL.. => None,
            wires::SOCKJS.. => {
                let wire = Wire(number - wires::SOCKJS);
                self.sockjs.frame_in_place(wire, kind, payload, room)
            }
            wires::ENGINE_IO.. => {
                let wire = Wire(number - wires::ENGINE_IO);
                self.engine_io.frame_in_place(wire, kind, payload, room)
            }
            wires::UWS.. => {
                let wire = Wire(number - wires::UWS);
                self.uws.frame_in_place(wire, kind, payload, room)
            }
            wires::FAYE.. => {
                let wire = Wire(number - wires::FAYE);
                self.faye.frame_in_place(wire, kind, payload, room)
            }
            _ => self.websockets.frame_in_place(wire, kind, payload, room),
        }
    }

    #[inline]
    fn receive<'i>(
        &mut self,
        session: &mut AnySession,
        context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        of_session!(self, session, |transformer, inner| transformer
            .receive(inner, context, carrier, input, out))
    }

    fn close(&mut self, session: &mut AnySession, context: Context, out: &mut Outputs) {
        of_session!(self, session, |transformer, inner| transformer
            .close(inner, context, out));
    }

    fn expel(&mut self, session: &mut AnySession, context: Context, out: &mut Outputs) {
        of_session!(self, session, |transformer, inner| transformer
            .expel(inner, context, out));
    }

    fn exchange(
        &mut self,
        session: &mut AnySession,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        if self.kind_of(&request.head) != session.kind() {
            // The id of a session of another transport.
            return out.respond(carrier, Response::text(400, "Bad Request\n"));
        }
        of_session!(self, session, |transformer, inner| transformer
            .exchange(inner, context, carrier, request, out));
    }

    fn proceed(&mut self, session: &mut AnySession, context: Context, out: &mut Outputs) {
        of_session!(self, session, |transformer, inner| transformer
            .proceed(inner, context, out));
    }

    fn is_script(&self, head: &RequestHead<'_>) -> bool {
        match self.kind_of(head) {
            TransformerKind::EngineIo => self.engine_io.is_script(head),
            TransformerKind::SockJs => self.sockjs.is_script(head),
            TransformerKind::BrowserChannel => self.browserchannel.is_script(head),
            TransformerKind::WebSockets
            | TransformerKind::Faye
            | TransformerKind::Uws
            | TransformerKind::Any => false,
        }
    }

    fn carrier(&self, session: &AnySession) -> Option<Carrier> {
        ask_session!(self, session, |transformer, inner| transformer
            .carrier(inner))
    }

    fn send(
        &mut self,
        session: &mut AnySession,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        of_session!(self, session, |transformer, inner| transformer
            .send(inner, context, units, out));
    }

    fn lost(
        &mut self,
        session: &mut AnySession,
        context: Context,
        carrier: Carrier,
        out: &mut Outputs,
    ) {
        of_session!(self, session, |transformer, inner| transformer
            .lost(inner, context, carrier, out));
    }

    fn deadline(&self, session: &AnySession) -> Option<Instant> {
        ask_session!(self, session, |transformer, inner| transformer
            .deadline(inner))
    }

    fn awaits_client(&self, session: &AnySession) -> bool {
        ask_session!(self, session, |transformer, inner| transformer
            .awaits_client(inner))
    }

    fn expired(&mut self, session: &mut AnySession, context: Context, out: &mut Outputs) {
        of_session!(self, session, |transformer, inner| transformer
            .expired(inner, context, out));
    }
}

#[cfg(test)]
mod one;
#[cfg(test)]
mod tests;
