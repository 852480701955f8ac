//! Wakes of tasks, by any thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Wake;

use crossbeam_queue::SegQueue;

use crate::io::Waker;
use crate::memory::Key;

/// Tasks of one shard that were woken, in this order.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    woken: SegQueue<Key>,
    /// Set when the shard's driver exists.
    shard: OnceLock<Waker>,
}

impl Wakes {
    /// Makes the shard reachable while it sleeps.
    pub(super) fn set_waker(&self, waker: Waker) {
        // A shard sets it once, when it starts.
        let _ = self.shard.set(waker);
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.woken.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.woken.len()
    }

    pub(super) fn pop(&self) -> Option<Key> {
        self.woken.pop()
    }

    fn push(&self, task: Key) {
        self.woken.push(task);
        if let Some(shard) = self.shard.get() {
            shard.wake();
        }
    }
}

/// Wakes one task.
#[derive(Debug)]
pub(super) struct TaskWaker {
    task: Key,
    /// It is in the list, or over. So a million wakes are one entry.
    is_woken: AtomicBool,
    wakes: Arc<Wakes>,
}

impl TaskWaker {
    pub(super) fn new(task: Key, wakes: Arc<Wakes>) -> Self {
        Self {
            task,
            is_woken: AtomicBool::new(false),
            wakes,
        }
    }

    /// The task is polled: whoever wakes it from now on wants another poll. What was written before
    /// an earlier wake is seen by this poll.
    pub(super) fn begin_poll(&self) {
        self.is_woken.swap(false, Ordering::AcqRel);
    }

    /// The task is over; wakes mean nothing any more.
    pub(super) fn end(&self) {
        self.is_woken.store(true, Ordering::Release);
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            self.wakes.push(self.task);
        }
    }
}
