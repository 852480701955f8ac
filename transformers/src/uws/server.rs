//! The server half, which is that of `websockets` with another name and other options.

use allspark_protocol::http::Request;
use allspark_protocol::transformer::{
    Answer, Carrier, Context, Event, Kind, Outputs, Progress, Transformer, Units, Wire,
};
use allspark_protocol::{Input, Instant};

use super::options::UwsOptions;
use crate::CommonOptions;
use crate::websockets::{WebSocketSession, WebSockets};

/// The server half of `uws`.
#[derive(Clone, Debug)]
pub struct Uws(WebSockets);

impl Uws {
    /// As [`WebSockets::new`].
    pub fn new(common: &CommonOptions, options: UwsOptions) -> Self {
        Self(WebSockets::new(common, options.0))
    }
}

impl Transformer for Uws {
    type Session = WebSocketSession;

    const WIRES: u8 = WebSockets::WIRES;

    fn name(&self) -> &'static str {
        "uws"
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, WebSocketSession> {
        self.0.request(request)
    }

    #[inline]
    fn held_bytes(&self, session: &WebSocketSession) -> usize {
        self.0.held_bytes(session)
    }

    #[inline]
    fn is_receiving(&self, session: &WebSocketSession) -> bool {
        self.0.is_receiving(session)
    }

    fn take_progress(&mut self, session: &mut WebSocketSession) -> Option<Progress> {
        self.0.take_progress(session)
    }

    fn wire(&self, session: &WebSocketSession) -> Wire {
        self.0.wire(session)
    }

    #[inline]
    fn frame(&mut self, wire: Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        self.0.frame(wire, kind, payload, out);
    }

    fn frame_in_place(
        &mut self,
        wire: Wire,
        kind: Kind,
        payload: &[u8],
        room: &mut [u8],
    ) -> Option<usize> {
        self.0.frame_in_place(wire, kind, payload, room)
    }

    #[inline]
    fn receive<'i>(
        &mut self,
        session: &mut WebSocketSession,
        context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        self.0.receive(session, context, carrier, input, out)
    }

    fn close(&mut self, session: &mut WebSocketSession, context: Context, out: &mut Outputs) {
        self.0.close(session, context, out);
    }

    fn expel(&mut self, session: &mut WebSocketSession, context: Context, out: &mut Outputs) {
        self.0.expel(session, context, out);
    }

    fn exchange(
        &mut self,
        session: &mut WebSocketSession,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        self.0.exchange(session, context, carrier, request, out);
    }

    fn carrier(&self, session: &WebSocketSession) -> Option<Carrier> {
        self.0.carrier(session)
    }

    fn send(
        &mut self,
        session: &mut WebSocketSession,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        self.0.send(session, context, units, out);
    }

    fn lost(
        &mut self,
        session: &mut WebSocketSession,
        context: Context,
        carrier: Carrier,
        out: &mut Outputs,
    ) {
        self.0.lost(session, context, carrier, out);
    }

    fn deadline(&self, session: &WebSocketSession) -> Option<Instant> {
        self.0.deadline(session)
    }

    fn expired(&mut self, session: &mut WebSocketSession, context: Context, out: &mut Outputs) {
        self.0.expired(session, context, out);
    }
}
