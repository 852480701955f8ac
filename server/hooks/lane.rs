//! A lane: what is told of some of the sparks, one request after the other.
//!
//! A spark belongs to one lane, so its events are told in their order, and a request that is tried
//! again holds up its own lane only. Whatever comes while a request is under way is the next one.
//!
//! # Invariants
//! - What waits costs at most the bound of the lane, and beyond it one message per shard, the
//!   messages that were let go at once when there was room again (as much as the bound), and an end
//!   for each spark whose beginning was told.
//! - Who puts something in never waits for more than the time that it takes to move a batch.
//! - What waits for room goes on in the order in which it came.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::event::Event;

/// What an event costs besides its bytes: its place and what an allocator adds.
const EVENT_BYTES: usize = size_of::<Queued>() + 16;

/// What something that waits for room costs besides its bytes.
const WAITING_BYTES: usize = 512;

/// An event that waits, or is under way.
#[derive(Debug)]
pub(super) struct Queued {
    /// Counts the events of the lane.
    pub(super) number: u64,
    pub(super) event: Event,
}

impl Queued {
    fn cost(&self) -> usize {
        EVENT_BYTES + self.event.members.len()
    }
}

/// See above. `W` is what waits for room.
pub(super) struct Lane<W> {
    state: Mutex<State<W>>,
    changed: Condvar,
    bytes_max: usize,
    /// Looked at without the lock.
    is_full: AtomicBool,
    is_failing: AtomicBool,
    bytes: AtomicUsize,
}

struct State<W> {
    queue: VecDeque<Queued>,
    /// What the queue costs, and what is under way.
    bytes: usize,
    /// Of the last event.
    number: u64,
    waiting: VecDeque<(W, usize)>,
    waiting_bytes: usize,
    /// Whether the thread of the lane sleeps until there is something.
    is_idle: bool,
    /// Until when what is left has to be told.
    deadline: Option<Instant>,
}

/// What becomes of something for which there may be no room.
pub(super) enum Room<W> {
    /// There is.
    Now(W),
    /// It is given back by [`Lane::done`].
    Later,
    /// Too much waits already.
    Never(W),
}

