//! Whether the peer is alive. The server pings every spark once per interval, and the client
//! expects a ping within its time-out. Neither half reads a clock.

use std::time::Duration;

use crate::time::Instant;

/// The server's half: whether a spark has answered its last ping. One byte per spark; the interval
/// and its timer belong to the owner of the sparks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    answered: bool,
}

/// What the server has to do for a spark when an interval is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Send a ping.
    Ping,
    /// The last ping was not answered: end the spark so that its client reconnects, that is,
    /// without `primus::server::close`.
    End,
}

impl Heartbeat {
    /// A spark counts as alive when it connects.
    pub const fn new() -> Self {
        Self { answered: true }
    }

    /// The spark gave a sign of life: a pong, or a ping below the level of messages where the
    /// transformer counts those. Returns whether it was the answer to an open ping.
    pub const fn alive(&mut self) -> bool {
        !std::mem::replace(&mut self.answered, true)
    }

    /// An interval is over. After [`Beat::Ping`] the ping counts as sent.
    pub const fn beat(&mut self) -> Beat {
        if std::mem::replace(&mut self.answered, false) {
            Beat::Ping
        } else {
            Beat::End
        }
    }

    /// Whether a ping is open.
    pub const fn is_waiting(&self) -> bool {
        !self.answered
    }
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self::new()
    }
}

/// The client's half: the server must ping within `pingTimeout`, counted from the open or from its
/// last ping, else the client considers itself offline.
#[derive(Clone, Copy, Debug)]
pub struct PingTimeout {
    timeout: Option<Duration>,
    deadline: Option<Instant>,
}

impl PingTimeout {
    /// `timeout` is the client's option `pingTimeout` (Primus: 45 s); `None` waits for ever. The
    /// timer stands still until [`PingTimeout::restart`].
    pub const fn new(timeout: Option<Duration>) -> Self {
        Self {
            timeout,
            deadline: None,
        }
    }

    /// The connection was opened or a ping came in: the timer starts anew.
    pub fn restart(&mut self, now: Instant) {
        self.deadline = self.timeout.map(|timeout| now + timeout);
    }

    /// The connection is over: the timer stands still.
    pub const fn stop(&mut self) {
        self.deadline = None;
    }

    /// When the timer runs out, if it runs.
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether the timer has run out. True once; then the timer stands still.
    pub fn expire(&mut self, now: Instant) -> bool {
        let expired = self.deadline.is_some_and(|deadline| deadline <= now);
        if expired {
            self.stop();
        }
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const _: () = assert!(size_of::<Heartbeat>() == 1);

    #[test]
    fn a_spark_that_answers_is_pinged_for_ever() {
        let mut heartbeat = Heartbeat::new();
        for _ in 0..3 {
            assert_eq!(heartbeat.beat(), Beat::Ping);
            assert!(heartbeat.is_waiting());
            assert!(heartbeat.alive());
            assert!(!heartbeat.alive(), "a second pong answers nothing");
        }
    }

    #[test]
    fn a_silent_spark_ends_at_the_second_interval() {
        let mut heartbeat = Heartbeat::default();
        assert_eq!(heartbeat.beat(), Beat::Ping);
        assert_eq!(heartbeat.beat(), Beat::End);
    }

    #[test]
    fn an_early_sign_of_life_does_not_answer_a_later_ping() {
        let mut heartbeat = Heartbeat::new();
        heartbeat.alive();
        assert_eq!(heartbeat.beat(), Beat::Ping);
        assert_eq!(heartbeat.beat(), Beat::End);
    }

    #[test]
    fn the_client_counts_from_the_last_ping() {
        let mut timeout = PingTimeout::new(Some(Duration::from_millis(45_000)));
        assert_eq!(timeout.deadline(), None);
        timeout.restart(Instant::from_ms(1_000));
        timeout.restart(Instant::from_ms(31_000));
        assert_eq!(timeout.deadline(), Some(Instant::from_ms(76_000)));
        assert!(!timeout.expire(Instant::from_ms(75_999)));
        assert!(timeout.expire(Instant::from_ms(76_000)));
        assert!(!timeout.expire(Instant::from_ms(76_001)), "it expires once");
    }

    #[test]
    fn a_stopped_or_absent_timer_never_expires() {
        let mut timeout = PingTimeout::new(Some(Duration::from_millis(1)));
        timeout.restart(Instant::ZERO);
        timeout.stop();
        assert!(!timeout.expire(Instant::from_ms(1_000)));
        let mut off = PingTimeout::new(None);
        off.restart(Instant::ZERO);
        assert_eq!(off.deadline(), None);
        assert!(!off.expire(Instant::from_ms(1_000)));
    }
}
