//! Blocks that are used again, so that a message costs no allocation.

use std::cell::Cell;
use std::rc::Rc;

use super::block::{Block, unshared};
use super::frozen::Frozen;
use super::lists::GiveBack;
use super::spares::Spares;

/// Blocks that are used again.
#[derive(Debug, Default)]
pub struct BlockPool {
    small: Spares<Rc<Block>>,
    large: Spares<Rc<Block>>,
    large_bytes: usize,
    lent: Vec<Rc<Block>>,
    /// Blocks that stand for received bytes, and wait in queues until the end of the turn.
    held: Vec<Rc<Block>>,
    /// Bytes of all blocks that exist, whoever shares them.
    total: Rc<Cell<usize>>,
    waiting_cost: usize,
}

/// Blocks of each kind that are kept for later; more are freed.
const FREE_BLOCKS_MAX: usize = 1024;

/// Bytes up to which a block is kept: a rare huge message must not stay in memory.
const FREE_BLOCK_BYTES_MAX: usize = 128 * 1024;

/// Bytes of a block that something may wait in without wasting much.
const SMALL_BLOCK_BYTES_MAX: usize = 2 * 1024;

/// Bytes of all large blocks that are kept for later.
const FREE_BYTES_MAX: usize = 8 * 1024 * 1024;

impl BlockPool {
    /// An empty block, for bytes that leave soon.
    pub fn take(&mut self) -> Rc<Block> {
        match self.large.pop() {
            Some(block) => {
                self.large_bytes -= block.capacity();
                block
            }
            None => self.take_small(),
        }
    }

    /// An empty block that takes little memory, for bytes that wait.
    pub(crate) fn take_small(&mut self) -> Rc<Block> {
        let small = self.small.pop();
        small.unwrap_or_else(|| Rc::new(self.fresh()))
    }

    /// Frees the blocks that nobody has needed since the last call. Returns whether there are
    /// others that may turn out to be needed no more.
    pub fn free_unused(&mut self) -> bool {
        drop(self.small.take_unused());
        let freed = self.large.take_unused();
        self.large_bytes -= freed.iter().map(|block| block.capacity()).sum::<usize>();
        self.lent.give_back();
        self.held.give_back();
        self.small.may_be_unused() || self.large.may_be_unused()
    }

    /// Frees every block that is kept for later. Returns how many bytes that were.
    pub(crate) fn free_all(&mut self) -> usize {
        let before = self.total.get();
        self.small.clear();
        self.large.clear();
        self.large_bytes = 0;
        before - self.total.get()
    }

    /// A block that has no memory yet.
    pub(crate) fn fresh(&self) -> Block {
        Block::metered(&self.total)
    }

    /// A block that stands for a message in a receive buffer.
    pub(super) fn hold(&mut self, message: Frozen) -> Rc<Block> {
        let mut block = self.take_small();
        unshared(&mut block).hold(message);
        block
    }

    /// Gives such a block back: at once if nobody else shares it, otherwise when the turn has
    /// queued its sends ([`BlockPool::give_back_held`]).
    pub(super) fn give_back_holding(&mut self, block: Rc<Block>) {
        if let Some(block) = self.give_back_if_unshared(block) {
            self.held.push(block);
        }
    }

    /// Gives the blocks back that stand for received bytes: at once those of which nothing is to be
    /// submitted. Call it when everything is queued that is.
    pub(crate) fn give_back_held(&mut self) {
        while let Some(block) = self.held.pop() {
            if let Some(block) = self.give_back_if_unshared(block) {
                self.lent.push(block);
            }
        }
    }

    /// Keeps a block for later if nobody shares it.
    fn give_back_if_unshared(&mut self, mut block: Rc<Block>) -> Option<Rc<Block>> {
        let Some(unshared) = Rc::get_mut(&mut block) else {
            return Some(block);
        };
        unshared.clear();
        self.keep(block);
        None
    }

    /// Gives a block back that is perhaps still shared. It is used again once
    /// [`BlockPool::reclaim`] finds that nobody shares it any more.
    pub fn give_back(&mut self, block: Rc<Block>) {
        self.lent.push(block);
    }