/// How much goes in one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl<W> Lane<W> {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                bytes: 0,
                number: 0,
                waiting: VecDeque::new(),
                waiting_bytes: 0,
                is_idle: false,
                deadline: None,
            }),
            changed: Condvar::new(),
            bytes_max,
            is_full: AtomicBool::new(false),
            is_failing: AtomicBool::new(false),
            bytes: AtomicUsize::new(0),
        }
    }

    /// Whether messages have to wait.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Whether the last request failed and is being tried again.
    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// What everything costs that waits for the application.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// An event that has to be told, whatever waits.
    pub(super) fn push(&self, event: Event) {
        let mut state = self.lock();
        self.add(&mut state, event);
    }

    /// An event that is not told while too much waits. Returns whether it is.
    pub(super) fn push_if_room(&self, event: Event) -> bool {
        let mut state = self.lock();
        let has_room = state.bytes < self.bytes_max;
        if has_room {
            self.add(&mut state, event);
        }
        has_room
    }

    fn add(&self, state: &mut State<W>, event: Event) {
        state.number += 1;
        let queued = Queued {
            number: state.number,
            event,
        };
        state.bytes += queued.cost();
        state.queue.push_back(queued);
        self.note(state);
        if std::mem::take(&mut state.is_idle) {
            self.changed.notify_all();
        }
    }

    /// Something waits for room, of this size.
    pub(super) fn wait(&self, what: W, bytes: usize) -> Room<W> {
        let mut state = self.lock();
        let cost = WAITING_BYTES + bytes;
        if !self.is_full() {
            Room::Now(what)
        } else if state.waiting_bytes + cost > self.bytes_max && !state.waiting.is_empty() {
            Room::Never(what)
        } else {
            state.waiting.push_back((what, cost));
            state.waiting_bytes += cost;
            Room::Later
        }
    }

    /// What is to be told next: events that `goes_with` accepts behind the first one. Sleeps until
    /// there are some. `None` when the lane has ended.
    pub(super) fn take(
        &self,
        most: Most,
        goes_with: impl Fn(&Event, &Event) -> bool,
    ) -> Option<Vec<Queued>> {
        let mut state = self.lock();
        while state.queue.is_empty() {
            if state.deadline.is_some() {
                return None;
            }
            state.is_idle = true;
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(next) = state.queue.front() {
            bytes += next.event.members.len();
            let fits = match batch.first() {
                None => true,
                Some(Queued { event: first, .. }) => {
                    batch.len() < most.events
                        && bytes <= most.bytes
                        && goes_with(first, &next.event)
                }
            };
            if !fits {
                break;
            }
            batch.extend(state.queue.pop_front());
        }
        Some(batch)
    }

    /// These could not be told in this request and are the next ones.
    pub(super) fn put_back(&self, events: impl DoubleEndedIterator<Item = Queued>) {
        let mut state = self.lock();
        for queued in events.rev() {
            state.queue.push_front(queued);
        }
    }

    /// These were told, or never will be. Returns what there is room for now.
    pub(super) fn done(&self, events: &[Queued]) -> Vec<W> {
        let cost: usize = events.iter().map(Queued::cost).sum();
        let mut state = self.lock();
        state.bytes -= cost;
        let (mut bytes, mut let_go) = (state.bytes, Vec::new());
        if bytes < self.bytes_max / 2 {
            let fits = |bytes: usize, (_, cost): &(W, usize), is_first: bool| {
                is_first || bytes + cost <= self.bytes_max
            };
            while let Some(next) = state.waiting.front()
                && fits(bytes, next, let_go.is_empty())
                && let Some((what, cost)) = state.waiting.pop_front()
            {
                bytes += cost;
                state.waiting_bytes -= cost;
                let_go.push(what);
            }
        }
        self.note(&state);
        if state.queue.is_empty() {
            state.queue.shrink_to(64);
        }
        let_go
    }

    /// What is looked at without the lock. Once full, it is until half of that is gone and nobody
    /// waits any more.
    fn note(&self, state: &State<W>) {
        let bound = match self.is_full() {
            true => self.bytes_max / 2,
            false => self.bytes_max,
        };
        let is_full = state.bytes >= bound || !state.waiting.is_empty();
        self.is_full.store(is_full, Ordering::Relaxed);
        self.bytes.store(state.bytes, Ordering::Relaxed);
    }

    /// Requests fail. Returns whether they have just begun to.
    pub(super) fn begin_failing(&self) -> bool {
        !self.is_failing.swap(true, Ordering::Relaxed)
    }

    /// Requests succeed again.
    pub(super) fn end_failing(&self) {
        self.is_failing.store(false, Ordering::Relaxed);
    }

    /// Calls `each` with every event that waits.
    pub(super) fn each_waiting(&self, each: impl Fn(&Event)) {
        self.lock()
            .queue
            .iter()
            .for_each(|queued| each(&queued.event));
    }

    /// Events that nobody was told of so far were given up. If none are left, nothing fails: who
    /// comes next finds out.
    pub(super) fn has_given_up(&self) {
        if self.lock().queue.is_empty() {
            self.is_failing.store(false, Ordering::Relaxed);
        }
    }

    /// From now on only what is there is told, until then. Who waits for room is given back.
    pub(super) fn end(&self, deadline: Instant) -> Vec<W> {
        let mut state = self.lock();
        state.deadline = Some(deadline);
        state.waiting_bytes = 0;
        let waiting = state.waiting.drain(..).map(|(what, _)| what).collect();
        self.note(&state);
        self.changed.notify_all();
        waiting
    }

    /// Until when what is left has to be told, if the lane is to end.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.lock().deadline
    }

    /// Sleeps; until the deadline at most, and not at all once that is past.
    pub(super) fn sleep(&self, duration: Duration) {
        let until = Instant::now() + duration;
        let mut state = self.lock();
        loop {
            let until = state.deadline.map_or(until, |deadline| deadline.min(until));
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
