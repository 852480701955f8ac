//! The end of a server: everybody is ended, at once or spread over a time, then connections on
//! which nobody asks anything are closed, and the shard ends once all others are, or have had their
//! time.

use std::time::Duration;

use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::destroying::Order;
use super::owner::Owner;
use crate::app::EndReason;
use crate::app::{Drain, Handle};
use crate::fanout::{Budget, Cursor, Found, Scattered};
use crate::io::Op;
use crate::limits::WALK_VISITS_PER_TURN;
use crate::memory::Key;

impl<T: Transformer> Core<T> {
    /// Plans an end of the server.
    pub(super) fn plan_end(&mut self, order: Order) {
        self.destroying.plan(order, self.clock.now);
    }

    /// Begins ends whose time has come.
    pub(super) fn begin_destroy(&mut self) {
        let now = self.clock.now;
        while let Some(order) = self.destroying.begin(now) {
            if self.destroying.closes() {
                self.net.push_op(Op::StopAccept);
            }
            match order {
                Order::Destroy(options) => {
                    self.fanout
                        .end_all(options.reconnect, options.sparks_per_s, now);
                }
                Order::Drain(options) => self.begin_drain(&options),
            }
        }
    }

    /// All shards take the same time, so that each goes at the pace that its part of the sparks
    /// needs.
    fn begin_drain(&mut self, options: &Drain) {
        let sparks = Handle::new(&self.server).connected();
        let spread = Duration::from_millis(options.spread_ms(sparks));
        let (now, places) = (self.clock.now, self.sessions.places());
        let rest_at = now + Duration::from_millis(options.linger_ms);
        self.fanout
            .end_scattered(Scattered::new(places, spread, now, rest_at));
    }

    /// Ends sparks whose time has come.
    pub(super) fn end_sparks(&mut self, mut budget: Budget) {
        let now = self.clock.now;
        while let Some(ending) = &mut self.fanout.ending
            && budget.look()
        {
            let sessions = &self.sessions;
            let found = ending.next(
                now,
                |from| sessions.next_from(from),
                |place| sessions.key_at(place),
                |spark| sessions.get(spark).is_some_and(|slot| slot.is_open()),
            );
            let reconnect = ending.reconnect;
            match found {
                Found::Spark(spark) => {
                    budget.work(0);
                    self.end(spark, reconnect, EndReason::Destroyed);
                    self.settle();
                }
                Found::Nobody => {}
                Found::TooEarly => return,
                Found::Over => return self.ended_all(),
            }
        }
    }

    fn ended_all(&mut self) {
        self.fanout.ending = None;
        self.destroying.ended_all(self.clock.now);
        if !self.destroying.closes() {
            self.tell_close();
        }
    }

    /// Whether a connection for requests is closed with the answer that is given on it now, of a
    /// session if it is one of those. Sessions that are still there keep theirs: their clients
    /// could open no other one here.
    pub(super) fn closes_after_answer(&self, spark: Option<Key>) -> bool {
        self.destroying.closes() && !spark.is_some_and(|spark| self.is_open(spark))
    }

    /// Whether connections without a request are being closed, or should be.
    pub(super) fn closes_idle(&self) -> bool {
        self.destroying.idle.is_some() || self.must_close_idle()
    }

    fn must_close_idle(&self) -> bool {
        self.destroying.closes()
            && !self.destroying.has_closed_idle
            && self.sessions.carried() == 0
            && self.fanout.ending.is_none()
    }

    /// Once a server that ends has no session left that waits for its client, connections without
    /// a request are of no use.
    pub(super) fn close_idle(&mut self) {
        if self.must_close_idle() {
            self.destroying.has_closed_idle = true;
            self.destroying.idle = Some(Cursor::default());
        }
        let Some(mut cursor) = self.destroying.idle.take() else {
            return;
        };
        for _ in 0..WALK_VISITS_PER_TURN {
            let Some(key) = cursor.advance(|from| self.net.next_from(from)) else {
                return;
            };
            let connection = self.net.connection(key);
            if matches!(connection.owner, Owner::Http(_)) && connection.is_open() {
                self.finish(key);
            }
        }
        self.destroying.idle = Some(cursor);
    }
}
