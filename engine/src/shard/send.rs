//! From messages to sends.
//!
//! Writing only queues. At the end of a turn everything that waits for a connection leaves in one
//! send. Broadcasts go another way, see [`super::walk`]; here they are only queued for sparks that
//! can't be sent to at once, or that something else is written to.

use allspark_protocol::http::Response;
use allspark_protocol::parser::Parser;
use allspark_protocol::primus::{Packet, SparkId};
use allspark_protocol::transformer::{Kind, Transformer};

use super::close::EndReason;
use super::connection::{Closing, Connection, Flags, Role};
use super::core::Core;
use super::host::Host;
use super::queue::{Admission, Bound, SendQueue};
use crate::limits::{ANSWERS_COST_MAX, EXEMPT_BYTES_MAX, PAUSE_BYTES_MAX};
use crate::lines::Line;
use crate::memory::{BlockPool, FrameClass, FrameTooLong, Key, Slice};
use crate::spark::{EndOptions, ReadyState, SparkError};

impl<T: Transformer> Core<T> {
    pub(super) fn connection(&self, key: Key) -> &Connection {
        self.connections
            .get(key)
            .expect("a connection stays until it is closed")
    }

    pub(super) fn connection_mut(&mut self, key: Key) -> &mut Connection {
        self.connections
            .get_mut(key)
            .expect("a connection stays until it is closed")
    }

    /// Writes an encoded message to an open spark, within the bound of its queue.
    pub(super) fn write_message(&mut self, spark: Key, kind: Kind, payload: &[u8]) {
        self.counters().messages_written.add(1);
        let target = self.catch_up(spark);
        let state = self.spark(spark);
        if state.ready != ReadyState::Open {
            return;
        }
        let (wire, bound) = (state.wire, self.bound(target));
        let Some(outlet) = self.outlet(target) else {
            return;
        };
        let frame = |out: &mut Vec<u8>| outlet.transformer.frame(wire, kind, payload, out);
        match outlet.queue.write_message(outlet.blocks, bound, frame) {
            Ok(admission) => self.admitted(spark, target, admission, 1),
            Err(FrameTooLong) => self.fail(spark, SparkError::TooLong),
        }
    }

    /// Counts what became of messages for a spark.
    fn admitted(&mut self, spark: Key, target: Target, admission: Admission, messages: usize) {
        let dropped = match admission {
            Admission::Queued { dropped } => {
                self.queue_grew(target);
                dropped
            }
            Admission::Dropped => messages,
            Admission::Overflow => return self.overflow(spark),
        };
        if dropped > 0 {
            self.counters().messages_dropped.add(dropped as u64);
        }
    }

    /// Writes a message of Primus itself, which no policy drops.
    pub(super) fn write_packet_of_primus(&mut self, spark: Key, packet: &Packet<'_>) {
        let target = self.catch_up(spark);
        let (mut text, mut encoded) = (String::new(), Vec::new());
        packet.write(&mut text);
        let kind = self.shared.options.parser.encode_str(&text, &mut encoded);
        let wire = self.spark(spark).wire;
        if let Some(outlet) = self.outlet(target) {
            let frame = |out: &mut Vec<u8>| outlet.transformer.frame(wire, kind, &encoded, out);
            let class = FrameClass::Exempt;
            let written = outlet.queue.write(outlet.blocks, class, frame);
            debug_assert!(written.is_ok(), "they are short");
            self.queue_grew(target);
            self.judge_exempt(target);
        }
    }

    /// Answers a client that asks for its id. An answer that still waits is one to everything that
    /// was asked before it arrives.
    pub(super) fn write_id(&mut self, spark: Key) {
        let target = self.catch_up(spark);
        if self.queue(target).is_some_and(|queue| queue.has_id()) {
            return;
        }
        let id: SparkId = self.spark(spark).id;
        self.write_packet_of_primus(spark, &Packet::Id(id.encode(&mut [0; 21])));
        if let Some(outlet) = self.outlet(target) {
            outlet.queue.set_has_id();
        }
    }

    /// Writes bytes of the transport itself, which no policy drops.
    pub(super) fn write_exempt(&mut self, key: Key, bytes: &[u8]) {
        self.catch_up_connection(key);
        self.queue_frame(key, |out| out.extend_from_slice(bytes));
    }

