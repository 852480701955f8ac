//! The engine's part towards sessions: it calls them and carries out what they want.

use std::collections::VecDeque;
use std::time::Duration;

use allspark_protocol::http::Response;
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{
    self, Carrier, ClientTransport, Context, End, Kind, Output, Outputs, Transformer, Units, Wire,
};
use allspark_protocol::{Input, Instant};

use super::connection::{Connection, Pending, Role};
use super::events::Event;
use super::{Pair, Session};

/// How long the engine waits for the goodbye of the peer of a plain session.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(5);

impl<S> Session<S> {
    pub(super) fn new(state: S, wire: Wire) -> Self {
        Self {
            state,
            wire,
            is_plain: false,
            stream: None,
            units: VecDeque::new(),
            is_touched: false,
            is_closed: false,
            has_ended: false,
            is_over: false,
            goodbye_deadline: None,
        }
    }
}

impl<T: Transformer, C: ClientTransport> Pair<T, C> {
    /// Calls a session, carries out what it wants, and forgets it if it is over.
    pub(super) fn call<R>(
        &mut self,
        spark: SparkId,
        call: impl FnOnce(&mut T, &mut T::Session, Context, &mut Outputs) -> R,
    ) -> R {
        let result = self.call_and_keep(spark, call);
        self.session(spark).is_touched = true;
        self.forget_if_over(spark);
        result
    }

    /// Hands the bytes of an upgraded carrier to its session.
    pub(super) fn read_session(&mut self, id: u64, spark: SparkId, input: &mut Input<'_>) {
        loop {
            let event = self.call_and_keep(spark, |transformer, session, context, out| {
                transformer.receive(session, context, Carrier(id), input, out)
            });
            self.session(spark).is_touched = true;
            let has_more = event.is_some();
            match event {
                None => {}
                Some(transformer::Event::Message { kind, payload }) => {
                    self.message(spark, kind, &payload);
                }
                Some(transformer::Event::Alive) => self.events.push(Event::Alive(spark)),
                Some(transformer::Event::Ended(end)) => {
                    self.ended(spark, end);
                    self.lose_ended(spark, Carrier(id));
                }
            }
            let is_upgraded = matches!(self.connection(id).role, Role::Upgraded(_));
            self.forget_if_over(spark);
            if !is_upgraded || !has_more {
                let left = input.len();
                assert!(!is_upgraded || left == 0, "a session left {left} bytes");
                return;
            }
        }
    }

    /// A carrier of a session is gone.
    pub(super) fn lose_carrier(&mut self, spark: SparkId, carrier: Carrier) {
        self.release(spark, carrier);
        if !self.session(spark).is_plain {
            self.call(spark, |transformer, session, context, out| {
                transformer.lost(session, context, carrier, out);
            });
            return;
        }
        if !self.session(spark).has_ended {
            self.ended(spark, End::Goodbye);
        }
        self.forget_if_over(spark);
    }

    /// Closes the carrier on which a session has ended; it counts as lost.
    fn lose_ended(&mut self, spark: SparkId, carrier: Carrier) {
        self.release(spark, carrier);
        if !self.session(spark).is_over {
            self.call_and_keep(spark, |transformer, session, context, out| {
                transformer.lost(session, context, carrier, out);
            });
        }
    }

    pub(super) fn write_frame(&mut self, spark: SparkId, kind: Kind, payload: &[u8]) {
        let session = self.sessions.get_mut(&spark).expect("the caller looked");
        let wire = session.wire;
        let now = self.transformer.wire(&session.state);
        assert_eq!(
            wire, now,
            "a wire changes only when a session begins to stream"
        );
        assert!(wire.0 < T::WIRES, "{wire:?} of {}", T::WIRES);
        let (mut frame, mut again) = (Vec::new(), Vec::new());
        self.transformer.frame(wire, kind, payload, &mut frame);
        let mut other = self.transformer.clone();
        other.frame(wire, kind, payload, &mut again);
        assert!(frame == again, "a frame depends on more than its arguments");
        match session.stream {
            None => session.units.push_back(frame),
            Some(carrier) => self.connection(carrier.0).down.write(&frame),
        }
    }

    pub(super) fn close_session(&mut self, spark: SparkId) {
        self.session(spark).is_closed = true;
        self.call(spark, Transformer::close);
        let deadline = self.now + GOODBYE_TIMEOUT;
        if let Some(session) = self.sessions.get_mut(&spark)
            && session.is_plain
        {
            session.goodbye_deadline = Some(deadline);
        }
    }

