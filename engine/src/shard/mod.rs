//! A shard: one thread's share of the server. It joins the machines ([`net`](crate::net),
//! [`http`](crate::http), [`session`](crate::session), [`fanout`](crate::fanout),
//! [`app`](crate::app)), which know nothing of each other; nothing in it is locked.
//!
//! A [`Shard`] turns. Each turn has the same phases, and each phase is bounded:
//!
//! 1. submit what the last turn left, sleep if there is nothing to do, collect completions;
//! 2. handle the completions ([`receive`], [`net`](crate::net));
//! 3. carry out commands of other threads ([`inbox`]);
//! 4. fire timers ([`timers`]);
//! 5. poll futures of the application ([`tasks`]);
//! 6. hand on portions of large requests, write what transforms took their time for ([`awaited`],
//!    [`hold_back`]), pull bodies that are sent as they come ([`bodies`]), and let carried sessions
//!    send what waits for them ([`flush`]);
//! 7. queue the sends: everything that waits for a connection leaves as one send ([`flush`]), and
//!    walks over all sparks go on ([`fan_out`]);
//! 8. now and then: give back memory that a peak has left behind ([`give_back`]).
//!
//! | what happens | where |
//! |---|---|
//! | bytes become requests, requests go to sessions | [`receive`], [`requests`], [`travel`] |
//! | what a session understood becomes events | [`events`] |
//! | what a session wants is done | [`outputs`] |
//! | a large message is written back from where it lies | [`in_place`] |
//! | a handler writes, ends, broadcasts | [`host`], then `write`, [`close`], [`fan_out`] |
//! | what must not happen inside something else | [`effects`], then [`carry_out`] |
//! | a slow consumer is ended | `write` (a queue is full), [`timers`] (it takes too little) |
//! | messages go through transforms | [`transform`]; they wait in [`intake`] and [`awaited`] |
//! | and through those that know the spark | [`hold_back`]; they wait in [`held_back`] |
//! | requests go through the layers, and wait for one | [`layered`] |
//! | what is not for Primus goes to the application's routes | [`elsewhere`] |
//! | a body goes as it comes, a route upgrades a connection | [`bodies`], [`uploads`] |
//! | how many may come and what they may hold | [`admit`], [`room`], [`relieve`] |
//! | how much clients may send | [`rates`] |
//! | a future writes, waits for room, takes no data | [`tasks`], [`drains`], [`untaken`] |
//! | a `connection` listener is `async` | [`openings`] |
//! | a server ends, at once or a few sparks at a time | [`destroying`], [`ending`] |
//!
//! Calls go one way: phases -> [`carry_out`] -> [`outputs`] -> [`events`] -> the application ->
//! [`host`] -> `write` and [`close`] -> the machines. Whatever would have to go the
//! other way is an effect. So a handler never runs inside a handler, a session is never called
//! while one of its outputs is carried out, and nothing is called inside a submission.
//!
//! # Invariants
//! - A turn ends without an effect, and without anything that a session wants.
//! - A connection's slot is reused only after its `Closed`; a completion with an old token is
//!   counted and dropped.
//! - A shard that can't get rid of commands for other shards, or of its broadcasts, reads nothing
//!   from its connections until it can. So all queues stay bounded, and no shard waits for another.

use std::collections::VecDeque;
use std::io;

use allspark_protocol::transformer::Transformer;

use crate::io::sim::SimDriver;
use crate::io::{Completion, Driver, Proxied, ProxyProtocol, Tls, TlsAcceptor, Wait, Waker};
use crate::memory::GiveBack;

