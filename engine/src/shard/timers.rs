//! What happens at a certain time: heartbeats, and the ends of everything that may not last.
//!
//! Each connection has one timer, and what it means follows from whom the connection belongs to. A
//! carried session has one of its own.

use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::http::Response;
use allspark_protocol::parser::Parser;
use allspark_protocol::primus::{Beat, Packet};
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::owner::Owner;
use crate::app::{self, EndReason};
use crate::guard;
use crate::http::Part;
use crate::limits::{GOODBYE_TIMEOUT_MS, TIMERS_PER_TURN};
use crate::memory::{Key, Slice};
use crate::net::{Silence, Unsent};
use crate::refusals::RefusalReason;
use crate::session::Fired;

/// Heartbeats come at the moments that divide an interval into so many parts, all shards together.
/// One that comes alone has its CPU woken, its code fetched into the cache and a system call made
/// for itself, and its peer the same. At the default of 30 s a moment is 58 ms.
const MOMENTS_PER_INTERVAL: u64 = 512;

/// How long a decision about a silent peer is put off while the shard holds back input: its answer
/// may be in there.
const CONGESTION_RETRY_MS: u64 = 100;

/// The same while something waits for the application.
const UNTAKEN_RETRY_MS: u64 = 1_000;

impl<T: Transformer> Core<T> {
    /// The first ping comes at a random moment of the first interval, so that clients who came
    /// together are not pinged together.
    pub(super) fn start_heartbeat(&mut self, spark: Key) {
        let interval_ms = self.options.ping_interval.ms();
        let delay = interval_ms.map(|ms| self.spread(Duration::from_millis(ms)));
        self.set_beat(spark, delay);
    }

    /// Sets when a spark is pinged next; `None` for never.
    pub(super) fn set_beat(&mut self, spark: Key, delay: Option<Duration>) {
        let at = delay.map(|delay| self.heartbeat_moment(self.clock.now + delay));
        self.set_beat_at(spark, at);
    }

    fn set_beat_at(&mut self, spark: Key, at: Option<Instant>) {
        let Some(slot) = self.sessions.get_mut(spark) else {
            return;
        };
        if let Some(carried) = &mut slot.carried {
            carried.beat_at = at.unwrap_or(Instant::NEVER);
            let judge_from = self.fairness.judge_from();
            self.sessions.set_timer(spark, self.clock.now, judge_from);
        } else if let Some(key) = slot.state.stream {
            match at {
                Some(at) => self.net.set_timer(key, at),
                None => self.net.cancel_timer(key),
            }
        }
    }

    /// The last moment for heartbeats that is not after `limit`, or the next one, if that is past.
    fn heartbeat_moment(&self, limit: Instant) -> Instant {
        let interval_ms = self.options.ping_interval.ms().unwrap_or(0).max(1);
        let last = last_moment(limit, interval_ms);
        match moment(last, interval_ms) {
            at if at < self.clock.now => moment(last + 1, interval_ms),
            at => at,
        }
    }

    /// Fires what is due. `holds_input` says that the shard has received something that it has not
    /// looked at. Returns whether that was everything.
    pub(super) fn fire_timers(&mut self, holds_input: bool) -> bool {
        self.begin_destroy();
        let (now, judge_from) = (self.clock.now, self.fairness.judge_from());
        self.destroying.put_off(now, judge_from);
        let mut due = std::mem::take(&mut self.due);
        let mut is_all = self.net.expire(TIMERS_PER_TURN, &mut due);
        let mut has_fired = !due.is_empty();
        for index in due.drain(..) {
            if let Some(key) = self.net.key_at(index) {
                self.connection_timer(key, holds_input);
                self.settle();
            }
        }
        is_all &= self.sessions.expire(now, TIMERS_PER_TURN, &mut due);
        has_fired |= !due.is_empty();
        for index in due.drain(..) {
            if let Some(spark) = self.sessions.key_at(index) {
                self.session_timer(spark, holds_input);
                self.settle();
            }
        }
        self.due = due;
        is_all &= self.app_timers.expire(now, TIMERS_PER_TURN);
        while let Some(mut due) = self.app_timers.next_due() {
            has_fired = true;
            if self.is_open(due.spark) {
                app::spark_timer(self, &mut due);
            }
            guard::drop_value(self.app_timers.called(due, now));
            self.settle();
        }
        is_all &= self.end_pauses();
        self.upkeep.has_worked |= has_fired;
        is_all
    }

