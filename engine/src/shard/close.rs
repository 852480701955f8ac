//! How sparks and connections end.
//!
//! A spark ends once, for one of these reasons: the application ends it ([`Core::say_goodbye`]), or
//! its transport is over ([`Core::lose`]). Its connection is then closed in one of two ways:
//! [`Core::finish`] sends what waits, shuts down, and reads on for a moment, so that the peer gets
//! the last bytes instead of a reset; [`Core::close`] closes at once.

use allspark_protocol::transformer::Transformer;

use super::connection::{Closing, Role};
use super::core::{Core, Deferred};
use super::host::Host;
use super::token_of;
use crate::io::Op;
use crate::limits::{GOODBYE_TIMEOUT_MS, LINGER_MS};
use crate::memory::Key;
use crate::spark::ReadyState;

impl<T: Transformer> Core<T> {
    /// The transport says goodbye; the peer has a while to answer.
    pub(super) fn say_goodbye(&mut self, spark: Key) {
        self.wake_session(spark, |transformer, session, context, out| {
            transformer.close(session, context, out);
        });
        self.lose(spark);
        let state = self.spark(spark);
        if let Some(key) = state.stream
            && !self.is_carried(spark)
            && self.connection(key).closing == Closing::No
        {
            if self.connection(key).input_ended {
                self.finish(key);
            } else {
                self.set_timer_ms(key, GOODBYE_TIMEOUT_MS);
            }
        }
    }

    /// The spark has ended; the application is told when no handler runs.
    pub(super) fn lose(&mut self, spark: Key) {
        let state = self.spark_mut(spark);
        if state.ready == ReadyState::Open {
            state.ready = ReadyState::Closed;
            let id = state.id;
            tracing::debug!(shard = self.shard, spark = %id, "disconnection");
            self.deferred.push_back(Deferred::Ended(spark));
        }
    }

    /// Closes the connection once everything that waits is sent.
    pub(super) fn finish(&mut self, key: Key) {
        self.drop_carrier(key);
        let connection = self.connection_mut(key);
        if connection.closing == Closing::No {
            connection.closing = Closing::AfterSending;
            if !connection.role.stays() {
                connection.role = Role::Discard;
            }
            self.finishing.push(key);
            self.set_timer_ms(key, LINGER_MS);
            self.settle_closed(key);
        }
    }

    /// Goes on with connections whose last bytes were submitted.
    pub(super) fn after_submit(&mut self) {
        self.blocks.reclaim();
        for _ in 0..self.finishing.len() {
            let key = self.finishing.pop().expect("counted above");
            let Some(connection) = self.connections.get_mut(key) else {
                continue;
            };
            if connection.closing != Closing::AfterSending {
                continue;
            }
            if connection.queue.is_some() {
                // Once the rest is sent, it is put into the list again.
                continue;
            }
            if connection.input_ended {
                self.close(key);
            } else {
                connection.closing = Closing::Lingering;
                let socket = connection.socket;
                self.ops.push(Op::Shutdown { socket });
            }
        }
    }

    /// Closes the connection now.
    pub(super) fn close(&mut self, key: Key) {
        self.drop_carrier(key);
        let connection = self.connection_mut(key);
        if connection.closing == Closing::Asked {
            return;
        }
        connection.closing = Closing::Asked;
        if !connection.role.stays() {
            connection.role = Role::Discard;
        }
        let (socket, queue) = (connection.socket, connection.queue.take());
        self.recycle_queue(queue);
        self.wheel.cancel(key.index);
        self.settle_closed(key);
        self.ops.push(Op::Close {
            socket,
            token: token_of(key),
        });
    }

    /// The driver is done with the connection: everything that belonged to it is returned.
    pub(super) fn closed(&mut self, key: Key) {
        self.wheel.cancel(key.index);
        let connection = self
            .connections
            .remove(key)
            .expect("the caller looked it up");
        self.recycle_queue(connection.queue);
        match connection.role {
            Role::Spark(spark) => {
                debug_assert!(self.spark(spark).ready == ReadyState::Closed);
                self.forget(spark);
            }
            Role::TurnedAway => return self.turned_away_closed(),
            _ => {}
        }
        self.counters().connections_closed.add(1);
    }
}
