//! One reconnect, from the loss of a connection until there is one again or all attempts are used
//! up: what the npm module `recovery` calls an attempt object, and when it has something to do.

use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::primus::{Backoff, BackoffOptions};

use super::Attempt;
use super::random::Random;

/// No timer is shorter, as in JavaScript. So a client that may reconnect at once, for ever, comes
/// to rest within one call.
pub(super) const TIMER_MIN: Duration = Duration::from_millis(1);

/// A reconnect.
#[derive(Debug)]
pub(super) struct Recovery {
    backoff: Backoff,
    phase: Phase,
    deadline: Instant,
    /// When it began.
    start: Instant,
    scheduled: Duration,
    duration: Duration,
}

/// What a reconnect waits for until its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// For the moment of the next attempt.
    Scheduled,
    /// For a connection.
    Trying,
}

impl Recovery {
    /// A reconnect without an attempt.
    pub(super) fn new(options: BackoffOptions, now: Instant) -> Self {
        Self {
            backoff: Backoff::new(options),
            phase: Phase::Scheduled,
            deadline: now,
            start: now,
            scheduled: Duration::ZERO,
            duration: Duration::ZERO,
        }
    }

    /// Schedules the next attempt; false if all of them are used up.
    pub(super) fn schedule(&mut self, now: Instant, random: &mut Random) -> bool {
        let Some(delay) = self.backoff.next(random.unit()) else {
            self.duration = now - self.start;
            return false;
        };
        self.scheduled = delay;
        self.phase = Phase::Scheduled;
        self.deadline = now + delay.max(TIMER_MIN);
        true
    }

    /// The scheduled attempt begins.
    pub(super) fn begin(&mut self, now: Instant) {
        self.duration = now - self.start;
        self.phase = Phase::Trying;
        self.deadline = now + self.backoff.options().reconnect_timeout.max(TIMER_MIN);
    }

    /// It has succeeded or run out of time.
    pub(super) fn note_duration(&mut self, now: Instant) {
        self.duration = now - self.start;
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// When the attempt is to begin, or is out of time.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What events tell of it.
    pub(super) fn attempt(&self) -> Attempt {
        let options = self.backoff.options();
        Attempt {
            attempt: self.backoff.attempt(),
            retries: options.retries,
            scheduled: self.scheduled,
            min: options.min,
            max: options.max,
            factor: options.factor,
            start: self.start,
            duration: self.duration,
            reconnect_timeout: options.reconnect_timeout,
        }
    }
}
