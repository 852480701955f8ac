//! Not accepting for a while after descriptors or memory ran out.
//!
//! A listener whose connections can't be accepted stays ready, so trying at once would spin. The
//! pause ends when a socket is closed, because that is what gives room, or after a fixed time.

use std::time::Duration;

use allspark_protocol::Instant;

/// How long accepting rests when no socket is closed meanwhile: short enough that nobody notices a
/// late recovery, long enough that the retries cost nothing.
const PAUSE: Duration = Duration::from_millis(100);

/// Whether accepting rests, and until when.
#[derive(Debug, Default)]
pub(super) struct AcceptPause {
    until: Option<Instant>,
    /// The shard wants nobody until then, whether or not there is room.
    rests_until: Option<Instant>,
    /// A row of failures is reported once, not ten times a second.
    reported: bool,
}

impl AcceptPause {
    /// Accepting failed. Returns whether this is the first failure since the last success.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        self.until = Some(now + PAUSE);
        !std::mem::replace(&mut self.reported, true)
    }

    /// The shard wants nobody until then.
    pub(super) fn rest(&mut self, until: Instant) {
        self.rests_until = self.rests_until.max(Some(until));
    }

    /// A connection was accepted.
    pub(super) fn accepted(&mut self) {
        self.reported = false;
    }

    /// A socket was closed: try again at once.
    pub(super) fn end_early(&mut self) {
        self.until = self.until.map(|_| Instant::ZERO);
    }

    /// When to try again, if accepting rests.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until.max(self.rests_until)
    }

    /// Whether accepting rested and is to be tried again; it no longer rests after that.
    pub(super) fn take_over(&mut self, now: Instant) -> bool {
        let over = self.until().is_some_and(|until| until <= now);
        if over {
            (self.until, self.rests_until) = (None, None);
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_once_and_ends_by_time_or_by_a_close() {
        let mut pause = AcceptPause::default();
        let start = Instant::from_ms(1000);
        assert!(pause.begin(start));
        assert!(!pause.take_over(start));
        assert!(pause.take_over(start + PAUSE));
        assert_eq!(pause.until(), None);
        assert!(!pause.begin(start), "the second failure in a row is silent");
        pause.end_early();
        assert!(pause.take_over(start));
        pause.accepted();
        assert!(
            pause.begin(start),
            "after a success a failure is news again"
        );
    }

    #[test]
    fn a_close_does_not_end_a_rest() {
        let mut pause = AcceptPause::default();
        let start = Instant::from_ms(1000);
        let end = start + Duration::from_secs(2);
        pause.rest(end);
        assert!(pause.begin(start));
        pause.rest(start);
        pause.end_early();
        assert_eq!(pause.until(), Some(end));
        assert!(!pause.take_over(start + PAUSE) && pause.take_over(end));
        assert_eq!(pause.until(), None);
    }
}
