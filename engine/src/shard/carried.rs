//! Sparks whose sessions outlive connections, or have none for a while.
//!
//! Their messages wait here, framed, until the session takes them ([`Core::flush_carried`]). Their
//! sessions have deadlines of their own, for which there is a second timing wheel.

use std::net::SocketAddr;

use allspark_protocol::Instant;
use allspark_protocol::transformer::{Carrier, Context, Outputs, Transformer, Units, Wire};
use smallvec::SmallVec;

use super::close::EndReason;
use super::connection::{Closing, Role};
use super::core::{Core, Deferred};
use super::host::Host;
use super::names::NameHash;
use super::queue::SendQueue;
use crate::guard;
use crate::memory::{BlockPool, Key, Slice};
use crate::spark::ReadyState;

/// What a shard keeps of a spark that is not bound to one connection.
pub(crate) struct Carried {
    /// Who opened it.
    pub(crate) peer: SocketAddr,
    /// Messages that wait for the session.
    pub(crate) queue: Option<Box<SendQueue>>,
    /// Connections that belong to the session now.
    pub(crate) carriers: SmallVec<[Key; 2]>,
    /// The name that its client chose for it.
    pub(crate) name: Option<NameHash>,
    /// When the next ping of Primus is due.
    pub(crate) beat_at: Option<Instant>,
    /// What the timer is set to; never later than the true deadline.
    timer: Option<Instant>,
    /// It is in the list of sparks to be flushed.
    dirty: bool,
    /// The session has said that it can be forgotten.
    pub(crate) over: bool,
}

impl Carried {
    pub(crate) fn new(peer: SocketAddr, name: Option<NameHash>) -> Box<Self> {
        Box::new(Self {
            peer,
            queue: None,
            carriers: SmallVec::new(),
            name,
            beat_at: None,
            timer: None,
            dirty: false,
            over: false,
        })
    }
}

/// The carrier that a connection is to a session.
pub(super) fn carrier_of(key: Key) -> Carrier {
    Carrier(u64::from(key.generation) << 32 | u64::from(key.index))
}

/// The connection that a carrier is.
pub(super) fn connection_of(carrier: Carrier) -> Key {
    Key {
        index: carrier.0 as u32,
        generation: (carrier.0 >> 32) as u32,
    }
}

impl<T: Transformer> Core<T> {
    /// Calls the session of a spark. What it wants is still to be carried out.
    #[inline]
    pub(super) fn ask_session<R>(
        &mut self,
        spark: Key,
        ask: impl FnOnce(&mut T, &mut T::Session, Context, &mut Outputs) -> R,
    ) -> Option<R> {
        let slot = self.sparks.get_mut(spark)?;
        let context = Context {
            now: self.now,
            id: slot.state.id,
            stream: slot.state.stream.map(carrier_of),
        };
        let (transformer, outputs) = (&mut self.transformer, &mut self.outputs);
        Some(ask(transformer, &mut slot.session, context, outputs))
    }

    /// Calls the session of a spark and carries out what it wants.
    #[inline]
    pub(super) fn call_session<R>(
        &mut self,
        spark: Key,
        call: impl FnOnce(&mut T, &mut T::Session, Context, &mut Outputs) -> R,
    ) -> Option<R> {
        let result = self.ask_session(spark, call);
        if !self.outputs.is_empty() {
            self.perform(spark);
        }
        result
    }

    /// As [`Core::call_session`], for something that happened to a carried session: afterwards it
    /// may have another deadline, and be able to send.
    pub(super) fn wake_session(
        &mut self,
        spark: Key,
        call: impl FnOnce(&mut T, &mut T::Session, Context, &mut Outputs),
    ) {
        self.call_session(spark, call);
        self.woke(spark);
    }

    /// Something happened to a session.
    pub(super) fn woke(&mut self, spark: Key) {
        self.set_spark_timer(spark);
        self.mark(spark);
        self.settle_session(spark);
    }

    /// The session of this spark is asked at the end of the turn what it can send.
    pub(super) fn mark(&mut self, spark: Key) {
        if let Some(slot) = self.sparks.get_mut(spark)
            && let Some(carried) = &mut slot.carried
            && slot.state.stream.is_none()
            && !carried.dirty
        {
            carried.dirty = true;
            self.dirty_sparks.push(spark);
        }
    }

