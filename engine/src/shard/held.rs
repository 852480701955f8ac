//! What a shard holds for peers, and the end of those who want more than the server has.
//!
//! Held is what waits for a peer to go on: the part of a request or message that has come so far,
//! bytes behind a request that is not answered yet, and what sessions keep. It is looked at when
//! bytes came in, and when a session was called, because it grows nowhere else; a connection that
//! holds nothing, as nearly all do, costs a comparison. Each shard publishes its sum, and all of
//! them look at all sums. What waits to be sent, and broadcasts, are counted where they are made
//! ([`BlockPool`](crate::memory::BlockPool)), and belong to the same bound.
//!
//! When the server holds more than it may, whoever grows then and holds more than its share (the
//! bound divided by all connections and sessions) is ended. Somebody holds more than its share as
//! long as the sum is above the bound, and who holds much without a move is ended by the time-outs.

use std::collections::HashMap;

use allspark_protocol::transformer::Transformer;

use super::close::EndReason;
use super::connection::Role;
use super::core::Core;
use super::room::unavailable;
use crate::limits::HELD_BYTES_MIN;
use crate::lines::Line;
use crate::memory::{Key, kept};
use crate::spark::{ReadyState, SparkError};

/// What connections or sessions hold, by the index of their slot.
#[derive(Debug, Default)]
pub(crate) struct Charges {
    by_index: HashMap<u32, usize>,
    total: usize,
}

impl Charges {
    /// Bytes of all of them.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Notes what one holds now. Returns whether that is more than before.
    #[inline]
    pub(super) fn set(&mut self, index: u32, bytes: usize) -> bool {
        if bytes < HELD_BYTES_MIN {
            // The usual case: neither did it hold anything.
            if !self.by_index.is_empty() {
                self.remove(index);
            }
            return false;
        }
        let before = self.by_index.insert(index, bytes).unwrap_or(0);
        self.total = self.total - before + bytes;
        bytes > before
    }

    fn remove(&mut self, index: u32) {
        self.total -= self.by_index.remove(&index).unwrap_or(0);
        // A peak must not stay.
        if let Some(kept) = kept(self.by_index.len(), self.by_index.capacity()) {
            self.by_index.shrink_to(kept);
        }
    }
}

impl<T: Transformer> Core<T> {
    /// Looks what a connection holds for its peer, and ends it if that is too much for now.
    pub(super) fn settle_input(&mut self, key: Key) {
        let Some(connection) = self.connections.get(key) else {
            return;
        };
        let bytes = match &connection.role {
            Role::Http(reader) => reader.held_bytes(),
            Role::Waiting(waiting) => waiting.held_bytes(),
            Role::Leaving(leaving) => leaving.bytes(),
            Role::Spark(spark) => self.sparks.get(*spark).map_or(0, |slot| {
                let is_charged = slot.carried.is_some();
                match is_charged {
                    true => 0,
                    false => self.transformer.held_bytes(&slot.session),
                }
            }),
            Role::Paced(_) | Role::TurnedAway | Role::Discard => 0,
        };
        if self.connection_charges.set(key.index, bytes) && self.is_too_much(bytes) {
            self.shed_connection(key);
        }
    }

    /// The same for a session that outlives its connections.
    pub(super) fn settle_session(&mut self, spark: Key) {
        let Some(slot) = self.sparks.get(spark) else {
            return;
        };
        let bytes = self.transformer.held_bytes(&slot.session);
        if self.session_charges.set(spark.index, bytes)
            && slot.state.ready == ReadyState::Open
            && self.is_too_much(bytes)
        {
            self.shed_session(spark);
        }
    }

    /// What was held for a connection that is gone.
    pub(super) fn settle_closed(&mut self, key: Key) {
        self.connection_charges.set(key.index, 0);
    }

    /// What was held for a session that is gone.
    pub(super) fn settle_forgotten(&mut self, spark: Key) {
        self.session_charges.set(spark.index, 0);
    }

    /// Tells the other shards what this one holds.
    pub(super) fn publish_held(&self) {
        let held = self.connection_charges.total() + self.session_charges.total();
        let counter = &self.counters().bytes_held;
        if counter.get() != held as u64 {
            counter.set(held as u64);
        }
    }

    /// Whether somebody who has just grown to so many bytes has to go.
    fn is_too_much(&mut self, bytes: usize) -> bool {
        let share = self.share_when_short();
        share.is_some_and(|share| bytes as u64 > share)
    }

    fn shed_connection(&mut self, key: Key) {
        self.count_shed();
        if let Role::Http(_) = self.connection(key).role {
            self.write_response(key, &unavailable(), false, false);
            self.finish(key);
        } else {
            self.broke(key, std::io::ErrorKind::OutOfMemory.into());
        }
    }

    fn shed_session(&mut self, spark: Key) {
        self.count_shed();
        self.fail(spark, SparkError::Overflow);
        self.lose(spark, EndReason::Shed);
        self.drop_units(spark);
        self.say_goodbye(spark, EndReason::Shed);
    }

    fn count_shed(&self) {
        self.counters().peers_shed.add(1);
        if let Some(line) = self.may_log(Line::Shed) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::warn!(
                shard,
                unlogged,
                "a peer is ended that wanted more memory than its share: the server holds as much \
                 as memory-max allows"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_that_of_all_and_nothing_is_kept_of_a_peak() {
        let mut charges = Charges::default();
        assert!(!charges.set(1, HELD_BYTES_MIN - 1), "not worth a note");
        assert!(charges.by_index.is_empty());
        assert!(charges.set(1, 5_000));
        assert!(charges.set(2, 7_000));
        assert!(!charges.set(2, 6_000), "less is no growth");
        assert!(!charges.set(2, 6_000));
        assert_eq!(charges.total(), 11_000);
        charges.set(1, 0);
        charges.set(1, 0);
        charges.set(2, 10);
        assert_eq!(charges.total(), 0);
        for index in 0..100_000 {
            charges.set(index, 2_000);
        }
        for index in 0..100_000 {
            charges.set(index, 0);
        }
        let capacity = charges.by_index.capacity();
        assert!(charges.total() == 0 && capacity < 10_000, "{capacity}");
    }
}
