//! What the futures of a shard and the shard itself both reach.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use allspark_protocol::Instant;

use super::sleeps::Sleeps;
use super::wakes::Wakes;
use crate::limits::TASK_STEPS;
use crate::memory::Key;

pub(crate) type BoxFuture = Pin<Box<dyn Future<Output = ()>>>;

pub(super) struct Shared {
    pub(super) wakes: Arc<Wakes>,
    pub(super) spawned: RefCell<Vec<Spawned>>,
    pub(super) sleeps: RefCell<Sleeps>,
    pub(super) now: Cell<Instant>,
    /// What the futures of this crate still give in this poll.
    pub(super) steps: Cell<u32>,
    /// The shard has ended.
    pub(super) is_closed: Cell<bool>,
}

/// Whose a future is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    /// The application's own.
    Nobody,
    /// Somebody's, who may end.
    Somebody(Key),
    /// A stranger has caused it, and may cause any number of them.
    Stranger,
}

/// A future that was not polled yet.
pub(super) struct Spawned {
    pub(super) owner: Owner,
    pub(super) future: BoxFuture,
}

impl Shared {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            wakes: Arc::default(),
            spawned: RefCell::default(),
            sleeps: RefCell::new(Sleeps::new(now)),
            now: Cell::new(now),
            steps: Cell::new(TASK_STEPS),
            is_closed: Cell::new(false),
        }
    }

    pub(super) fn step(&self, context: &Context<'_>) -> Poll<()> {
        let steps = self.steps.get();
        if steps == 0 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.steps.set(steps - 1);
        Poll::Ready(())
    }

    pub(super) fn now(&self) -> Instant {
        self.now.get()
    }
}
