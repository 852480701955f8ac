//! Outgoing bytes: written once into a block, shared by slices, recycled by the shard.
//!
//! # Invariants
//! - A block is written only while nobody shares it.
//! - A block knows where its frames end, so that a bounded queue can drop whole frames only.

use std::ops::{Deref, Range};
use std::rc::Rc;

use allspark_protocol::copy;

use super::lists::GiveBack;

/// Frames in one piece of memory.
#[derive(Debug, Default)]
pub struct Block {
    bytes: Vec<u8>,
    /// Where each frame ends; the highest bit marks a frame that must not be dropped.
    ends: Vec<u32>,
}

/// Marks the end of a frame that no policy may drop: heartbeats, closing frames.
const EXEMPT: u32 = 1 << 31;

impl Block {
    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Where a frame is written to. Call [`Block::end_frame`] after each.
    pub fn writer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Marks that a frame ends here. An exempt frame is never dropped by a policy.
    pub fn end_frame(&mut self, exempt: bool) {
        let end = u32::try_from(self.bytes.len()).expect("blocks stay far below 2 GiB");
        assert!(end & EXEMPT == 0);
        self.ends.push(end | if exempt { EXEMPT } else { 0 });
    }

    /// Appends frames of another block, boundaries included. A frame of which the slice holds only
    /// the rest becomes exempt, for its beginning was sent already.
    pub fn append(&mut self, slice: &Slice) {
        let base = self.bytes.len();
        copy::append(&mut self.bytes, slice);
        let mut partial = !slice.starts_its_frame();
        for (end, exempt) in slice.frame_ends() {
            let end = u32::try_from(base + end - slice.start()).expect("blocks stay below 2 GiB");
            let exempt = exempt || std::mem::take(&mut partial);
            self.ends.push(end | if exempt { EXEMPT } else { 0 });
        }
    }

    /// The end of the frame that the byte at `position` belongs to, and whether it is exempt.
    fn frame_end_after(&self, position: usize) -> Option<(usize, bool)> {
        let after = self
            .ends
            .partition_point(|end| (end & !EXEMPT) as usize <= position);
        self.ends
            .get(after)
            .map(|end| ((end & !EXEMPT) as usize, end & EXEMPT != 0))
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// A part of a block. Cheap to clone; stays on its thread.
#[derive(Clone, Debug)]
pub struct Slice {
    block: Rc<Block>,
    start: u32,
    end: u32,
}

impl Slice {
    /// A part of a block that is complete.
    pub fn new(block: &Rc<Block>, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= block.len());
        // A block is shorter than 2 GiB, see `end_frame`.
        Self {
            block: Rc::clone(block),
            start: range.start as u32,
            end: range.end as u32,
        }
    }

    /// Copies bytes into a block of their own, as one frame.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut block = Block::default();
        block.writer().extend_from_slice(bytes);
        block.end_frame(false);
        let len = block.len();
        Self::new(&Rc::new(block), 0..len)
    }

    /// Where it starts in its block.
    pub fn start(&self) -> usize {
        self.start as usize
    }

    /// The slice without its first `count` bytes.
    #[must_use]
    pub fn skip(mut self, count: usize) -> Self {
        assert!(count <= self.len());
        self.start += count as u32;
        self
    }

    /// Cuts off and returns the first `count` bytes.
    #[must_use]
    pub fn split_front(&mut self, count: usize) -> Self {
        assert!(count <= self.len());
        let mut front = self.clone();
        front.end = front.start + count as u32;
        self.start = front.end;
        front
    }

    /// How many bytes the first frame still has in this slice, and whether it is exempt.
    pub fn first_frame(&self) -> Option<(usize, bool)> {
        let (end, exempt) = self.block.frame_end_after(self.start())?;
        (!self.is_empty()).then_some((end.min(self.end as usize) - self.start(), exempt))
    }

    /// How many frames end in it.
    pub fn frames(&self) -> usize {
        self.frame_ends().count()
    }

    /// Whether it begins where a frame begins.
    pub fn starts_its_frame(&self) -> bool {
        let ends = &self.block.ends;
        self.start == 0
            || ends
                .binary_search_by_key(&self.start, |end| end & !EXEMPT)
                .is_ok()
    }

    /// The ends of the frames in this slice, as positions in its block.
    fn frame_ends(&self) -> impl Iterator<Item = (usize, bool)> + '_ {
        let mut position = self.start();
        std::iter::from_fn(move || {
            let (end, exempt) = self.block.frame_end_after(position)?;
            position = end;
            (end <= self.end as usize).then_some((end, exempt))
        })
    }
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.block.bytes[self.start as usize..self.end as usize]
    }
}

