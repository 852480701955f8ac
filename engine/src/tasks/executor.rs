//! How futures reach the shard that runs them.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use allspark_protocol::Instant;

use super::shared::{BoxFuture, Owner, Shared, Spawned};
use super::sleep::Sleep;
use super::wakes::Wakes;
use crate::guard;
use crate::io::Waker;
use crate::limits::TASK_STEPS;
use crate::memory::Key;

/// Runs futures on the thread of one shard: those of sparks, and any other that is spawned. It
/// stays on that thread, and so does what it runs; wakes may come from any thread.
///
/// A future that waits for something of tokio (a socket, a timer of tokio) needs tokio's own
/// threads. Spawn it there and wait here for its answer, for instance through a oneshot channel:
/// channels work everywhere.
///
/// A task must not block, as all sparks of the shard wait for it: it is polled between the messages
/// of others. What futures of this crate give (data, room for data, the time) they give a bounded
/// number of times per poll, so that a loop over something that is always ready lets others have
/// their turn, too.
#[derive(Clone)]
pub struct Executor(Rc<Shared>);

impl Executor {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Rc::new(Shared::new(now)))
    }

    /// Runs a future on this shard. It is polled for the first time after the handler, or the poll,
    /// that runs now, and lives until it is done or the shard ends. If it panics, that is logged
    /// and harms nobody else.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.spawn_with(Owner::Nobody, Box::pin(future));
    }

    /// The same for a future that belongs to somebody.
    pub(crate) fn spawn_for(&self, owner: Key, future: impl Future<Output = ()> + 'static) {
        self.spawn_with(Owner::Somebody(owner), Box::pin(future));
    }

    /// The same for one that a stranger has caused: of such there are only so many.
    pub(crate) fn spawn_strange(&self, future: BoxFuture) {
        self.spawn_with(Owner::Stranger, future);
    }

    fn spawn_with(&self, owner: Owner, future: BoxFuture) {
        if self.0.is_closed.get() {
            return guard::drop_value(future);
        }
        self.0.spawned.borrow_mut().push(Spawned { owner, future });
    }

    /// Waits for so long, to the millisecond, and never less.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        let ms = duration.as_nanos().div_ceil(1_000_000);
        let whole = Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX));
        Sleep::new(Rc::clone(&self.0), self.0.now.get() + whole)
    }

    /// A future gives something. Pending if it gave enough in this poll; then the task is polled
    /// again in the next turn.
    pub(crate) fn step(&self, context: &Context<'_>) -> Poll<()> {
        self.0.step(context)
    }

    /// Makes the shard reachable while it sleeps.
    pub(crate) fn set_waker(&self, waker: Waker) {
        self.0.wakes.set_waker(waker);
    }

    pub(super) fn begin_turn(&self, now: Instant) {
        self.0.now.set(now);
        self.0.steps.set(TASK_STEPS);
    }

    pub(super) fn begin_poll(&self) {
        self.0.steps.set(TASK_STEPS);
    }

    pub(super) fn wakes(&self) -> &Arc<Wakes> {
        &self.0.wakes
    }

    #[inline]
    pub(super) fn has_woken(&self) -> bool {
        !self.0.wakes.is_empty() || !self.0.spawned.borrow().is_empty()
    }

    pub(super) fn take_spawned(&self) -> Vec<Spawned> {
        self.0.spawned.take()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.0.sleeps.borrow().next_deadline()
    }

    pub(super) fn expire(&self, count_max: usize) -> bool {
        let mut sleeps = self.0.sleeps.borrow_mut();
        let (mut woken, is_all) = sleeps.expire(self.0.now.get(), count_max);
        drop(sleeps);
        // They may be wakers of the application.
        woken.drain(..).for_each(guard::wake);
        self.0.sleeps.borrow_mut().put_back(woken);
        is_all
    }

    /// The shard has ended: nothing is run any more.
    pub(super) fn close(&self) {
        self.0.is_closed.set(true);
        self.take_spawned()
            .into_iter()
            .for_each(|spawned| guard::drop_value(spawned.future));
    }
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
}
