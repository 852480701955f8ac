//! Whether anybody still waits for the answer that a ticket gives.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures_util::task::AtomicWaker;

#[derive(Debug, Default)]
struct Shared {
    is_gone: AtomicBool,
    /// Woken when it is.
    waker: AtomicWaker,
}

/// Kept with a request as long as its client waits.
#[derive(Debug)]
pub(crate) struct Present(Arc<Shared>);

/// The same, as whoever owes the answer sees it.
#[derive(Debug)]
pub(crate) struct Presence(Arc<Shared>);

/// Both ends for one request.
pub(crate) fn new() -> (Present, Presence) {
    let shared = Arc::<Shared>::default();
    (Present(Arc::clone(&shared)), Presence(shared))
}

impl Presence {
    pub(super) fn is_gone(&self) -> bool {
        self.0.is_gone.load(Ordering::SeqCst)
    }

    /// Returns once it is.
    pub(super) async fn gone(&mut self) {
        poll_fn(|context| {
            // Before it looks, so that it does not miss what happens meanwhile.
            self.0.waker.register(context.waker());
            match self.is_gone() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.is_gone.store(true, Ordering::SeqCst);
        self.0.waker.wake();
    }
}
