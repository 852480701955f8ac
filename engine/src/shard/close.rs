//! How sparks and connections end.
//!
//! A spark ends once, for one of these reasons: the application ends it ([`Core::say_goodbye`]), or
//! its transport is over ([`Core::lose`]). Its connection is then closed in one of two ways:
//! [`Core::finish`] sends what waits, shuts down, and reads on for a moment, so that the peer gets
//! the last bytes instead of a reset; [`Core::close`] closes at once. Both ends of that are given
//! as long as the peer takes what is sent ([`super::slow`]).

use std::fmt;

use allspark_protocol::transformer::Transformer;
use allspark_protocol::websocket::CloseCode;

use super::connection::{Closing, Flags, Role};
use super::core::{Core, Deferred};
use super::host::Host;
use super::token_of;
use crate::io::Op;
use crate::limits::{GOODBYE_TIMEOUT_MS, LINGER_MS};
use crate::memory::Key;
use crate::spark::ReadyState;

/// Why a spark ends, for the log.
#[derive(Clone, Copy, Debug)]
pub(super) enum EndReason {
    /// The application has ended it.
    Application,
    /// The server is being destroyed.
    Destroyed,
    /// A handler of its own has panicked.
    Panicked,
    /// Its client did not answer a ping.
    Silent,
    /// Its client reads too slowly.
    TooSlow,
    /// Its client wanted more memory than its share while the server had none left.
    Shed,
    /// The transport is over: its client said goodbye, or did not come back.
    Goodbye,
    /// Its client closed the WebSocket with this code.
    Closed(CloseCode),
    /// Its connection was closed without a goodbye.
    Gone,
    /// Its connection broke.
    Broken,
    /// Its client broke a rule of the transport.
    Violation,
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(code) => return write!(f, "closed by the client with code {code}"),
            Self::Application => "ended by the application",
            Self::Destroyed => "the server ends",
            Self::Panicked => "a handler panicked",
            Self::Silent => "no answer to a ping",
            Self::TooSlow => "the client reads too slowly",
            Self::Shed => "the server has no memory left for it",
            Self::Goodbye => "closed by the client",
            Self::Gone => "the connection ended without a goodbye",
            Self::Broken => "the connection broke",
            Self::Violation => "the client broke a rule of the transport",
        })
    }
}

impl<T: Transformer> Core<T> {
    /// The transport says goodbye; the peer has a while to answer.
    pub(super) fn say_goodbye(&mut self, spark: Key, reason: EndReason) {
        self.wake_session(spark, |transformer, session, context, out| {
            transformer.close(session, context, out);
        });
        self.lose(spark, reason);
        let state = self.spark(spark);
        if let Some(key) = state.stream
            && !self.is_carried(spark)
            && self.connection(key).closing == Closing::No
        {
            if self.connection(key).input_ended() {
                self.finish(key);
            } else if self.connection(key).blocked {
                // First it must be able to read the goodbye.
                self.start_watch(key);
            } else {
                self.set_timer_ms(key, GOODBYE_TIMEOUT_MS);
            }
        }
    }

    /// The spark has ended; the application is told when no handler runs, after the error that may
    /// be behind it.
    pub(super) fn lose(&mut self, spark: Key, reason: EndReason) {
        let state = self.spark_mut(spark);
        if state.ready == ReadyState::Open {
            state.ready = ReadyState::Closed;
            self.deferred.push_back(Deferred::Ended(spark, reason));
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
            let (blocked, flags) = (connection.blocked, connection.flags);
            self.finishing.push(key);
            if flags.has(Flags::WATCHED) {
                // It still is, for as long as the peer takes what waits.
            } else if blocked {
                self.start_watch(key);
            } else {
                self.set_timer_ms(key, LINGER_MS);
            }
            self.settle_closed(key);
        }
    }

    /// Goes on with connections whose last bytes were submitted.
    pub(super) fn after_submit(&mut self) {
        self.blocks.reclaim();
        self.after_sending();
        for _ in 0..self.finishing.len() {
            let key = self.finishing.pop().expect("counted above");
            let Some(connection) = self.connections.get_mut(key) else {
                continue;
            };
            if connection.closing != Closing::AfterSending {
                continue;
            }
            if connection.has_unsent() {
                // Once the rest is sent, it is put into the list again.
                continue;
            }
            if connection.input_ended() {
                self.close(key);
            } else {
                self.linger(key);
            }
        }
    }

    /// Everything is sent: the peer is told so, and listened to until it closes, too.
    fn linger(&mut self, key: Key) {
        let connection = self.connection_mut(key);
        connection.closing = Closing::Lingering;
        let socket = connection.socket;
        self.ops.push(Op::Shutdown { socket });
        self.end_watch(key);
        self.set_timer_ms(key, LINGER_MS);
        if self.connection_mut(key).flags.clear_holds() {
            // What it sends is of no interest, but its end is.
            let token = token_of(key);
            self.ops.push(Op::Receive { socket, token });
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
        self.moves.closed(key.index);
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
