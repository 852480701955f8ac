//! Whether clients come back by the reconnect algorithm of Primus (the npm module `recovery`):
//! attempt 1 exactly `min` after the loss, attempt n between `min * factor^(n-1)` and twice that
//! after the failure of the one before, never later than `max`, at most `retries` of them, and
//! none after a close that was intended. An attempt that is not answered is given up after
//! `reconnect timeout`, and not before.
//!
//! Nothing may be early, not by a nanosecond: whoever tells of a loss and of the attempt after it
//! takes both moments from one monotonic clock, by which the client's deadline was set, too, and
//! timers of the kernel never fire before their time. Late may be whatever [`ReconnectRule`] says.
//!
//! How late whoever plays the clients was itself, because it was woken late or had others to serve
//! first, is no doing of the client: where that is told, it is taken out before the distribution of
//! the delays is judged. The delays as they were seen are reported beside that.

use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::primus::BackoffOptions;
use serde::Serialize;

use super::delays::{DelayReport, Delays};
use super::{Fault, Findings};

/// What is expected of reconnects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReconnectRule {
    /// What the clients were told.
    pub(crate) backoff: BackoffOptions,
    /// How late an attempt may begin, or be given up. In virtual time that is nothing; with a real
    /// clock it is what a busy machine needs to schedule the thread that plays the clients, and
    /// that thread to come to the last of those who are due at the same moment.
    pub(crate) tolerance: Duration,
}

/// The delays before first attempts, which are all to be the same.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct FirstDelays {
    pub(crate) count: u64,
    /// What the algorithm says.
    pub(crate) ms_expected: f64,
    /// The shortest.
    pub(crate) ms_min: f64,
    /// The longest.
    pub(crate) ms_max: f64,
}

/// Where one client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It was never told to connect.
    Fresh,
    /// It connects, as this attempt; 0 is the first connection.
    Trying,
    /// It has a connection.
    Open,
    /// It waits for the next attempt.
    Waiting,
    /// It shall never connect again.
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Course {
    stage: Stage,
    /// The attempt that is under way, or the last one.
    attempt: u8,
    /// When it began to wait, or to try.
    since: Instant,
}

/// The reconnects of all clients.
pub(super) struct Reconnects {
    rule: ReconnectRule,
    courses: Vec<Course>,
    first: Option<FirstDelays>,
    /// Without the lateness of whoever plays the clients.
    delays: Delays,
    /// As they were, if there is a tolerance and so a difference.
    observed: Option<Delays>,
}

/// What reconnects have shown.
#[derive(Clone, Debug, Default)]
pub(super) struct ReconnectReport {
    /// The delays before first attempts, if there were any.
    pub(super) first: Option<FirstDelays>,
    /// The delays before all others, by attempt, without what whoever plays the clients was late.
    pub(super) delays: Vec<DelayReport>,
    /// The same as they were seen, if that is another thing.
    pub(super) observed: Vec<DelayReport>,
}

impl Reconnects {
    pub(super) fn new(rule: ReconnectRule, clients: u32) -> Self {
        let fresh = Course {
            stage: Stage::Fresh,
            attempt: 0,
            since: Instant::ZERO,
        };
        Self {
            rule,
            courses: vec![fresh; clients as usize],
            first: None,
            delays: Delays::new(rule.backoff),
            observed: (!rule.tolerance.is_zero()).then(|| Delays::new(rule.backoff)),
        }
    }

    /// A client begins to connect, by this much too late for a reason that is not its own.
    pub(super) fn attempted(
        &mut self,
        client: u32,
        (now, late): (Instant, Duration),
        findings: &mut Findings,
    ) {
        let course = self.courses[client as usize];
        let stage = course.stage;
        let attempt = match stage {
            Stage::Fresh => 0,
            Stage::Waiting => course.attempt.saturating_add(1),
            Stage::Trying | Stage::Open => {
                findings.note(Fault::ReconnectEarly, || {
                    format!("client {client} connects though nothing was lost")
                });
                course.attempt
            }
            Stage::Over => {
                findings.note(Fault::ReconnectUnwanted, || {
                    format!("client {client} connects though its end was intended")
                });
                return;
            }
        };
        if stage == Stage::Waiting {
            self.judge(client, attempt, (now - course.since, late), findings);
        }
        self.courses[client as usize] = Course {
            stage: Stage::Trying,
            attempt,
            since: now,
        };
    }

    /// The connection of a client is open.
    pub(super) fn opened(&mut self, client: u32) {
        let course = &mut self.courses[client as usize];
        if course.stage != Stage::Over {
            (course.stage, course.attempt) = (Stage::Open, 0);
        }
    }

    /// A client lost its connection, or an attempt to get one failed.
    pub(super) fn lost(&mut self, client: u32, now: Instant, findings: &mut Findings) {
        self.judge_patience(client, now, findings);
        let course = &mut self.courses[client as usize];
        if matches!(course.stage, Stage::Trying | Stage::Open) {
            (course.stage, course.since) = (Stage::Waiting, now);
        }
    }

