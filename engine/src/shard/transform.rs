//! Messages go through the transforms of the application. Without any, one look says so.
//!
//! Transforms of messages that are written are called where they are written, also from within a
//! handler, and those that know the spark even while its queue is brought up to date
//! ([`Core::catch_up`], [`super::hold_back`]). So they get a spark that they can only read: nothing
//! here changes while one of them runs.

use std::sync::Arc;

use allspark_protocol::transformer::{Kind, Transformer};

use super::core::Core;
use super::effects::Effect;
use crate::app::host::{Command, Host, Transforms};
use crate::app::{self, SparkError, Written};
use crate::fanout::Message;
use crate::memory::Key;

impl<T: Transformer> Core<T> {
    /// A handler writes to a spark.
    #[cold]
    pub(super) fn write_transformed(
        &mut self,
        transforms: &Arc<Transforms>,
        spark: Key,
        kind: Kind,
        payload: &[u8],
    ) {
        let server = Arc::clone(&self.server);
        let written = app::outgoing(&server, transforms, kind, payload, |kind, payload| {
            self.write_in_order(spark, kind, payload);
        });
        match written {
            Ok(Written::Later(awaited)) => {
                let id = self.spark(spark).id;
                self.do_in_order(Command::WriteLater { id, awaited });
            }
            Ok(Written::Now(()) | Written::Nothing) => {}
            Err(error) => self.report(spark, error),
        }
    }

    /// A handler writes to all sparks.
    #[cold]
    pub(super) fn broadcast_transformed(
        &mut self,
        transforms: &Arc<Transforms>,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), SparkError> {
        let server = Arc::clone(&self.server);
        let written = app::outgoing(&server, transforms, kind, payload, |kind, payload| {
            self.broadcast_in_order(kind, payload)
        });
        match written? {
            Written::Now(result) => result,
            Written::Nothing => Ok(()),
            Written::Later(awaited) => {
                for shard in 0..self.server.mesh.shards() {
                    let awaited = Arc::clone(&awaited);
                    if shard != self.shard {
                        self.send_to_shard(shard, Command::BroadcastLater(awaited));
                    }
                }
                self.do_in_order(Command::BroadcastLater(awaited));
                Ok(())
            }
        }
    }

    /// Carries out what calls nobody behind everything that a handler has asked for before.
    pub(super) fn do_in_order(&mut self, command: Command) {
        self.take_sent();
        if self.effects.has_commands() {
            self.effects.push(Effect::Command(command));
        } else if let Err(command) = self.carry_out_plain(command) {
            self.effects.push(Effect::Command(command));
        }
    }

    /// Writes an encoded message to an open spark, behind those that wait for transforms.
    #[inline]
    pub(super) fn write_to(&mut self, spark: Key, kind: Kind, payload: &[u8]) {
        if self.transforms.is_none() {
            self.write_message(spark, kind, payload);
        } else if !self.waits_behind(Some(spark), kind, payload) {
            self.write_past_transforms(spark, kind, payload);
        }
    }

    /// The same, after the transforms that know it.
    pub(super) fn write_past_transforms(&mut self, spark: Key, kind: Kind, payload: &[u8]) {
        match self.per_spark() {
            None => self.write_message(spark, kind, payload),
            Some(transforms) => {
                // What was broadcast before is transformed before.
                self.catch_up(spark);
                self.write_per_spark(&transforms, spark, kind, payload);
            }
        }
    }

    /// The transforms, if some of them know the spark, or did when something was written that some
    /// sparks have not got yet.
    #[inline]
    pub(super) fn per_spark(&self) -> Option<Arc<Transforms>> {
        let transforms = self.transforms.as_ref()?;
        let some = !transforms.outgoing_per_spark.is_empty()
            || !self.fanout.per_spark.is_empty()
            || !self.held_back.is_empty();
        some.then(|| Arc::clone(transforms))
    }

    /// Keeps a broadcast for each spark to be transformed, if there are transforms that know it.
    /// Returns whether there are.
    pub(super) fn broadcast_per_spark(&mut self, kind: Kind, payload: &[u8]) -> bool {
        let has_some = self.per_spark().is_some();
        if has_some {
            self.fanout.broadcast_per_spark(kind, payload.into(), None);
        }
        has_some
    }

    /// A new spark gets no older broadcast.
    pub(super) fn begin_per_spark(&mut self, spark: Key) {
        if !self.fanout.per_spark.is_empty()
            && let Some(slot) = self.sessions.get_mut(spark)
        {
            let extras = slot.state.extras.get_or_insert_default();
            extras.seen_per_spark = self.fanout.per_spark.head();
        }
    }

    /// Writes to a spark what was broadcast since, or written to its rooms, each time after the
    /// transforms that know it. Returns how many messages these were, and how many were looked at.
    #[cold]
    pub(super) fn catch_up_per_spark(&mut self, spark: Key) -> (usize, usize) {
        let transforms = self.per_spark();
        let (mut written, mut looked_at) = (0, 0);
        while let Some((passed, message)) = self.next_per_spark(spark) {
            looked_at += passed;
            let Some((kind, payload)) = message else {
                break;
            };
            written += 1;
            match &transforms {
                Some(transforms) => self.write_per_spark(transforms, spark, kind, payload),
                // They were removed meanwhile.
                None => self.write_message(spark, kind, &payload),
            }
        }
        (written, looked_at)
    }

    /// The next message that an open spark was not written and that is for it. It counts as written
    /// from now on, and so does what was passed over: so many, the message included.
    fn next_per_spark(&mut self, spark: Key) -> Option<(usize, Option<Message>)> {
        let slot = self.sessions.get(spark).filter(|slot| slot.is_open())?;
        let seen = slot.state.extras.as_ref();
        let seen = seen.map_or(0, |extras| extras.seen_per_spark);
        let kept = &self.fanout.per_spark;
        let from = kept.goes_on(seen);
        let next = kept.next_from(from, |audience| self.is_for(spark, audience));
        let (behind, message) = match next {
            Some((behind, message)) => (behind, Some(message)),
            None => (kept.head(), None),
        };
        if behind > from
            && let Some(slot) = self.sessions.get_mut(spark)
        {
            slot.state.extras.get_or_insert_default().seen_per_spark = behind;
        }
        Some(((behind - from) as usize, message))
    }
}
