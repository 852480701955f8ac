//! The tasks of a shard: futures of the application, which the shard's own thread runs. It knows no
//! spark: a task has at most an **owner**, a key that means something to the shard.
//!
//! | file | what it is |
//! |---|---|
//! | here | [`Tasks`]: who is there, and who is polled next |
//! | [`executor`] | [`Executor`]: how futures reach their shard |
//! | [`shared`] | what both reach |
//! | [`wakes`] | wakes of any thread |
//! | [`sleep`], [`sleeps`] | futures that wait for a time |
//! | [`desk`] | what futures ask of their shard |
//!
//! # Invariants
//! - A task is polled once for all wakes since its last poll, however many they are and wherever
//!   they come from, and in the turn after that at the earliest if it wakes itself: nobody waits
//!   behind a task for longer than one poll takes.
//! - What waits here is at most one entry per task.
//! - A future is polled and dropped under a guard, and never while anything in here is borrowed: it
//!   may spawn, sleep and ask whenever it runs, also while it is dropped.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use allspark_protocol::Instant;
use smallvec::SmallVec;

use crate::guard;
use crate::limits::{ORPHANS_MAX, TASKS_PER_OWNER};
use crate::memory::{Arena, GiveBack, Key};

mod desk;
mod executor;
mod shared;
mod sleep;
mod sleeps;
mod wakes;

pub(crate) use desk::Desk;
pub use executor::Executor;
pub(crate) use shared::BoxFuture;
pub use sleep::Sleep;

use shared::{Owner, Spawned};
use wakes::TaskWaker;

/// The tasks of one shard.
pub(crate) struct Tasks {
    executor: Executor,
    tasks: Arena<Task>,
    /// By owner, its tasks.
    owned: HashMap<Key, SmallVec<[Key; 1]>>,
    /// Tasks whose owners have ended, or that a stranger has caused: the oldest first, and some
    /// that are done.
    orphans: VecDeque<Key>,
    orphans_alive: usize,
}

struct Task {
    future: BoxFuture,
    woken: Arc<TaskWaker>,
    waker: Waker,
    owner: Option<Key>,
    is_orphan: bool,
}

/// What came of a poll.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Polled {
    pub(crate) owner: Option<Key>,
    /// What the task panicked with.
    pub(crate) panicked: Option<String>,
    /// The owner had too many tasks, and may have another one now.
    pub(crate) has_room: bool,
}

