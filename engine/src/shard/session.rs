//! Sparks begin here, and what their sessions understood becomes events.

use std::time::Duration;

use allspark_protocol::Input;
use allspark_protocol::http::RequestHead;
use allspark_protocol::parser::Parser;
use allspark_protocol::primus::{Heartbeat, Packet, SparkId};
use allspark_protocol::transformer::{Event, Kind, Transformer};

use super::carried::{Carried, carrier_of};
use super::connection::Role;
use super::core::{Core, Slot};
use super::host::Host;
use crate::memory::Key;
use crate::spark::{KeptRequest, ReadyState, SparkError, SparkState};

impl<T: Transformer> Core<T> {
    /// A spark whose session has this connection as its only carrier.
    pub(super) fn open_upgraded(&mut self, key: Key, session: T::Session, head: &RequestHead<'_>) {
        let spark = self.insert_spark(session, Some(key), None, head);
        self.connection_mut(key).role = Role::Spark(spark);
        // The timer is for heartbeats from now on.
        self.end_watch(key);
        self.start_heartbeat(spark);
        self.emit_connection(spark, head);
    }

    /// A spark whose session gets carriers as they come.
    pub(super) fn open_carried(
        &mut self,
        session: T::Session,
        carried: Box<Carried>,
        head: &RequestHead<'_>,
    ) -> Key {
        let name = carried.name;
        let spark = self.insert_spark(session, None, Some(carried), head);
        if let Some(name) = name {
            self.names.insert(name, spark);
        }
        self.carried_count += 1;
        self.count_unattended(1);
        self.start_heartbeat(spark);
        spark
    }

    fn insert_spark(
        &mut self,
        session: T::Session,
        stream: Option<Key>,
        carried: Option<Box<Carried>>,
        head: &RequestHead<'_>,
    ) -> Key {
        let request = KeptRequest::new(head, &self.shared.options.keep_headers);
        let wire = self.transformer.wire(&session);
        let seen = self.streams[usize::from(wire.0)].head();
        let new_id = self.new_id();
        let spark = self.sparks.insert_with(|spark| {
            let state = SparkState {
                id: new_id(spark.index),
                stream,
                request,
                handlers: None,
                seen,
                wire,
                ready: ReadyState::Open,
                heartbeat: Heartbeat::new(),
            };
            Slot {
                state,
                session,
                carried,
            }
        });
        self.count_wire(wire, 1);
        self.counters().sparks_opened.add(1);
        let Slot { state, session, .. } = self.sparks.get(spark).expect("it was just inserted");
        tracing::debug!(
            shard = self.shard, spark = %state.id, peer = %self.peer(spark),
            transformer = %self.transformer.session_name(session),
            "connection"
        );
        spark
    }

    /// Hands bytes of an upgraded carrier to the session of a spark.
    pub(super) fn read_session(&mut self, key: Key, spark: Key, input: &mut Input<'_>) {
        let carrier = carrier_of(key);
        loop {
            let event = self.call_session(spark, |transformer, session, context, out| {
                transformer.receive(session, context, carrier, input, out)
            });
            match event.flatten() {
                None => break,
                Some(Event::Message { kind, payload }) => self.message(spark, kind, &payload),
                Some(Event::Alive) => self.alive(spark),
                Some(Event::Ended(end)) => {
                    self.transport_ended(spark, &end);
                    self.finish(key);
                    break;
                }
            }
        }
        if self.is_carried(spark) {
            self.woke(spark);
        }
    }

    pub(super) fn message(&mut self, key: Key, kind: Kind, payload: &[u8]) {
        self.counters().messages_received.add(1);
        let Some(slot) = self.sparks.get(key) else {
            return;
        };
        if slot.state.ready != ReadyState::Open {
            return;
        }
        let parser = self.shared.options.parser;
        if let Some(text) = parser.control(kind, payload) {
            match Packet::parse(&text) {
                Some(Packet::Pong(_)) => self.alive(key),
                // Primus does not look at the value of a request.
                Some(Packet::IdRequest | Packet::Id(_)) => self.write_id(key),
                // Nothing that begins like a message of Primus reaches the application.
                _ => {}
            }
            return;
        }
        match parser.check(kind, payload) {
            Ok(()) => self.emit_data(key, kind, payload),
            Err(error) => {
                self.fail(key, SparkError::Parse(error));
                // Before the next message, which may lie in the same read.
                self.settle();
            }
        }
    }

    /// The client gave a sign of life.
    pub(super) fn alive(&mut self, key: Key) {
        let Some(slot) = self.sparks.get_mut(key) else {
            return;
        };
        if slot.state.ready == ReadyState::Open {
            slot.state.heartbeat.alive();
            self.emit_heartbeat(key);
        }
    }

    /// The spark with this id, which may have ended while its session goes on.
    pub(super) fn session_with(&self, id: SparkId) -> Option<Key> {
        let key = self.sparks.key_at(id.parts(self.shared.id_key).index)?;
        (self.spark(key).id == id).then_some(key)
    }

    pub(super) fn is_carried(&self, spark: Key) -> bool {
        let slot = self.sparks.get(spark);
        slot.is_some_and(|slot| slot.carried.is_some())
    }

    pub(super) fn set_timer_ms(&mut self, key: Key, delay_ms: u64) {
        self.wheel
            .set(key.index, self.now + Duration::from_millis(delay_ms));
    }
}
