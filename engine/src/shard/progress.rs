//! Who is not silent although no pong comes: a client whose pong waits behind what it sends itself,
//! or that still reads what it was sent. Both take as long as they take, at the least rate.
//!
//! | what moves | who judges how fast |
//! |---|---|
//! | the body of a request for a session | `judge_request`, by the timer of its connection |
//! | a message of a stream that has begun | `is_message_slow`, at each beat |
//! | what a polling client is sent | the net, which watches its connection |
//!
//! So whoever is in one of them is not judged by its silence. Without pings an unfinished message
//! has a timer of its own, from when it is first seen unfinished: a stream between two messages
//! costs nothing.

use std::io;
use std::time::Duration;

use allspark_protocol::transformer::{Progress, Transformer};

use super::core::Core;
use super::effects::Effect;
use crate::app::{EndReason, SparkError};
use crate::memory::Key;
use crate::net::{Flags, Silence};
use crate::refusals::RefusalReason;
use crate::session::connection_of;

/// How long the end of a session that its transport takes for silent is put off while its client
/// moves, and once more after that: then its answer has had time to follow.
const MOVING_RETRY: Duration = Duration::from_secs(5);

/// The same while the kernel is asked whether it moves.
const ASKED_RETRY: Duration = Duration::from_millis(100);

impl<T: Transformer> Core<T> {
    /// A request has begun whose body is for this spark.
    pub(super) fn begin_coming(&mut self, key: Key, spark: Key) {
        self.end_coming(key);
        if self.sessions.begin_body(spark) {
            self.coming.insert(key, spark);
        }
    }

    /// It has come whole, or never will.
    pub(super) fn end_coming(&mut self, key: Key) {
        if !self.coming.is_empty()
            && let Some(spark) = self.coming.remove(&key)
        {
            self.sessions.end_body(spark);
        }
    }

    /// An answer of a session is complete on this connection. If it is long, its client reads it
    /// for a while.
    pub(super) fn note_answered(&mut self, key: Key) {
        let connection = self.net.connection(key);
        if let Some(spark) = connection.owner.spark()
            && self.net.is_long(connection.queue_bytes())
        {
            self.sessions.note_answered(spark, key);
        }
    }

    /// Whether something of the client has begun to come, behind which its answer may wait. While
    /// it is not listened to because it reads too slowly, it is judged by what it reads.
    pub(super) fn is_sending(&self, spark: Key) -> bool {
        let stream = self.sessions.get(spark).and_then(|slot| slot.state.stream);
        let connection = stream.and_then(|key| self.net.get(key));
        let is_unread = connection.is_some_and(|c| c.flags.has(Flags::UNREAD));
        self.sessions.has_body(spark) || (self.sessions.is_receiving(spark) && !is_unread)
    }

    /// Whether the client of a spark without a stream reads what it was sent.
    pub(super) fn judge_reading(&mut self, spark: Key) -> Silence {
        let mut found = Silence::Real;
        for key in self.sessions.written_to(spark) {
            match self.net.judge_answer(key) {
                Silence::Watched => return Silence::Watched,
                Silence::Asked => found = Silence::Asked,
                Silence::Real => {}
            }
        }
        found
    }

    /// The transport of a spark wants to end it because its client does not do something. Returns
    /// for how long that is put off, if it is.
    pub(super) fn excuse(&mut self, spark: Key) -> Option<Duration> {
        if !self.is_open(spark) || !self.sessions.awaits_client(spark) {
            return None;
        }
        let silence = match self.is_sending(spark) {
            true => Silence::Watched,
            false => self.judge_reading(spark),
        };
        if silence == Silence::Asked {
            return Some(ASKED_RETRY);
        }
        let moves = silence == Silence::Watched;
        let has_moved = self.sessions.set_moves(spark, moves);
        (moves || has_moved).then_some(MOVING_RETRY)
    }

