//! How much clients may send, and what becomes of those who send more
//! ([`Rates`](crate::session::Rates)). A server that bounds nothing never comes here.

use allspark_protocol::parser::Parser;
use allspark_protocol::primus::Packet;
use allspark_protocol::transformer::{Kind, Transformer};

use super::core::Core;
use super::effects::Effect;
use crate::app::{EndReason, SparkError};
use crate::limits::TIMERS_PER_TURN;
use crate::lines::Line;
use crate::memory::Key;
use crate::refusals::RefusalReason;
use crate::session::Sent;

impl<T: Transformer> Core<T> {
    /// Whether a message of a client is looked at.
    #[cold]
    #[inline(never)]
    pub(super) fn admit_message(&mut self, spark: Key, kind: Kind, payload: &[u8]) -> bool {
        self.admit_sent(spark, payload.len(), |core| {
            let text = core.options.parser.control(kind, payload);
            let packet = text.as_deref().and_then(Packet::parse);
            matches!(packet, Some(Packet::Pong(_)))
        })
    }

    /// Whether a sign of life below the level of messages is looked at.
    #[cold]
    #[inline(never)]
    pub(super) fn admit_sign(&mut self, spark: Key) -> bool {
        self.admit_sent(spark, 0, |_| true)
    }

    /// `is_pong` says whether what was sent answers a ping: of those the one that is awaited is
    /// looked at in any case.
    fn admit_sent(
        &mut self,
        spark: Key,
        bytes: usize,
        is_pong: impl FnOnce(&Self) -> bool,
    ) -> bool {
        let (now, may_judge) = (self.clock.now, self.put_off().is_none());
        let Some(rates) = &mut self.rates else {
            return true;
        };
        let was_paused = rates.is_paused(spark.index);
        match rates.sends(spark.index, now, bytes, may_judge) {
            Sent::Taken => true,
            Sent::Paused => {
                if !was_paused {
                    self.counters().sparks_paused.add(1);
                    self.begin_untaken(spark);
                }
                true
            }
            Sent::Dropped => {
                let slot = self.sessions.get(spark);
                let is_awaited = slot.is_some_and(|slot| slot.state.heartbeat.is_waiting());
                if is_awaited && is_pong(self) {
                    return true;
                }
                self.counters().messages_refused.add(1);
                self.say_flooded("a message is dropped");
                false
            }
            Sent::Ended => {
                self.counters().sparks_flooding.add(1);
                self.note_ended(spark, RefusalReason::Flooding);
                self.say_flooded("a spark is ended");
                self.effects.push(Effect::Error(spark, SparkError::Flood));
                self.end(spark, true, EndReason::Flooding);
                false
            }
        }
    }

    fn say_flooded(&self, what: &'static str) {
        if let Some(line) = self.may_log(Line::Flooded) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::warn!(
                shard,
                unlogged,
                "{what}: its client sends more than message-rate or message-bytes-rate allows"
            );
        }
    }

    /// Those go on who may send again. Returns whether these are all.
    pub(super) fn end_pauses(&mut self) -> bool {
        let Some(rates) = &mut self.rates else {
            return true;
        };
        let mut due = std::mem::take(&mut self.due);
        let is_all = rates.expire(self.clock.now, TIMERS_PER_TURN, &mut due);
        for index in due.drain(..) {
            if let Some(spark) = self.sessions.key_at(index) {
                self.end_untaken(spark);
                self.upkeep.has_worked = true;
            }
        }
        self.due = due;
        is_all
    }
}
