//! Memory for outgoing bytes, which everybody on a shard shares.

use super::queue::SendQueue;
use crate::memory::{BlockPool, Spares};

/// Empty queues that are kept for later.
const QUEUES_MAX: usize = 1024;

/// Blocks, and queues of them.
#[derive(Default)]
pub(crate) struct Buffers {
    pub(crate) blocks: BlockPool,
    /// Queues for who comes to need one; boxed, as their owners own them.
    queues: Spares<Box<SendQueue>>,
}

impl Buffers {
    /// The queue in this place, which gets one if it is empty, and what is needed to write to it.
    #[inline]
    pub(crate) fn queue<'a>(
        &'a mut self,
        place: &'a mut Option<Box<SendQueue>>,
    ) -> (&'a mut SendQueue, &'a mut BlockPool) {
        let queue = place.get_or_insert_with(|| self.queues.pop().unwrap_or_default());
        (queue, &mut self.blocks)
    }

    /// A queue of which nothing is needed any more is used again by the next one who needs one.
    pub(crate) fn recycle(&mut self, queue: Option<Box<SendQueue>>) {
        if let Some(mut queue) = queue {
            queue.clear(&mut self.blocks);
            if self.queues.len() < QUEUES_MAX {
                self.queues.push(queue);
            }
        }
    }

    /// Frees the blocks and queues that nobody has needed since the last call. Returns whether
    /// there are others that may turn out to be needed no more.
    pub(crate) fn free_unused(&mut self) -> bool {
        drop(self.queues.take_unused());
        self.blocks.free_unused() | self.queues.may_be_unused()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_that_nobody_needs_any_more_are_freed() {
        let mut buffers = Buffers::default();
        let mut places: Vec<_> = (0..500).map(|_| None).collect();
        for place in &mut places {
            buffers.queue(place);
        }
        for place in &mut places {
            buffers.recycle(place.take());
        }
        assert!(buffers.free_unused(), "they were needed a moment ago");
        assert_eq!(buffers.queues.len(), 500);
        assert!(!buffers.free_unused());
        assert!(buffers.queues.len() < 20);
    }
}