    fn connection_timer(&mut self, key: Key, holds_input: bool) {
        let connection = self.net.connection(key);
        let is_open = connection.is_open();
        match &connection.owner {
            Owner::Session(spark) if is_open && self.is_open(*spark) => {
                let spark = *spark;
                if !connection.is_watched() {
                    self.beat(spark, holds_input);
                } else if !self.is_watched_sender_slow(spark, holds_input) {
                    self.net.ask_unsent(key);
                }
            }
            Owner::Paced(_) if is_open => self.go_on_paced(key),
            Owner::Leaving(leaving) if is_open && leaving.waits && !self.is_held(key) => {
                self.depart(key);
            }
            // A goodbye without an answer, a request that does not come or does not end, or a peer
            // that does not read or does not close.
            _ => match self.put_off() {
                Some(judge_from) => self.net.set_timer(key, judge_from),
                None => self.judge(key, holds_input),
            },
        }
    }

    /// The time of a connection is over that waits for its peer.
    fn judge(&mut self, key: Key, holds_input: bool) {
        if self.net.judge(key) {
            return;
        }
        let connection = self.net.connection(key);
        if matches!(connection.owner, Owner::Http(_)) && connection.is_open() {
            self.judge_request(key, holds_input);
        } else if self.takes_body(key) {
            self.judge_upload(key, holds_input);
        } else {
            self.close(key);
        }
    }

    /// The time of a request is over, or that of a connection without one.
    fn judge_request(&mut self, key: Key, holds_input: bool) {
        if holds_input {
            // What is missing may be in there.
            return self.net.set_timer_ms(key, CONGESTION_RETRY_MS);
        }
        let rules = *self.net.rules();
        let period_ms = rules.request_timeout_ms;
        let Owner::Http(reader) = &mut self.net.connection_mut(key).owner else {
            return;
        };
        match reader.take_progress() {
            Some(bytes) if bytes as u64 >= rules.least_bytes(period_ms) => {
                self.net.set_timer_ms(key, period_ms);
            }
            None if reader.is_idle() => self.finish(key),
            _ => self.time_out_request(key),
        }
    }

    /// The same for a body that is taken as it comes. Whoever had to wait is given time anew.
    fn judge_upload(&mut self, key: Key, holds_input: bool) {
        if holds_input {
            return self.net.set_timer_ms(key, CONGESTION_RETRY_MS);
        }
        let rules = *self.net.rules();
        let period_ms = rules.request_timeout_ms;
        let Owner::Request(request) = &mut self.net.connection_mut(key).owner else {
            return;
        };
        let has_begun = request.parked.body.is_some();
        let progress = request.parked.upload.as_mut().map(|u| u.take_progress());
        match progress.flatten() {
            Some(bytes) if (bytes as u64) < rules.least_bytes(period_ms) => {
                if has_begun {
                    self.counters().requests_timed_out.add(1);
                    self.note_refused(key, RefusalReason::RequestTimedOut, None);
                    self.close(key);
                } else {
                    self.time_out_request(key);
                }
            }
            _ => self.net.set_timer_ms(key, period_ms),
        }
    }

    fn time_out_request(&mut self, key: Key) {
        self.counters().requests_timed_out.add(1);
        self.note_refused(key, RefusalReason::RequestTimedOut, Some(408));
        let response = Response::text(408, "the request takes too long\n");
        self.write_response(key, &response, false, false);
        self.finish(key);
    }

    /// Goes on with connections for which everything that waited was submitted.
    pub(super) fn after_submit(&mut self) {
        while let Some(key) = self.net.next_unwatched() {
            self.set_timer_after_watch(key);
        }
        self.net.after_submit();
    }

