//! Peers that send or read too slowly, and why a connection is not listened to.
//!
//! Time-outs are about progress. The head of a request has a fixed time; its body, and everything
//! that is sent, has as long as it takes, if in each period of
//! [`request_timeout_ms`](crate::Options::request_timeout_ms) at least
//! [`min_rate_bytes_per_s`](crate::Options::min_rate_bytes_per_s) moved.
//!
//! A connection is **watched** from when the kernel first takes less than it is sent until
//! everything is sent. What counts is what the peer's kernel has acknowledged, which our kernel is
//! asked for: it takes megabytes at once and says for minutes that it takes no more, although a
//! slow peer reads all the time. The timer of a spark's only connection is for its heartbeats;
//! there they judge, and a policy bounds what waits.
//!
//! A connection that was **shut down** and whose peer does not close is given up only when the peer
//! has everything, or takes the rest too slowly.

use std::io;

use allspark_protocol::http::Response;
use allspark_protocol::transformer::Transformer;

use super::connection::{Closing, Flags, Role};
use super::core::Core;
use super::host::Host;
use super::timers::CONGESTION_RETRY_MS;
use super::token_of;
use crate::io::Op;
use crate::limits::GOODBYE_TIMEOUT_MS;
use crate::memory::Key;
use crate::spark::ReadyState;

/// What the end of a stream counts as, among the bytes that a peer has not acknowledged.
const END_BYTES: u32 = 1;

impl<T: Transformer> Core<T> {
    /// Does not listen to a connection for now.
    pub(super) fn hold(&mut self, key: Key, reason: Flags) {
        let connection = self.connection_mut(key);
        if matches!(connection.closing, Closing::Lingering | Closing::Asked) {
            return;
        }
        let was_held = connection.flags.is_held();
        connection.flags.set(reason);
        if !was_held {
            let socket = connection.socket;
            self.ops.push(Op::StopReceive { socket });
        }
    }

    /// A reason not to listen to a connection is gone.
    pub(super) fn let_go(&mut self, key: Key, reason: Flags) {
        let connection = self.connection_mut(key);
        if !connection.flags.has(reason) {
            return;
        }
        connection.flags.clear(reason);
        if !connection.flags.is_held() && connection.closing != Closing::Asked {
            let socket = connection.socket;
            self.ops.push(Op::Receive {
                socket,
                token: token_of(key),
            });
        }
    }

    /// Goes on with connections for which everything that waited was submitted, unless the kernel
    /// did not take it.
    pub(super) fn after_sending(&mut self) {
        for _ in 0..self.caught_up.len() {
            let key = self.caught_up.pop().expect("counted above");
            let Some(connection) = self.connections.get(key) else {
                continue;
            };
            if connection.has_unsent() || connection.closing != Closing::No {
                continue;
            }
            let was_watched = connection.flags.has(Flags::WATCHED);
            self.let_go(key, Flags::UNREAD);
            if was_watched {
                self.end_watch(key);
                self.set_timer_after_watch(key);
            }
        }
    }

    /// The kernel did not take everything: from now on it matters how much the peer takes.
    pub(super) fn watch_if_idle(&mut self, key: Key) {
        let connection = self.connection(key);
        let is_closing = connection.closing != Closing::No;
        let needs_timer = match connection.role {
            Role::Paced(_) => !is_closing,
            Role::Spark(spark) => !is_closing && self.beats_by_connection(spark),
            Role::Http(_)
            | Role::Waiting(_)
            | Role::Leaving(_)
            | Role::TurnedAway
            | Role::Discard => false,
        };
        if !needs_timer && !connection.flags.has(Flags::WATCHED) {
            self.start_watch(key);
        }
    }

    pub(super) fn start_watch(&mut self, key: Key) {
        let flags = &mut self.connection_mut(key).flags;
        flags.clear(Flags::MEASURED);
        flags.set(Flags::WATCHED);
        self.ask_unsent(key);
    }

    pub(super) fn end_watch(&mut self, key: Key) {
        let flags = &mut self.connection_mut(key).flags;
        flags.clear(Flags::WATCHED.or(Flags::MEASURED));
    }

    /// Asks the kernel how much the peer does not have yet, now and again after a period.
    pub(super) fn ask_unsent(&mut self, key: Key) {
        self.set_timer_ms(key, self.shared.options.request_timeout_ms);
        let socket = self.connection(key).socket;
        self.ops.push(Op::AskUnsent { socket });
    }

    /// The kernel says how much of what it took the peer does not have yet; nothing, if it can't
    /// say.
    pub(super) fn unsent(&mut self, key: Key, bytes: Option<u32>) {
        let least = self.least_bytes(self.shared.options.request_timeout_ms);
        let connection = self.connection_mut(key);
        match connection.closing {
            Closing::Lingering if bytes.is_none_or(|bytes| bytes <= END_BYTES) => {
                return self.close(key);
            }
            Closing::Asked => return,
            _ => {}
        }
        let left = bytes.unwrap_or(0);
        let moved = u64::from(connection.taken_bytes.saturating_sub(left));
        connection.taken_bytes = left;
        let is_measured = connection.flags.has(Flags::MEASURED);
        connection.flags.set(Flags::MEASURED);
        if connection.flags.has(Flags::ASKED) {
            return self.answer_for_peer(key, moved);
        }
        if !connection.flags.has(Flags::WATCHED) && connection.closing == Closing::No {
            return;
        }
        let is_slow = match bytes {
            // The peer has everything and could be sent more: it is the shard that is late.
            Some(0) if !connection.blocked => false,
            Some(_) => moved < least,
            None => moved < least / COARSENESS,
        };
        if is_measured && is_slow && self.put_off().is_none() {
            self.counters().connections_slow.add(1);
            tracing::debug!(shard = self.shard, moved, "a peer reads too slowly");
            self.broke(key, io::ErrorKind::TimedOut.into());
        }
    }

