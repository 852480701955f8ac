//! The server holds more than it may, although whoever grows beyond its share is ended: many were
//! within their shares, or had something queued before the kernel refused it, and move no more.
//! Then a shard ends those who hold most, until its part of what is too much is gone.

use std::cmp::Reverse;
use std::io;

use allspark_protocol::options::Bounded;
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::owner::Owner;
use crate::limits::HELD_BYTES_MIN;
use crate::memory::Key;
use crate::refusals::RefusalReason;

/// Who holds something.
enum Holder {
    Connection(Key),
    /// The spark of a session that outlives its connections.
    Session(Key),
}

impl<T: Transformer> Core<T> {
    /// Ends those who hold most, if the server holds more than it may.
    pub(super) fn relieve(&mut self) {
        let excess = self.own_excess();
        if excess == 0 {
            return;
        }
        let mut holders = self.holders();
        holders.sort_unstable_by_key(|&(bytes, _)| Reverse(bytes));
        let mut relieved = 0;
        for (bytes, holder) in holders {
            if relieved >= excess {
                break;
            }
            relieved += bytes as u64;
            match holder {
                Holder::Connection(key) => self.shed_holder(key),
                Holder::Session(spark) if self.is_open(spark) => self.shed_session(spark),
                Holder::Session(spark) => {
                    self.sessions.drop_units(spark, &mut self.net.buffers);
                }
            }
        }
    }

    /// This shard's part of what the server holds too much.
    fn own_excess(&mut self) -> u64 {
        let Some(bound) = self.options.memory_bytes_max.map(Bounded::get) else {
            return 0;
        };
        let counters = self.counters();
        let own = counters.bytes_held.get() + counters.block_bytes.get();
        // Far from the bound it need not be known exactly.
        let is_near = own * u64::from(self.server.mesh.shards()) > bound / 2;
        if is_near || !self.room.has_looked_lately(self.clock.now) {
            self.look_for_room();
        }
        let excess = self.room.excess(bound);
        let part = u128::from(excess) * u128::from(own) / u128::from(bound + excess);
        u64::try_from(part).unwrap_or(excess)
    }

    /// Everybody who holds what is worth a note, and how much.
    fn holders(&self) -> Vec<(usize, Holder)> {
        let mut holders = Vec::new();
        let mut index = 0;
        while let Some(key) = self.net.next_from(index) {
            let connection = self.net.connection(key);
            let kept = match connection.owner {
                Owner::Session(spark) if !self.is_carried(spark) => {
                    self.kept.get(spark.index) + self.held_back.cost(spark)
                }
                _ => 0,
            };
            let bytes = self.net.charges.get(key.index) + connection.queue_cost() + kept;
            if bytes >= HELD_BYTES_MIN {
                holders.push((bytes, Holder::Connection(key)));
            }
            index = key.index + 1;
        }
        let mut index = 0;
        while let Some(spark) = self.sessions.next_from(index) {
            let kept = match self.is_carried(spark) {
                true => self.kept.get(spark.index) + self.held_back.cost(spark),
                false => 0,
            };
            let bytes = self.sessions.charged(spark) + self.units_cost(spark) + kept;
            if bytes >= HELD_BYTES_MIN {
                holders.push((bytes, Holder::Session(spark)));
            }
            index = spark.index + 1;
        }
        holders
    }

    fn units_cost(&self, spark: Key) -> usize {
        let units = self.sessions.units(spark);
        units.map_or(0, |units| units.cost())
    }

    /// Ends the connection of somebody who may not read what it is told.
    fn shed_holder(&mut self, key: Key) {
        let connection = self.net.connection(key);
        if connection.is_open() && !connection.has_unsent() {
            return self.shed_connection(key);
        }
        self.count_shed();
        self.note_refused(key, RefusalReason::Shed, None);
        self.broke(key, io::ErrorKind::OutOfMemory.into());
    }
}
