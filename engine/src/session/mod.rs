//! The sessions of a shard: what sparks are to their transport. It owns the transformer, the slots
//! of sparks, the names of sessions, and what sessions want. It touches no socket: a session names
//! connections by carriers, and says in [`Want`]s what is to be done with them.
//!
//! | file | what it is |
//! |---|---|
//! | here | [`Sessions`]: who is there, how a session is called, and what it wants |
//! | [`slot`] | what is kept of one spark |
//! | [`carried`] | sessions that outlive connections |
//! | [`carrier`] | connections as sessions know them |
//! | [`moving`] | what is on its way from a client and to it |
//! | [`streams`] | what a session sends, and on which connections |
//! | [`names`] | sessions by the names that their clients chose |
//! | [`timers`] | deadlines of carried sessions |
//! | [`rates`] | how much clients may send |
//!
//! # Invariants
//! - What a session wants is taken out ([`Sessions::next_want`]) in the order in which it was said,
//!   whatever happened in between.
//! - A slot is freed once, when nothing more can happen to its spark.
//! - Every spark is counted for exactly one wire format, every carried session that has no carrier
//!   as unattended.

use std::collections::VecDeque;
use std::net::SocketAddr;

use allspark_protocol::Instant;
use allspark_protocol::http::Request;
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{Carrier, Context, Output, Outputs, Transformer, Wire};

use crate::app::host::SparkState;
use crate::memory::{Arena, GiveBack, Key};
use crate::mesh::NameHash;
use crate::net::{Buffers, Charges, SendQueue};
use crate::wheel::Wheel;

mod carried;
mod carrier;
mod moving;
mod names;
mod rates;
mod slot;
mod streams;
mod timers;

pub(crate) use carried::Carried;
pub(crate) use carrier::{carrier_of, connection_of};
pub(crate) use rates::{Rates, Sent};
pub(crate) use slot::Slot;
pub(crate) use timers::Fired;

use names::Names;

/// The sessions of one shard.
pub(crate) struct Sessions<T: Transformer> {
    pub(crate) transformer: T,
    slots: Arena<Slot<T::Session>>,
    /// One timer per session that is carried, by the index of its slot.
    wheel: Wheel,
    names: Names,
    /// What sessions hold for their clients.
    pub(crate) charges: Charges,
    /// Sparks by wire format.
    by_wire: Vec<usize>,
    carried: usize,
    unattended: usize,
    /// Sessions that may have something to send.
    dirty: Vec<Key>,
    /// Sessions that have more messages to hand on.
    proceeding: VecDeque<Key>,
    /// What the session that was called last wants, and the bytes of everything in `wants`.
    outputs: Outputs,
    wants: VecDeque<(Key, Want)>,
}

/// What is to be done for a session.
#[derive(Debug)]
pub(crate) enum Want {
    /// What it said.
    Output(Output),
    /// Everything was carried out that the session said when it was told to say goodbye.
    SaidGoodbye,
}

impl<T: Transformer> Sessions<T> {
    pub(crate) fn new(transformer: T, now: Instant) -> Self {
        Self {
            transformer,
            slots: Arena::default(),
            wheel: Wheel::new(now),
            names: Names::default(),
            charges: Charges::default(),
            by_wire: vec![0; usize::from(T::WIRES)],
            carried: 0,
            unattended: 0,
            dirty: Vec::new(),
            proceeding: VecDeque::new(),
            outputs: Outputs::default(),
            wants: VecDeque::new(),
        }
    }

    /// How many sparks there are, those included that have ended and wait for the end of their
    /// transport.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Every spark is in a slot below this.
    pub(crate) fn places(&self) -> u32 {
        self.slots.places()
    }

    /// How many of them are carried.
    pub(crate) fn carried(&self) -> usize {
        self.carried
    }

    /// How many of those no connection belongs to.
    pub(crate) fn unattended(&self) -> usize {
        self.unattended
    }

    /// How many sparks use each wire format, and what frames messages for them.
    pub(crate) fn by_wire_with_transformer(&mut self) -> (&[usize], &mut T) {
        (&self.by_wire, &mut self.transformer)
    }

    /// Runs something with the same, but without the sparks in some slots, each named once.
    pub(crate) fn by_wire_without<R>(
        &mut self,
        except: &[u32],
        run: impl FnOnce(&[usize], &mut T) -> R,
    ) -> R {
        self.count_wires(except, -1);
        let result = run(&self.by_wire, &mut self.transformer);
        self.count_wires(except, 1);
        result
    }

    fn count_wires(&mut self, indexes: &[u32], change: isize) {
        for index in indexes {
            let slot = self.key_at(*index).and_then(|spark| self.get(spark));
            if let Some(wire) = slot.map(|slot| slot.state.wire) {
                self.count_wire(wire, change);
            }
        }
    }

