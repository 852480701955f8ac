//! An answer whose body comes as it is pulled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use crate::routes::{Body, Pulled};

/// The source of a body that is being sent.
#[derive(Debug)]
pub(crate) struct Streamed {
    body: Body,
    /// Has the body pulled again.
    waker: Waker,
    /// The waker was woken since the last pull, and has no need to say so again.
    told: Arc<AtomicBool>,
    /// It is in the list of bodies to be pulled.
    pub(crate) is_queued: bool,
}

impl Streamed {
    /// Whoever has woken `waker` sets `told`.
    pub(crate) fn new(body: Body, waker: Waker, told: Arc<AtomicBool>) -> Self {
        Self {
            body,
            waker,
            told,
            is_queued: false,
        }
    }

    /// Appends the next part of the body to `out`.
    ///
    /// # Errors
    /// It panicked, with this text.
    pub(crate) fn pull(&mut self, room: usize, out: &mut Vec<u8>) -> Result<Poll<Pulled>, String> {
        assert!(
            !self.is_queued,
            "it is pulled once for each time that it was queued"
        );
        self.told.store(false, Ordering::SeqCst);
        let mut context = Context::from_waker(&self.waker);
        self.body.pull(&mut context, room, out)
    }
}