mod admit;
mod answered;
mod answers;
mod arriving;
mod awaited;
mod batches;
mod bodies;
mod carry_out;
mod clock;
mod close;
mod completions;
mod core;
mod destroying;
mod drains;
mod effects;
mod elsewhere;
mod ending;
mod events;
mod fairness;
mod fan_out;
mod flush;
mod framed;
mod give_back;
mod given;
mod held_back;
mod hold_back;
mod host;
mod in_place;
mod inbox;
mod intake;
mod introduced;
mod introductions;
mod judged;
mod layered;
mod lists;
mod openings;
mod outputs;
mod owner;
mod progress;
mod publish;
mod questions;
mod rates;
mod receive;
mod reconfigure;
mod refused;
mod relieve;
mod requests;
mod room;
mod room_lists;
mod rooms;
mod take_in;
mod tasks;
mod timers;
mod traced;
mod tracing;
mod transform;
mod travel;
mod unfinished;
mod untaken;
mod upkeep;
mod uploads;
mod waiting;
mod write;
mod write_later;

pub(crate) use self::core::Core;

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
        core.set_waker(&waker);
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
        let wait = self.submit(wait)?;
        let is_all_read =
            !self.driver.has_more() && self.stash.is_empty() && self.core.backlog.is_empty();
        let now = self.driver.now();
        self.core
            .ended_turn(match (self.driver.rested_from(), wait) {
                // It slept, and nobody looked at the clock before: there was nothing to do.
                (None, Wait::Forever) => None,
                (rested_from, _) => Some(rested_from.unwrap_or(now)),
            });
        self.core
            .begin_turn(now, self.driver.unix_ms(), is_all_read);
        let holds_input = self.complete();
        self.core.after_submit();
        self.core.release_leaving();
        self.core.drain_inbox();
        let is_in_time = self.core.fire_timers(holds_input);
        self.core.run_tasks();
        self.core.proceed();
        self.core.read_backlog();
        self.core.resume();
        self.core.write_settled();
        self.core.write_released();
        self.core.pull_bodies();
        self.core.flush_sessions();
        self.core.flush();
        self.core.fan_out(!is_in_time);
        self.core.relieve();
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
        self.core.connections()
    }

    /// Returns how it could wait.
    fn submit(&mut self, wait: Wait) -> io::Result<Wait> {
        if wait == Wait::No {
            self.driver.turn(Wait::No, &mut self.completions)?;
            return Ok(Wait::No);
        }
        self.waker.prepare_sleep();
        let wait = if self.core.has_commands() {
            Wait::No
        } else {
            wait
        };
        let result = self.driver.turn(wait, &mut self.completions);
        self.waker.awake();
        result.map(|()| wait)
    }

    /// Handles completions. Returns whether some are left, because the shard is congested.
    fn complete(&mut self) -> bool {
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
        !self.stash.is_empty()
    }

    fn next_wait(&self) -> Wait {
        if self.core.has_work() || (!self.stash.is_empty() && !self.core.is_congested()) {
            return Wait::No;
        }
        self.core.next_deadline().map_or(Wait::Forever, Wait::Until)
    }
}

impl<T: Transformer> Shard<SimDriver, T> {
    /// Whether a turn would find something to do.
    pub fn has_input(&self) -> bool {
        self.driver.has_work() || self.core.has_commands()
    }
}

impl<T: Transformer> Shard<Tls<Proxied<SimDriver>>, T> {
    /// What its listeners want of connections from now on.
    pub(crate) fn set_listeners(&mut self, listeners: Vec<ProxyProtocol>) {
        self.driver.inner_mut().set_listeners(listeners);
    }

    /// Whether a turn would find something to do.
    pub(crate) fn has_input(&self) -> bool {
        let driver = &self.driver;
        driver.has_own_work() || driver.inner().has_work() || self.core.has_commands()
    }

    /// The virtual time.
    pub(crate) fn now(&self) -> allspark_protocol::Instant {
        self.driver.now()
    }

    /// Who encrypts the connections of each listener from now on.
    pub(crate) fn set_acceptors(&mut self, acceptors: Vec<Option<TlsAcceptor>>) {
        self.driver.set_acceptors(acceptors);
    }
}

impl<D: Driver + std::fmt::Debug, T: Transformer> std::fmt::Debug for Shard<D, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard")
            .field("driver", &self.driver)
            .finish_non_exhaustive()
    }
}