    /// The peer has what it was sent, and its turn comes.
    fn set_timer_after_watch(&mut self, key: Key) {
        let options = &self.options;
        let delay_ms = match &self.net.connection(key).owner {
            Owner::Http(reader) if reader.is_idle() => Some(options.keep_alive_timeout_ms.get()),
            // It waits for the application.
            Owner::Leaving(_) if self.is_held(key) => None,
            Owner::Http(_) | Owner::Leaving(_) => Some(options.request_timeout_ms.get()),
            Owner::Session(spark) => {
                let spark = *spark;
                let slot = self.sessions.get(spark);
                match slot.is_some_and(|slot| !slot.is_carried() && !slot.is_open()) {
                    true => Some(GOODBYE_TIMEOUT_MS),
                    false => self.time_after_watch(key, spark),
                }
            }
            Owner::Request(request) if request.parked.takes_body() => {
                Some(options.request_timeout_ms.get())
            }
            Owner::Request(_)
            | Owner::Layered(_)
            | Owner::Paced(_)
            | Owner::TurnedAway
            | Owner::Nobody => None,
        };
        match delay_ms {
            Some(delay_ms) => self.net.set_timer_ms(key, delay_ms),
            None => self.net.cancel_timer(key),
        }
    }

    /// The kernel says how much of what it took a peer does not have yet.
    pub(super) fn unsent(&mut self, key: Key, bytes: Option<u32>) {
        let may_judge = self.put_off().is_none();
        match self.net.unsent(key, bytes, may_judge) {
            Unsent::Fine => {}
            Unsent::Took(moved) => self.answer_for_peer(key, moved),
            Unsent::HasAll => {
                self.net.end_watch(key);
                self.set_timer_after_watch(key);
            }
            Unsent::TooSlow(moved) => {
                self.counters().connections_slow.add(1);
                self.note_refused(key, RefusalReason::Slow, None);
                tracing::debug!(shard = self.shard, moved, "a peer reads too slowly");
                self.broke(key, std::io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// What the peer of a spark took since its last ping counts as an answer, if it is enough.
    fn answer_for_peer(&mut self, key: Key, moved: u64) {
        let interval_ms = self.options.ping_interval.ms().unwrap_or(0);
        if moved >= self.net.rules().least_bytes(interval_ms)
            && let Owner::Session(spark) = self.net.connection(key).owner
            && let Some(slot) = self.sessions.get_mut(spark)
        {
            slot.state.heartbeat.alive();
            self.net.excuse_silence(key);
        }
    }

    fn session_timer(&mut self, spark: Key, holds_input: bool) {
        let (now, mut judge_from) = (self.clock.now, self.fairness.judge_from());
        if self.is_kept_waiting(spark) {
            // What is missing may be among what waits for the application.
            judge_from = judge_from.max(now + Duration::from_millis(UNTAKEN_RETRY_MS));
        }
        let fired = self.sessions.timer(spark, now, judge_from);
        let Some(Fired {
            must_beat,
            has_expired,
        }) = fired
        else {
            return;
        };
        if must_beat {
            self.beat(spark, holds_input);
            self.settle();
        }
        let excuse = has_expired.then(|| self.excuse(spark)).flatten();
        if let Some(delay) = excuse {
            self.sessions.set_timer(spark, now, now + delay);
        } else if has_expired {
            self.wake(spark, |transformer, session, context, out| {
                transformer.expired(session, context, out);
            });
        } else {
            self.sessions.set_timer(spark, now, judge_from);
        }
    }

    /// The time of a spark's next heartbeat has come: it is pinged, or ended.
    fn beat(&mut self, spark: Key, holds_input: bool) {
        let Some(interval_ms) = self.options.ping_interval.ms() else {
            return self.judge_timed_message(spark, holds_input);
        };
        // Its answer may be among what waits for the application, or behind what it sends.
        let is_excused = self.is_kept_waiting(spark) || self.is_sending(spark);
        let Some(slot) = self.sessions.get_mut(spark) else {
            return;
        };
        let retry = Some(Duration::from_millis(CONGESTION_RETRY_MS));
        if slot.state.heartbeat.is_waiting() {
            if holds_input {
                return self.set_beat(spark, retry);
            }
            if is_excused {
                slot.state.heartbeat.alive();
            }
        }
        if slot.state.heartbeat.is_waiting() {
            // Its answer may wait behind what it has not read yet, but it does read.
            let silence = match slot.state.stream {
                Some(key) => self.net.judge_silence(key),
                None => self.judge_reading(spark),
            };
            match silence {
                Silence::Real => {}
                Silence::Watched => self.sessions.note_alive(spark),
                Silence::Asked => return self.set_beat(spark, retry),
            }
        }
        let Some(slot) = self.sessions.get_mut(spark) else {
            return;
        };
        if slot.state.heartbeat.is_waiting() {
            let interval = Duration::from_millis(interval_ms);
            let judge_from = self.fairness.judge_from_with(interval);
            if judge_from > self.clock.now {
                return self.set_beat_at(spark, Some(judge_from));
            }
            // The ping may have been sent later than it was due; its client has a whole interval.
            let left = interval.saturating_sub(slot.state.latency.since_ping(self.clock.now));
            if !left.is_zero() {
                let at = self.clock.now + left + Duration::from_millis(1);
                return self.set_beat_at(spark, Some(at));
            }
        }
        if self.is_message_slow(spark, interval_ms, holds_input) {
            return;
        }
        let Some(slot) = self.sessions.get_mut(spark) else {
            return;
        };
        match slot.state.heartbeat.beat() {
            Beat::Ping => {
                self.set_beat(spark, Some(Duration::from_millis(interval_ms)));
                app::outgoing_ping(self, spark, self.clock.unix_ms);
                self.ping(spark);
            }
            Beat::End => {
                self.set_beat(spark, None);
                self.counters().sparks_silent.add(1);
                self.end(spark, true, EndReason::Silent);
            }
        }
    }

    /// Pings a spark, unless the application has just ended it.
    fn ping(&mut self, spark: Key) {
        let now = self.clock.now;
        let slot = self.sessions.get_mut(spark);
        let Some(slot) = slot.filter(|slot| slot.is_open()) else {
            return;
        };
        slot.state.latency.pinged(now);
        if self.traced.is_some() {
            self.trace_ping(spark);
        }
        if let Some(frame) = self.ping_frame(spark) {
            self.write_ping(spark, frame);
        }
    }

    fn ping_frame(&mut self, spark: Key) -> Option<Slice> {
        let (slot, transformer) = self.sessions.with_transformer(spark)?;
        let (wire, unix_ms) = (slot.state.wire, self.clock.unix_ms);
        let parser = self.options.parser;
        let blocks = &mut self.net.buffers.blocks;
        let frame = self.fanout.pings.frame(unix_ms, wire, blocks, |out| {
            let (mut text, mut encoded) = (String::new(), Vec::new());
            Packet::write_ping(unix_ms, &mut text);
            let kind = parser.encode_str(&text, &mut encoded);
            transformer.frame(wire, kind, &encoded, out);
        });
        Some(frame)
    }

    /// Sends the parts of an answer that are due, and sets the timer for the next one.
    pub(super) fn go_on_paced(&mut self, key: Key) {
        while let Owner::Paced(paced) = &mut self.net.connection_mut(key).owner {
            match paced.next() {
                Part::Send(bytes) => self.write_frame(key, |out| out.extend_from_slice(&bytes)),
                Part::Pause(pause) => return self.net.set_timer(key, self.clock.now + pause),
                Part::End(bytes) => {
                    self.write_frame(key, |out| out.extend_from_slice(&bytes));
                    return self.finish(key);
                }
            }
        }
    }
}

/// When the moment with this number is. An interval after a moment there is another one, to the
/// millisecond, so that no ping comes early.
fn moment(number: u64, interval_ms: u64) -> Instant {
    Instant::from_ms(number * interval_ms / MOMENTS_PER_INTERVAL)
}

/// The number of the last moment that is not after `limit`.
fn last_moment(limit: Instant, interval_ms: u64) -> u64 {
    ((limit.as_ms() + 1) * MOMENTS_PER_INTERVAL - 1) / interval_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_after_a_moment_is_a_moment() {
        for interval_ms in [1, 7, 500, 1_000, 25_000, 30_000, 59_999, 1_800_000] {
            for limit_ms in (0..40).map(|n| n * 977 + 1_700_000_000_000) {
                let last = |ms| last_moment(Instant::from_ms(ms), interval_ms);
                let number = last(limit_ms);
                let first_ms = moment(number, interval_ms).as_ms();
                assert!(first_ms <= limit_ms);
                assert!(moment(number + 1, interval_ms).as_ms() > limit_ms);
                let second_ms = moment(last(first_ms + interval_ms), interval_ms).as_ms();
                assert_eq!(second_ms, first_ms + interval_ms, "{interval_ms}");
            }
        }
    }
}
