//! The way out: from messages to queues. Writing only queues; what waits leaves at the end of a
//! turn ([`super::flush`]). Broadcasts go another way ([`super::fan_out`]); here they are only
//! queued for sparks that something else is written to, or that can't be sent to at once.
//!
//! Nothing here calls the application, but for transforms that know the spark
//! ([`super::transform`]), or a session: whose queue is full is marked as ended, and the
//! rest is an effect.

use allspark_protocol::http::Response;
use allspark_protocol::parser::Parser;
use allspark_protocol::primus::{Packet, SparkId};
use allspark_protocol::transformer::{Kind, Transformer, Wire};

use super::core::Core;
use super::effects::Effect;
use crate::app::{EndReason, SparkError};
use crate::fanout::{Audience, Parts};
use crate::limits::EXEMPT_BYTES_MAX;
use crate::lines::Line;
use crate::memory::{BlockPool, FrameClass, FrameTooLong, Key, Slice};
use crate::net::{Admission, Bound, SendQueue, TooMuch};
use crate::refusals::RefusalReason;
use crate::session::{Slot, connection_of};

/// Where messages for a spark are queued.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// With everything else for this connection.
    Connection(Key),
    /// With the spark, for its session to send.
    Units(Key),
}

impl Target {
    fn of<S>(spark: Key, slot: &Slot<S>) -> Self {
        let stream = slot.state.stream;
        stream.map_or(Self::Units(spark), Self::Connection)
    }
}

impl<T: Transformer> Core<T> {
    /// Writes an encoded message to an open spark, within the bound of its queue. What was
    /// broadcast before and depends on the spark was written to it before.
    pub(super) fn write_message(&mut self, spark: Key, kind: Kind, payload: &[u8]) {
        self.counters().messages_written.add(1);
        if self.traced.is_some() {
            self.trace_out(spark, payload.len(), "message out");
        }
        let Some((target, wire)) = self.open_target(spark) else {
            return;
        };
        let bound = self.bound(target);
        if let Some(framed) = &self.framed
            && framed.is(spark, kind, payload)
            && self.write_in_place(target, bound)
        {
            return;
        }
        let transformer = &mut self.sessions.transformer;
        let frame = |out: &mut Vec<u8>| transformer.frame(wire, kind, payload, out);
        let written = match target {
            Target::Connection(key) => self.net.write_message(key, bound, frame),
            Target::Units(_) => self.write_unit(spark, bound, (wire, kind), payload),
        };
        match written {
            None | Some(Ok(Admission::Queued { dropped: 0 })) => {}
            Some(Ok(admission)) => self.count_admission(spark, admission, 1),
            Some(Err(FrameTooLong)) => {
                self.effects.push(Effect::Error(spark, SparkError::TooLong));
            }
        }
    }

    /// Where messages for an open spark are queued, and their wire format. What was broadcast
    /// before is there.
    #[inline]
    fn open_target(&mut self, spark: Key) -> Option<(Target, Wire)> {
        let mut slot = self.sessions.get(spark)?;
        let wire = slot.state.wire;
        if self.fanout.due_from(wire, slot.state.seen).is_some() {
            self.catch_up_log(spark);
            slot = self.sessions.get(spark)?;
        }
        slot.is_open().then(|| (Target::of(spark, slot), wire))
    }

    /// Writes one message for the session of a carried spark to send. `None` if that is over.
    fn write_unit(
        &mut self,
        spark: Key,
        bound: Bound,
        (wire, kind): (Wire, Kind),
        payload: &[u8],
    ) -> Option<Result<Admission, FrameTooLong>> {
        let (slot, transformer) = self.sessions.with_transformer(spark)?;
        let frame = |out: &mut Vec<u8>| transformer.frame(wire, kind, payload, out);
        let (queue, blocks) = units_mut(slot, &mut self.net.buffers)?;
        let written = queue.write_message(blocks, bound, frame);
        if let Ok(Admission::Queued { .. }) = written {
            self.sessions.mark(spark);
        }
        Some(written)
    }

