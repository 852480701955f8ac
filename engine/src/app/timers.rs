//! Functions that the application wants called at a time, each for one spark. They are cancelled
//! with their spark.

use allspark_protocol::Instant;

use super::host::OnSpark;
use crate::memory::{Arena, Key};
use crate::wheel::Wheel;

/// The timers of the application on one shard.
pub(crate) struct Timers {
    entries: Arena<Entry>,
    wheel: Wheel,
    due: Vec<u32>,
}

/// One of them.
pub(crate) struct Entry {
    pub(crate) spark: Key,
    /// Milliseconds from one call to the next; `None` for a single call.
    every_ms: Option<u64>,
    /// When it is due.
    at: Instant,
    /// Not here while it is called.
    pub(crate) call: Option<OnSpark>,
}

impl Timers {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            entries: Arena::default(),
            wheel: Wheel::new(now),
            due: Vec::new(),
        }
    }

    /// When the next one is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next_deadline()
    }

    pub(crate) fn add(
        &mut self,
        spark: Key,
        at: Instant,
        every_ms: Option<u64>,
        call: OnSpark,
    ) -> Key {
        let timer = self.entries.insert(Entry {
            spark,
            every_ms,
            at,
            call: Some(call),
        });
        self.wheel.set(timer.index, at);
        timer
    }

    /// Removes a timer. Whoever calls drops what it captured.
    pub(crate) fn remove(&mut self, timer: Key) -> Option<Entry> {
        let entry = self.entries.remove(timer)?;
        self.wheel.cancel(timer.index);
        Some(entry)
    }

    /// Fills the list of those that are due, at most `count_max`. Returns whether these are all.
    pub(crate) fn expire(&mut self, now: Instant, count_max: usize) -> bool {
        self.due.clear();
        self.wheel.expire(now, count_max, &mut self.due)
    }

    /// Takes the next one that is due, with its function.
    pub(crate) fn next_due(&mut self) -> Option<(Key, Key, OnSpark)> {
        while let Some(index) = self.due.pop() {
            if let Some(timer) = self.entries.key_at(index)
                && let Some(entry) = self.entries.get_mut(timer)
                && let Some(call) = entry.call.take()
            {
                return Some((timer, entry.spark, call));
            }
        }
        None
    }

    /// A timer was called. Gives the function back if it is not called again.
    ///
    /// A repeated one is next due an interval after it was due, not after it was called, so that it
    /// keeps its pace; intervals that are past already are left out.
    pub(crate) fn called(&mut self, timer: Key, call: OnSpark, now: Instant) -> Option<OnSpark> {
        let Some(entry) = self.entries.get_mut(timer) else {
            return Some(call);
        };
        let Some(every_ms) = entry.every_ms else {
            self.entries.remove(timer);
            return Some(call);
        };
        let every_ms = every_ms.max(1);
        let late_ms = now.as_ms().saturating_sub(entry.at.as_ms());
        let at_ms = entry.at.as_ms() + (late_ms / every_ms + 1) * every_ms;
        entry.at = Instant::from_ms(at_ms);
        entry.call = Some(call);
        self.wheel.set(timer.index, entry.at);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPARK: Key = Key {
        index: 3,
        generation: 1,
    };

    fn ms(ms: u64) -> Instant {
        Instant::from_ms(ms)
    }

    fn due_at(timers: &mut Timers, now: Instant) -> usize {
        let is_all = timers.expire(now, 100);
        assert!(is_all);
        let mut count = 0;
        while let Some((timer, spark, call)) = timers.next_due() {
            assert_eq!(spark, SPARK);
            timers.called(timer, call, now);
            count += 1;
        }
        count
    }

    #[test]
    fn one_is_due_once_and_one_every_interval() {
        let mut timers = Timers::new(ms(0));
        timers.add(SPARK, ms(50), None, Box::new(|_, _| ()));
        timers.add(SPARK, ms(40), Some(40), Box::new(|_, _| ()));
        assert_eq!(due_at(&mut timers, ms(39)), 0);
        assert_eq!(due_at(&mut timers, ms(41)), 1);
        assert_eq!(due_at(&mut timers, ms(79)), 1, "the one that comes once");
        assert_eq!(due_at(&mut timers, ms(80)), 1, "the pace is kept");
        assert_eq!(due_at(&mut timers, ms(205)), 1, "what is past is left out");
        assert_eq!(timers.next_deadline(), Some(ms(240)));
    }

    #[test]
    fn one_that_is_removed_is_due_no_more() {
        let mut timers = Timers::new(ms(0));
        let timer = timers.add(SPARK, ms(50), Some(50), Box::new(|_, _| ()));
        assert!(timers.expire(ms(50), 100));
        let (due, _, call) = timers.next_due().unwrap();
        assert_eq!(due, timer);
        assert!(timers.remove(timer).is_some(), "while it is called");
        assert!(timers.called(timer, call, ms(50)).is_some());
        assert_eq!(due_at(&mut timers, ms(500)), 0);
        assert!(timers.remove(timer).is_none());
    }
}
