//! Whether clients come back by the reconnect algorithm of Primus (the npm module `recovery`):
//! attempt 1 exactly `min` after the loss, attempt n between `min * factor^(n-1)` and twice that
//! after the failure of the one before, never later than `max`, at most `retries` of them, and
//! none after a close that was intended.

use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::primus::BackoffOptions;

use super::delays::{DelayReport, Delays};
use super::{Fault, Findings};

/// What is expected of reconnects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReconnectRule {
    /// What the clients were told.
    pub(crate) backoff: BackoffOptions,
    /// How far an attempt may be off its time.
    pub(crate) tolerance: Duration,
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
    /// When it began to wait.
    since: Instant,
}

/// The reconnects of all clients.
pub(super) struct Reconnects {
    rule: ReconnectRule,
    courses: Vec<Course>,
    delays: Delays,
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
            delays: Delays::new(rule.backoff),
        }
    }

    /// A client begins to connect.
    pub(super) fn attempted(&mut self, client: u32, now: Instant, findings: &mut Findings) {
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
            self.judge(client, attempt, now - course.since, findings);
        }
        let course = &mut self.courses[client as usize];
        (course.stage, course.attempt) = (Stage::Trying, attempt);
    }

    /// The connection of a client is open.
    pub(super) fn opened(&mut self, client: u32) {
        let course = &mut self.courses[client as usize];
        if course.stage != Stage::Over {
            (course.stage, course.attempt) = (Stage::Open, 0);
        }
    }

    /// A client lost its connection, or an attempt to get one failed.
    pub(super) fn lost(&mut self, client: u32, now: Instant) {
        let course = &mut self.courses[client as usize];
        if matches!(course.stage, Stage::Trying | Stage::Open) {
            (course.stage, course.since) = (Stage::Waiting, now);
        }
    }

    /// The end of a client's connections, because the client or the server meant it.
    pub(super) fn ended(&mut self, client: u32) {
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
        self.ended(client);
    }

    /// The run is over: whoever still waits must not have waited for too long. What the delays
    /// show together is judged too.
    pub(super) fn finish(self, now: Instant, findings: &mut Findings) -> Vec<DelayReport> {
        for (client, course) in self.courses.iter().enumerate() {
            let waited = now - course.since;
            let (_, latest) = self.bounds(course.attempt.saturating_add(1));
            if course.stage == Stage::Waiting && waited > latest.saturating_add(self.tolerance()) {
                findings.note(Fault::ReconnectLate, || {
                    format!("client {client} lost its connection {waited:?} ago and does nothing")
                });
            }
        }
        self.delays.judge(findings)
    }

    fn judge(&mut self, client: u32, attempt: u8, delay: Duration, findings: &mut Findings) {
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
        } else if delay + tolerance < earliest {
            findings.note(Fault::ReconnectEarly, text);
        } else if delay > latest.saturating_add(tolerance) {
            findings.note(Fault::ReconnectLate, text);
        } else {
            self.delays.record(attempt, delay);
        }
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
mod tests {
    use super::*;

    fn rule() -> ReconnectRule {
        ReconnectRule {
            backoff: BackoffOptions {
                max: Duration::from_millis(3_000),
                retries: 4,
                ..BackoffOptions::default()
            },
            tolerance: Duration::ZERO,
        }
    }

    /// One client that is lost at 10 s and then fails again and again, each attempt so long after
    /// the failure of the one before.
    fn judged(delays_ms: &[u64]) -> Findings {
        let (mut findings, mut now) = (Findings::default(), Instant::from_ms(10_000));
        let mut reconnects = Reconnects::new(rule(), 1);
        reconnects.attempted(0, Instant::ZERO, &mut findings);
        reconnects.opened(0);
        for delay_ms in delays_ms {
            reconnects.lost(0, now);
            now = now + Duration::from_millis(*delay_ms);
            reconnects.attempted(0, now, &mut findings);
        }
        reconnects.opened(0);
        reconnects.finish(now + Duration::from_secs(600), &mut findings);
        findings
    }

    #[test]
    fn attempts_within_the_bounds_are_right() {
        assert_eq!(judged(&[500, 1_000, 2_000, 3_000]).total(), 0);
        assert_eq!(judged(&[500, 2_000, 3_000]).total(), 0);
    }

    #[test]
    fn an_attempt_out_of_bounds_is_found() {
        let early = [&[499][..], &[500, 999], &[500, 1_000, 1_999]];
        for delays_ms in early {
            assert_eq!(
                judged(delays_ms).count(Fault::ReconnectEarly),
                1,
                "{delays_ms:?}"
            );
        }
        let late = [&[501][..], &[500, 2_001], &[500, 1_000, 3_001]];
        for delays_ms in late {
            assert_eq!(
                judged(delays_ms).count(Fault::ReconnectLate),
                1,
                "{delays_ms:?}"
            );
        }
    }

    #[test]
    fn one_attempt_too_many_is_unwanted() {
        let findings = judged(&[500, 1_000, 2_000, 3_000, 3_000]);
        assert_eq!(findings.count(Fault::ReconnectUnwanted), 1);
    }

    #[test]
    fn after_an_intended_end_nobody_connects() {
        let (mut findings, mut reconnects) = (Findings::default(), Reconnects::new(rule(), 1));
        reconnects.attempted(0, Instant::ZERO, &mut findings);
        reconnects.opened(0);
        reconnects.ended(0);
        reconnects.lost(0, Instant::ZERO);
        assert_eq!(findings.total(), 0);
        reconnects.attempted(0, Instant::from_ms(500), &mut findings);
        assert_eq!(findings.count(Fault::ReconnectUnwanted), 1);
    }

    #[test]
    fn who_connects_without_a_loss_is_early() {
        let (mut findings, mut reconnects) = (Findings::default(), Reconnects::new(rule(), 1));
        reconnects.attempted(0, Instant::ZERO, &mut findings);
        reconnects.opened(0);
        reconnects.attempted(0, Instant::from_ms(700), &mut findings);
        assert_eq!(findings.count(Fault::ReconnectEarly), 1);
    }

    #[test]
    fn who_never_comes_back_or_gives_up_too_soon_is_late() {
        let (mut findings, mut reconnects) = (Findings::default(), Reconnects::new(rule(), 2));
        for client in 0..2 {
            reconnects.attempted(client, Instant::ZERO, &mut findings);
            reconnects.lost(client, Instant::ZERO);
        }
        reconnects.gave_up(1, &mut findings);
        assert_eq!(findings.count(Fault::ReconnectLate), 1);
        reconnects.finish(Instant::from_ms(501), &mut findings);
        assert_eq!(findings.count(Fault::ReconnectLate), 2);
    }
}
