//! Broadcasts: framed once, then written to every spark by a walk over all of them.
//!
//! A walk is interrupted after a bounded number of sends and goes on in the next turn. Sparks that
//! it reaches later get everything that was broadcast meanwhile in the same send; if it was already
//! past some, another walk follows.

use allspark_protocol::transformer::{Kind, Transformer, Wire};

use super::core::Core;
use super::host::Host;
use crate::broadcast::Stream;
use crate::io::Op;
use crate::limits::{
    BROADCAST_SENDS_BESIDE_TIMERS, BROADCAST_SENDS_PER_TURN, SEND_BYTES_PER_TURN,
    WALK_VISITS_PER_TURN,
};
use crate::memory::{FrameTooLong, Key};
use crate::spark::ReadyState;

/// A walk over all sparks that is under way.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Where the walk under way goes on: at the first spark from this index on.
    next: Option<u32>,
    /// Where each stream stood when the walk began: what every spark has got when it is done.
    targets: Vec<u64>,
    /// Broadcasts came since then.
    again: bool,
}

impl Walk {
    pub(crate) fn is_active(&self) -> bool {
        self.next.is_some()
    }
}

impl<T: Transformer> Core<T> {
    /// Frames a message once for each wire format; the next walk sends it to every spark. Where a
    /// frame can't hold it, nobody gets it, which is counted, logged and returned.
    pub(super) fn broadcast_here(
        &mut self,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), FrameTooLong> {
        if self.sparks.is_empty() {
            return Ok(());
        }
        self.counters().broadcasts.add(1);
        let mut refused = 0;
        for (wire, stream) in (0..).zip(&mut self.streams) {
            let sparks = self.wire_sparks[usize::from(wire)];
            if sparks > 0 {
                let appended = stream.append(&mut self.blocks, |out| {
                    self.transformer.frame(Wire(wire), kind, payload, out);
                });
                refused += if appended.is_err() { sparks } else { 0 };
            }
        }
        if refused > 0 {
            tracing::error!(
                shard = self.shard,
                bytes = payload.len(),
                sparks = refused,
                "a broadcast is longer than a frame can be; it was not sent"
            );
            self.counters().messages_dropped.add(refused as u64);
        }
        if self.walk.is_active() {
            self.walk.again = true;
        } else {
            self.start_walk();
        }
        if refused == 0 {
            Ok(())
        } else {
            Err(FrameTooLong)
        }
    }

    fn start_walk(&mut self) {
        self.walk.next = Some(0);
        self.walk.again = false;
        self.walk.targets.clear();
        self.walk
            .targets
            .extend(self.streams.iter().map(Stream::head));
    }

    /// Goes on with the walk under way.
    pub(super) fn walk(&mut self) {
        let Some(mut index) = self.walk.next else {
            return;
        };
        let sends_max = if self.timers_wait {
            BROADCAST_SENDS_BESIDE_TIMERS
        } else {
            BROADCAST_SENDS_PER_TURN
        };
        let (mut sends, mut offered_bytes) = (0, 0);
        for _ in 0..WALK_VISITS_PER_TURN {
            if sends == sends_max || offered_bytes >= SEND_BYTES_PER_TURN {
                break;
            }
            let Some(spark) = self.sparks.next_from(index) else {
                return self.end_walk();
            };
            if let Some(bytes) = self.send_broadcast(spark) {
                sends += 1;
                offered_bytes += bytes;
            }
            index = spark.index + 1;
        }
        self.walk.next = Some(index);
    }

    fn end_walk(&mut self) {
        for (stream, target) in self.streams.iter_mut().zip(&self.walk.targets) {
            stream.forget_before(*target, &mut self.blocks);
        }
        self.walk.next = None;
        if std::mem::take(&mut self.walk.again) {
            self.start_walk();
        }
    }

    /// Sends a spark what it has not seen, if there is something. Returns how many bytes the kernel
    /// is offered at once.
    fn send_broadcast(&mut self, spark: Key) -> Option<usize> {
        let state = self.spark(spark);
        let (wire, seen) = (usize::from(state.wire.0), state.seen);
        let stream = &self.streams[wire];
        if seen >= stream.head() || state.ready != ReadyState::Open {
            return None;
        }
        let Some(key) = state.stream else {
            self.catch_up(spark);
            return Some(0);
        };
        let turn = self.turn;
        let connection = self
            .connections
            .get_mut(key)
            .expect("an open spark has a connection");
        let is_free =
            connection.queue.is_none() && !connection.blocked && connection.sent_turn != turn;
        let stream = &mut self.streams[wire];
        // The usual case: nothing else waits, and everybody shares the bytes.
        if is_free && let Some(bytes) = stream.piece_since(seen, &mut self.blocks) {
            connection.sent_turn = turn;
            let offered_bytes = bytes.len();
            self.ops.push(Op::Send {
                socket: connection.socket,
                bytes,
            });
            let head = stream.head();
            self.spark_mut(spark).seen = head;
            Some(offered_bytes)
        } else {
            self.catch_up(spark);
            Some(0)
        }
    }
}