/// Blocks that are used again, so that a message costs no allocation.
#[derive(Debug, Default)]
pub struct BlockPool {
    /// The one that was used last is used first, so those that are not needed lie at the front.
    free: Vec<Rc<Block>>,
    lent: Vec<Rc<Block>>,
    /// Free blocks that were not needed since the last [`BlockPool::free_unused`].
    unused: usize,
}

/// Blocks that are kept for later; more are freed.
const FREE_BLOCKS_MAX: usize = 1024;

/// Blocks that are kept even if nobody needs them.
const FREE_BLOCKS_MIN: usize = 16;

/// Bytes up to which a block is kept: a rare huge message must not stay in memory.
const FREE_BLOCK_BYTES_MAX: usize = 64 * 1024;

/// Frames up to which a block is kept: many tiny ones cost more than their bytes.
const FREE_BLOCK_FRAMES_MAX: usize = 8 * 1024;

impl BlockPool {
    /// An empty block.
    pub fn take(&mut self) -> Rc<Block> {
        let block = self.free.pop();
        self.unused = self.unused.min(self.free.len());
        block.unwrap_or_default()
    }

    /// Frees the blocks that nobody has needed since the last call. Returns whether there are others
    /// that may turn out to be needed no more.
    pub fn free_unused(&mut self) -> bool {
        let count = self
            .unused
            .min(self.free.len().saturating_sub(FREE_BLOCKS_MIN));
        self.free.drain(..count);
        self.unused = self.free.len();
        self.free.give_back();
        self.lent.give_back();
        self.unused > FREE_BLOCKS_MIN
    }

    /// Gives a block back that is perhaps still shared. It is used again once
    /// [`BlockPool::reclaim`] finds that nobody shares it any more.
    pub fn give_back(&mut self, block: Rc<Block>) {
        self.lent.push(block);
    }

    /// Looks at every block that was given back since the last call. A block that somebody still
    /// shares is left to its last owner. Call it when the bytes of the turn were submitted.
    pub fn reclaim(&mut self) {
        for mut block in self.lent.drain(..) {
            if self.free.len() >= FREE_BLOCKS_MAX {
                continue;
            }
            if let Some(unshared) = Rc::get_mut(&mut block)
                && unshared.bytes.capacity() <= FREE_BLOCK_BYTES_MAX
                && unshared.ends.capacity() <= FREE_BLOCK_FRAMES_MAX
            {
                unshared.clear();
                self.free.push(block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(frames: &[(&str, bool)]) -> Rc<Block> {
        let mut block = Block::default();
        for &(frame, exempt) in frames {
            block.writer().extend_from_slice(frame.as_bytes());
            block.end_frame(exempt);
        }
        Rc::new(block)
    }

    #[test]
    fn a_slice_knows_its_frames() {
        let block = block(&[("abc", false), ("de", true), ("f", false)]);
        let mut slice = Slice::new(&block, 1..6);
        assert_eq!(slice.first_frame(), Some((2, false)));
        assert_eq!(&*slice.split_front(2), b"bc");
        assert_eq!(slice.first_frame(), Some((2, true)));
        assert_eq!(&*slice.clone().skip(2), b"f");
        assert_eq!(slice.skip(3).first_frame(), None);
    }

    #[test]
    fn appending_keeps_boundaries() {
        let source = block(&[("abc", false), ("de", true), ("f", false)]);
        let mut target = Block::default();
        target.writer().extend_from_slice(b"xy");
        target.end_frame(false);
        target.append(&Slice::new(&source, 1..6));
        let target = Rc::new(target);
        let mut slice = Slice::new(&target, 0..target.len());
        let mut frames = Vec::new();
        while let Some((len, exempt)) = slice.first_frame() {
            frames.push((
                String::from_utf8(slice.split_front(len).to_vec()).unwrap(),
                exempt,
            ));
        }
        let expected = [("xy", false), ("bc", true), ("de", true), ("f", false)];
        assert_eq!(
            frames,
            expected.map(|(frame, exempt)| (frame.to_owned(), exempt))
        );
    }

    #[test]
    fn a_block_is_used_again_only_when_nobody_shares_it() {
        let mut pool = BlockPool::default();
        let mut taken = pool.take();
        Rc::get_mut(&mut taken)
            .unwrap()
            .writer()
            .extend_from_slice(b"abc");
        let slice = Slice::new(&taken, 0..3);
        pool.give_back(taken);
        pool.reclaim();
        assert!(pool.free.is_empty(), "the slice still needs it");
        assert_eq!(&*slice, b"abc");

        let taken = pool.take();
        let address = Rc::as_ptr(&taken);
        pool.give_back(taken);
        pool.reclaim();
        assert_eq!(Rc::as_ptr(&pool.take()), address);
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
        assert_eq!(pool.free.len(), 100);
        assert!(!pool.free_unused());
        assert_eq!(pool.free.len(), FREE_BLOCKS_MIN);
    }
}
