//! What happens at a certain time: heartbeats, and the ends of everything that may not last.
//!
//! Each connection has one timer, and what it means follows from the connection's state.

use std::rc::Rc;
use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::parser::Parser;
use allspark_protocol::primus::{Beat, Packet};
use allspark_protocol::transformer::Transformer;

use super::close::EndReason;
use super::connection::{Closing, Flags, Role};
use super::core::Core;
use super::host::Host;
use crate::limits::TIMERS_PER_TURN;
use crate::memory::{FrameClass, Key, Slice};
use crate::primus::Destroy;
use crate::spark::{EndOptions, ReadyState};

/// The frame of the newest ping, which all sparks that are pinged in the same millisecond share.
#[derive(Debug, Default)]
pub(crate) struct PingFrame {
    unix_ms: u64,
    /// By wire format.
    frames: Vec<Option<Slice>>,
}

/// Heartbeats come at the moments that divide an interval into so many parts, all shards together.
/// One that comes alone has its CPU woken, its code fetched into the cache and a system call made
/// for itself, and its peer the same. At the default of 30 s a moment is 58 ms.
const MOMENTS_PER_INTERVAL: u64 = 512;

/// How long a decision about a silent spark is put off while the shard holds back input: its
/// answer may be in there.
pub(super) const CONGESTION_RETRY_MS: u64 = 100;

impl<T: Transformer> Core<T> {
    /// The first ping comes at a random moment of the first interval, so that clients who came
    /// together are not pinged together.
    pub(super) fn start_heartbeat(&mut self, spark: Key) {
        let interval_ms = self.shared.options.ping_interval_ms;
        let delay = interval_ms.map(|ms| self.spread(Duration::from_millis(ms)));
        self.set_beat(spark, delay);
    }

    /// Sets when a spark is pinged next; `None` for never.
    fn set_beat(&mut self, spark: Key, delay: Option<Duration>) {
        let at = delay.map(|delay| self.heartbeat_moment(self.now + delay));
        self.set_beat_at(spark, at);
    }

    fn set_beat_at(&mut self, spark: Key, at: Option<Instant>) {
        let slot = self.sparks.get_mut(spark).expect("an open spark exists");
        if let Some(carried) = &mut slot.carried {
            carried.beat_at = at;
            self.set_spark_timer(spark);
        } else if let Some(key) = slot.state.stream {
            match at {
                Some(at) => self.wheel.set(key.index, at),
                None => self.wheel.cancel(key.index),
            }
        }
    }

    /// The last moment for heartbeats that is not after `limit`, or the next one, if that is past.
    fn heartbeat_moment(&self, limit: Instant) -> Instant {
        let interval_ms = self.shared.options.ping_interval_ms.unwrap_or(0).max(1);
        let last = last_moment(limit, interval_ms);
        match moment(last, interval_ms) {
            at if at < self.now => moment(last + 1, interval_ms),
            at => at,
        }
    }

    pub(super) fn fire_timers(&mut self) {
        self.fire_destroy();
        self.put_off_end();
        let mut due = std::mem::take(&mut self.due);
        let mut in_time = self.wheel.expire(self.now, TIMERS_PER_TURN, &mut due);
        let mut has_fired = !due.is_empty();
        for index in due.drain(..) {
            if let Some(key) = self.connections.key_at(index) {
                self.timer(key);
                self.settle();
            }
        }
        in_time &= self.spark_wheel.expire(self.now, TIMERS_PER_TURN, &mut due);
        has_fired |= !due.is_empty();
        for index in due.drain(..) {
            if let Some(spark) = self.sparks.key_at(index) {
                self.spark_timer(spark);
                self.settle();
            }
        }
        self.upkeep.has_worked |= has_fired;
        self.due = due;
        self.timers_wait = !in_time;
    }

    /// A shard that ends waits for its peers, too.
    fn put_off_end(&mut self) {
        if let Some(deadline) = &mut self.end_deadline
            && *deadline <= self.now
        {
            *deadline = self.fairness.judge_from().max(*deadline);
        }
    }

