//! A future that waits for a time.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use allspark_protocol::Instant;

use super::shared::Shared;
use crate::memory::Key;

/// Waits for a time; made by [`Executor::sleep`](super::Executor::sleep). Dropped, it costs nothing
/// any more.
#[must_use = "it waits only while it is awaited"]
pub struct Sleep {
    shared: Rc<Shared>,
    at: Instant,
    entry: Option<Key>,
}

impl Sleep {
    pub(super) fn new(shared: Rc<Shared>, at: Instant) -> Self {
        let entry = None;
        Self { shared, at, entry }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.at <= self.shared.now() {
            return self.shared.step(context);
        }
        // A clone of a waker may be a function of the application, and so may its drop.
        let waker = context.waker().clone();
        let old = match self.entry {
            Some(key) => self.shared.sleeps.borrow_mut().set_waker(key, waker),
            None => {
                let key = self.shared.sleeps.borrow_mut().add(self.at, waker);
                self.entry = Some(key);
                None
            }
        };
        drop(old);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let entry = self.entry.take();
        let removed = entry.and_then(|key| self.shared.sleeps.borrow_mut().remove(key));
        drop(removed);
    }
}

impl std::fmt::Debug for Sleep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sleep").finish_non_exhaustive()
    }
}
