//! When a peer may be judged by its silence.
//!
//! A deadline by which a peer must have done something says nothing if the shard itself was away:
//! the process was stopped, its machine was moved, a handler took too long. What the peer sent may
//! lie in the kernel, which hands it over in portions, or was lost on the way and is sent again
//! later. So nobody is judged before the driver has nothing more to report, and after a turn that
//! came late everybody is given time anew. What the shard itself owes (pings, broadcasts) does not
//! wait.
//!
//! # Invariants
//! - A shard whose turns are punctual judges at the deadline.
//! - However busy or late, a shard that goes on judges in the end: what is to be read bounds it for
//!   [`BEHIND_MAX`] only, and a late turn for as long as it was late, within bounds.

use std::time::Duration;

use allspark_protocol::Instant;

use crate::io::Wait;
use crate::limits::{BEHIND_MAX_MS, GRACE_MAX_MS, GRACE_MIN_MS, LATE_MS};

const LATE: Duration = Duration::from_millis(LATE_MS);

const GRACE_MIN: Duration = Duration::from_millis(GRACE_MIN_MS);

const GRACE_MAX: Duration = Duration::from_millis(GRACE_MAX_MS);

const BEHIND_MAX: Duration = Duration::from_millis(BEHIND_MAX_MS);

/// How long a judgement is put off while there is more to read.
const BEHIND_RETRY: Duration = Duration::from_millis(10);

/// What may pass between the moment in which the driver collects what has arrived, and the one in
/// which the turn reads the clock.
const CLOCK_SLACK: Duration = Duration::from_millis(10);

/// Knows how late the shard is.
#[derive(Debug)]
pub(crate) struct Fairness {
    /// When the turn that comes should begin at the latest; never, if nothing is to be done.
    wanted: Option<Instant>,
    /// Nobody is judged before.
    judge_from: Instant,
    /// Since when everybody who was there has had time anew.
    since: Instant,
    /// How much time that is for those whose deadline does not say.
    grace: Duration,
    /// After a late turn not everything was read yet.
    is_recovering: bool,
    /// Since when the driver has had more to report than a turn takes.
    behind_since: Option<Instant>,
}

impl Fairness {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            wanted: None,
            judge_from: now,
            since: Instant::ZERO,
            grace: GRACE_MIN,
            is_recovering: false,
            behind_since: None,
        }
    }

    /// A turn ends that began at `now`, and the next one waits like this.
    pub(super) fn expect(&mut self, now: Instant, wait: Wait) {
        self.wanted = match wait {
            Wait::No => Some(now),
            Wait::Until(deadline) => Some(deadline.max(now)),
            Wait::Forever => None,
        };
    }

    /// A turn begins. `is_all_read` says that the driver has nothing more to report.
    pub(super) fn begin(&mut self, now: Instant, is_all_read: bool) {
        let wanted = self.wanted.unwrap_or(now);
        let lateness = now.saturating_since(wanted);
        let is_late = lateness >= LATE;
        if is_late {
            self.grace = lateness.clamp(GRACE_MIN, GRACE_MAX);
            self.is_recovering = true;
            self.behind_since = None;
        }
        if is_all_read {
            self.behind_since = None;
        } else if now.saturating_since(*self.behind_since.get_or_insert(now)) > BEHIND_MAX {
            self.is_recovering = false;
            return;
        }
        if self.is_recovering {
            self.since = now;
            self.put_off(now + self.grace);
            // Even if everything was read: perhaps that was before the shard was away.
            self.is_recovering = is_late || !is_all_read;
        } else if !is_all_read {
            self.put_off(now + BEHIND_RETRY);
        } else if lateness > CLOCK_SLACK {
            self.put_off(now + CLOCK_SLACK);
        }
    }

    fn put_off(&mut self, judge_from: Instant) {
        self.judge_from = self.judge_from.max(judge_from);
    }

    /// When a peer may be judged whose deadline has passed; a moment that is not after `now` means
    /// that it may be judged at once.
    #[inline]
    pub(super) fn judge_from(&self) -> Instant {
        self.judge_from
    }

    /// The same for a peer that is to have so much time from the beginning.
    pub(super) fn judge_from_with(&self, time: Duration) -> Instant {
        self.judge_from.max(self.since + time)
    }
}

#[cfg(test)]
mod tests;