    /// Messages for a spark were queued there, or were not.
    pub(super) fn admitted(
        &mut self,
        spark: Key,
        target: Target,
        admission: Admission,
        messages: usize,
    ) {
        if let Admission::Queued { .. } | Admission::Replaced = admission {
            self.grew(target);
        }
        self.count_admission(spark, admission, messages);
    }

    /// Counts what became of messages for a spark.
    fn count_admission(&mut self, spark: Key, admission: Admission, messages: usize) {
        match admission {
            Admission::Queued { dropped: 0 } => {}
            Admission::Queued { dropped } => {
                self.counters().messages_dropped.add(dropped as u64);
            }
            Admission::Replaced => self.counters().messages_replaced.add(messages as u64),
            Admission::Dropped => self.counters().messages_dropped.add(messages as u64),
            Admission::Overflow => self.overflow(spark),
        }
    }

    /// Writes a message of Primus itself, which no policy drops.
    pub(super) fn write_packet_of_primus(&mut self, spark: Key, packet: &Packet<'_>) {
        let (mut text, mut encoded) = (String::new(), Vec::new());
        packet.write(&mut text);
        let parser = self.options.parser;
        let kind = parser.encode_str(&text, &mut encoded);
        let Some(target) = self.catch_up(spark) else {
            return;
        };
        let Some((slot, transformer)) = self.sessions.with_transformer(spark) else {
            return;
        };
        let wire = slot.state.wire;
        let frame = |out: &mut Vec<u8>| transformer.frame(wire, kind, &encoded, out);
        let queue = match target {
            Target::Connection(key) => self.net.queue_mut(key),
            Target::Units(_) => units_mut(slot, &mut self.net.buffers),
        };
        if let Some((queue, blocks)) = queue {
            let written = queue.write(blocks, FrameClass::Exempt, frame);
            assert!(written.is_ok(), "what Primus says is short");
            self.grew(target);
            self.judge_exempt(target);
        }
    }

    /// Answers a client that asks for its id. An answer that still waits is one to everything that
    /// was asked before it arrives.
    pub(super) fn write_id(&mut self, spark: Key) {
        let Some(target) = self.catch_up(spark) else {
            return;
        };
        if self.queue(target).is_some_and(SendQueue::has_id) {
            return;
        }
        let Some(slot) = self.sessions.get(spark) else {
            return;
        };
        let id: SparkId = slot.state.id;
        let extras = slot.state.extras.as_ref();
        match extras.and_then(|extras| extras.given_id.clone()) {
            Some(given) => self.write_packet_of_primus(spark, &Packet::Id(&given)),
            None => self.write_packet_of_primus(spark, &Packet::Id(id.encode(&mut [0; 21]))),
        }
        if let Some((queue, _)) = self.queue_mut(target) {
            queue.set_has_id();
        }
    }

    /// Queues a ping, which is shared with other connections.
    pub(super) fn write_ping(&mut self, spark: Key, frame: Slice) {
        let Some(target) = self.catch_up(spark) else {
            return;
        };
        if let Some((queue, blocks)) = self.queue_mut(target) {
            queue.push(frame, blocks);
            self.grew(target);
            self.judge_exempt(target);
        }
    }

    /// Writes bytes of the transport itself to a connection, which no policy drops.
    pub(super) fn write_bytes(&mut self, key: Key, bytes: &[u8]) {
        self.catch_up_connection(key);
        self.write_frame(key, |out| out.extend_from_slice(bytes));
    }

    /// Writes an answer of the transport, in the place of one that still waits, if there is one.
    pub(super) fn write_latest(&mut self, key: Key, bytes: &[u8]) {
        self.catch_up_connection(key);
        if self.net.write_latest(key, bytes) == Err(TooMuch) {
            self.cut_off(key);
        }
    }

    /// Writes bytes to a connection. If too much waits already, its peer is cut off.
    pub(super) fn write_frame(&mut self, key: Key, frame: impl FnOnce(&mut Vec<u8>)) {
        if self.net.write(key, frame) == Err(TooMuch) {
            self.cut_off(key);
        }
    }

