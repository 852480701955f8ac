//! From queues to the driver, at the end of a turn, and what comes of it.

use std::io;

use allspark_protocol::transformer::Transformer;

use super::close::EndReason;
use super::connection::{Closing, Flags, Role};
use super::core::Core;
use super::queue::{Batch, SendQueue};
use super::send::Target;
use crate::io::Op;
use crate::limits::{SEND_BYTES_PER_TURN, SENDS_PER_TURN};
use crate::memory::{Key, Slice};
use crate::spark::{ReadyState, SparkError};

impl<T: Transformer> Core<T> {
    /// The last phase of a turn.
    pub(super) fn queue_sends(&mut self) {
        let mut offered_bytes = 0;
        for _ in 0..self.dirty.len().min(SENDS_PER_TURN) {
            if offered_bytes >= SEND_BYTES_PER_TURN {
                break;
            }
            let Some(key) = self.dirty.pop_front() else {
                break;
            };
            let Some(connection) = self.connections.get(key) else {
                continue;
            };
            if !connection.blocked {
                // What a walk would bring it leaves in the same send, so that it is up to date.
                self.catch_up_connection(key);
            }
            self.connection_mut(key).dirty = false;
            offered_bytes += self.send_queued(key);
        }
        self.walk();
    }

    /// Returns how many bytes the kernel is offered.
    fn send_queued(&mut self, key: Key) -> usize {
        let turn = self.turn;
        let connection = self
            .connections
            .get_mut(key)
            .expect("the caller looked it up");
        if connection.blocked || connection.closing == Closing::Asked {
            return 0;
        }
        debug_assert!(
            connection.sent_turn != turn,
            "one send per turn and connection"
        );
        let Some(queue) = &mut connection.queue else {
            return 0;
        };
        let before = queue.bytes();
        if let Some(batch) = queue.next(&mut self.blocks) {
            connection.sent_turn = turn;
            let socket = connection.socket;
            self.ops.push(match batch {
                Batch::One(bytes) => Op::Send { socket, bytes },
                Batch::Many(slices) => Op::SendMany { socket, slices },
            });
        }
        let (offered_bytes, is_empty) = (before - queue.bytes(), queue.is_empty());
        connection.count_taken(offered_bytes);
        if !is_empty {
            connection.dirty = true;
            self.dirty.push_back(key);
        } else if let Some(queue) = connection.queue.take() {
            self.recycle_queue(Some(queue));
            self.sent_all(key);
        }
        offered_bytes
    }

    /// Nothing waits for this connection any more, unless the kernel refuses what was just queued.
    fn sent_all(&mut self, key: Key) {
        let connection = self.connection_mut(key);
        if connection.closing == Closing::AfterSending {
            self.finishing.push(key);
            return;
        }
        if connection.flags.has(Flags::UNREAD.or(Flags::WATCHED)) {
            self.caught_up.push(key);
        }
        match &self.connection(key).role {
            Role::Leaving(leaving) if !leaving.waits() => self.leaving.push_back(key),
            Role::Waiting(waiting) => {
                let spark = waiting.spark;
                self.mark(spark);
            }
            Role::Spark(spark) => {
                let spark = *spark;
                self.mark(spark);
            }
            Role::Http(_)
            | Role::Paced(_)
            | Role::Leaving(_)
            | Role::TurnedAway
            | Role::Discard => {}
        }
    }

    /// A queue of which nothing is needed any more is used again by the next one who needs one.
    pub(super) fn recycle_queue(&mut self, queue: Option<Box<SendQueue>>) {
        if let Some(mut queue) = queue {
            queue.clear(&mut self.blocks);
            if self.queues.len() < QUEUES_MAX {
                self.queues.push(queue);
            }
        }
    }

    /// The kernel did not take everything.
    pub(super) fn stalled(&mut self, key: Key, rest: Slice) {
        let connection = self
            .connections
            .get_mut(key)
            .expect("the caller looked it up");
        if connection.closing == Closing::Asked {
            return;
        }
        let socket = connection.socket;
        // Of several slices each may have a rest; the last one comes first.
        if !std::mem::replace(&mut connection.blocked, true) {
            self.ops.push(Op::AwaitWritable { socket });
        }
        connection.count_refused(rest.len());
        let fresh = || self.queues.pop().unwrap_or_default();
        let queue = connection.queue.get_or_insert_with(fresh);
        queue.push_front(rest, &mut self.blocks);
        self.queue_grew(Target::Connection(key));
        self.watch_if_idle(key);
    }

    pub(super) fn writable(&mut self, key: Key) {
        let connection = self.connection_mut(key);
        connection.blocked = false;
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
}

/// Empty queues that are kept for later.
const QUEUES_MAX: usize = 1024;
