//! What a session sends, and the connections that belong to it.

use std::collections::VecDeque;

use allspark_protocol::Instant;
use allspark_protocol::transformer::{Transformer, Wire};

use super::carried::QueueUnits;
use super::{Sessions, Want};
use crate::memory::Key;
use crate::net::Buffers;

impl<T: Transformer> Sessions<T> {
    /// Offers a session the messages that wait for it.
    pub(crate) fn send_units(&mut self, spark: Key, now: Instant, buffers: &mut Buffers) {
        let Some(slot) = self.slots.get_mut(spark) else {
            return;
        };
        let context = slot.context(now);
        let Some(carried) = &mut slot.carried else {
            return;
        };
        let mut units = QueueUnits::new(carried.queue.as_deref_mut(), &mut buffers.blocks);
        self.transformer
            .send(&mut slot.session, context, &mut units, &mut self.outputs);
        buffers.recycle(carried.queue.take_if(|queue| queue.is_empty()));
        if !self.outputs.is_empty() {
            self.keep_wants(spark);
        }
    }

    /// From now on messages for the spark are written to this connection. Returns what the session
    /// wants in order to send what waited before.
    pub(crate) fn begin_stream(
        &mut self,
        spark: Key,
        connection: Key,
        now: Instant,
        buffers: &mut Buffers,
    ) -> VecDeque<(Key, Want)> {
        let before = self.wants.len();
        if let Some(slot) = self.slots.get_mut(spark) {
            slot.state.stream = Some(connection);
            self.send_units(spark, now, buffers);
        }
        self.wants.split_off(before)
    }

    /// Keeps something that is to be done for a session, behind everything else.
    pub(crate) fn want(&mut self, spark: Key, want: Want) {
        self.wants.push_back((spark, want));
    }

    /// Messages for the spark are framed as its session has it now. `head` says where the
    /// broadcasts of a wire are.
    pub(crate) fn change_wire(&mut self, spark: Key, head: impl FnOnce(Wire) -> u64) {
        let Some(slot) = self.slots.get_mut(spark) else {
            return;
        };
        let wire = self.transformer.wire(&slot.session);
        let before = std::mem::replace(&mut slot.state.wire, wire);
        slot.state.seen = head(wire);
        self.count_wire(before, -1);
        self.count_wire(wire, 1);
    }

    pub(super) fn count_wire(&mut self, wire: Wire, change: isize) {
        let count = &mut self.by_wire[usize::from(wire.0)];
        *count = count
            .checked_add_signed(change)
            .expect("every spark is counted once");
    }

    /// A connection becomes a carrier of a session.
    pub(crate) fn add_carrier(&mut self, spark: Key, connection: Key) {
        if let Some(slot) = self.slots.get_mut(spark)
            && let Some(carried) = &mut slot.carried
        {
            carried.carriers.push(connection);
            if carried.carriers.len() == 1 {
                self.unattended -= 1;
            }
        }
    }

    /// A connection is no carrier of a session any more. Returns whether it was one.
    pub(crate) fn remove_carrier(&mut self, spark: Key, connection: Key) -> bool {
        let Some(slot) = self.slots.get_mut(spark) else {
            return false;
        };
        let Some(carried) = &mut slot.carried else {
            return false;
        };
        if slot.state.stream == Some(connection) {
            slot.state.stream = None;
        }
        let place = carried.carriers.iter().position(|key| *key == connection);
        if let Some(place) = place {
            carried.carriers.remove(place);
            if carried.carriers.is_empty() {
                self.unattended += 1;
            }
        }
        true
    }

    /// The session says that it can be forgotten. Returns its carriers, none of which belongs to it
    /// any more; `None` if it has said so before, or is bound to one connection.
    pub(crate) fn end_carried(&mut self, spark: Key) -> Option<impl Iterator<Item = Key> + use<T>> {
        let slot = self.slots.get_mut(spark)?;
        let carried = slot.carried.as_mut()?;
        if std::mem::replace(&mut carried.over, true) {
            return None;
        }
        let carriers = std::mem::take(&mut carried.carriers);
        if !carriers.is_empty() {
            self.unattended += 1;
        }
        Some(carriers.into_iter())
    }
}
