//! The connections of a shard: sockets, timers, what waits to be sent, and the operations that the
//! driver is to do. It does not know what a connection is for: that is its **owner**, a value that
//! is kept with it and never looked at. It knows no spark and no HTTP.
//!
//! | file | what it does |
//! |---|---|
//! | here | [`Net`]: who is there, and their timers |
//! | [`connection`] | what is kept of one |
//! | [`queue`], [`keyed`], [`buffers`] | what waits to be sent, and the memory for it |
//! | [`send`] | from queues to the driver, and what comes of it |
//! | [`slow`] | peers that read or send too slowly, and why a connection is not listened to |
//! | [`close`] | how connections end |
//! | [`backlog`] | what came in and has to wait, as what came before it had its share of a turn |
//! | [`charges`], [`room`] | what peers hold, and how many may come |
//! | [`addresses`], [`address_table`], [`pace`] | how many come from one address, and how fast |
//! | [`under_way`] | requests and handshakes that are not finished |
//! | [`traffic`] | how many bytes came and went |
//! | [`moves`], [`luggage`] | how often connections change their shard, and what they take along |
//!
//! # Invariants
//! - A connection's slot is reused only after its last completion ([`Net::remove`]).
//! - A connection is sent to at most once per turn.
//! - After [`Net::close`] the driver gets no operation for the connection any more.
//! - What waits for a peer has a bound, whatever it is: a policy's for messages, [`Rules`]'s for
//!   the rest. The writer learns of it and decides. Nothing here ends anything by itself, except a
//!   connection that is being closed already.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use allspark_protocol::Instant;

use crate::io::{Op, Socket, Token};
use crate::memory::{Arena, GiveBack, Key};
use crate::wheel::Wheel;

mod address_table;
mod addresses;
mod backlog;
mod buffers;
mod charges;
mod close;
mod connection;
mod keyed;
mod luggage;
mod moves;
mod pace;
mod queue;
mod room;
mod rules;
mod send;
mod slow;
mod traffic;
mod under_way;

pub(crate) use addresses::{Addresses, Counted};
pub(crate) use backlog::Backlog;
pub(crate) use buffers::Buffers;
pub(crate) use charges::Charges;
use connection::UnderWay;
pub(crate) use connection::{Closing, Connection, Flags};
pub(crate) use luggage::{Luggage, Share};
pub(crate) use moves::Moves;
pub(crate) use pace::Pace;
pub(crate) use queue::{Admission, Bound, SendQueue};
pub(crate) use room::Room;
pub(crate) use rules::Rules;
pub(crate) use send::TooMuch;
pub(crate) use slow::{Silence, Unsent};
use traffic::Traffic;

/// The kind of tokens that name a connection.
const CONNECTION: u8 = 1;

/// The connections of a shard. `O` is what a connection is for.
pub(crate) struct Net<O> {
    connections: Arena<Connection<O>>,
    /// One timer per connection, by the index of its slot.
    wheel: Wheel,
    rules: Rules,
    pub(crate) buffers: Buffers,
    pub(crate) charges: Charges,
    under_way: UnderWay,
    /// The part of that which a decorator of the driver holds.
    pub(crate) held_by_driver: Charges,
    pub(crate) traffic: Traffic,
    ops: Vec<Op>,
    /// Connections with something to send.
    dirty: VecDeque<Key>,
    /// Connections that close once everything is sent.
    finishing: Vec<Key>,
    /// Connections for which everything that waited was submitted.
    caught_up: Vec<Key>,
    /// Connections to which something is sent from a receive buffer in this turn.
    borrowing: Vec<Key>,
    now: Instant,
    /// Counts turns; wraps.
    turn: u32,
}

impl<O> Net<O> {
    pub(crate) fn new(rules: Rules, now: Instant) -> Self {
        Self {
            connections: Arena::default(),
            wheel: Wheel::new(now),
            rules,
            buffers: Buffers::default(),
            charges: Charges::default(),
            under_way: UnderWay::default(),
            held_by_driver: Charges::default(),
            traffic: Traffic::default(),
            ops: Vec::new(),
            dirty: VecDeque::new(),
            finishing: Vec::new(),
            caught_up: Vec::new(),
            borrowing: Vec::new(),
            now,
            turn: 1,
        }
    }

    /// A turn begins.
    pub(crate) fn begin_turn(&mut self, now: Instant) {
        assert!(now >= self.now, "time does not run backwards");
        assert!(
            self.borrowing.is_empty(),
            "no receive buffer is kept from turn to turn"
        );
        self.now = now;
        self.turn = self.turn.wrapping_add(1);
    }