    /// Sets the timer of a carried spark, if it is not early enough already. One that is too early
    /// does no harm, and a deadline that moves on with every message costs nothing this way.
    pub(super) fn set_spark_timer(&mut self, spark: Key) {
        let judge_from = self.fairness.judge_from();
        let Some(slot) = self.sparks.get_mut(spark) else {
            return;
        };
        let Some(carried) = &mut slot.carried else {
            return;
        };
        let mut deadline = self.transformer.deadline(&slot.session);
        if judge_from > self.now && self.transformer.awaits_client(&slot.session) {
            deadline = deadline.map(|deadline| deadline.max(judge_from));
        }
        let deadlines = [deadline, carried.beat_at];
        if let Some(deadline) = deadlines.into_iter().flatten().min()
            && carried.timer.is_none_or(|timer| deadline < timer)
        {
            carried.timer = Some(deadline);
            self.spark_wheel.set(spark.index, deadline);
        }
    }

    /// The timer of a carried spark fired.
    pub(super) fn spark_timer(&mut self, spark: Key) {
        let (now, put_off) = (self.now, self.put_off());
        let slot = self.sparks.get_mut(spark).expect("the caller looked it up");
        let Some(carried) = &mut slot.carried else {
            return;
        };
        carried.timer = None;
        let must_beat = carried.beat_at.is_some_and(|at| at <= now);
        let has_expired = self
            .transformer
            .deadline(&slot.session)
            .is_some_and(|at| at <= now)
            && !(put_off.is_some() && self.transformer.awaits_client(&slot.session));
        if must_beat && slot.state.ready == ReadyState::Open {
            self.beat(spark);
        }
        if has_expired {
            self.wake_session(spark, |transformer, session, context, out| {
                transformer.expired(session, context, out);
            });
        } else {
            self.set_spark_timer(spark);
        }
    }

    /// Lets sessions send what waits for them.
    pub(super) fn flush_carried(&mut self) {
        let mut sparks = std::mem::take(&mut self.dirty_sparks);
        for spark in sparks.drain(..) {
            if let Some(slot) = self.sparks.get_mut(spark)
                && let Some(carried) = &mut slot.carried
            {
                carried.dirty = false;
                let carrier = self.transformer.carrier(&slot.session);
                if carrier.is_some_and(|carrier| self.is_free(carrier)) {
                    self.send_units(spark);
                    self.set_spark_timer(spark);
                    self.settle_session(spark);
                }
            }
        }
        // What became dirty meanwhile waits for the next turn.
        sparks.append(&mut self.dirty_sparks);
        self.dirty_sparks = sparks;
    }

    fn is_free(&self, carrier: Carrier) -> bool {
        let connection = self.connections.get(connection_of(carrier));
        connection.is_some_and(super::connection::Connection::is_free)
    }

    /// Whether the messages of a carried spark can be sent at the end of this turn.
    pub(super) fn has_free_carrier(&self, spark: Key) -> bool {
        let slot = self.sparks.get(spark);
        let carrier = slot.and_then(|slot| self.transformer.carrier(&slot.session));
        carrier.is_some_and(|carrier| self.is_free(carrier))
    }

    /// Offers a session the messages that wait for it.
    fn send_units(&mut self, spark: Key) {
        let Some(slot) = self.sparks.get_mut(spark) else {
            return;
        };
        let Some(carried) = &mut slot.carried else {
            return;
        };
        let context = Context {
            now: self.now,
            id: slot.state.id,
            stream: slot.state.stream.map(carrier_of),
        };
        let mut units = QueueUnits {
            queue: carried.queue.as_deref_mut(),
            pool: &mut self.blocks,
            taken: None,
        };
        self.transformer
            .send(&mut slot.session, context, &mut units, &mut self.outputs);
        let emptied = carried.queue.take_if(|queue| queue.is_empty());
        self.recycle_queue(emptied);
        if !self.outputs.is_empty() {
            self.perform(spark);
        }
    }

    /// From now on messages for the spark are written to an upgraded carrier.
    pub(super) fn start_stream(&mut self, spark: Key, key: Key) {
        // What was broadcast in the form of the old wire waits with everything else.
        self.catch_up(spark);
        self.spark_mut(spark).stream = Some(key);
        self.send_units(spark);
        let Some(slot) = self.sparks.get_mut(spark) else {
            return;
        };
        let wire = self.transformer.wire(&slot.session);
        let before = std::mem::replace(&mut slot.state.wire, wire);
        slot.state.seen = self.streams[usize::from(wire.0)].head();
        self.count_wire(before, -1);
        self.count_wire(wire, 1);
    }

    /// Counts sparks by wire format, so that nothing is framed for formats that nobody uses.
    pub(super) fn count_wire(&mut self, wire: Wire, change: isize) {
        let count = &mut self.wire_sparks[usize::from(wire.0)];
        *count = count
            .checked_add_signed(change)
            .expect("every spark is counted once");
    }