    /// Judges the message of a stream that has begun and has not ended, once within each window of
    /// the least rate. `interval_ms` is how often that is asked. Returns whether it comes too
    /// slowly, so that its spark has ended.
    pub(super) fn is_message_slow(
        &mut self,
        spark: Key,
        interval_ms: u64,
        holds_input: bool,
    ) -> bool {
        let window_ms = self.options.request_timeout_ms.get();
        let now_ms = self.clock.now.as_ms();
        let begins_window = now_ms / window_ms != now_ms.saturating_sub(interval_ms) / window_ms;
        if interval_ms < window_ms && !begins_window {
            return false;
        }
        // Windows are longer than that.
        let least_ms = interval_ms.max(window_ms.saturating_sub(interval_ms));
        let Some((slot, transformer)) = self.sessions.with_transformer(spark) else {
            return false;
        };
        let Some(progress) = transformer.take_progress(&mut slot.session) else {
            return false;
        };
        let stream = slot.state.stream;
        let carrier = || self.sessions.carrier(spark).map(connection_of);
        let Some(key) = stream.or_else(carrier) else {
            return false;
        };
        // Whoever was not listened to, or waited for the shard, is given time anew.
        let was_held = self.net.take_was_held(key);
        let judge_from = self
            .fairness
            .judge_from_with(Duration::from_millis(least_ms));
        let may_judge = !holds_input && !was_held && judge_from <= self.clock.now;
        let least = self.net.rules().least_bytes(least_ms);
        match progress {
            Progress::Went(bytes) if may_judge && (bytes as u64) < least => {
                self.end_slow_sender(spark, key, bytes);
                true
            }
            _ => false,
        }
    }

    fn end_slow_sender(&mut self, spark: Key, key: Key, bytes: usize) {
        self.counters().connections_slow.add(1);
        self.note_refused(key, RefusalReason::Slow, None);
        tracing::debug!(shard = self.shard, bytes, "a message comes too slowly");
        let error = io::ErrorKind::TimedOut.into();
        self.effects
            .push(Effect::Error(spark, SparkError::Io(error)));
        self.lose(spark, EndReason::Broken);
        self.close(key);
    }

    /// Bytes of the stream of a spark were looked at. Where nobody is pinged a message that has not
    /// ended needs a timer.
    #[inline]
    pub(super) fn time_message(&mut self, key: Key, spark: Key) {
        if self.options.ping_interval.ms().is_none() && self.sessions.is_receiving(spark) {
            self.begin_timing(key, spark);
        }
    }

    fn begin_timing(&mut self, key: Key, spark: Key) {
        let Some(connection) = self.net.get(key) else {
            return;
        };
        let is_timed = match self.sessions.has_beat(spark) {
            Some(has_beat) => has_beat,
            // The timer of the watch asks as often.
            None => connection.flags.has(Flags::TIMED) || connection.is_watched(),
        };
        if !is_timed && connection.is_open() && self.is_open(spark) {
            self.net.connection_mut(key).flags.set(Flags::TIMED);
            let window_ms = self.options.request_timeout_ms.get();
            self.set_beat(spark, Some(Duration::from_millis(window_ms)));
        }
    }

    /// The same while the stream of a spark is watched: then its timer is that of the watch.
    pub(super) fn is_watched_sender_slow(&mut self, spark: Key, holds_input: bool) -> bool {
        let window_ms = self.options.request_timeout_ms.get();
        !self.is_carried(spark) && self.is_message_slow(spark, window_ms, holds_input)
    }

    /// That timer has fired.
    pub(super) fn judge_timed_message(&mut self, spark: Key, holds_input: bool) {
        let window_ms = self.options.request_timeout_ms.get();
        if self.is_message_slow(spark, window_ms, holds_input) {
            return;
        }
        self.set_beat(spark, None);
        let stream = self.sessions.get(spark).and_then(|slot| slot.state.stream);
        let carrier = || self.sessions.carrier(spark).map(connection_of);
        if let Some(key) = stream.or_else(carrier) {
            self.net.connection_mut(key).flags.clear(Flags::TIMED);
            self.time_message(key, spark);
        }
    }

    /// The stream of a spark is not watched any more. Returns how long its unfinished message has,
    /// if there is one and nobody is pinged.
    pub(super) fn time_after_watch(&mut self, key: Key, spark: Key) -> Option<u64> {
        let has_pings = self.options.ping_interval.ms().is_some();
        let is_carried = self.is_carried(spark);
        let needs_timer = !has_pings && !is_carried && self.sessions.is_receiving(spark);
        let flags = &mut self.net.connection_mut(key).flags;
        flags.clear(Flags::TIMED);
        if needs_timer {
            flags.set(Flags::TIMED);
        }
        needs_timer.then(|| self.options.request_timeout_ms.get())
    }
}