    #[inline]
    pub(crate) fn get(&self, spark: Key) -> Option<&Slot<T::Session>> {
        self.slots.get(spark)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, spark: Key) -> Option<&mut Slot<T::Session>> {
        self.slots.get_mut(spark)
    }

    /// The spark and the transformer at once, to frame a message for it.
    #[inline]
    pub(crate) fn with_transformer(
        &mut self,
        spark: Key,
    ) -> Option<(&mut Slot<T::Session>, &mut T)> {
        Some((self.slots.get_mut(spark)?, &mut self.transformer))
    }

    /// The first spark whose index is not below this one.
    pub(crate) fn next_from(&self, index: u32) -> Option<Key> {
        self.slots.next_from(index)
    }

    /// The spark in this slot.
    pub(crate) fn key_at(&self, index: u32) -> Option<Key> {
        self.slots.key_at(index)
    }

    /// The spark with this id, which may have ended while its session goes on.
    pub(crate) fn find(&self, id: SparkId, index: u32) -> Option<Key> {
        let spark = self.slots.key_at(index)?;
        let slot = self.slots.get(spark)?;
        (slot.state.id == id).then_some(spark)
    }

    /// The session whose client chose this name.
    pub(crate) fn named(&self, name: NameHash) -> Option<Key> {
        self.names.get(name)
    }

    /// A spark with its session. `state` makes what does not depend on the transformer.
    pub(crate) fn open(
        &mut self,
        session: T::Session,
        carried: Option<Box<Carried>>,
        state: impl FnOnce(Key, Wire) -> SparkState,
    ) -> Key {
        let wire = self.transformer.wire(&session);
        let name = carried.as_ref().and_then(|carried| carried.name);
        if carried.is_some() {
            self.carried += 1;
            self.unattended += 1;
        }
        let spark = self.slots.insert_with(|spark| Slot {
            state: state(spark, wire),
            session,
            carried,
        });
        if let Some(name) = name {
            self.names.insert(name, spark);
        }
        self.count_wire(wire, 1);
        spark
    }

    /// Frees the slot of a spark. Returns what was in it.
    pub(crate) fn forget(&mut self, spark: Key, buffers: &mut Buffers) -> Option<Slot<T::Session>> {
        let mut slot = self.slots.remove(spark)?;
        assert!(!slot.is_open(), "a spark ends before it is forgotten");
        self.wheel.cancel(spark.index);
        self.count_wire(slot.state.wire, -1);
        if let Some(carried) = &mut slot.carried {
            self.carried -= 1;
            self.charges.set(spark.index, 0);
            if carried.carriers.is_empty() {
                self.unattended -= 1;
            }
            self.names.forget(carried.name, spark);
            buffers.recycle(carried.queue.take());
        }
        Some(slot)
    }

    /// Calls the session of a spark, and keeps what it wants.
    #[inline]
    pub(crate) fn call<R>(
        &mut self,
        spark: Key,
        now: Instant,
        call: impl FnOnce(&mut T, &mut T::Session, Context, &mut Outputs) -> R,
    ) -> Option<R> {
        let slot = self.slots.get_mut(spark)?;
        let context = slot.context(now);
        let (transformer, outputs) = (&mut self.transformer, &mut self.outputs);
        let result = call(transformer, &mut slot.session, context, outputs);
        if !self.outputs.is_empty() {
            self.keep_wants(spark);
        }
        Some(result)
    }

    pub(super) fn keep_wants(&mut self, spark: Key) {
        if self.outputs.take_more() {
            self.proceeding.push_back(spark);
        }
        let outputs = self.outputs.drain();
        self.wants
            .extend(outputs.map(|output| (spark, Want::Output(output))));
    }

    /// As [`Sessions::call`], about a request on this carrier. Returns whether the session declines
    /// it: then it is answered as if there were no such session.
    pub(crate) fn exchange(
        &mut self,
        spark: Key,
        now: Instant,
        carrier: Carrier,
        request: &Request<'_>,
    ) -> bool {
        let before = self.wants.len();
        self.call(spark, now, |transformer, session, context, out| {
            transformer.exchange(session, context, carrier, request, out);
        });
        let place = self.wants.range(before..).position(|(_, want)| match want {
            Want::Output(Output::Decline(declined)) => *declined == carrier,
            _ => false,
        });
        if let Some(place) = place {
            self.wants.remove(before + place);
        }
        place.is_some()
    }

    /// Tells the session of a spark to say goodbye.
    pub(crate) fn say_goodbye(&mut self, spark: Key, now: Instant) {
        self.call(spark, now, |transformer, session, context, out| {
            transformer.close(session, context, out);
        });
        self.wants.push_back((spark, Want::SaidGoodbye));
    }