    /// Has a carried session send what waits, as at the end of a turn.
    pub(super) fn flush(&mut self, spark: SparkId) {
        while let Some(session) = self.sessions.get_mut(&spark) {
            let has_cause = !session.units.is_empty() || session.is_touched;
            if session.stream.is_some() || !has_cause {
                return;
            }
            let Some(carrier) = self.transformer.carrier(&session.state) else {
                return;
            };
            if !self.carrier(spark, carrier).has_sent_everything() {
                return;
            }
            self.session(spark).is_touched = false;
            let taken = self.send(spark);
            if self.forget_if_over(spark) || taken == 0 {
                return;
            }
        }
    }

    /// When a session or the engine on its behalf wants to be called.
    pub(super) fn session_deadline(&self, spark: SparkId) -> Option<Instant> {
        let session = &self.sessions[&spark];
        match session.is_plain {
            true => session.goodbye_deadline,
            false => self.transformer.deadline(&session.state),
        }
    }

    pub(super) fn session_expired(&mut self, spark: SparkId) {
        let session = self.session(spark);
        if !session.is_plain {
            self.call(spark, Transformer::expired);
            return;
        }
        session.is_over = true;
        self.forget_if_over(spark);
    }

    /// Calls `send` and returns how many units it took.
    fn send(&mut self, spark: SparkId) -> usize {
        let mut units = Queue {
            waiting: std::mem::take(&mut self.session(spark).units),
            taken: Vec::new(),
        };
        let before = units.waiting.len();
        self.call_and_keep(spark, |transformer, session, context, out| {
            transformer.send(session, context, &mut units, out);
        });
        let taken = before - units.waiting.len();
        // Nothing is written while a session sends.
        self.session(spark).units = units.waiting;
        taken
    }

    fn call_and_keep<R>(
        &mut self,
        spark: SparkId,
        call: impl FnOnce(&mut T, &mut T::Session, Context, &mut Outputs) -> R,
    ) -> R {
        let session = self.sessions.get_mut(&spark).expect("the caller looked");
        let context = Context {
            now: self.now,
            id: spark,
            stream: session.stream,
        };
        let mut out = Outputs::default();
        let result = call(&mut self.transformer, &mut session.state, context, &mut out);
        let has_more = out.take_more();
        for output in out.take_list() {
            self.carry_out_for(spark, output, &out);
        }
        if has_more {
            self.proceeding.push_back(spark);
        }
        result
    }

    /// Has the sessions that have more messages to hand on do so, a portion each.
    pub(super) fn proceed(&mut self) -> bool {
        let proceeding = std::mem::take(&mut self.proceeding);
        let is_due = !proceeding.is_empty();
        for spark in proceeding {
            if self.sessions.contains_key(&spark) {
                self.call(spark, Transformer::proceed);
            }
        }
        is_due
    }

    fn carry_out_for(&mut self, spark: SparkId, output: Output, out: &Outputs) {
        assert!(
            !self.session(spark).is_over,
            "a session that is over wants {output:?}"
        );
        match output {
            Output::Message { kind, bytes } => self.message(spark, kind, out.bytes(bytes)),
            Output::Alive => self.events.push(Event::Alive(spark)),
            Output::Respond(carrier, response) => {
                let pending = self.unanswered(spark, carrier);
                assert_eq!(pending.body, None, "an answer has begun already");
                self.connection(carrier.0).respond(pending.form, &response);
            }
            Output::Begin(carrier, response) => self.begin(spark, carrier, &response),
            Output::Write(carrier, bytes) | Output::Latest(carrier, bytes) => {
                self.write(spark, carrier, out.bytes(bytes));
            }
            Output::Finish(carrier) => {
                let pending = self.unanswered(spark, carrier);
                let framing = pending.body.expect("an answer must begin before it ends");
                self.connection(carrier.0).end_body(pending.form, framing);
            }
            Output::Upgrade(carrier, response) => {
                let pending = self.unanswered(spark, carrier);
                assert_eq!(pending.body, None, "an answer has begun already");
                self.upgrade(carrier.0, spark, &response);
            }
            Output::Stream(carrier) => self.stream(spark, carrier),
            Output::Close(carrier) => {
                self.carrier(spark, carrier);
                self.release(spark, carrier);
            }
            Output::Decline(carrier) => {
                let pending = self.unanswered(spark, carrier);
                assert_eq!(pending.body, None, "an answer has begun already");
                self.connection(carrier.0).role = Role::Http;
                self.declined = Some(carrier.0);
            }
            Output::Ended(end) => self.ended(spark, end),
            Output::Over => self.session(spark).is_over = true,
        }
    }