    /// What the peer of a spark took since its last ping counts as an answer, if it is enough.
    fn answer_for_peer(&mut self, key: Key, moved: u64) {
        let interval_ms = self.shared.options.ping_interval_ms.unwrap_or(0);
        if moved >= self.least_bytes(interval_ms)
            && let Role::Spark(spark) = self.connection(key).role
            && let Some(slot) = self.sparks.get_mut(spark)
        {
            slot.state.heartbeat.alive();
            self.connection_mut(key).flags.clear(Flags::ASKED);
        }
    }

    /// A connection is not listened to because its peer reads too slowly. If its heartbeats judge
    /// that, they begin to measure here.
    pub(super) fn measure_unread(&mut self, key: Key) {
        let Role::Spark(spark) = self.connection(key).role else {
            return;
        };
        if self.beats_by_connection(spark) {
            let connection = self.connection_mut(key);
            connection.flags.clear(Flags::MEASURED.or(Flags::ASKED));
            let socket = connection.socket;
            self.ops.push(Op::AskUnsent { socket });
        }
    }

    /// A spark has not answered its ping, perhaps because the answer waits behind what its peer has
    /// not read yet. Returns whether the kernel must be asked first what the peer took meanwhile.
    pub(super) fn must_ask_first(&mut self, spark: Key, key: Key) -> bool {
        let connection = self.connection_mut(key);
        let flags = connection.flags;
        if !flags.has(Flags::UNREAD) {
            return false;
        }
        if flags.has(Flags::WATCHED) {
            // It is judged there.
            self.spark_mut(spark).heartbeat.alive();
            return false;
        }
        if flags.has(Flags::ASKED) {
            connection.flags.clear(Flags::ASKED);
            return false;
        }
        connection.flags.set(Flags::ASKED);
        let socket = connection.socket;
        self.ops.push(Op::AskUnsent { socket });
        true
    }

    /// The time of a request is over, or that of a connection without one.
    fn judge_request(&mut self, key: Key) {
        if self.has_stash {
            // What is missing may be in there.
            return self.set_timer_ms(key, CONGESTION_RETRY_MS);
        }
        let period_ms = self.shared.options.request_timeout_ms;
        let least = self.least_bytes(period_ms);
        let Role::Http(reader) = &mut self.connection_mut(key).role else {
            return;
        };
        match reader.take_progress() {
            Some(bytes) if bytes as u64 >= least => self.set_timer_ms(key, period_ms),
            None if reader.is_idle() => self.finish(key),
            _ => {
                self.counters().requests_timed_out.add(1);
                let response = Response::text(408, "the request takes too long\n");
                self.write_response(key, &response, false, false);
                self.finish(key);
            }
        }
    }

    /// The time of a connection is over that waits for its peer.
    pub(super) fn judge(&mut self, key: Key) {
        let connection = self.connection(key);
        let (closing, flags) = (connection.closing, connection.flags);
        match &connection.role {
            _ if flags.has(Flags::WATCHED) || closing == Closing::Lingering => self.ask_unsent(key),
            // The shard is late with what it has to send, not the peer.
            _ if closing == Closing::AfterSending && connection.has_unsent() => {
                self.start_watch(key);
            }
            Role::Http(_) if closing == Closing::No => self.judge_request(key),
            _ => self.close(key),
        }
    }

    /// Sets the timer of a connection that waits for its peer, unless it is watched.
    pub(super) fn set_idle_timer_ms(&mut self, key: Key, delay_ms: u64) {
        if !self.connection(key).flags.has(Flags::WATCHED) {
            self.set_timer_ms(key, delay_ms);
        }
    }

    /// A connection waits for something that has a time of its own.
    pub(super) fn cancel_idle_timer(&mut self, key: Key) {
        if !self.connection(key).flags.has(Flags::WATCHED) {
            self.wheel.cancel(key.index);
        }
    }

    /// The peer has what it was sent, and its turn comes.
    fn set_timer_after_watch(&mut self, key: Key) {
        let options = &self.shared.options;
        let delay_ms = match &self.connection(key).role {
            Role::Http(reader) if reader.is_idle() => Some(options.keep_alive_timeout_ms),
            Role::Http(_) | Role::Leaving(_) => Some(options.request_timeout_ms),
            Role::Spark(spark) if !self.is_carried(*spark) => {
                let is_over = self.spark(*spark).ready == ReadyState::Closed;
                is_over.then_some(GOODBYE_TIMEOUT_MS)
            }
            Role::Spark(_)
            | Role::Waiting(_)
            | Role::Paced(_)
            | Role::TurnedAway
            | Role::Discard => None,
        };
        match delay_ms {
            Some(delay_ms) => self.set_timer_ms(key, delay_ms),
            None => self.wheel.cancel(key.index),
        }
    }

    /// Whether the timer of a spark's connection is for its heartbeats.
    fn beats_by_connection(&self, spark: Key) -> bool {
        self.shared.options.ping_interval_ms.is_some()
            && !self.is_carried(spark)
            && self.spark(spark).ready == ReadyState::Open
    }

    /// Bytes that must move in so much time.
    fn least_bytes(&self, period_ms: u64) -> u64 {
        let rate = u64::from(self.shared.options.min_rate_bytes_per_s);
        (rate.saturating_mul(period_ms) / 1000).max(1)
    }
}

/// Where nothing is known but what the kernel took, a peer that is fast enough may look slower by
/// this factor: the kernel takes more only when a third of its buffer is free.
const COARSENESS: u64 = 2;
