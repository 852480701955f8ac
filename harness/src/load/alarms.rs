//! When clients want to be called. An alarm cannot be taken back: who hears one looks
//! whether it still means anything.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use allspark_protocol::Instant;

/// The alarms of all clients.
#[derive(Debug, Default)]
pub(super) struct Alarms(BinaryHeap<Reverse<(Instant, u32)>>);

impl Alarms {
    /// Sets an alarm for a client.
    pub(super) fn set(&mut self, at: Instant, client: u32) {
        self.0.push(Reverse((at, client)));
    }

    /// When the next one rings.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the earliest, if it rings by now.
    pub(super) fn take_one(&mut self, now: Instant) -> Option<u32> {
        let is_due = self.next().is_some_and(|at| at <= now);
        let alarm = is_due.then(|| self.0.pop()).flatten();
        alarm.map(|Reverse((_, client))| client)
    }

    /// Takes all that ring by now, the earliest first.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(Instant, u32)> {
        let mut due = Vec::new();
        while self.next().is_some_and(|at| at <= now) {
            due.extend(self.0.pop().map(|Reverse(alarm)| alarm));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_in_order_and_once() {
        let mut alarms = Alarms::default();
        let at = Instant::from_ms;
        for (ms, client) in [(30, 0), (10, 1), (20, 2)] {
            alarms.set(at(ms), client);
        }
        assert_eq!(alarms.next(), Some(at(10)));
        assert_eq!(alarms.take_due(at(20)), [(at(10), 1), (at(20), 2)]);
        assert_eq!(alarms.take_due(at(20)), []);
        assert_eq!(alarms.next(), Some(at(30)));
    }
}
