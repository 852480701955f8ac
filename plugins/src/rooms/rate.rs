//! How often a client may do something: on the average so many times per second, and as many as it
//! has not done in the last two seconds at once.

use allspark_protocol::Instant;

/// Nanoseconds of not asking that count.
const SAVED_NS: u64 = 2_000_000_000;

/// What one client has done lately.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// When it would have come to an end with what it has done, had it kept the pace, by a clock
    /// that began long enough before the server that the first client has saved something, too.
    busy_until_ns: u64,
}

impl Rate {
    pub(super) const fn new() -> Self {
        Self { busy_until_ns: 0 }
    }

    /// Whether it may do so once more. If so, it counts as done.
    pub(super) fn admits(&mut self, now: Instant, per_s: u32) -> bool {
        let saved_from_ns = now.as_ns();
        let pace_ns = 1_000_000_000 / u64::from(per_s.max(1));
        let done_ns = self.busy_until_ns.max(saved_from_ns) + pace_ns;
        let may = done_ns <= saved_from_ns + SAVED_NS;
        if may {
            self.busy_until_ns = done_ns;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(rate: &mut Rate, at_ms: u64, asked: usize) -> usize {
        let now = Instant::from_ms(at_ms);
        (0..asked).filter(|_| rate.admits(now, 10)).count()
    }

    #[test]
    fn as_many_at_once_as_were_saved_and_then_as_many_as_the_pace_allows() {
        let mut rate = Rate::new();
        assert_eq!(admitted(&mut rate, 60_000, 100), 20);
        assert_eq!(admitted(&mut rate, 60_050, 100), 0);
        assert_eq!(admitted(&mut rate, 60_100, 100), 1);
        assert_eq!(admitted(&mut rate, 60_600, 100), 5);
        assert_eq!(admitted(&mut rate, 3_600_000, 100), 20);
    }

    #[test]
    fn the_first_moment_of_a_server_is_as_any_other() {
        let mut rate = Rate::new();
        assert_eq!(admitted(&mut rate, 0, 100), 20);
    }
}