    /// Writes an HTTP answer. A peer that asks without reading the answers is cut off.
    pub(super) fn write_response(
        &mut self,
        key: Key,
        response: &Response,
        keep_alive: bool,
        head_only: bool,
    ) {
        self.note_answer(key, response, head_only);
        let response = response.at(self.door.date(self.clock.unix_ms));
        let answer = |out: &mut Vec<u8>| response.encode(out, keep_alive, head_only);
        if self.net.write_answer(key, answer) == Err(TooMuch) {
            self.cut_off(key);
        }
    }

    /// The open or ended spark whose stream this connection is.
    fn spark_of_stream(&self, key: Key) -> Option<Key> {
        let spark = self.net.connection(key).owner.spark()?;
        let slot = self.sessions.get(spark)?;
        (slot.state.stream == Some(key)).then_some(spark)
    }

    /// As [`Core::catch_up`], if the connection is the stream of a spark.
    pub(super) fn catch_up_connection(&mut self, key: Key) {
        if let Some(spark) = self.spark_of_stream(key) {
            self.catch_up(spark);
        }
    }

    /// Queues what was broadcast before, so that a direct write comes after it. Returns where
    /// messages for the spark are queued, unless it is gone.
    pub(super) fn catch_up(&mut self, spark: Key) -> Option<Target> {
        let target = self.catch_up_log(spark);
        if !self.fanout.per_spark.is_empty() {
            self.catch_up_per_spark(spark);
        }
        target
    }

    /// The same with those broadcasts that are the same for all.
    #[inline]
    pub(super) fn catch_up_log(&mut self, spark: Key) -> Option<Target> {
        let slot = self.sessions.get_mut(spark)?;
        let (wire, seen) = (slot.state.wire, slot.state.seen);
        let target = Target::of(spark, slot);
        if let Some(from) = self.fanout.due_from(wire, seen) {
            slot.state.seen = self.fanout.head(wire);
            self.queue_due(spark, target, wire, from);
        }
        Some(target)
    }

    #[inline(never)]
    fn queue_due(&mut self, spark: Key, target: Target, wire: Wire, from: u64) {
        for mut part in self.due(spark, wire, from) {
            // One that has ended may have been left far behind, and gets nothing.
            while self.is_open(spark)
                && let Some(slice) = self.fanout.take_first(wire, &mut part)
            {
                self.queue_shared(spark, target, slice);
            }
        }
    }

    /// What of the log from this offset on is for a spark.
    pub(super) fn due(&self, spark: Key, wire: Wire, from: u64) -> Parts {
        self.fanout
            .due(wire, from, |audience| self.is_for(spark, audience))
    }

    /// Whether a message to rooms is for a spark.
    pub(super) fn is_for(&self, spark: Key, audience: &Audience) -> bool {
        let is_excepted = audience.except.binary_search(&spark.index).is_ok();
        !is_excepted && self.rooms.is_in_one(spark.index, &audience.rooms)
    }

    /// Queues frames that many share for one spark, within the bound of its queue.
    pub(super) fn queue_shared(&mut self, spark: Key, target: Target, slice: Slice) {
        let (bound, messages) = (self.bound(target), slice.frames());
        if self.traced.is_some() {
            self.trace_out(spark, slice.len(), "broadcast out");
        }
        if let Some((queue, blocks)) = self.queue_mut(target) {
            let admission = match slice.key() {
                Some(_) => queue.push_latest(slice, bound, blocks),
                None => queue.push_messages(slice, bound, blocks),
            };
            self.admitted(spark, target, admission, messages);
        }
    }

    /// What may wait. While nothing keeps it from leaving at the end of this turn, that is twice
    /// as much: nobody reads too slowly before the kernel has refused something. What stays may be
    /// no more than a peer's share of the memory, while there is too little.
    #[inline]
    fn bound(&mut self, target: Target) -> Bound {
        let leaves_soon = match target {
            Target::Connection(key) => self.net.get(key).is_some_and(|c| !c.is_blocked()),
            Target::Units(spark) => self.has_free_carrier(spark),
        };
        let options = &self.options;
        let (bytes_max, policy) = (options.send_queue_bytes_max.size(), options.send_policy);
        let cost_max = match leaves_soon {
            true => bytes_max.saturating_mul(2),
            false => bytes_max.min(self.share_when_short_lately()),
        };
        Bound { cost_max, policy }
    }