    /// A connection stops being a carrier, and its session is told once no handler runs.
    pub(super) fn drop_carrier(&mut self, key: Key) {
        if let Some(spark) = self.end_arrival(key).or_else(|| self.take_carrier(key)) {
            let carrier = carrier_of(key);
            self.deferred
                .push_back(Deferred::CarrierLost(spark, carrier));
        }
    }

    /// A connection stops being a carrier. Returns the spark whose carrier it was.
    pub(super) fn take_carrier(&mut self, key: Key) -> Option<Key> {
        let spark = match &self.connection(key).role {
            Role::Waiting(waiting) => waiting.spark,
            Role::Spark(spark) => *spark,
            Role::Http(_)
            | Role::Paced(_)
            | Role::Leaving(_)
            | Role::TurnedAway
            | Role::Discard => return None,
        };
        let slot = self.sparks.get_mut(spark)?;
        slot.carried.as_ref()?;
        if slot.state.stream == Some(key) {
            slot.state.stream = None;
        }
        self.remove_carrier(spark, key);
        self.connection_mut(key).role = Role::Discard;
        Some(spark)
    }

    pub(super) fn carrier_lost(&mut self, spark: Key, carrier: Carrier) {
        self.wake_session(spark, |transformer, session, context, out| {
            transformer.lost(session, context, carrier, out);
        });
    }

    /// The session can be forgotten. Its slot is freed once the application knows of the end.
    pub(super) fn session_over(&mut self, spark: Key) {
        self.lose(spark, EndReason::Goodbye);
        let Some(slot) = self.sparks.get_mut(spark) else {
            return;
        };
        if let Some(carried) = &mut slot.carried
            && !std::mem::replace(&mut carried.over, true)
        {
            let carriers = std::mem::take(&mut carried.carriers);
            if !carriers.is_empty() {
                self.count_unattended(1);
            }
            for key in carriers {
                self.take_carrier(key);
                self.finish(key);
            }
            self.deferred.push_back(Deferred::Forget(spark));
        }
    }

    pub(super) fn forget(&mut self, spark: Key) {
        let Some(mut slot) = self.sparks.remove(spark) else {
            return;
        };
        // Usually it has none left, but a last handler may have attached one more.
        if let Some(handlers) = slot.state.handlers.take() {
            guard::drop_value(handlers);
        }
        self.spark_wheel.cancel(spark.index);
        self.count_wire(slot.state.wire, -1);
        self.counters().sparks_forgotten.add(1);
        if let Some(carried) = slot.carried {
            self.carried_count -= 1;
            self.settle_forgotten(spark);
            if carried.carriers.is_empty() {
                self.count_unattended(-1);
            }
            self.names.forget(carried.name, spark);
            self.recycle_queue(carried.queue);
            self.close_idle_if_ending();
        }
    }

    /// Drops everything that waits for a session.
    pub(super) fn drop_units(&mut self, spark: Key) {
        let slot = self.sparks.get_mut(spark);
        let queue = slot.and_then(|slot| slot.carried.as_mut()?.queue.take());
        self.recycle_queue(queue);
    }

    /// Once a server that ends has no session left that waits for its client, connections without
    /// a request are of no use.
    pub(super) fn close_idle_if_ending(&mut self) {
        if self.end_deadline.is_none() || self.carried_count > 0 {
            return;
        }
        let mut index = 0;
        while let Some(key) = self.connections.next_from(index) {
            index = key.index + 1;
            if let Role::Http(_) = self.connection(key).role
                && self.connection(key).closing == Closing::No
            {
                self.finish(key);
            }
        }
    }

    /// Bytes that wait for a spark to be sent.
    pub(super) fn waiting_bytes(&self, spark: Key) -> usize {
        let Some(slot) = self.sparks.get(spark) else {
            return 0;
        };
        let units = slot.carried.as_ref().and_then(|c| c.queue.as_ref());
        let stream = slot.state.stream.and_then(|key| self.connections.get(key));
        units.map_or(0, |queue| queue.bytes()) + stream.map_or(0, |c| c.queue_bytes())
    }
}

/// The queue of a spark as its session sees it.
struct QueueUnits<'a> {
    queue: Option<&'a mut SendQueue>,
    pool: &'a mut BlockPool,
    taken: Option<Slice>,
}

impl Units for QueueUnits<'_> {
    fn take(&mut self) -> Option<&[u8]> {
        let queue = self.queue.as_mut()?;
        self.taken = queue.next_frame(self.pool);
        self.taken.as_deref()
    }
}
