//! Sparks begin here, and what their sessions understood becomes events of the application.

use allspark_protocol::http::RequestHead;
use allspark_protocol::parser::Parser;
use allspark_protocol::primus::{Heartbeat, Latency, Packet};
use allspark_protocol::transformer::{End, Kind, Transformer};

use super::core::Core;
use super::effects::Effect;
use super::owner::Owner;
use crate::app::host::{Extras, SparkState};
use crate::app::{self, EndReason, KeptRequest, ReadyState, SparkError};
use crate::layers::Notes;
use crate::memory::Key;
use crate::session::Carried;

impl<T: Transformer> Core<T> {
    /// A spark whose session has this connection as its only carrier.
    pub(super) fn open_upgraded(
        &mut self,
        key: Key,
        session: T::Session,
        head: &RequestHead<'_>,
        notes: Option<Box<Notes>>,
    ) {
        let spark = self.open(session, Some(key), None, head, notes);
        self.net.connection_mut(key).owner = Owner::Session(spark);
        if self.options.ping_interval.ms().is_some() {
            self.net.own_timer(key);
        }
        self.start_heartbeat(spark);
        app::connection(self, spark, head);
    }

    /// A spark whose session gets carriers as they come. The application does not know of it yet.
    pub(super) fn open_carried(
        &mut self,
        session: T::Session,
        carried: Box<Carried>,
        head: &RequestHead<'_>,
        notes: Option<Box<Notes>>,
    ) -> Key {
        let spark = self.open(session, None, Some(carried), head, notes);
        self.start_heartbeat(spark);
        spark
    }

    fn open(
        &mut self,
        session: T::Session,
        stream: Option<Key>,
        carried: Option<Box<Carried>>,
        head: &RequestHead<'_>,
        notes: Option<Box<Notes>>,
    ) -> Key {
        let extras = notes.map(|notes| {
            Box::new(Extras {
                notes: Some(notes),
                ..Extras::default()
            })
        });
        let request = KeptRequest::new(head, &self.options.keep_headers);
        let new_id = self.new_id();
        let fanout = &self.fanout;
        let spark = self
            .sessions
            .open(session, carried, |spark, wire| SparkState {
                id: new_id(spark.index),
                stream,
                request,
                extras,
                // It gets nothing older.
                seen: fanout.head(wire),
                wire,
                ready: ReadyState::Open,
                heartbeat: Heartbeat::new(),
                latency: Latency::new(),
            });
        self.fanout.steps.opened(spark.index);
        if let Some(rates) = &mut self.rates {
            rates.opened(spark.index);
        }
        self.note_kept(spark);
        self.begin_per_spark(spark);
        self.counters().sparks_opened.add(1);
        self.give_id(spark, head);
        if let Some(slot) = self.sessions.get(spark) {
            tracing::debug!(
                shard = self.shard, spark = %slot.state.id,
                peer = self.peer_of(spark).map(tracing::field::display),
                transformer = %self.sessions.transformer.session_name(&slot.session),
                "connection"
            );
        }
        if self.traced.is_some() {
            self.trace_connection(spark);
        }
        spark
    }

    /// A message of a client.
    #[inline]
    pub(super) fn message(&mut self, spark: Key, kind: Kind, payload: &[u8]) {
        self.counters().messages_received.add(1);
        if self.traced.is_some() {
            self.trace_in(spark, kind, payload.len());
        }
        if !self.is_open(spark) {
            return;
        }
        if self.rates.is_some() && !self.admit_message(spark, kind, payload) {
            return;
        }
        let parser = self.options.parser;
        if let Some(text) = parser.control(kind, payload) {
            match Packet::parse(&text) {
                Some(Packet::Pong(value)) => self.ponged(spark, value),
                // Primus does not look at the value of a request.
                Some(Packet::IdRequest | Packet::Id(_)) => self.write_id(spark),
                Some(Packet::Authorization(credential)) => {
                    app::authorization(self, spark, credential);
                }
                // Nothing that begins like a message of Primus reaches the application.
                _ => {}
            }
            return;
        }
        match parser.check(kind, payload) {
            Ok(()) if self.openings.is_empty() => self.hand_on(spark, kind, payload),
            Ok(()) => self.hand_on_or_keep(spark, kind, payload),
            Err(error) => {
                let error = SparkError::Parse(error);
                self.effects.push(Effect::Error(spark, error));
            }
        }
    }

    /// The client says that it got a ping.
    fn ponged(&mut self, spark: Key, value: &str) {
        let now = self.clock.now;
        if let Some(slot) = self.sessions.get_mut(spark) {
            if slot.state.heartbeat.alive() {
                slot.state.latency.ponged(now);
            }
            self.tell_alive(spark, value.parse().ok());
        }
    }

    /// The client gave a sign of life below the level of messages, which Primus takes for a pong.
    pub(super) fn alive(&mut self, spark: Key) {
        if self.rates.is_some() && !self.admit_sign(spark) {
            return;
        }
        if let Some(slot) = self.sessions.get_mut(spark)
            && slot.is_open()
        {
            slot.state.heartbeat.alive();
            self.tell_alive(spark, None);
        }
    }

    fn tell_alive(&mut self, spark: Key, unix_ms: Option<u64>) {
        if self.traced.is_some() {
            self.trace_alive(spark);
        }
        // As in Primus, whose own listener of pongs emits the heartbeat before others hear of it.
        app::heartbeat(self, spark);
        app::incoming_pong(self, spark, unix_ms);
    }

    /// The transport of a spark is over.
    pub(super) fn transport_ended(&mut self, spark: Key, end: &End) {
        let reason = match end {
            End::Goodbye => EndReason::Goodbye,
            End::Closed(code) => EndReason::Closed(*code),
            End::Violation(sentence) => {
                if self.is_open(spark) {
                    let error = SparkError::Violation(sentence);
                    self.effects.push(Effect::Error(spark, error));
                }
                EndReason::Violation
            }
        };
        self.lose(spark, reason);
    }
}