    /// Looks at every block that was given back since the last call. A block that somebody still
    /// shares is left to its last owner. Call it when the bytes of the turn were submitted.
    pub fn reclaim(&mut self) {
        let mut lent = std::mem::take(&mut self.lent);
        for block in lent.drain(..) {
            self.give_back_if_unshared(block);
        }
        self.lent = lent;
    }

    /// Keeps an empty block for later, unless there are enough.
    fn keep(&mut self, block: Rc<Block>) {
        let bytes = block.capacity();
        if bytes <= SMALL_BLOCK_BYTES_MAX {
            if self.small.len() < FREE_BLOCKS_MAX {
                self.small.push(block);
            }
        } else if bytes <= FREE_BLOCK_BYTES_MAX
            && self.large.len() < FREE_BLOCKS_MAX
            && self.large_bytes + bytes <= FREE_BYTES_MAX
        {
            self.large_bytes += bytes;
            self.large.push(block);
        }
    }

    /// Bytes of all blocks of this shard: those that are kept for later, and each one that somebody
    /// shares once.
    pub(crate) fn block_bytes(&self) -> usize {
        self.total.get()
    }

    /// What waits in all queues of this shard, as each of them would cost alone.
    pub(crate) fn waiting_cost(&self) -> usize {
        self.waiting_cost
    }

    /// A queue that cost `before` costs `now`.
    pub(crate) fn count_waiting(&mut self, before: usize, now: usize) {
        assert!(before <= self.waiting_cost, "each queue is counted once");
        self.waiting_cost = self.waiting_cost - before + now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::spares::KEPT_MIN;
    use crate::memory::{FrameClass, Slice};

    fn write(block: &mut Rc<Block>, bytes: &[u8]) {
        let block = Rc::get_mut(block).unwrap();
        block.writer().extend_from_slice(bytes);
        block.end_frame(FrameClass::Message).unwrap();
    }

    #[test]
    fn a_block_is_used_again_only_when_nobody_shares_it() {
        let mut pool = BlockPool::default();
        let mut taken = pool.take();
        write(&mut taken, b"abc");
        let slice = Slice::new(&taken, 0..3);
        pool.give_back(taken);
        pool.reclaim();
        assert_eq!(pool.small.len(), 0, "the slice still needs it");
        assert_eq!(&*slice, b"abc");

        let taken = pool.take();
        let address = Rc::as_ptr(&taken);
        pool.give_back(taken);
        pool.reclaim();
        assert_eq!(Rc::as_ptr(&pool.take()), address);
    }

    #[test]
    fn what_waits_gets_no_large_block_and_a_peak_is_given_back() {
        let mut pool = BlockPool::default();
        let taken: Vec<_> = (0..200).map(|_| pool.take()).collect();
        for mut block in taken {
            write(&mut block, &[0; 100 * 1024]);
            pool.give_back(block);
        }
        assert!(pool.block_bytes() >= 200 * 100 * 1024);
        pool.reclaim();
        assert!(pool.block_bytes() <= FREE_BYTES_MAX + 200 * 1024);
        assert!(pool.take_small().capacity() <= SMALL_BLOCK_BYTES_MAX);
        assert!(pool.take().capacity() > SMALL_BLOCK_BYTES_MAX);
    }

    #[test]
    fn blocks_that_nobody_needs_any_more_are_freed() {
        let mut pool = BlockPool::default();
        let use_blocks = |pool: &mut BlockPool, count| {
            let taken: Vec<_> = (0..count).map(|_| pool.take()).collect();
            taken.into_iter().for_each(|block| pool.give_back(block));
            pool.reclaim();
        };
        use_blocks(&mut pool, 500);
        assert!(pool.free_unused(), "they were needed a moment ago");
        use_blocks(&mut pool, 100);
        assert!(pool.free_unused());
        assert_eq!(pool.small.len(), 100);
        assert!(!pool.free_unused());
        assert_eq!(pool.small.len(), KEPT_MIN);
    }
}
