//! Messages that are written and whose transforms take their time, and what waits behind them
//! ([`super::awaited`]).

use std::sync::Arc;

use allspark_protocol::transformer::{Kind, Transformer};

use super::awaited::{Entry, Message};
use super::core::Core;
use super::effects::Effect;
use crate::app::host::Host;
use crate::app::target::Target;
use crate::app::{Awaited, Settled, SparkError};
use crate::lines::Line;
use crate::memory::Key;

impl<T: Transformer> Core<T> {
    /// Keeps a message behind those that it must not overtake. Returns whether there are any.
    pub(super) fn waits_behind(&mut self, to: Option<Key>, kind: Kind, payload: &[u8]) -> bool {
        let must_wait = !self.awaited.is_empty() && self.awaited.blocks(to);
        if must_wait {
            self.await_message(to, Message::Known(kind, payload.into()));
        }
        must_wait
    }

    /// Writes a message to an open spark, or to all, once it is known.
    pub(super) fn write_later(&mut self, to: Option<Key>, awaited: Arc<Awaited>) {
        // It may be known by now.
        self.awaited.must_look |= awaited.get().is_some();
        self.await_message(to, Message::Awaited(awaited));
    }

    /// As [`Core::waits_behind`], for a message to rooms, which counts as one for all.
    #[cold]
    pub(super) fn waits_behind_rooms(
        &mut self,
        rooms: &Target,
        kind: Kind,
        payload: &[u8],
    ) -> bool {
        let must_wait = !self.awaited.is_empty();
        if must_wait {
            let rooms = Arc::new(rooms.clone());
            self.await_in_rooms(rooms, Message::Known(kind, payload.into()));
        }
        must_wait
    }

    /// Writes a message to rooms once it is known.
    pub(super) fn publish_later(&mut self, rooms: Arc<Target>, awaited: Arc<Awaited>) {
        self.awaited.must_look |= awaited.get().is_some();
        self.await_in_rooms(rooms, Message::Awaited(awaited));
    }

    fn await_in_rooms(&mut self, rooms: Arc<Target>, message: Message) {
        if !self.awaited.push_to_rooms(rooms, message) {
            if let Some(line) = self.may_log(Line::TransformsFull) {
                let (shard, unlogged) = (self.shard, line.unlogged);
                tracing::error!(
                    shard,
                    unlogged,
                    "too much waits for transforms; a room was not written to"
                );
            }
            self.counters().messages_dropped.add(1);
        }
    }

    fn await_message(&mut self, to: Option<Key>, message: Message) {
        let options = &self.options;
        let (bytes_max, policy) = (options.send_queue_bytes_max.size(), options.send_policy);
        if self.awaited.push(to, message, bytes_max) {
            if let Some(spark) = to {
                let (cost, is_full) = self.awaited.of_spark(spark);
                self.untaken(spark, cost, is_full);
            }
            return;
        }
        match to {
            Some(spark) if policy.ends_spark() => self.overflow(spark),
            Some(_) => self.counters().messages_dropped.add(1),
            None => {
                let sparks = self.sessions.len();
                if let Some(line) = self.may_log(Line::TransformsFull) {
                    let (shard, unlogged) = (self.shard, line.unlogged);
                    tracing::error!(
                        shard,
                        sparks,
                        unlogged,
                        "too much waits for transforms; a broadcast was not sent"
                    );
                }
                self.counters().messages_dropped.add(sparks as u64);
            }
        }
    }

    /// Writes what is known by now, as far as it overtakes nothing.
    pub(super) fn write_settled(&mut self) {
        if std::mem::take(&mut self.awaited.must_look) {
            self.write_all_settled();
            self.settle();
        }
    }

    fn write_all_settled(&mut self) {
        let sessions = &self.sessions;
        let is_open = |spark| sessions.get(spark).is_some_and(|slot| slot.is_open());
        for (Entry { to, rooms, .. }, settled) in self.awaited.take_settled(is_open) {
            match (to, settled) {
                (Some(spark), Settled::Message(kind, payload)) => {
                    if self.is_open(spark) {
                        self.write_past_transforms(spark, kind, &payload);
                    }
                }
                (None, Settled::Message(kind, payload)) => {
                    match rooms {
                        Some(rooms) => self.publish_now(&rooms, kind, &payload),
                        None => self.frame_broadcast(kind, &payload),
                    };
                }
                (Some(spark), Settled::Refused(reason)) => {
                    let error = SparkError::Transform(reason.as_ref().into());
                    self.effects.push(Effect::Error(spark, error));
                }
                (None, Settled::Refused(reason)) => {
                    if let Some(line) = self.may_log(Line::TransformRefused) {
                        let (shard, unlogged) = (self.shard, line.unlogged);
                        tracing::warn!(shard, %reason, unlogged, "a transform refused a broadcast");
                    }
                }
                (_, Settled::Nothing) => {}
            }
        }
        for spark in std::mem::take(&mut self.awaited.relieved) {
            self.end_untaken(spark);
        }
    }
}
