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

use super::connection::{Closing, Connection, Role};
use super::core::Core;
use super::host::Host;
use super::queue::{Admission, SendQueue};
use super::token_of;
use crate::config::SendPolicy;
use crate::io::Op;
use crate::limits::SENDS_PER_TURN;
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

    /// The connection of a spark.
    pub(super) fn connection_of(&self, spark: Key) -> &Connection {
        self.connection(self.spark(spark).connection)
    }

    /// Writes an encoded message to an open spark, within the bound of its queue.
    pub(super) fn write_message(&mut self, spark: Key, kind: Kind, payload: &[u8]) {
        self.counters().messages_written.add(1);
        let wire = self.spark(spark).wire;
        let key = self.catch_up(spark);
        match self.admit(key, payload.len()) {
            Admission::Queued { dropped } => {
                self.counters().messages_dropped.add(dropped as u64);
                self.queue_frame(key, false, |out| T::frame(wire, kind, payload, out));
            }
            Admission::Dropped { dropped } => {
                self.counters().messages_dropped.add(dropped as u64 + 1);
            }
            Admission::Overflow => self.overflow(spark),
        }
    }

    /// Writes a message of Primus itself, which no policy drops.
    pub(super) fn write_packet_of_primus(&mut self, spark: Key, packet: &Packet<'_>) {
        let wire = self.spark(spark).wire;
        let key = self.catch_up(spark);
        let (mut text, mut encoded) = (String::new(), Vec::new());
        packet.write(&mut text);
        let kind = self.shared.options.parser.encode_str(&text, &mut encoded);
        self.queue_frame(key, true, |out| T::frame(wire, kind, &encoded, out));
    }

    pub(super) fn write_id(&mut self, spark: Key) {
        let id: SparkId = self.spark(spark).id;
        self.write_packet_of_primus(spark, &Packet::Id(id.encode(&mut [0; 21])));
    }

    /// Writes bytes of the transport itself, which no policy drops.
    pub(super) fn write_exempt(&mut self, key: Key, bytes: &[u8]) {
        if let Role::Spark(spark) = self.connection(key).role {
            self.catch_up(spark);
        }
        self.queue_frame(key, true, |out| out.extend_from_slice(bytes));
    }

    /// Queues a frame that is shared with other connections.
    pub(super) fn write_shared(&mut self, spark: Key, frame: Slice) {
        let key = self.catch_up(spark);
        self.queue_slice(key, frame);
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
        self.queue_frame(key, true, |out| response.encode(out, keep_alive, head_only));
    }

    /// Queues what was broadcast before, so that a direct write comes after it. Returns the
    /// spark's connection.
    pub(super) fn catch_up(&mut self, spark: Key) -> Key {
        let state = self.spark(spark);
        let (key, wire, seen) = (state.connection, usize::from(state.wire.0), state.seen);
        let head = self.streams[wire].head();
        if seen < head {
            self.spark_mut(spark).seen = head;
            let slices: Vec<Slice> = self.streams[wire].since(seen).collect();
            for slice in slices {
                self.queue_broadcast(spark, key, slice);
            }
        }
        key
    }

    /// Queues broadcasts for one spark, within the bound of its queue.
    fn queue_broadcast(&mut self, spark: Key, key: Key, slice: Slice) {
        let state = self.spark(spark);
        if state.ready != ReadyState::Open {
            return;
        }
        match self.admit(key, slice.len()) {
            Admission::Queued { dropped } => {
                self.counters().messages_dropped.add(dropped as u64);
                self.queue_slice(key, slice);
            }
            Admission::Dropped { dropped } => {
                self.counters()
                    .messages_dropped
                    .add((dropped + slice.frames()) as u64);
            }
            Admission::Overflow => self.overflow(spark),
        }
    }

    fn admit(&mut self, key: Key, bytes: usize) -> Admission {
        let (bytes_max, policy) = (
            self.shared.options.send_queue_bytes_max,
            self.shared.options.send_policy,
        );
        let Some(connection) = self.connections.get_mut(key) else {
            return Admission::Dropped { dropped: 0 };
        };
        let Some(queue) = &mut connection.queue else {
            return Admission::Queued { dropped: 0 };
        };
        queue.admit(bytes, bytes_max, policy, &mut self.blocks)
    }

    fn overflow(&mut self, spark: Key) {
        debug_assert_eq!(self.shared.options.send_policy, SendPolicy::Disconnect);
        self.counters().sparks_overflowed.add(1);
        tracing::info!(shard = self.shard, spark = %self.spark(spark).id,
            "a client reads too slowly; its spark ends");
        let key = self.spark(spark).connection;
        self.fail(spark, SparkError::Overflow);
        // What waits will not be read in time, so nothing is added, not even a goodbye.
        self.lose(spark);
        self.close(key);
    }

    fn queue_frame(&mut self, key: Key, exempt: bool, frame: impl FnOnce(&mut Vec<u8>)) {
        if let Some((queue, blocks)) = self.queue_of(key) {
            queue.write(blocks, exempt, frame);
            self.queue_grew(key);
        }
    }

    fn queue_slice(&mut self, key: Key, slice: Slice) {
        if let Some((queue, blocks)) = self.queue_of(key) {
            queue.push(slice, blocks);
            self.queue_grew(key);
        }
    }

    /// The queue of a connection that may still be written to, and the pool for its blocks.
    fn queue_of(&mut self, key: Key) -> Option<(&mut SendQueue, &mut BlockPool)> {
        let connection = self.connections.get_mut(key)?;
        if connection.closing != Closing::No {
            return None;
        }
        let spare = || self.queues.pop().unwrap_or_default();
        Some((connection.queue.get_or_insert_with(spare), &mut self.blocks))
    }

    fn queue_grew(&mut self, key: Key) {
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
        } else if std::mem::take(&mut connection.paused) {
            // Its peer has caught up and is listened to again.
            let socket = connection.socket;
            self.ops.push(Op::Receive {
                socket,
                token: token_of(key),
            });
        }
    }

    /// An emptied queue is used again by the next connection that needs one.
    fn keep_queue(&mut self, queue: Box<SendQueue>) {
        if self.queues.len() < QUEUES_MAX {
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
        self.queue_grew(key);
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
        if let Role::Spark(spark) = self.connection(key).role {
            if self.spark(spark).ready == ReadyState::Open {
                self.fail(spark, SparkError::Io(error));
            }
            self.lose(spark);
        }
        self.close(key);
    }

    /// Reports an error to the application, after the handler that runs now.
    pub(super) fn fail(&mut self, spark: Key, error: SparkError) {
        self.report(spark, error);
    }

    /// Ends a spark in words: what it was written is sent, then the transport's goodbye.
    pub(super) fn end(&mut self, spark: Key, options: EndOptions) {
        let state = self.spark(spark);
        if state.ready != ReadyState::Open {
            return;
        }
        if !options.reconnect {
            self.write_packet_of_primus(spark, &Packet::ServerClose);
        }
        self.say_goodbye(spark);
    }
}

/// Empty queues that are kept for later.
const QUEUES_MAX: usize = 1024;
