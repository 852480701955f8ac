//! What all connections of a server share.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use allspark_protocol::Input;
use allspark_protocol::parser::{Json, Parser};
use allspark_protocol::primus::id::IdParts;
use allspark_protocol::primus::{Packet, Pathname, SparkId};
use allspark_protocol::transformer::{
    Answer, Carrier, Context, Event, Kind, Output, Outputs, Transformer, Wire,
};
use allspark_protocol::{Instant, http};
use allspark_transformers::CommonOptions;
use allspark_transformers::websockets::{WebSocketSession, WebSockets, WebSocketsOptions};

use crate::audience::Audience;
use crate::feed::{Answers, Feed};

/// What a server does with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum App {
    /// Each goes back to its sender.
    Echo,
    /// Each goes to everyone.
    Broadcast,
}

/// A server without its sockets.
#[derive(Debug)]
pub struct Service {
    app: App,
    pathname: Pathname,
    speech: RefCell<Speech>,
    audience: Rc<Audience>,
    /// Connections that were opened, ever.
    opened: Cell<u32>,
    randomness: RandomState,
}

/// The transformer, and space that is used again for every message.
#[derive(Debug)]
struct Speech {
    transformer: WebSockets,
    outputs: Outputs,
    scratch: Vec<u8>,
}

/// One spark, as far as there is one without an engine.
#[derive(Debug)]
pub(crate) struct Session {
    transport: WebSocketSession,
    id: SparkId,
}

impl Service {
    /// A server with the defaults of Primus: the transformer `websockets`, the parser JSON.
    pub fn new(app: App) -> Rc<Self> {
        let options = CommonOptions::default();
        let transformer = WebSockets::new(&options, WebSocketsOptions::default());
        Rc::new(Self {
            app,
            pathname: options.pathname,
            speech: RefCell::new(Speech {
                transformer,
                outputs: Outputs::default(),
                scratch: Vec::new(),
            }),
            audience: Rc::default(),
            opened: Cell::new(0),
            randomness: RandomState::new(),
        })
    }

    /// Answers a request: with a session, if it is one for an upgrade that is granted.
    pub(crate) fn request(
        &self,
        request: &http::Request<'_>,
    ) -> (http::Response, Option<WebSocketSession>) {
        if !request.head.path().starts_with(&*self.pathname) {
            return (http::Response::text(404, "Not Found\n"), None);
        }
        match self.speech.borrow_mut().transformer.request(request) {
            Answer::Upgrade { response, session } => (response, Some(session)),
            Answer::Respond(response) => (response, None),
            // What a WebSocket with compression or a polling transport would want.
            Answer::Paced { .. } | Answer::Find(_) | Answer::Open { .. } => {
                (http::Response::text(501, "Not Implemented\n"), None)
            }
        }
    }

    /// Names a session that begins.
    pub(crate) fn open(&self, transport: WebSocketSession) -> Session {
        let index = self.opened.get();
        self.opened.set(index.wrapping_add(1));
        let half = |half: u8| u128::from(self.randomness.hash_one((index, half)));
        let parts = IdParts {
            shard: 0,
            index,
            random: half(0) << u64::BITS | half(1),
        };
        Session {
            transport,
            id: SparkId::new(parts, self.randomness.hash_one(())),
        }
    }

    /// Where a session listens, if everyone gets everything.
    pub(crate) fn listen(&self) -> Option<(Feed, Answers)> {
        match self.app {
            App::Echo => None,
            App::Broadcast => Some(Feed::new(Rc::clone(&self.audience))),
        }
    }

    /// Consumes bytes of a session, and appends to `out` what it is to be sent. Returns whether the
    /// session is over.
    pub(crate) fn read(
        &self,
        session: &mut Session,
        input: &mut Input<'_>,
        out: &mut Vec<u8>,
    ) -> bool {
        let mut speech = self.speech.borrow_mut();
        loop {
            match speech.next(session, input, out) {
                None => return false,
                Some(Event::Message { kind, payload }) => {
                    self.message(&mut speech, session, (kind, &payload), out);
                }
                Some(Event::Alive) => {}
                Some(Event::Ended(_)) => return true,
            }
        }
    }

    /// As AllSpark's shard does: what belongs to Primus is answered here, what is no JSON is
    /// dropped, everything else is for the app.
    fn message(
        &self,
        speech: &mut Speech,
        session: &Session,
        (kind, payload): (Kind, &[u8]),
        out: &mut Vec<u8>,
    ) {
        if let Some(text) = Json.control(kind, payload) {
            if let Some(Packet::IdRequest | Packet::Id(_)) = Packet::parse(&text) {
                speech.say_id(session, out);
            }
        } else if Json.check(kind, payload).is_ok() {
            match self.app {
                App::Echo => speech.say_again(kind, payload, out),
                App::Broadcast => {
                    let frame = |open: &mut Vec<u8>| speech.say_again(kind, payload, open);
                    self.audience.publish(frame);
                }
            }
        }
    }
}

impl Speech {
    /// The next event of a session. What the session writes of its own accord is in `out`.
    fn next<'i>(
        &mut self,
        session: &mut Session,
        input: &mut Input<'i>,
        out: &mut Vec<u8>,
    ) -> Option<Event<'i>> {
        let context = Context {
            // A session that was opened by an upgrade has no deadline, and never asks.
            now: Instant::ZERO,
            id: session.id,
            stream: Some(CARRIER),
        };
        let (transport, outputs) = (&mut session.transport, &mut self.outputs);
        let event = self
            .transformer
            .receive(transport, context, CARRIER, input, outputs);
        if !self.outputs.is_empty() {
            self.write_outputs(out);
        }
        event
    }

    /// A session that was opened by an upgrade writes, and wants nothing else.
    fn write_outputs(&mut self, out: &mut Vec<u8>) {
        let list = self.outputs.take_list();
        for output in &list {
            if let Output::Write(_, range) | Output::Latest(_, range) = output {
                out.extend_from_slice(self.outputs.bytes(range.clone()));
            }
        }
        self.outputs.recycle(list);
    }

    /// Appends the frame of a message that was received.
    fn say_again(&mut self, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        if Json.passes_through(kind, payload) {
            return self.transformer.frame(WIRE, kind, payload, out);
        }
        self.scratch.clear();
        let kind = Json.encode_checked(kind, payload, &mut self.scratch);
        self.transformer.frame(WIRE, kind, &self.scratch, out);
        self.scratch.shrink_to(SCRATCH_BYTES_KEPT_MAX);
    }

    fn say_id(&mut self, session: &Session, out: &mut Vec<u8>) {
        let mut words = String::new();
        Packet::Id(&session.id.to_string()).write(&mut words);
        self.scratch.clear();
        let kind = Json.encode_str(&words, &mut self.scratch);
        self.transformer.frame(WIRE, kind, &self.scratch, out);
    }
}

/// Each connection is the only carrier of its session, so its name says nothing.
const CARRIER: Carrier = Carrier(0);

/// The wire of WebSockets without compression.
const WIRE: Wire = Wire(0);

/// Bytes up to which scratch space is kept.
const SCRATCH_BYTES_KEPT_MAX: usize = 64 * 1024;