    fn begin(&mut self, spark: SparkId, carrier: Carrier, response: &Response) {
        let mut pending = self.unanswered(spark, carrier);
        assert_eq!(pending.body, None, "an answer has begun already");
        let connection = self.connection(carrier.0);
        pending.body = Some(connection.begin(pending.form, response));
        connection.role = Role::Waiting(pending);
    }

    fn write(&mut self, spark: SparkId, carrier: Carrier, bytes: &[u8]) {
        let connection = self.carrier(spark, carrier);
        match connection.role {
            Role::Waiting(pending) => {
                let framing = pending.body.expect("an answer must begin before its body");
                connection.write_part(framing, bytes);
            }
            _ => connection.down.write(bytes),
        }
    }

    fn stream(&mut self, spark: SparkId, carrier: Carrier) {
        let is_upgraded = matches!(self.carrier(spark, carrier).role, Role::Upgraded(_));
        assert!(
            is_upgraded,
            "a session streams on a carrier that is not upgraded"
        );
        self.send(spark);
        let session = self.sessions.get_mut(&spark).expect("it is being called");
        let left = session.units.len();
        assert_eq!(left, 0, "units were left when a session began to stream");
        session.stream = Some(carrier);
        session.wire = self.transformer.wire(&session.state);
    }

    /// The request that a carrier of this session waits for the answer of.
    fn unanswered(&mut self, spark: SparkId, carrier: Carrier) -> Pending {
        match self.carrier(spark, carrier).role {
            Role::Waiting(pending) => pending,
            _ => panic!("a session answers a request that there is not: {carrier:?}"),
        }
    }

    fn carrier(&mut self, spark: SparkId, carrier: Carrier) -> &mut Connection {
        let connection = self.connections.get_mut(&carrier.0);
        let own = connection.filter(|connection| connection.owner() == Some(spark));
        own.unwrap_or_else(|| panic!("a session uses {carrier:?}, which is not its own"))
    }

    fn message(&mut self, spark: SparkId, kind: Kind, bytes: &[u8]) {
        let session = self.session(spark);
        assert!(!session.has_ended, "a message after the end of a session");
        if kind == Kind::Text {
            assert!(str::from_utf8(bytes).is_ok(), "a session let bad text pass");
        }
        if !session.is_closed {
            let bytes = bytes.to_vec();
            self.events.push(Event::Message { spark, kind, bytes });
        }
    }

    fn ended(&mut self, spark: SparkId, end: End) {
        let session = self.session(spark);
        assert!(!session.has_ended, "a session ends twice");
        session.has_ended = true;
        self.events.push(Event::Ended(spark, end));
    }

    /// Forgets a session that is over, and closes the carriers that it still has.
    fn forget_if_over(&mut self, spark: SparkId) -> bool {
        let is_over = self
            .sessions
            .get(&spark)
            .is_none_or(|session| session.is_over);
        if is_over && self.sessions.remove(&spark).is_some() {
            self.names.retain(|_, named| *named != spark);
            self.connections
                .values_mut()
                .filter(|connection| connection.owner() == Some(spark))
                .for_each(Connection::finish);
            self.events.push(Event::Over(spark));
        }
        is_over
    }

    /// Closes a carrier once everything is sent. The session does not have it any more; a plain one
    /// is over with it.
    fn release(&mut self, spark: SparkId, carrier: Carrier) {
        self.connection(carrier.0).finish();
        let session = self.session(spark);
        session.stream = session.stream.filter(|stream| *stream != carrier);
        session.is_over |= session.is_plain;
    }

    fn session(&mut self, spark: SparkId) -> &mut Session<T::Session> {
        let session = self.sessions.get_mut(&spark);
        session.expect("the caller knows that the session is there")
    }
}

/// The units that wait, while the session takes some of them.
struct Queue {
    waiting: VecDeque<Vec<u8>>,
    taken: Vec<u8>,
}

impl Units for Queue {
    fn take(&mut self) -> Option<&[u8]> {
        self.taken = self.waiting.pop_front()?;
        Some(&self.taken)
    }
}