    /// Whether the messages of a carried spark can be sent at the end of this turn.
    pub(super) fn has_free_carrier(&self, spark: Key) -> bool {
        let carrier = self.sessions.carrier(spark);
        let connection = carrier.and_then(|carrier| self.net.get(connection_of(carrier)));
        connection.is_some_and(|connection| connection.is_free())
    }

    /// What no policy bounds has a bound of its own.
    fn judge_exempt(&mut self, target: Target) {
        let exempt_bytes = self.queue(target).map_or(0, SendQueue::exempt_bytes);
        if exempt_bytes <= EXEMPT_BYTES_MAX {
            return;
        }
        match target {
            Target::Connection(key) => self.cut_off(key),
            Target::Units(spark) if self.is_open(spark) => self.overflow(spark),
            Target::Units(spark) => self.sessions.drop_units(spark, &mut self.net.buffers),
        }
    }

    /// Closes a connection whose peer does not read what it gets, and ends the spark whose stream
    /// it is.
    pub(super) fn cut_off(&mut self, key: Key) {
        match self.spark_of_stream(key) {
            Some(spark) if self.is_open(spark) => self.overflow(spark),
            _ => self.close(key),
        }
    }

    /// The client of an open spark reads too slowly.
    pub(super) fn overflow(&mut self, spark: Key) {
        self.counters().sparks_overflowed.add(1);
        self.note_ended(spark, RefusalReason::Overflow);
        let Some(slot) = self.sessions.get(spark) else {
            return;
        };
        let (id, stream) = (slot.state.id, slot.state.stream);
        if let Some(line) = self.may_log(Line::Overflowed) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            let peer = self.peer_of(spark).map(tracing::field::display);
            tracing::info!(shard, spark = %id, peer, unlogged,
                "a client reads too slowly; its spark ends");
        }
        self.effects
            .push(Effect::Error(spark, SparkError::Overflow));
        // What waits will not be read in time, so nothing is added, not even a goodbye.
        self.lose(spark, EndReason::TooSlow);
        if let Some(key) = stream {
            self.close(key);
        } else {
            self.sessions.drop_units(spark, &mut self.net.buffers);
            self.effects.push(Effect::Goodbye(spark));
        }
    }

    /// What waits there.
    fn queue(&self, target: Target) -> Option<&SendQueue> {
        match target {
            Target::Connection(key) => self.net.get(key)?.queue(),
            Target::Units(spark) => self.sessions.units(spark),
        }
    }

    /// The queue of a connection or spark that may still be written to.
    fn queue_mut(&mut self, target: Target) -> Option<(&mut SendQueue, &mut BlockPool)> {
        match target {
            Target::Connection(key) => self.net.queue_mut(key),
            Target::Units(spark) => units_mut(self.sessions.get_mut(spark)?, &mut self.net.buffers),
        }
    }

    /// More waits there than before.
    fn grew(&mut self, target: Target) {
        match target {
            Target::Connection(key) => self.net.grew(key),
            Target::Units(spark) => self.sessions.mark(spark),
        }
    }

    /// Whether a spark is there and has not ended.
    #[inline]
    pub(super) fn is_open(&self, spark: Key) -> bool {
        self.sessions.get(spark).is_some_and(Slot::is_open)
    }
}

/// The queue of a carried session that is not over.
fn units_mut<'a, S>(
    slot: &'a mut Slot<S>,
    buffers: &'a mut crate::net::Buffers,
) -> Option<(&'a mut SendQueue, &'a mut BlockPool)> {
    let carried = slot.carried.as_mut()?;
    if carried.over {
        return None;
    }
    let (queue, blocks) = buffers.queue(&mut carried.queue);
    queue.set_waits();
    Some((queue, blocks))
}

#[cfg(test)]
mod tests;
