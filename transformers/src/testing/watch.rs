//! Stands between the engine and a transport, looks at what each says to the other, and panics if
//! the transport breaks its contract. It carries nothing out.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use allspark_protocol::http::{Request, RequestHead};
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{
    self, Answer, Begun, Carrier, Context, End, Kind, Output, Outputs, Progress, SessionName,
    Transformer, Units, Wire,
};
use allspark_protocol::{Input, Instant};

use super::carriers::Carriers;
use super::events::Event;

/// What happened at the server and is not collected yet.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    events: Vec<Event>,
    /// Sparks that neither side has ended.
    open: BTreeSet<SparkId>,
    /// The session that the last answer made, until the application knows its spark.
    opening: Option<Opening>,
}

struct Opening {
    target: String,
    port: Option<u16>,
    id: Id,
}

/// The id of a session's spark, once it is known.
type Id = Arc<Mutex<Option<SparkId>>>;

impl Watch {
    pub(super) fn push(&self, event: Event) {
        self.state().events.push(event);
    }

    /// Takes what has happened since the last call.
    pub(super) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.state().events)
    }

    /// The application has got a spark.
    pub(super) fn connected(&self, spark: SparkId, shown_port: u16) {
        let state = &mut *self.state();
        let opening = state.opening.take();
        let Opening { target, port, id } = opening.expect("a request opens a session");
        *lock(&id) = Some(spark);
        state.open.insert(spark);
        state.events.push(Event::Connection {
            spark,
            target,
            port: port.map(|_| shown_port),
        });
    }

    pub(super) fn is_open(&self, spark: SparkId) -> bool {
        self.state().open.contains(&spark)
    }

    /// The application ends a spark. Returns whether it was open.
    pub(super) fn close(&self, spark: SparkId) -> bool {
        self.state().open.remove(&spark)
    }

    /// The application sees a spark end. If neither side has said so before, its only connection is
    /// gone.
    pub(super) fn seen_to_end(&self, spark: SparkId) {
        let state = &mut *self.state();
        if state.open.remove(&spark) {
            state.events.push(Event::Ended(spark, End::Goodbye));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    fn ended(&self, spark: SparkId, end: End) {
        let state = &mut *self.state();
        state.open.remove(&spark);
        state.events.push(Event::Ended(spark, end));
    }
}

/// A panic of the test itself must stay readable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A transport that is watched.
#[derive(Clone)]
pub(super) struct Watched<T> {
    inner: T,
    watch: Watch,
}

/// A session that is watched. It is over when the engine drops it.
pub(super) struct Session<S> {
    inner: S,
    id: Id,
    /// Made by `Answer::Upgrade`: its only carrier is the engine's affair.
    is_plain: bool,
    carriers: Carriers,
    has_ended: bool,
    is_over: bool,
    /// It has just begun to stream, so everything that waits is to be sent.
    takes_all: bool,
    watch: Watch,
}

impl<S> Drop for Session<S> {
    fn drop(&mut self) {
        if let Some(spark) = *lock(&self.id) {
            self.watch.push(Event::Over(spark));
        }
    }
}

impl<S> Session<S> {
    /// Looks at what the session wants.
    fn judge(&mut self, spark: SparkId, wanted: &[Output], out: &Outputs) {
        for output in wanted {
            assert!(!self.is_over, "a session that is over wants {output:?}");
            match output {
                Output::Message { kind, bytes } => self.message(*kind, out.bytes(bytes.clone())),
                Output::Alive => self.watch.push(Event::Alive(spark)),
                Output::Ended(end) => self.ended(spark, end.clone()),
                Output::Over => self.is_over = true,
                Output::Stream(carrier) => {
                    self.carriers.stream(*carrier);
                    self.takes_all = true;
                }
                other => self.carriers.judge(other),
            }
        }
    }

    fn message(&self, kind: Kind, bytes: &[u8]) {
        assert!(!self.has_ended, "a message after the end of a session");
        if kind == Kind::Text {
            assert!(str::from_utf8(bytes).is_ok(), "a session let bad text pass");
        }
    }

    fn ended(&mut self, spark: SparkId, end: End) {
        assert!(!self.has_ended, "a session ends twice");
        self.has_ended = true;
        self.watch.ended(spark, end);
    }
}

impl<T: Transformer> Watched<T> {
    pub(super) fn new(inner: T, watch: Watch) -> Self {
        Self { inner, watch }
    }

    /// Calls a session and looks at what it wants.
    fn call<R>(
        &mut self,
        session: &mut Session<T::Session>,
        context: Context,
        out: &mut Outputs,
        call: impl FnOnce(&mut T, &mut T::Session, &mut Outputs) -> R,
    ) -> R {
        if session.is_plain {
            let stream = context.stream.into_iter();
            stream.for_each(|stream| session.carriers.has_upgraded(stream));
        }
        let before = (self.inner.wire(&session.inner), out.list().len());
        let result = call(&mut self.inner, &mut session.inner, out);
        let wanted = &out.list()[before.1..];
        session.judge(context.id, wanted, out);
        let streams = wanted.iter().any(|one| matches!(one, Output::Stream(_)));
        let is_same = before.0 == self.inner.wire(&session.inner);
        assert!(
            is_same || streams,
            "a wire changes only when a session begins to stream"
        );
        result
    }

    /// The same answer with a session that is watched.
    fn watched<'r>(
        &self,
        request: &Request<'_>,
        answer: Answer<'r, T::Session>,
    ) -> Answer<'r, Session<T::Session>> {
        match answer {
            Answer::Respond(response) => Answer::Respond(response),
            Answer::Paced { response, parts } => Answer::Paced { response, parts },
            Answer::Find(name) => Answer::Find(name),
            Answer::Upgrade { response, session } => Answer::Upgrade {
                response,
                session: self.session(request, session, None, true),
            },
            Answer::Open { session, port } => Answer::Open {
                session: self.session(request, session, port, false),
                port,
            },
        }
    }

    fn session(
        &self,
        request: &Request<'_>,
        inner: T::Session,
        port: Option<u16>,
        is_plain: bool,
    ) -> Session<T::Session> {
        let id = Id::default();
        self.watch.state().opening = Some(Opening {
            target: request.head.target().to_owned(),
            port,
            id: Arc::clone(&id),
        });
        Session {
            inner,
            id,
            is_plain,
            carriers: Carriers::default(),
            has_ended: false,
            is_over: false,
            takes_all: false,
            watch: self.watch.clone(),
        }
    }
}

