//! From messages to sends.
//!
//! Writing only queues. At the end of a turn everything that waits for a connection leaves in one
//! send. Broadcasts go another way, see [`super::walk`]; here they are only queued for sparks that
//! can't be sent to at once, or that something else is written to.

use std::io;

use allspark_protocol::http::Response;
use allspark_protocol::parser::Parser;
use allspark_protocol::primus::{Packet, SparkId};
use allspark_protocol::transformer::{Kind, Transformer};

use super::close::EndReason;
use super::connection::{Closing, Connection, Role};
use super::core::Core;
use super::host::Host;
use super::queue::{Admission, SendQueue};
use super::token_of;
use crate::config::SendPolicy;
use crate::io::Op;
use crate::limits::SENDS_PER_TURN;
use crate::lines::Line;
use crate::memory::{BlockPool, Key, Slice};
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
        match self.admit(target, payload.len()) {
            Admission::Queued { dropped } => {
                self.counters().messages_dropped.add(dropped as u64);
                self.write_frame(spark, target, false, kind, payload);
            }
            Admission::Dropped { dropped } => {
                self.counters().messages_dropped.add(dropped as u64 + 1);
            }
            Admission::Overflow => self.overflow(spark),
        }
    }

    /// Writes a message of Primus itself, which no policy drops.
    pub(super) fn write_packet_of_primus(&mut self, spark: Key, packet: &Packet<'_>) {
        let target = self.catch_up(spark);
        let (mut text, mut encoded) = (String::new(), Vec::new());
        packet.write(&mut text);
        let kind = self.shared.options.parser.encode_str(&text, &mut encoded);
        self.write_frame(spark, target, true, kind, &encoded);
    }

    fn write_frame(
        &mut self,
        spark: Key,
        target: Target,
        exempt: bool,
        kind: Kind,
        payload: &[u8],
    ) {
        let wire = self.spark(spark).wire;
        if let Some(outlet) = self.outlet(target) {
            let frame = |out: &mut Vec<u8>| outlet.transformer.frame(wire, kind, payload, out);
            outlet.queue.write(outlet.blocks, exempt, frame);
            self.queue_grew(target);
        }
    }

    pub(super) fn write_id(&mut self, spark: Key) {
        let id: SparkId = self.spark(spark).id;
        self.write_packet_of_primus(spark, &Packet::Id(id.encode(&mut [0; 21])));
    }

    /// Writes bytes of the transport itself, which no policy drops.
    pub(super) fn write_exempt(&mut self, key: Key, bytes: &[u8]) {
        if let Role::Spark(spark) = self.connection(key).role
            && self.spark(spark).stream == Some(key)
        {
            self.catch_up(spark);
        }
        self.queue_frame(key, true, |out| out.extend_from_slice(bytes));
    }

    /// Queues a frame that is shared with other connections.
    pub(super) fn write_shared(&mut self, spark: Key, frame: Slice) {
        let target = self.catch_up(spark);
        self.queue_slice(target, frame);
    }

    /// Writes an HTTP answer. A peer that asks without reading the answers is cut off.
    pub(super) fn write_response(
        &mut self,
        key: Key,
        response: &Response,
        keep_alive: bool,
        head_only: bool,
    ) {
        if self.connection(key).queue_bytes() > self.shared.options.send_queue_bytes_max {
            self.close(key);
            return;
        }
        let response = response.at(self.date());
        self.queue_frame(key, true, |out| response.encode(out, keep_alive, head_only));
    }

    /// Queues what was broadcast before, so that a direct write comes after it. Returns where
    /// messages for the spark are queued.
    pub(super) fn catch_up(&mut self, spark: Key) -> Target {
        let state = self.spark(spark);
        let (wire, seen) = (usize::from(state.wire.0), state.seen);
        let target = state
            .stream
            .map_or(Target::Units(spark), Target::Connection);
        let head = self.streams[wire].head();
        if seen < head {
            self.spark_mut(spark).seen = head;
            let slices: Vec<Slice> = self.streams[wire].since(seen).collect();
            for slice in slices {
                self.queue_broadcast(spark, target, slice);
            }
        }
        target
    }

    /// Queues broadcasts for one spark, within the bound of its queue.
    fn queue_broadcast(&mut self, spark: Key, target: Target, slice: Slice) {
        let state = self.spark(spark);
        if state.ready != ReadyState::Open {
            return;
        }
        match self.admit(target, slice.len()) {
            Admission::Queued { dropped } => {
                self.counters().messages_dropped.add(dropped as u64);
                self.queue_slice(target, slice);
            }
            Admission::Dropped { dropped } => {
                self.counters()
                    .messages_dropped
                    .add((dropped + slice.frames()) as u64);
            }
            Admission::Overflow => self.overflow(spark),
        }
    }

    fn admit(&mut self, target: Target, bytes: usize) -> Admission {
        let (bytes_max, policy) = (
            self.shared.options.send_queue_bytes_max,
            self.shared.options.send_policy,
        );
        let queue = match target {
            Target::Connection(key) => match self.connections.get_mut(key) {
                Some(connection) => connection.queue.as_mut(),
                None => return Admission::Dropped { dropped: 0 },
            },
            Target::Units(spark) => self
                .sparks
                .get_mut(spark)
                .and_then(|slot| slot.carried.as_mut()?.queue.as_mut()),
        };
        let Some(queue) = queue else {
            return Admission::Queued { dropped: 0 };
        };
        queue.admit(bytes, bytes_max, policy, &mut self.blocks)
    }

    fn overflow(&mut self, spark: Key) {
        debug_assert_eq!(self.shared.options.send_policy, SendPolicy::Disconnect);
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

    /// Queues bytes for one connection.
    pub(super) fn queue_frame(&mut self, key: Key, exempt: bool, frame: impl FnOnce(&mut Vec<u8>)) {
        let target = Target::Connection(key);
        if let Some(Outlet { queue, blocks, .. }) = self.outlet(target) {
            queue.write(blocks, exempt, frame);
            self.queue_grew(target);
        }
    }

    fn queue_slice(&mut self, target: Target, slice: Slice) {
        if let Some(Outlet { queue, blocks, .. }) = self.outlet(target) {
            queue.push(slice, blocks);
            self.queue_grew(target);
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
        Some(Outlet {
            queue,
            blocks: &mut self.blocks,
            transformer: &mut self.transformer,
        })
    }

    fn queue_grew(&mut self, target: Target) {
        let key = match target {
            Target::Connection(key) => key,
            Target::Units(spark) => return self.mark(spark),
        };
        let pause_bytes = self.shared.options.send_queue_bytes_max / 2;
        let connection = self.connection_mut(key);
        if !connection.dirty && !connection.blocked {
            connection.dirty = true;
            self.dirty.push_back(key);
        } else if connection.blocked && !connection.paused && connection.queue_bytes() > pause_bytes
        {
            // Its peer reads too slowly to be listened to: an echo must not fill the queue.
            connection.paused = true;
            let socket = connection.socket;
            self.ops.push(Op::StopReceive { socket });
        }
    }

    /// The last phase of a turn.
    pub(super) fn queue_sends(&mut self) {
        for _ in 0..self.dirty.len().min(SENDS_PER_TURN) {
            let Some(key) = self.dirty.pop_front() else {
                break;
            };
            if let Some(connection) = self.connections.get_mut(key) {
                connection.dirty = false;
                self.send_queued(key);
            }
        }
        self.walk();
    }

    fn send_queued(&mut self, key: Key) {
        let turn = self.turn;
        let connection = self
            .connections
            .get_mut(key)
            .expect("the caller looked it up");
        if connection.blocked || connection.closing == Closing::Asked {
            return;
        }
        debug_assert!(
            connection.sent_turn != turn,
            "one send per turn and connection"
        );
        let Some(queue) = &mut connection.queue else {
            return;
        };
        if let Some(bytes) = queue.next(&mut self.blocks) {
            connection.sent_turn = turn;
            self.ops.push(Op::Send {
                socket: connection.socket,
                bytes,
            });
        }
        if !queue.is_empty() {
            connection.dirty = true;
            self.dirty.push_back(key);
        } else if let Some(queue) = connection.queue.take() {
            self.keep_queue(queue);
            self.sent_all(key);
        }
    }

    /// Nothing waits for this connection any more, unless the kernel refuses what was just queued.
    fn sent_all(&mut self, key: Key) {
        let connection = self.connection_mut(key);
        if connection.closing == Closing::AfterSending {
            self.finishing.push(key);
            return;
        }
        match &connection.role {
            Role::Leaving(_) => self.leaving.push(key),
            Role::Waiting(waiting) => {
                let spark = waiting.spark;
                self.mark(spark);
            }
            Role::Spark(spark) => {
                let spark = *spark;
                self.mark(spark);
            }
            Role::Http(_) | Role::Paced(_) | Role::Discard => {}
        }
        self.listen_again(key);
    }

    /// A connection that was not listened to for a while is listened to again.
    pub(super) fn listen_again(&mut self, key: Key) {
        let connection = self.connection_mut(key);
        if std::mem::take(&mut connection.paused) {
            let socket = connection.socket;
            self.ops.push(Op::Receive {
                socket,
                token: token_of(key),
            });
        }
    }

    /// An emptied queue is used again by the next connection that needs one.
    pub(super) fn keep_queue(&mut self, queue: Box<SendQueue>) {
        if self.queues.len() < QUEUES_MAX && queue.is_worth_keeping() {
            self.queues.push(queue);
        }
    }

    /// The kernel did not take everything.
    pub(super) fn stalled(&mut self, key: Key, rest: Slice) {
        let connection = self.connection_mut(key);
        if connection.closing == Closing::Asked {
            return;
        }
        connection.blocked = true;
        let socket = connection.socket;
        let queue = self.queues.pop().unwrap_or_default();
        let queue = self.connection_mut(key).queue.get_or_insert(queue);
        queue.push_front(rest);
        self.ops.push(Op::AwaitWritable { socket });
        self.queue_grew(Target::Connection(key));
    }

    pub(super) fn writable(&mut self, key: Key) {
        let connection = self.connection_mut(key);
        connection.blocked = false;
        connection.progress = true;
        if !connection.dirty {
            connection.dirty = true;
            self.dirty.push_back(key);
        }
    }

    /// The connection broke.
    pub(super) fn broke(&mut self, key: Key, error: io::Error) {
        if let Role::Spark(spark) = self.connection(key).role
            && let Some(slot) = self.sparks.get(spark)
            && slot.state.stream == Some(key)
        {
            if slot.state.ready == ReadyState::Open {
                self.fail(spark, SparkError::Io(error));
            }
            self.lose(spark, EndReason::Broken);
        }
        self.close(key);
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
#[derive(Clone, Copy)]
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

/// Empty queues that are kept for later.
const QUEUES_MAX: usize = 1024;