    /// What connections are measured by.
    pub(crate) fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// How many there are, closing ones included.
    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// A connection that is received from. Its owner is told whatever comes.
    pub(crate) fn insert(&mut self, socket: Socket, peer: SocketAddr, owner: O) -> Key {
        let key = self
            .connections
            .insert(Connection::new(socket, peer, owner));
        self.ops.push(Op::Receive {
            socket,
            token: token_of(key),
        });
        key
    }

    /// The connection that a completion is about, unless it is gone.
    #[inline]
    pub(crate) fn find(&self, token: Token) -> Option<Key> {
        let key = Key {
            index: token.index(),
            generation: token.generation(),
        };
        (token.kind() == CONNECTION && self.connections.get(key).is_some()).then_some(key)
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&Connection<O>> {
        self.connections.get(key)
    }

    /// A connection that is known to be there.
    #[inline]
    pub(crate) fn connection(&self, key: Key) -> &Connection<O> {
        self.connections
            .get(key)
            .expect("a connection stays until its last completion")
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn connection_mut(&mut self, key: Key) -> &mut Connection<O> {
        self.connections
            .get_mut(key)
            .expect("a connection stays until its last completion")
    }

    /// The first connection whose index is not below this one.
    pub(crate) fn next_from(&self, index: u32) -> Option<Key> {
        self.connections.next_from(index)
    }

    /// Asks the driver for something that no connection of this module is about.
    pub(crate) fn push_op(&mut self, op: Op) {
        self.ops.push(op);
    }

    /// What the driver is to do.
    pub(crate) fn take_ops(&mut self) -> impl Iterator<Item = Op> + use<'_, O> {
        self.ops.drain(..)
    }

    /// Has the driver let go of a connection, which then answers with `Released`.
    pub(crate) fn release(&mut self, key: Key) {
        let socket = self.connection(key).socket;
        let token = token_of(key);
        self.ops.push(Op::Release { socket, token });
    }

    /// The driver is done with a connection: its slot and its memory are used again.
    pub(crate) fn remove(&mut self, key: Key) -> Connection<O> {
        self.wheel.cancel(key.index);
        self.charges.set(key.index, 0);
        self.end_under_way(key);
        self.held_by_driver.set(key.index, 0);
        let mut connection = self
            .connections
            .remove(key)
            .expect("the driver says so once, while the connection is there");
        self.buffers.recycle(connection.queue.take());
        connection
    }

    /// The connection's timer fires at this time, and not before.
    pub(crate) fn set_timer(&mut self, key: Key, at: Instant) {
        self.wheel.set(key.index, at);
    }

    pub(crate) fn set_timer_ms(&mut self, key: Key, delay_ms: u64) {
        self.set_timer(key, self.now + Duration::from_millis(delay_ms));
    }

    pub(crate) fn cancel_timer(&mut self, key: Key) {
        self.wheel.cancel(key.index);
    }

    /// Sets the timer, unless the connection is watched.
    pub(crate) fn set_idle_timer_ms(&mut self, key: Key, delay_ms: u64) {
        if !self.connection(key).is_watched() {
            self.set_timer_ms(key, delay_ms);
        }
    }

    /// Cancels the timer, unless the connection is watched.
    pub(crate) fn cancel_idle_timer(&mut self, key: Key) {
        if !self.connection(key).is_watched() {
            self.cancel_timer(key);
        }
    }

    /// Fills `due` with timers that fire, `count_max` at most. Returns whether these are all.
    pub(crate) fn expire(&mut self, count_max: usize, due: &mut Vec<u32>) -> bool {
        self.wheel.expire(self.now, count_max, due)
    }

    /// The connection whose timer this was, unless it is gone.
    pub(crate) fn key_at(&self, index: u32) -> Option<Key> {
        self.connections.key_at(index)
    }

    /// When the next timer fires.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next_deadline()
    }

    /// Whether the next turn has something to do here even if nothing happens.
    pub(crate) fn has_work(&self) -> bool {
        !self.dirty.is_empty()
            || !self.ops.is_empty()
            || !self.finishing.is_empty()
            || !self.caught_up.is_empty()
    }

    /// Gives back what a peak has left behind.
    pub(crate) fn give_back(&mut self) {
        self.dirty.give_back();
        self.finishing.give_back();
        self.caught_up.give_back();
        self.borrowing.give_back();
        self.ops.give_back();
    }
}

fn token_of(key: Key) -> Token {
    Token::new(CONNECTION, key.generation, key.index)
}

#[cfg(test)]
mod tests;
