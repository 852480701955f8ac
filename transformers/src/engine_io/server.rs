//! The server half: what is shared by the sessions of a shard.

use allspark_protocol::Input;
use allspark_protocol::Instant;
use allspark_protocol::http::{Request, RequestHead, Response};
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{
    Answer, Begun, Carrier, Context, Event, Kind, Outputs, Progress, SessionName, Transformer,
    Units, Wire,
};

use super::format::Format;
use super::gzipped::Gzipped;
use super::options::EngineIoOptions;
use super::packet::Protocol;
use super::parameters::{Parameters, TransportName};
use super::refusal::Refusal;
use super::session::{EngineIoSession, Shared};
use crate::options::CommonOptions;
use crate::websockets;

/// The server half of `engine.io`.
#[derive(Clone, Debug)]
pub struct EngineIo {
    shared: Shared,
}

impl EngineIo {
    /// Serves with these options. Messages are bounded by `maxHttpBufferSize`, if that is set, and
    /// else by the bound that all transformers share.
    pub fn new(common: &CommonOptions, options: EngineIoOptions) -> Self {
        let bytes_max = options.http_buffer_bytes_max;
        Self {
            shared: Shared {
                buffer_bytes_max: bytes_max.unwrap_or(common.message_bytes_max).size(),
                deflate: options.deflate(common),
                gzipped: Gzipped::new(options.http_compression(common)),
                codec: websockets::Shared::default(),
                options,
                scratch: Vec::new(),
            },
        }
    }

    /// Answers a request in the order in which the package checks it (`Server.verify`).
    fn answer<'r>(&self, request: &'r Request<'_>, is_upgrade: bool) -> Verdict<'r> {
        let head = &request.head;
        let parameters = Parameters::of(head);
        let transport = self.transport(&parameters)?;
        if let Some(id) = session_of(&parameters)? {
            return Ok(Answer::Find(SessionName::Spark(id)));
        }
        if head.method() != "GET" {
            return Err(Refusal::BadHandshakeMethod);
        }
        if is_upgrade != (transport == TransportName::WebSocket) {
            return Err(Refusal::BadRequest);
        }
        if is_upgrade && let Err(refusal) = self.shared.upgrade(head) {
            return Ok(Answer::Respond(refusal.response()));
        }
        if parameters.protocol == Protocol::V3 && !self.shared.options.allow_eio3 {
            return Err(Refusal::UnsupportedProtocol);
        }
        Ok(Answer::Open {
            session: EngineIoSession::new(transport, parameters),
            port: None,
        })
    }
}

impl EngineIo {
    /// The transport that a request names, if it is offered.
    fn transport(&self, parameters: &Parameters<'_>) -> Result<TransportName, Refusal> {
        let transports = self.shared.options.transports;
        match parameters.transport {
            Some(TransportName::Polling) if transports.polling => Ok(TransportName::Polling),
            Some(TransportName::WebSocket) if transports.websocket => Ok(TransportName::WebSocket),
            _ => Err(Refusal::UnknownTransport),
        }
    }
}

/// The session that a request names, if it names one.
fn session_of(parameters: &Parameters<'_>) -> Result<Option<SparkId>, Refusal> {
    let Some(sid) = &parameters.sid else {
        return Ok(None);
    };
    sid.parse().map(Some).map_err(|_| Refusal::UnknownSid)
}

type Verdict<'r> = Result<Answer<'r, EngineIoSession>, Refusal>;

impl Transformer for EngineIo {
    type Session = EngineIoSession;

    const WIRES: u8 = Format::WIRES;

    fn name(&self) -> &'static str {
        super::NAME
    }

    fn request_body_bytes_max(&self) -> usize {
        self.shared.buffer_bytes_max
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, EngineIoSession> {
        let is_upgrade = request.head.wants_upgrade();
        self.answer(request, is_upgrade)
            .unwrap_or_else(|refusal| Answer::Respond(refusal.response(is_upgrade)))
    }

    fn addressee<'r>(&self, head: &RequestHead<'r>) -> Option<SessionName<'r>> {
        let parameters = Parameters::of(head);
        self.transport(&parameters).ok()?;
        session_of(&parameters).ok()?.map(SessionName::Spark)
    }

    fn begun(
        &mut self,
        session: &mut EngineIoSession,
        _context: Context,
        carrier: Carrier,
        head: &RequestHead<'_>,
        out: &mut Outputs,
    ) -> Begun {
        session.begun(carrier, head, out)
    }

    fn absent<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, EngineIoSession> {
        let response: Response = Refusal::UnknownSid.response(request.head.wants_upgrade());
        Answer::Respond(response)
    }

    #[inline]
    fn held_bytes(&self, session: &EngineIoSession) -> usize {
        session.held_bytes()
    }

    #[inline]
    fn is_receiving(&self, session: &EngineIoSession) -> bool {
        session.is_receiving()
    }

    fn take_progress(&mut self, session: &mut EngineIoSession) -> Option<Progress> {
        session.take_progress()
    }

    #[inline]
    fn wire(&self, session: &EngineIoSession) -> Wire {
        session.wire()
    }

    #[inline]
    fn frame(&mut self, wire: Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        match (Format::of(wire), self.shared.deflate) {
            ((format, true), Some(deflate)) if payload.len() >= deflate.threshold_bytes => {
                self.shared.frame(format, &deflate, kind, payload, out);
            }
            ((format, _), _) => format.frame(kind, payload, out),
        }
    }

    fn frame_in_place(
        &mut self,
        wire: Wire,
        kind: Kind,
        payload: &[u8],
        room: &mut [u8],
    ) -> Option<usize> {
        match (Format::of(wire), self.shared.deflate) {
            ((_, true), Some(deflate)) if payload.len() >= deflate.threshold_bytes => None,
            ((format, _), _) => format.frame_in_place(kind, payload, room),
        }
    }

    #[inline]
    fn receive<'i>(
        &mut self,
        session: &mut EngineIoSession,
        context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        session.receive(&mut self.shared, context, carrier, input, out)
    }

    fn close(&mut self, session: &mut EngineIoSession, context: Context, out: &mut Outputs) {
        session.close(context, out);
    }

    fn exchange(
        &mut self,
        session: &mut EngineIoSession,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        session.exchange(&mut self.shared, context, carrier, request, out);
        self.shared.trim();
    }

    fn proceed(&mut self, session: &mut EngineIoSession, context: Context, out: &mut Outputs) {
        session.proceed(&mut self.shared, context, out);
        self.shared.trim();
    }

    fn is_script(&self, head: &RequestHead<'_>) -> bool {
        head.query().fields().any(|field| field.is("j"))
    }

    fn carrier(&self, session: &EngineIoSession) -> Option<Carrier> {
        session.poll()
    }

    fn send(
        &mut self,
        session: &mut EngineIoSession,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        session.send(&mut self.shared, context, units, out);
        self.shared.trim();
    }

    fn lost(
        &mut self,
        session: &mut EngineIoSession,
        _context: Context,
        carrier: Carrier,
        out: &mut Outputs,
    ) {
        session.lost(carrier, out);
    }

    #[inline]
    fn deadline(&self, session: &EngineIoSession) -> Option<Instant> {
        session.deadline()
    }

    fn awaits_client(&self, session: &EngineIoSession) -> bool {
        session.awaits_client()
    }

    fn expired(&mut self, session: &mut EngineIoSession, context: Context, out: &mut Outputs) {
        session.expired(&self.shared, context, out);
    }
}
