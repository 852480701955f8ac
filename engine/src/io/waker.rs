//! Ends the sleep of a shard from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};

/// Wakes one shard. Waking a shard that does not sleep costs one atomic load.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Set by the shard before it looks at its inbox for the last time and goes to sleep.
    sleeping: AtomicBool,
    /// `None` in the simulator, where nothing sleeps.
    event: Option<OwnedFd>,
}

impl Waker {
    /// A waker that writes to an event descriptor, which the driver must watch.
    pub fn new() -> std::io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(Inner {
            sleeping: AtomicBool::new(false),
            event: Some(event),
        })))
    }

    /// A waker for a driver that never sleeps.
    pub fn idle() -> Self {
        Self(Arc::new(Inner {
            sleeping: AtomicBool::new(false),
            event: None,
        }))
    }

    /// Wakes the shard if it sleeps. Call it after the message was put into the inbox.
    pub fn wake(&self) {
        // Pairs with `prepare_sleep`: either this sees `sleeping`, or the shard sees the message.
        std::sync::atomic::fence(Ordering::SeqCst);
        if self.0.sleeping.load(Ordering::Relaxed)
            && self.0.sleeping.swap(false, Ordering::AcqRel)
            && let Some(event) = &self.0.event
        {
            // Only a counter at its maximum refuses a write, and then the shard wakes up anyway.
            let _ = rustix::io::write(event, &1u64.to_ne_bytes());
        }
    }

    /// The shard is about to sleep. It must look at its inbox once more after this call.
    pub fn prepare_sleep(&self) {
        self.0.sleeping.store(true, Ordering::Relaxed);
        std::sync::atomic::fence(Ordering::SeqCst);
    }

    /// The shard is awake.
    pub fn awake(&self) {
        self.0.sleeping.store(false, Ordering::Relaxed);
    }

    /// The descriptor that becomes readable. Drivers watch it and call [`Waker::drain`].
    pub fn event(&self) -> Option<BorrowedFd<'_>> {
        self.0.event.as_ref().map(AsFd::as_fd)
    }

    /// Makes the descriptor unreadable again.
    pub fn drain(&self) {
        if let Some(event) = &self.0.event {
            let mut count = [0; 8];
            // Nothing to read means nothing to drain.
            let _ = rustix::io::read(event, &mut count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(waker: &Waker) -> bool {
        let mut count = [0; 8];
        rustix::io::read(waker.event().unwrap(), &mut count).is_ok()
    }

    #[test]
    fn writes_only_to_a_sleeper_and_only_once() {
        let waker = Waker::new().unwrap();
        waker.wake();
        assert!(!pending(&waker));
        waker.prepare_sleep();
        waker.wake();
        assert!(pending(&waker));
        waker.wake();
        assert!(
            !pending(&waker),
            "the first wake already took the sleeper's flag"
        );
    }
}
