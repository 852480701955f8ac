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
    /// How much of the body is still to come, if its length was said.
    left: Option<u64>,
    /// It is in the list of bodies to be pulled.
    pub(crate) is_queued: bool,
}

impl Streamed {
    /// Whoever has woken `waker` sets `told`. `left` is how much of the body is still to come, if
    /// that was said.
    pub(crate) fn new(
        body: Body,
        (waker, told): (Waker, Arc<AtomicBool>),
        left: Option<u64>,
    ) -> Self {
        Self {
            body,
            waker,
            told,
            left,
            is_queued: false,
        }
    }

    /// Sets `out`, which is empty, to the next part of the body. If there is more or less than was
    /// said, the body is broken.
    ///
    /// # Errors
    /// It panicked, with this text.
    pub(crate) fn pull(&mut self, room: usize, out: &mut Vec<u8>) -> Result<Poll<Pulled>, String> {
        assert!(
            !self.is_queued,
            "it is pulled once for each time that it was queued"
        );
        assert!(out.is_empty(), "what was pulled before is sent");
        self.told.store(false, Ordering::SeqCst);
        let mut context = Context::from_waker(&self.waker);
        let mut pulled = self.body.pull(&mut context, room, out)?;
        if let Some(left) = &mut self.left {
            let (bytes, said) = (out.len() as u64, *left);
            *left = said.saturating_sub(bytes);
            if bytes > said {
                out.truncate(usize::try_from(said).unwrap_or(usize::MAX));
                pulled = Poll::Ready(Pulled::Broken);
            } else if *left > 0 && pulled == Poll::Ready(Pulled::End) {
                pulled = Poll::Ready(Pulled::Broken);
            }
        }
        Ok(pulled)
    }
}
