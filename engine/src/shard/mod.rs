//! A shard: one thread's share of the server. It owns its driver, its connections, its sparks, its
//! timers and its memory, and nothing in it is locked.
//!
//! A [`Shard`] turns. Each turn has the same phases, and each phase is bounded:
//!
//! 1. submit what the last turn left, sleep if there is nothing to do, collect completions;
//! 2. handle the completions ([`receive`], [`session`], [`send`], [`close`]);
//! 3. carry out commands of other threads ([`inbox`]);
//! 4. fire timers ([`timers`]);
//! 5. let the sessions of polling transports compose what waits for them ([`carried`]);
//! 6. queue the sends: everything that waits for a connection leaves as one send ([`send`],
//!    [`flush`], [`walk`]);
//! 7. now and then: give back memory that a peak has left behind ([`upkeep`]).
//!
//! What a session wants is carried out by [`outputs`]; a request for a session of another shard
//! takes its connection there ([`travel`]).
//!
//! [`Core`] is everything but the driver. It is generic over the transformer only.
//!
//! # Invariants
//! - A connection's slot is reused only after its `Closed`; a completion with an old token is
//!   counted and dropped.
//! - A connection is sent to at most once per turn.
//! - A shard that can't get rid of commands for other shards, or of its broadcasts, reads nothing
//!   from its connections until it can. So all queues stay bounded, and no shard waits for another.

use std::collections::VecDeque;
use std::io;

use allspark_protocol::transformer::Transformer;

use crate::io::{Completion, Driver, Token, Wait, Waker};
use crate::memory::GiveBack;

mod arriving;
mod browser;
mod carried;
mod close;
mod connection;
mod core;
mod emit;
mod fairness;
mod flush;
mod held;
mod host;
mod inbox;
mod moves;
mod names;
mod outputs;
mod paced;
mod queue;
mod receive;
mod room;
mod send;
mod session;
mod slow;
mod timers;
mod travel;
mod upkeep;
mod walk;
mod wheel;

pub(crate) use self::core::Core;
pub(crate) use self::host::Host;
pub(crate) use self::travel::Parcel;
pub use self::wheel::Wheel;

/// What a shard wants after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next turn may sleep as said.
    Continue(Wait),
    /// The shard has ended.
    Ended,
}

/// One thread's share of a server.
pub struct Shard<D: Driver, T: Transformer> {
    driver: D,
    core: Core<T>,
    waker: Waker,
    completions: Vec<Completion>,
    /// Received but not looked at, because the shard is congested.
    stash: VecDeque<Completion>,
}

impl<D: Driver, T: Transformer> Shard<D, T> {
    pub(crate) fn new(mut driver: D, make_core: impl FnOnce(&D) -> Core<T>) -> Self {
        let core = make_core(&driver);
        let waker = driver.waker();
        core.mesh().set_waker(core.shard(), waker.clone());
        driver.push(crate::io::Op::Accept);
        Self {
            driver,
            core,
            waker,
            completions: Vec::new(),
            stash: VecDeque::new(),
        }
    }

    /// Turns until the shard has ended.
    pub fn run(&mut self) -> io::Result<()> {
        let mut wait = Wait::No;
        while let Flow::Continue(next) = self.turn(wait)? {
            wait = next;
        }
        Ok(())
    }

    /// One turn.
    pub fn turn(&mut self, wait: Wait) -> io::Result<Flow> {
        self.submit(wait)?;
        let is_all_read = !self.driver.has_more() && self.stash.is_empty();
        self.core
            .begin_turn(self.driver.now(), self.driver.unix_ms(), is_all_read);
        self.complete();
        self.core.after_submit();
        self.core.release_leaving();
        self.core.drain_inbox();
        self.core.fire_timers();
        self.core.proceed();
        self.core.resume();
        self.core.flush_carried();
        self.core.queue_sends();
        // A queue that overflowed just now has ended its spark.
        self.core.settle();
        for op in self.core.take_ops() {
            self.driver.push(op);
        }
        if self.core.look_after_memory() {
            self.completions.give_back();
            self.stash.give_back();
            self.driver.give_back();
        }
        self.core.end_turn();
        if self.core.has_ended() {
            return Ok(Flow::Ended);
        }
        let wait = self.next_wait();
        self.core.expect(wait);
        Ok(Flow::Continue(wait))
    }

    /// How many connections there are, closing ones included.
    pub fn connections(&self) -> usize {
        self.core.connections.len()
    }

    fn submit(&mut self, wait: Wait) -> io::Result<()> {
        if wait == Wait::No {
            return self.driver.turn(Wait::No, &mut self.completions);
        }
        self.waker.prepare_sleep();
        let wait = if self.core.has_commands() {
            Wait::No
        } else {
            wait
        };
        let result = self.driver.turn(wait, &mut self.completions);
        self.waker.awake();
        result
    }

    fn complete(&mut self) {
        while !self.core.is_congested()
            && let Some(completion) = self.stash.pop_front()
        {
            self.core.complete(completion);
        }
        let mut completions = std::mem::take(&mut self.completions);
        for completion in completions.drain(..) {
            let is_input = matches!(
                completion,
                Completion::Received { .. }
                    | Completion::ReceiveEnded { .. }
                    | Completion::Released { .. }
                    | Completion::Accepted { .. }
            );
            if is_input && (!self.stash.is_empty() || self.core.is_congested()) {
                self.stash.push_back(completion);
            } else {
                self.core.complete(completion);
            }
        }
        self.completions = completions;
        self.core.has_stash = !self.stash.is_empty();
    }

    fn next_wait(&self) -> Wait {
        if self.core.has_work() || (!self.stash.is_empty() && !self.core.is_congested()) {
            return Wait::No;
        }
        self.core.next_deadline().map_or(Wait::Forever, Wait::Until)
    }
}

impl<T: Transformer> Shard<crate::io::sim::SimDriver, T> {
    pub(crate) fn now(&self) -> allspark_protocol::Instant {
        self.driver.now()
    }

    /// Whether a turn would find something to do.
    pub fn has_input(&self) -> bool {
        self.driver.has_work() || self.core.has_commands()
    }
}

impl<D: Driver + std::fmt::Debug, T: Transformer> std::fmt::Debug for Shard<D, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard")
            .field("driver", &self.driver)
            .finish_non_exhaustive()
    }
}

/// The kind of tokens that name a connection.
const CONNECTION: u8 = 1;

/// The kind of tokens that name a connection on its way from another shard.
const ARRIVAL: u8 = 2;

fn token_of(key: crate::memory::Key) -> Token {
    Token::new(CONNECTION, key.generation, key.index)
}

fn key_of(token: Token) -> crate::memory::Key {
    crate::memory::Key {
        index: token.index(),
        generation: token.generation(),
    }
}
