//! When the next message is due, if messages come at a fixed rate whatever the server does.

use std::time::Duration;

use allspark_protocol::Instant;

const NS_PER_SECOND: u128 = 1_000_000_000;

/// A steady clock of messages. It does not slow down when the server does: a message that could
/// not be sent in time still counts from the moment when it was due.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    begin: Instant,
    per_second: u32,
    issued: u64,
}

impl Pace {
    /// Messages at `per_second`, the first at `begin`.
    ///
    /// # Panics
    /// If `per_second` is 0.
    pub(crate) fn new(begin: Instant, per_second: u32) -> Self {
        assert!(per_second > 0, "a rate of 0 never sends");
        Self {
            begin,
            per_second,
            issued: 0,
        }
    }

    /// When the next message is due.
    pub(crate) fn next_due(&self) -> Instant {
        let ns = u128::from(self.issued) * NS_PER_SECOND / u128::from(self.per_second);
        self.begin + Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
    }

    /// Takes the next message if it is due, and says since when.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next_due();
        (due <= now).then(|| {
            self.issued += 1;
            due
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_reader_gets_every_message_with_its_own_moment() {
        let mut pace = Pace::new(Instant::from_ms(1000), 3);
        assert_eq!(pace.take_due(Instant::from_ms(999)), None);
        let mut due = Vec::new();
        while let Some(moment) = pace.take_due(Instant::from_ms(2000)) {
            due.push(moment.as_ms());
        }
        assert_eq!(due, [1000, 1333, 1666, 2000]);
        assert_eq!(pace.next_due().as_ms(), 2333);
    }
}