    fn timer(&mut self, key: Key) {
        let connection = self.connection(key);
        let is_open = connection.closing == Closing::No;
        match &connection.role {
            Role::Spark(spark) if is_open && self.spark(*spark).ready == ReadyState::Open => {
                let spark = *spark;
                if connection.flags.has(Flags::WATCHED) {
                    self.ask_unsent(key);
                } else {
                    self.beat(spark);
                }
            }
            Role::Paced(_) if is_open => self.go_on_paced(key),
            Role::Leaving(leaving) if is_open && leaving.waits() => self.depart(key),
            // A goodbye without an answer, a request that does not come or does not end, or a peer
            // that does not read or does not close.
            _ => match self.put_off() {
                Some(judge_from) => self.wheel.set(key.index, judge_from),
                None => self.judge(key),
            },
        }
    }

    pub(super) fn beat(&mut self, spark: Key) {
        let Some(interval_ms) = self.shared.options.ping_interval_ms else {
            return;
        };
        if self.has_stash && self.spark(spark).heartbeat.is_waiting() {
            self.set_beat(spark, Some(Duration::from_millis(CONGESTION_RETRY_MS)));
            return;
        }
        // Its answer waits behind what it has not read yet, but it does read.
        if self.spark(spark).heartbeat.is_waiting()
            && let Some(key) = self.spark(spark).stream
            && self.must_ask_first(spark, key)
        {
            return self.set_beat(spark, Some(Duration::from_millis(CONGESTION_RETRY_MS)));
        }
        let state = self.spark(spark);
        if state.heartbeat.is_waiting() {
            let interval = Duration::from_millis(interval_ms);
            let judge_from = self.fairness.judge_from_with(interval);
            if judge_from > self.now {
                return self.set_beat_at(spark, Some(judge_from));
            }
        }
        match self.spark_mut(spark).heartbeat.beat() {
            Beat::Ping => {
                let frame = self.ping_frame(spark);
                self.write_ping(spark, frame);
                self.set_beat(spark, Some(Duration::from_millis(interval_ms)));
            }
            Beat::End => {
                self.set_beat(spark, None);
                self.counters().sparks_silent.add(1);
                self.end(spark, EndOptions { reconnect: true }, EndReason::Silent);
            }
        }
    }

    fn ping_frame(&mut self, spark: Key) -> Slice {
        let wire = self.spark(spark).wire;
        if self.ping.unix_ms != self.unix_ms || self.ping.frames.is_empty() {
            self.ping.unix_ms = self.unix_ms;
            self.ping.frames.clear();
            self.ping.frames.resize(usize::from(T::WIRES), None);
        }
        let cached = self.ping.frames[usize::from(wire.0)].clone();
        let frame = cached.unwrap_or_else(|| {
            let (mut text, mut encoded) = (String::new(), Vec::new());
            Packet::write_ping(self.unix_ms, &mut text);
            let kind = self.shared.options.parser.encode_str(&text, &mut encoded);
            let mut block = self.blocks.take_small();
            let unshared = Rc::get_mut(&mut block).expect("a block from the pool is not shared");
            self.transformer
                .frame(wire, kind, &encoded, unshared.writer());
            let ended = unshared.end_frame(FrameClass::Exempt);
            debug_assert!(ended.is_ok(), "a ping is short");
            unshared.set_common();
            let frame = Slice::new(&block, 0..block.len());
            self.blocks.give_back(block);
            frame
        });
        self.ping.frames[usize::from(wire.0)] = Some(frame.clone());
        frame
    }

    /// Begins a destroy now or, as its options say, later.
    pub(super) fn plan_destroy(&mut self, options: Destroy) {
        let at = self.now + Duration::from_millis(options.timeout_ms);
        self.destroy = Some((at, options));
        self.fire_destroy();
    }

    fn fire_destroy(&mut self) {
        let Some((at, options)) = self.destroy else {
            return;
        };
        if at > self.now {
            return;
        }
        self.destroy = None;
        self.destroyed = Some(options);
        if options.close {
            self.begin_end();
            self.ops.push(crate::io::Op::StopAccept);
        }
        let reconnect = options.reconnect;
        let mut index = 0;
        while let Some(spark) = self.sparks.next_from(index) {
            index = spark.index + 1;
            self.end(spark, EndOptions { reconnect }, EndReason::Destroyed);
            self.settle();
        }
        self.close_idle_if_ending();
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