impl Tasks {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            executor: Executor::new(now),
            tasks: Arena::default(),
            owned: HashMap::new(),
            orphans: VecDeque::new(),
            orphans_alive: 0,
        }
    }

    pub(crate) fn executor(&self) -> &Executor {
        &self.executor
    }

    /// A turn begins.
    #[inline]
    pub(crate) fn begin_turn(&self, now: Instant) {
        self.executor.begin_turn(now);
    }

    /// Whether a task is to be polled.
    #[inline]
    pub(crate) fn has_woken(&self) -> bool {
        self.executor.has_woken()
    }

    /// When the next sleep is over.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.executor.next_deadline()
    }

    /// Wakes those whose sleep is over, so many at most. Returns whether these are all.
    pub(crate) fn expire(&self, count_max: usize) -> bool {
        self.executor.expire(count_max)
    }

    /// Takes in what was spawned. Returns owners that have too many tasks now, and how many tasks
    /// are to be polled.
    pub(crate) fn begin(&mut self) -> (SmallVec<[Key; 1]>, usize) {
        let mut crowded = SmallVec::new();
        for Spawned { owner, future } in self.executor.take_spawned() {
            let is_crowded = match owner {
                Owner::Nobody => {
                    self.insert(None, future);
                    false
                }
                Owner::Stranger => {
                    let task = self.insert(None, future);
                    self.add_orphan(task);
                    false
                }
                Owner::Somebody(owner) => self.spawn(owner, future),
            };
            if let Owner::Somebody(owner) = owner
                && is_crowded
            {
                crowded.push(owner);
            }
        }
        self.drop_orphans();
        (crowded, self.executor.wakes().len())
    }

    fn insert(&mut self, owner: Option<Key>, future: BoxFuture) -> Key {
        let wakes = self.executor.wakes();
        self.tasks.insert_with(|key| {
            let woken = Arc::new(TaskWaker::new(key, Arc::clone(wakes)));
            let waker = Waker::from(Arc::clone(&woken));
            waker.wake_by_ref();
            Task {
                future,
                waker,
                woken,
                owner,
                is_orphan: false,
            }
        })
    }

    /// Takes in a future of somebody. Returns whether that has too many now.
    pub(crate) fn spawn(&mut self, owner: Key, future: BoxFuture) -> bool {
        let task = self.insert(Some(owner), future);
        let list = self.owned.entry(owner).or_default();
        list.push(task);
        list.len() == TASKS_PER_OWNER
    }

    /// Polls the next task that was woken, if there is one.
    pub(crate) fn poll_next(&mut self) -> Option<Polled> {
        let key = self.executor.wakes().pop()?;
        let mut polled = Polled {
            owner: None,
            panicked: None,
            has_room: false,
        };
        // It may have been dropped since.
        let Some(task) = self.tasks.get_mut(key) else {
            return Some(polled);
        };
        polled.owner = task.owner;
        task.woken.begin_poll();
        self.executor.begin_poll();
        let mut context = Context::from_waker(&task.waker);
        let result = guard::call(|| task.future.as_mut().poll(&mut context));
        match result {
            Ok(Poll::Pending) => return Some(polled),
            Ok(Poll::Ready(())) => {}
            Err(panicked) => polled.panicked = Some(panicked),
        }
        polled.has_room = self.remove(key);
        Some(polled)
    }

    /// Removes a task. Returns whether its owner had too many of them and may have another one now.
    fn remove(&mut self, key: Key) -> bool {
        let Some(task) = self.tasks.remove(key) else {
            return false;
        };
        task.woken.end();
        self.orphans_alive -= usize::from(task.is_orphan);
        let has_room = task.owner.is_some_and(|owner| self.disown(owner, key));
        guard::drop_value(task.future);
        has_room
    }

    fn disown(&mut self, owner: Key, task: Key) -> bool {
        let Some(list) = self.owned.get_mut(&owner) else {
            return false;
        };
        list.retain(|other| *other != task);
        let has_room = list.len() == TASKS_PER_OWNER - 1;
        if list.is_empty() {
            self.owned.remove(&owner);
        }
        has_room
    }

    /// An owner has ended. Its tasks go on, but only so many of such.
    pub(crate) fn orphan(&mut self, owner: Key) {
        if self.owned.is_empty() {
            return;
        }
        let Some(list) = self.owned.remove(&owner) else {
            return;
        };
        list.into_iter().for_each(|task| self.add_orphan(task));
        self.drop_orphans();
    }

    fn add_orphan(&mut self, task: Key) {
        if let Some(found) = self.tasks.get_mut(task) {
            (found.owner, found.is_orphan) = (None, true);
            self.orphans_alive += 1;
            self.orphans.push_back(task);
        }
    }

    /// Drops the oldest of too many, and forgets those that are done.
    fn drop_orphans(&mut self) {
        while self.orphans_alive > ORPHANS_MAX
            && let Some(oldest) = self.orphans.pop_front()
        {
            self.remove(oldest);
        }
        if self.orphans.len() > 2 * self.orphans_alive + 64 {
            let tasks = &self.tasks;
            self.orphans.retain(|key| tasks.get(*key).is_some());
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(crate) fn give_back(&mut self) {
        self.owned.give_back();
        self.orphans.give_back();
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.executor.close();
        let mut next = 0;
        while let Some(key) = self.tasks.next_from(next) {
            next = key.index + 1;
            self.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