    /// Writes an answer of the transport, in the place of one that still waits, if there is one.
    pub(super) fn write_latest(&mut self, key: Key, bytes: &[u8]) {
        self.catch_up_connection(key);
        let target = Target::Connection(key);
        if let Some(Outlet { queue, blocks, .. }) = self.outlet(target) {
            queue.write_latest(blocks, bytes);
            self.queue_grew(target);
            self.judge_exempt(target);
        }
    }

    /// Queues a ping, which is shared with other connections.
    pub(super) fn write_ping(&mut self, spark: Key, frame: Slice) {
        let target = self.catch_up(spark);
        if let Some(Outlet { queue, blocks, .. }) = self.outlet(target) {
            queue.push(frame, blocks);
            self.queue_grew(target);
            self.judge_exempt(target);
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
        if self.queue_cost(key) > ANSWERS_COST_MAX {
            return self.cut_off(key);
        }
        let response = response.at(self.date());
        self.queue_frame(key, |out| response.encode(out, keep_alive, head_only));
    }

    /// The spark whose stream this connection is.
    fn spark_of_stream(&self, key: Key) -> Option<Key> {
        let Role::Spark(spark) = self.connection(key).role else {
            return None;
        };
        let slot = self.sparks.get(spark)?;
        (slot.state.stream == Some(key)).then_some(spark)
    }

    /// As [`Core::catch_up`], if the connection is the stream of a spark.
    pub(super) fn catch_up_connection(&mut self, key: Key) {
        if let Some(spark) = self.spark_of_stream(key) {
            self.catch_up(spark);
        }
    }

    /// Queues what was broadcast before, so that a direct write comes after it. Returns where
    /// messages for the spark are queued.
    pub(super) fn catch_up(&mut self, spark: Key) -> Target {
        let state = self.spark(spark);
        let (wire, mut seen) = (usize::from(state.wire.0), state.seen);
        let target = state
            .stream
            .map_or(Target::Units(spark), Target::Connection);
        let head = self.streams[wire].head();
        if seen < head {
            self.spark_mut(spark).seen = head;
            // One that has ended may have been left far behind, and gets nothing.
            while self.spark(spark).ready == ReadyState::Open
                && let Some(slice) = self.streams[wire].next_since(seen)
            {
                seen += slice.len() as u64;
                self.queue_broadcast(spark, target, slice);
            }
        }
        target
    }

    /// Queues broadcasts for one spark, within the bound of its queue.
    fn queue_broadcast(&mut self, spark: Key, target: Target, slice: Slice) {
        let (bound, messages) = (self.bound(target), slice.frames());
        if let Some(Outlet { queue, blocks, .. }) = self.outlet(target) {
            let admission = queue.push_messages(slice, bound, blocks);
            self.admitted(spark, target, admission, messages);
        }
    }

    /// What may wait. While nothing keeps it from leaving at the end of this turn, that is twice
    /// as much: nobody reads too slowly before the kernel has refused something. What stays may be
    /// no more than a peer's share of the memory, while there is too little.
    fn bound(&mut self, target: Target) -> Bound {
        let leaves_soon = match target {
            Target::Connection(key) => self.connections.get(key).is_some_and(|c| !c.blocked),
            Target::Units(spark) => self.has_free_carrier(spark),
        };
        let options = &self.shared.options;
        let (bytes_max, policy) = (options.send_queue_bytes_max, options.send_policy);
        let cost_max = match leaves_soon {
            true => bytes_max.saturating_mul(2),
            false => bytes_max.min(self.share_when_short_lately()),
        };
        Bound { cost_max, policy }
    }

    /// What no policy bounds has a bound of its own.
    fn judge_exempt(&mut self, target: Target) {
        let exempt_bytes = self.queue(target).map_or(0, SendQueue::exempt_bytes);
        if exempt_bytes <= EXEMPT_BYTES_MAX {
            return;
        }
        match target {
            Target::Connection(key) => self.cut_off(key),
            Target::Units(spark) if self.spark(spark).ready == ReadyState::Open => {
                self.overflow(spark);
            }
            Target::Units(spark) => self.drop_units(spark),
        }
    }

    /// Closes a connection whose peer does not read what it gets, and ends the spark whose stream
    /// it is.
    fn cut_off(&mut self, key: Key) {
        match self.spark_of_stream(key) {
            Some(spark) if self.spark(spark).ready == ReadyState::Open => self.overflow(spark),
            _ => self.close(key),
        }
    }

    fn overflow(&mut self, spark: Key) {
        self.counters().sparks_overflowed.add(1);
        if let Some(line) = self.may_log(Line::Overflowed) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            let (id, peer) = (self.spark(spark).id, self.peer(spark));
            tracing::info!(shard, spark = %id, %peer, unlogged,
                "a client reads too slowly; its spark ends");
        }
        self.fail(spark, SparkError::Overflow);
        // What waits will not be read in time, so nothing is added, not even a goodbye.
        self.lose(spark, EndReason::TooSlow);
        if let Some(key) = self.spark(spark).stream {
            self.close(key);
        } else {
            self.drop_units(spark);
            self.say_goodbye(spark, EndReason::TooSlow);
        }
    }