    /// A client gives an attempt up because nobody answers.
    pub(super) fn timed_out(&mut self, client: u32, now: Instant, findings: &mut Findings) {
        let patience = self.patience(client, now);
        let timeout = self.rule.backoff.reconnect_timeout;
        if let Some(patience) = patience.filter(|patience| *patience < timeout) {
            findings.note(Fault::TimeoutEarly, || {
                format!("client {client} gave an attempt up after {patience:?}")
            });
        }
    }

    /// The end of a client's connections, because the client or the server meant it. Until now it
    /// must have done what was due.
    pub(super) fn ended(&mut self, client: u32, now: Instant, findings: &mut Findings) {
        self.judge_idleness(client, now, findings);
        self.courses[client as usize].stage = Stage::Over;
    }

    /// A client ends by itself: it may do so when it has used up its attempts.
    pub(super) fn gave_up(&mut self, client: u32, findings: &mut Findings) {
        let retries = self.rule.backoff.retries;
        let attempt = u32::from(self.courses[client as usize].attempt);
        if attempt < retries {
            findings.note(Fault::ReconnectLate, || {
                format!("client {client} gave up after {attempt} of {retries} attempts")
            });
        }
        self.courses[client as usize].stage = Stage::Over;
    }

    /// The run is over: whoever still waits must not have waited for too long. What the delays
    /// show together is judged too.
    pub(super) fn finish(self, now: Instant, findings: &mut Findings) -> ReconnectReport {
        for client in 0..self.courses.len() as u32 {
            self.judge_idleness(client, now, findings);
        }
        ReconnectReport {
            first: self.first,
            delays: self.delays.judge(findings),
            observed: self
                .observed
                .map_or_else(Vec::new, |delays| delays.reports()),
        }
    }

    /// How long the attempt to reconnect that is under way has taken, if there is one. How long
    /// the first connection may take is an option of its own, and not judged.
    fn patience(&self, client: u32, now: Instant) -> Option<Duration> {
        let course = self.courses[client as usize];
        (course.stage == Stage::Trying && course.attempt > 0).then(|| now - course.since)
    }

    /// Who waits must not have waited for too long, and who tries not have tried for too long.
    fn judge_idleness(&self, client: u32, now: Instant, findings: &mut Findings) {
        self.judge_patience(client, now, findings);
        let course = self.courses[client as usize];
        let waited = now - course.since;
        let (_, latest) = self.bounds(course.attempt.saturating_add(1));
        if course.stage == Stage::Waiting && waited > latest.saturating_add(self.tolerance()) {
            findings.note(Fault::ReconnectLate, || {
                format!("client {client} lost its connection {waited:?} ago and does nothing")
            });
        }
    }

    fn judge_patience(&self, client: u32, now: Instant, findings: &mut Findings) {
        let timeout = self.rule.backoff.reconnect_timeout;
        let latest = timeout.saturating_add(self.tolerance());
        let patience = self.patience(client, now);
        if let Some(patience) = patience.filter(|patience| *patience > latest) {
            findings.note(Fault::TimeoutLate, || {
                format!("an attempt of client {client} was under way for {patience:?}")
            });
        }
    }

    fn judge(
        &mut self,
        client: u32,
        attempt: u8,
        (delay, late): (Duration, Duration),
        findings: &mut Findings,
    ) {
        let (earliest, latest) = self.bounds(attempt);
        let tolerance = self.tolerance();
        let text = || {
            format!(
                "attempt {attempt} of client {client} began after {delay:?} \
                 instead of {earliest:?} to {latest:?}"
            )
        };
        if u32::from(attempt) > self.rule.backoff.retries {
            findings.note(Fault::ReconnectUnwanted, text);
        } else if delay < earliest {
            findings.note(Fault::ReconnectEarly, text);
        } else if delay > latest.saturating_add(tolerance) {
            findings.note(Fault::ReconnectLate, text);
        } else if attempt == 1 {
            self.record_first(earliest, delay);
        } else {
            self.delays.record(attempt, delay.saturating_sub(late));
            if let Some(observed) = &mut self.observed {
                observed.record(attempt, delay);
            }
        }
    }

    fn record_first(&mut self, expected: Duration, delay: Duration) {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let first = self.first.get_or_insert(FirstDelays {
            count: 0,
            ms_expected: ms(expected),
            ms_min: ms(delay),
            ms_max: ms(delay),
        });
        first.count += 1;
        first.ms_min = first.ms_min.min(ms(delay));
        first.ms_max = first.ms_max.max(ms(delay));
    }

    /// When an attempt may begin.
    fn bounds(&self, attempt: u8) -> (Duration, Duration) {
        let BackoffOptions {
            min, max, factor, ..
        } = self.rule.backoff;
        // As in npm, `max` does not bound the first.
        if attempt <= 1 {
            return (min, min);
        }
        let grown_ms = min.as_secs_f64() * 1000.0 * factor.powi(i32::from(attempt) - 1);
        let rounded = |ms: f64| {
            let grown = Duration::try_from_secs_f64(ms.round() / 1000.0);
            grown.unwrap_or(Duration::MAX).min(max)
        };
        (rounded(grown_ms), rounded(2.0 * grown_ms))
    }

    fn tolerance(&self) -> Duration {
        self.rule.tolerance
    }
}

#[cfg(test)]
mod tests;
