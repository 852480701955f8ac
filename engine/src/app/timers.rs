//! Functions that the application wants called at a time, each for one spark. They are cancelled
//! with their spark.
//!
//! # Invariants
//! - A timer is called at or after its time, never before, however far ahead that is.
//! - Those that are called in one turn are called in the order of their times, and those of one
//!   moment in the order in which they were set.

use std::cmp::Reverse;
use std::time::Duration;

use allspark_protocol::Instant;

use super::host::OnSpark;
use crate::memory::{Arena, Key};
use crate::wheel::Wheel;

/// The timers of the application on one shard.
pub(crate) struct Timers {
    entries: Arena<Entry>,
    wheel: Wheel,
    /// Those that are due, the next one last. They are named by keys, because the place of one that
    /// is cancelled meanwhile may be taken by another.
    due: Vec<(Order, Key)>,
    /// What the wheel says, used again from turn to turn.
    fired: Vec<u32>,
    /// How many were added so far.
    added: u64,
}

/// Which of two timers is called first.
type Order = (Instant, u64);

/// One of them.
pub(crate) struct Entry {
    spark: Key,
    /// From one call to the next; `None` for a single call.
    interval: Option<Duration>,
    /// When it is due, and its number among all that were added.
    order: Order,
    /// Not here while it is called.
    call: Option<OnSpark>,
}

/// One whose time has come.
pub(crate) struct Due {
    pub(crate) timer: Key,
    pub(crate) spark: Key,
    pub(crate) call: OnSpark,
    /// It is not called again, and gone already.
    pub(crate) is_last: bool,
}

impl Timers {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            entries: Arena::default(),
            wheel: Wheel::new(now),
            due: Vec::new(),
            fired: Vec::new(),
            added: 0,
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
        interval: Option<Duration>,
        call: OnSpark,
    ) -> Key {
        assert!(
            interval.is_none_or(|interval| !interval.is_zero()),
            "some time passes between two calls"
        );
        let timer = self.entries.insert(Entry {
            spark,
            interval,
            order: (at, self.added),
            call: Some(call),
        });
        self.added += 1;
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
        assert!(self.due.is_empty(), "those of the last turn were called");
        assert!(count_max > 0, "each turn calls some");
        let is_all = self.wheel.expire(now, count_max, &mut self.fired);
        for index in self.fired.drain(..) {
            let timer = self.entries.key_at(index);
            let timer = timer.expect("the wheel knows those that are there");
            let entry = self.entries.get(timer).expect("it is there");
            match entry.order.0 {
                // The wheel does not reach that far.
                at if at > now => self.wheel.set(index, at),
                _ => self.due.push((entry.order, timer)),
            }
        }
        self.due.sort_unstable_by_key(|(order, _)| Reverse(*order));
        is_all
    }

    /// Takes the next one that is due, with its function.
    pub(crate) fn next_due(&mut self) -> Option<Due> {
        while let Some((_, timer)) = self.due.pop() {
            // It may have been cancelled since it was found to be due.
            let Some(entry) = self.entries.get_mut(timer) else {
                continue;
            };
            let (spark, is_last) = (entry.spark, entry.interval.is_none());
            let call = entry.call.take().expect("a timer is due once at a time");
            if is_last {
                self.entries.remove(timer);
            }
            return Some(Due {
                timer,
                spark,
                call,
                is_last,
            });
        }
        None
    }

    /// A timer was called. Gives the function back if it is not called again.
    ///
    /// A repeated one is next due an interval after it was due, not after it was called, so that it
    /// keeps its pace; intervals that are past already are left out.
    pub(crate) fn called(&mut self, due: Due, now: Instant) -> Option<OnSpark> {
        let Due { timer, call, .. } = due;
        let Some(entry) = self.entries.get_mut(timer) else {
            return Some(call);
        };
        let interval = entry.interval.expect("one that is called once is gone");
        let (at, number) = entry.order;
        assert!(now >= at, "a timer is called at its time or later");
        let late_ns = (now - at).as_nanos();
        let interval_ns = interval.as_nanos();
        let past_ns = late_ns - late_ns % interval_ns;
        let past = Duration::from_nanos(u64::try_from(past_ns).unwrap_or(u64::MAX));
        let next = at + past + interval;
        entry.order = (next, number);
        entry.call = Some(call);
        self.wheel.set(timer.index, next);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

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
        while let Some(due) = timers.next_due() {
            assert_eq!(due.spark, SPARK);
            timers.called(due, now);
            count += 1;
        }
        count
    }

    #[test]
    fn one_is_due_once_and_one_every_interval() {
        let mut timers = Timers::new(ms(0));
        timers.add(SPARK, ms(50), None, Box::new(|_, _| ()));
        timers.add(SPARK, ms(40), Some(MS * 40), Box::new(|_, _| ()));
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
        let timer = timers.add(SPARK, ms(50), Some(MS * 50), Box::new(|_, _| ()));
        assert!(timers.expire(ms(50), 100));
        let due = timers.next_due().unwrap();
        assert_eq!((due.timer, due.is_last), (timer, false));
        assert!(timers.remove(timer).is_some(), "while it is called");
        assert!(timers.called(due, ms(50)).is_some());
        assert_eq!(due_at(&mut timers, ms(500)), 0);
        assert!(timers.remove(timer).is_none());
    }
    #[test]
    fn an_interval_is_kept_to_the_nanosecond() {
        let mut timers = Timers::new(ms(0));
        let first = Instant::from_ns(10_900_000);
        timers.add(SPARK, first, Some(MS * 40), Box::new(|_, _| ()));
        assert_eq!(due_at(&mut timers, ms(11)), 1);
        assert_eq!(due_at(&mut timers, Instant::from_ns(50_899_999)), 0);
        assert_eq!(due_at(&mut timers, ms(51)), 1);
        assert_eq!(due_at(&mut timers, Instant::from_ns(90_899_999)), 0);
    }

    #[test]
    fn the_place_of_one_that_is_cancelled_is_not_due() {
        let mut timers = Timers::new(ms(0));
        let first = timers.add(SPARK, ms(10), None, Box::new(|_, _| ()));
        let second = timers.add(SPARK, ms(10), None, Box::new(|_, _| ()));
        assert!(timers.expire(ms(10), 100));
        assert_eq!(timers.next_due().map(|due| due.timer), Some(first));
        assert!(timers.remove(second).is_some());
        let places = [(); 2].map(|()| timers.add(SPARK, ms(500), None, Box::new(|_, _| ())).index);
        assert!(places.contains(&second.index));
        assert!(timers.next_due().is_none());
    }
}