    /// The same for one that ends because its client has broken a rule of the server.
    pub(crate) fn expel(&mut self, spark: Key, now: Instant) {
        self.call(spark, now, |transformer, session, context, out| {
            transformer.expel(session, context, out);
        });
        self.wants.push_back((spark, Want::SaidGoodbye));
    }

    /// Takes the oldest thing that a session wants.
    #[inline]
    pub(crate) fn next_want(&mut self) -> Option<(Key, Want)> {
        let want = self.wants.pop_front();
        if want.is_none() {
            self.outputs.forget_bytes();
        }
        want
    }

    /// Whether a session wants something.
    pub(crate) fn has_wants(&self) -> bool {
        !self.wants.is_empty()
    }

    /// Takes the bytes of outputs, so that they can be read while something is done about them. No
    /// session may be called before they are put back.
    pub(crate) fn take_bytes(&mut self) -> Outputs {
        std::mem::take(&mut self.outputs)
    }

    /// See [`Sessions::take_bytes`].
    pub(crate) fn put_bytes(&mut self, bytes: Outputs) {
        assert!(self.outputs.is_empty(), "a session was called in between");
        self.outputs = bytes;
    }

    /// The session of this spark is asked at the end of the turn what it can send.
    pub(crate) fn mark(&mut self, spark: Key) {
        if let Some(slot) = self.slots.get_mut(spark)
            && let Some(carried) = &mut slot.carried
            && slot.state.stream.is_none()
            && !carried.dirty
        {
            carried.dirty = true;
            self.dirty.push(spark);
        }
    }

    /// Takes the list of those that were marked, each of which is then to be unmarked.
    pub(crate) fn take_marked(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.dirty)
    }

    /// Gives back the memory of that list. Sessions that were marked meanwhile wait for the next
    /// turn.
    pub(crate) fn put_marked(&mut self, mut list: Vec<Key>) {
        list.clear();
        list.append(&mut self.dirty);
        self.dirty = list;
    }

    /// Returns the carrier on which one that was marked could send, if there is one.
    pub(crate) fn unmark(&mut self, spark: Key) -> Option<Carrier> {
        let slot = self.slots.get_mut(spark)?;
        slot.carried.as_mut()?.dirty = false;
        self.transformer.carrier(&slot.session)
    }

    /// Whether one is marked.
    pub(crate) fn has_marked(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Takes the next session that has more messages to hand on.
    pub(crate) fn next_proceeding(&mut self) -> Option<Key> {
        self.proceeding.pop_front()
    }

    /// One that was passed over has its turn again.
    pub(crate) fn proceed_again(&mut self, spark: Key) {
        self.proceeding.push_back(spark);
    }

    /// How many there are.
    pub(crate) fn proceeding(&self) -> usize {
        self.proceeding.len()
    }

    /// The carrier on which a session could send now, if it is carried.
    pub(crate) fn carrier(&self, spark: Key) -> Option<Carrier> {
        let slot = self.slots.get(spark)?;
        self.transformer.carrier(&slot.session)
    }

    /// Drops everything that waits for a session.
    pub(crate) fn drop_units(&mut self, spark: Key, buffers: &mut Buffers) {
        let slot = self.slots.get_mut(spark);
        let queue = slot.and_then(|slot| slot.carried.as_mut()?.queue.take());
        buffers.recycle(queue);
    }

    /// What waits for a session, if something does.
    pub(crate) fn units(&self, spark: Key) -> Option<&SendQueue> {
        self.slots.get(spark)?.carried.as_ref()?.queue.as_deref()
    }

    /// Who opened the session of a spark that is carried.
    pub(crate) fn peer(&self, spark: Key) -> Option<SocketAddr> {
        Some(self.slots.get(spark)?.carried.as_ref()?.peer)
    }

    /// Notes what a carried session holds for its client. Returns how much, if that is more than
    /// before.
    pub(crate) fn charge(&mut self, spark: Key) -> Option<usize> {
        let slot = self.slots.get(spark).filter(|slot| slot.is_carried())?;
        let bytes = self.transformer.held_bytes(&slot.session);
        self.charges.set(spark.index, bytes).then_some(bytes)
    }

    /// What a carried session holds for its client, as it was noted.
    pub(crate) fn charged(&self, spark: Key) -> usize {
        self.charges.get(spark.index)
    }

    /// What the session of a spark holds that is bound to one connection, which is charged for it.
    pub(crate) fn held_bytes(&self, spark: Key) -> usize {
        match self.slots.get(spark) {
            Some(slot) if slot.carried.is_none() => self.transformer.held_bytes(&slot.session),
            _ => 0,
        }
    }

    pub(crate) fn give_back(&mut self) {
        self.dirty.give_back();
        self.proceeding.give_back();
        self.wants.give_back();
    }
}

#[cfg(test)]
mod tests;