impl<T: Transformer> Transformer for Watched<T> {
    type Session = Session<T::Session>;

    const WIRES: u8 = T::WIRES;

    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn session_name(&self, session: &Self::Session) -> &'static str {
        self.inner.session_name(&session.inner)
    }

    fn finds_sessions(&self) -> bool {
        self.inner.finds_sessions()
    }

    fn request_body_bytes_max(&self) -> usize {
        self.inner.request_body_bytes_max()
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, Self::Session> {
        let named = self.inner.addressee(&request.head);
        let answer = self.inner.request(request);
        let found = match &answer {
            Answer::Find(name) => Some(*name),
            _ => None,
        };
        assert_eq!(
            named, found,
            "a head names another session than its request"
        );
        self.watched(request, answer)
    }

    fn is_upgrade(&self, head: &RequestHead<'_>) -> bool {
        self.inner.is_upgrade(head)
    }

    fn addressee<'r>(&self, head: &RequestHead<'r>) -> Option<SessionName<'r>> {
        self.inner.addressee(head)
    }

    fn begun(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        carrier: Carrier,
        head: &RequestHead<'_>,
        out: &mut Outputs,
    ) -> Begun {
        let begun = self.call(session, context, out, |inner, session, out| {
            inner.begun(session, context, carrier, head, out)
        });
        if let Begun::Noted = begun {
            session.carriers.ask(carrier);
        }
        begun
    }

    fn absent<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, Self::Session> {
        let answer = self.inner.absent(request);
        let is_final = !matches!(answer, Answer::Find(_));
        assert!(is_final, "absent() must not say Find");
        self.watched(request, answer)
    }

    fn wire(&self, session: &Self::Session) -> Wire {
        let wire = self.inner.wire(&session.inner);
        assert!(wire.0 < T::WIRES, "{wire:?} of {}", T::WIRES);
        wire
    }

    fn frame(&mut self, wire: Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        let before = out.len();
        self.inner.frame(wire, kind, payload, out);
        let (mut other, mut again) = (self.inner.clone(), Vec::new());
        other.frame(wire, kind, payload, &mut again);
        let is_same = out[before..] == again[..];
        assert!(is_same, "a frame depends on more than its arguments");
    }

    fn frame_in_place(
        &mut self,
        wire: Wire,
        kind: Kind,
        payload: &[u8],
        room: &mut [u8],
    ) -> Option<usize> {
        let count = self.inner.frame_in_place(wire, kind, payload, room)?;
        let mut frame = Vec::new();
        self.frame(wire, kind, payload, &mut frame);
        let before = &room[room.len() - count..];
        assert!(
            frame == [before, payload].concat(),
            "a frame in place is not the frame"
        );
        Some(count)
    }

    fn receive<'i>(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<transformer::Event<'i>> {
        let event = self.call(session, context, out, |inner, session, out| {
            inner.receive(session, context, carrier, input, out)
        });
        match &event {
            None => {
                let (left, has_carrier) = (input.len(), session.carriers.has(carrier));
                assert!(!has_carrier || left == 0, "a session left {left} bytes");
            }
            Some(transformer::Event::Message { kind, payload }) => session.message(*kind, payload),
            Some(transformer::Event::Alive) => session.watch.push(Event::Alive(context.id)),
            Some(transformer::Event::Ended(end)) => session.ended(context.id, end.clone()),
        }
        event
    }

    fn close(&mut self, session: &mut Self::Session, context: Context, out: &mut Outputs) {
        self.call(session, context, out, |inner, session, out| {
            inner.close(session, context, out);
        });
    }

    fn expel(&mut self, session: &mut Self::Session, context: Context, out: &mut Outputs) {
        self.call(session, context, out, |inner, session, out| {
            inner.expel(session, context, out);
        });
    }

    fn exchange(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        session.carriers.ask(carrier);
        self.call(session, context, out, |inner, session, out| {
            inner.exchange(session, context, carrier, request, out);
        });
    }

    fn proceed(&mut self, session: &mut Self::Session, context: Context, out: &mut Outputs) {
        self.call(session, context, out, |inner, session, out| {
            inner.proceed(session, context, out);
        });
    }

    fn is_script(&self, head: &RequestHead<'_>) -> bool {
        self.inner.is_script(head)
    }

    fn carrier(&self, session: &Self::Session) -> Option<Carrier> {
        let carrier = self.inner.carrier(&session.inner)?;
        assert!(session.carriers.has(carrier), "{carrier:?} is not its own");
        Some(carrier)
    }

    fn send(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        self.call(session, context, out, |inner, session, out| {
            inner.send(session, context, units, out);
        });
        if std::mem::take(&mut session.takes_all) {
            let is_empty = units.take().is_none();
            assert!(is_empty, "units were left when a session began to stream");
        }
    }

    fn lost(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        carrier: Carrier,
        out: &mut Outputs,
    ) {
        session.carriers.lose(carrier);
        self.call(session, context, out, |inner, session, out| {
            inner.lost(session, context, carrier, out);
        });
    }

    fn held_bytes(&self, session: &Self::Session) -> usize {
        self.inner.held_bytes(&session.inner)
    }

    fn is_receiving(&self, session: &Self::Session) -> bool {
        self.inner.is_receiving(&session.inner)
    }

    fn take_progress(&mut self, session: &mut Self::Session) -> Option<Progress> {
        self.inner.take_progress(&mut session.inner)
    }

    fn deadline(&self, session: &Self::Session) -> Option<Instant> {
        self.inner.deadline(&session.inner)
    }

    fn awaits_client(&self, session: &Self::Session) -> bool {
        self.inner.awaits_client(&session.inner)
    }

    fn expired(&mut self, session: &mut Self::Session, context: Context, out: &mut Outputs) {
        self.call(session, context, out, |inner, session, out| {
            inner.expired(session, context, out);
        });
    }
}
