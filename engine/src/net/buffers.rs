//! Memory for outgoing bytes, which everybody on a shard shares.

use super::queue::SendQueue;
use crate::memory::BlockPool;

/// Empty queues that are kept for later.
const QUEUES_MAX: usize = 1024;

/// Blocks, and queues of them.
#[derive(Default)]
pub(crate) struct Buffers {
    pub(crate) blocks: BlockPool,
    /// Queues for who comes to need one; boxed, as their owners own them.
    #[expect(clippy::vec_box, reason = "the boxes themselves are used again")]
    queues: Vec<Box<SendQueue>>,
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
}
