//! Sparks whose application takes less than their clients send: a future does not take the data of
//! a stream, a `connection` listener takes its time, or too many futures run. Whoever they belong
//! to is not listened to until there is room.
//!
//! # Invariants
//! - As long as nobody is here, it costs a comparison per message.
//! - What waits for a spark is taken up once its last reason is gone, or once the spark has ended.

use allspark_protocol::http::Request;
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::owner::{Leaving, Owner};
use super::waiting::Waiting;
use crate::http::{Pass, Whole};
use crate::memory::Key;
use crate::mesh::{Address, Cargo, Parcel};
use crate::net::Flags;

impl<T: Transformer> Core<T> {
    /// There is a reason, or one more, why nothing may be handed to a spark.
    pub(super) fn begin_untaken(&mut self, spark: Key) {
        if self.is_open(spark) {
            self.untaken.begin(spark);
        }
    }

    /// One of them is gone.
    pub(super) fn end_untaken(&mut self, spark: Key) {
        if let Some(waiting) = self.untaken.end(spark) {
            self.take_up_untaken(spark, waiting);
        }
    }

    /// Whether what a client has sent waits for the application: then its silence means nothing. A
    /// session that polls and waits alone because one request brought too much is judged by it, or
    /// that request would keep it for as long as it is worth, although its client has vanished.
    pub(super) fn is_kept_waiting(&self, spark: Key) -> bool {
        let has_flooded = || {
            let rates = self.rates.as_ref();
            let slot = self.sessions.get(spark);
            self.untaken.waits_for_itself(spark)
                && slot.is_some_and(|slot| slot.state.stream.is_none())
                && rates.is_some_and(|rates| rates.is_paused(spark.index))
        };
        self.untaken.holds(spark) && !has_flooded()
    }

    /// All of them are.
    pub(super) fn forget_untaken(&mut self, spark: Key) {
        if let Some(waiting) = self.untaken.take(spark) {
            self.take_up_untaken(spark, waiting);
        }
    }

    fn take_up_untaken(&mut self, spark: Key, waiting: Waiting) {
        for connection in waiting.connections {
            self.backlog.unpark(connection);
        }
        if waiting.proceeds {
            self.sessions.proceed_again(spark);
        }
        self.resumed.extend(waiting.requests);
    }

    /// A request brings something for a spark that is full. It waits as if its connection came from
    /// another shard, with the same bound, but not at the cost of those who do.
    pub(super) fn hold_request(
        &mut self,
        key: Key,
        request: &Request<'_>,
        pass: Pass,
        address: Address,
        spark: Key,
    ) {
        let bytes = request.head.as_bytes().len() + request.body.len();
        if !self.held_luggage.has_room(bytes) {
            return self.refuse_to_leave(key);
        }
        let connection = self.net.connection(key);
        let from = (connection.peer, connection.listener);
        let cargo = Cargo::Whole(Whole::of(request));
        let parcel = Parcel::new(self.shard, from, cargo, address, pass, self.clock.now);
        let leaving = Leaving {
            share: self.held_luggage.add(parcel.bytes()),
            waits: true,
            parcel,
        };
        self.net.connection_mut(key).owner = Owner::Leaving(Box::new(leaving));
        self.net.cancel_idle_timer(key);
        self.untaken.hold(spark, key);
    }

    /// Whether a request waits on this connection for a spark of this shard.
    pub(super) fn is_held(&self, key: Key) -> bool {
        match self.net.get(key).map(|connection| &connection.owner) {
            Some(Owner::Leaving(leaving)) => leaving.parcel.owner == self.shard,
            _ => false,
        }
    }

    /// Hands on a request that waited.
    pub(super) fn take_up_request(&mut self, key: Key) {
        let owner = &mut self.net.connection_mut(key).owner;
        match std::mem::replace(owner, Owner::Nobody) {
            Owner::Leaving(leaving) => {
                self.end_arrival(key);
                self.net.let_go(key, Flags::LEAVING);
                self.take_in(key, *leaving.parcel);
            }
            other => *owner = other,
        }
    }
}