    /// Queues bytes for one connection that stand for what was admitted elsewhere, or that come
    /// seldom. If too much waits all the same, its peer is cut off.
    pub(super) fn queue_frame(&mut self, key: Key, frame: impl FnOnce(&mut Vec<u8>)) {
        let cost_max = self.shared.options.send_queue_bytes_max.saturating_mul(2);
        if self.queue_cost(key) > cost_max.max(ANSWERS_COST_MAX) {
            return self.cut_off(key);
        }
        let target = Target::Connection(key);
        let Some(Outlet { queue, blocks, .. }) = self.outlet(target) else {
            return;
        };
        match queue.write(blocks, FrameClass::Kept, frame) {
            Ok(()) => self.queue_grew(target),
            Err(FrameTooLong) => self.cut_off(key),
        }
    }

    fn queue_cost(&self, key: Key) -> usize {
        self.queue(Target::Connection(key))
            .map_or(0, SendQueue::cost)
    }

    /// What waits there.
    fn queue(&self, target: Target) -> Option<&SendQueue> {
        match target {
            Target::Connection(key) => self.connections.get(key)?.queue.as_deref(),
            Target::Units(spark) => {
                let slot = self.sparks.get(spark)?;
                slot.carried.as_ref()?.queue.as_deref()
            }
        }
    }

    /// The queue of a connection or spark that may still be written to.
    fn outlet(&mut self, target: Target) -> Option<Outlet<'_, T>> {
        let queue = match target {
            Target::Connection(key) => {
                let connection = self.connections.get_mut(key)?;
                if connection.closing != Closing::No {
                    return None;
                }
                &mut connection.queue
            }
            Target::Units(spark) => {
                let carried = self.sparks.get_mut(spark)?.carried.as_mut()?;
                if carried.over {
                    return None;
                }
                &mut carried.queue
            }
        };
        let queue = queue.get_or_insert_with(|| self.queues.pop().unwrap_or_default());
        if let Target::Units(_) = target {
            queue.set_waits();
        }
        Some(Outlet {
            queue,
            blocks: &mut self.blocks,
            transformer: &mut self.transformer,
        })
    }

    pub(super) fn queue_grew(&mut self, target: Target) {
        let key = match target {
            Target::Connection(key) => key,
            Target::Units(spark) => return self.mark(spark),
        };
        let half = self.shared.options.send_queue_bytes_max / 2;
        let pause_bytes = half.min(PAUSE_BYTES_MAX);
        let connection = self.connection_mut(key);
        if !connection.dirty && !connection.blocked {
            connection.dirty = true;
            self.dirty.push_back(key);
        } else if connection.blocked
            && !connection.flags.has(Flags::UNREAD)
            && connection.queue_bytes() > pause_bytes
        {
            // An echo must not fill the queue.
            self.hold(key, Flags::UNREAD);
            self.measure_unread(key);
        }
    }

    /// Reports an error to the application, after the handler that runs now.
    pub(super) fn fail(&mut self, spark: Key, error: SparkError) {
        self.report(spark, error);
    }

    /// Ends a spark in words: what it was written is sent, then the transport's goodbye.
    pub(super) fn end(&mut self, spark: Key, options: EndOptions, reason: EndReason) {
        let state = self.spark(spark);
        if state.ready != ReadyState::Open {
            return;
        }
        if !options.reconnect {
            self.write_packet_of_primus(spark, &Packet::ServerClose);
        }
        self.say_goodbye(spark, reason);
    }
}

/// Where messages for a spark are queued.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// With everything else for this connection.
    Connection(Key),
    /// With the spark, for its session to send.
    Units(Key),
}

/// A queue, and what is needed to write to it.
struct Outlet<'a, T> {
    queue: &'a mut SendQueue,
    blocks: &'a mut BlockPool,
    transformer: &'a mut T,
}
