//! Parts of blocks.

use std::ops::{Deref, Range};
use std::rc::Rc;

use super::block::{Block, FrameClass, FrameTooLong};
use super::frozen::Frozen;
use super::pool::BlockPool;

/// A part of a block. Cheap to clone; stays on its thread.
#[derive(Clone, Debug)]
pub struct Slice {
    block: Rc<Block>,
    start: u32,
    end: u32,
}

impl Slice {
    /// A part of a block.
    pub fn new(block: &Rc<Block>, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= block.len());
        // A block is shorter than 2 GiB, see `Block::end_frame`.
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
        let ended: Result<(), FrameTooLong> = block.end_frame(FrameClass::Message);
        ended.expect("the caller has far less than 2 GiB");
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

    /// Grows by a slice that lies right behind it in the same block. Gives back any other one.
    pub(crate) fn extend(&mut self, next: Self) -> Result<(), Self> {
        if self.end == next.start && Rc::ptr_eq(&self.block, &next.block) {
            self.end = next.end;
            Ok(())
        } else {
            Err(next)
        }
    }

    /// A message that lies in a receive buffer. [`Slice::give_back`] is for it.
    pub(crate) fn hold(message: Frozen, pool: &mut BlockPool) -> Self {
        let end = message.len() as u32;
        let block = pool.hold(message);
        Self {
            block,
            start: 0,
            end,
        }
    }

    /// Nobody else will be given such a message. Its block is used again as soon as nobody has it.
    pub(crate) fn give_back(self, pool: &mut BlockPool) {
        pool.give_back_holding(self.block);
    }

    /// Whether it lies in a receive buffer.
    pub(crate) fn is_frozen(&self) -> bool {
        self.block.is_frozen()
    }

    /// A copy in a block of its own, if this keeps far more memory alive than it needs: more than
    /// `times` its bytes and a few KiB, or a receive buffer.
    pub(crate) fn compacted(self, times: usize, pool: &BlockPool) -> Self {
        let kept_bytes = self.block.capacity();
        if kept_bytes <= times * self.len() + SPARE_BYTES && !self.is_frozen() {
            return self;
        }
        let mut copy = pool.fresh();
        copy.writer().reserve_exact(self.len());
        if copy.append(&self).is_err() {
            return self;
        }
        copy.shrink();
        let len = copy.len();
        Self::new(&Rc::new(copy), 0..len)
    }

    /// The key of a message of which only the newest value matters. Nothing of it was sent yet.
    pub(crate) fn key(&self) -> Option<&Rc<str>> {
        let key = self.block.key()?;
        (self.start == 0).then_some(key)
    }

    /// Whether readers of many connections share its block.
    pub(crate) fn is_common(&self) -> bool {
        self.block.is_common()
    }

    /// How many bytes the first frame still has in this slice, and whether it is kept.
    pub fn first_frame(&self) -> Option<(usize, bool)> {
        let (end, kept) = self.block.frame_end_after(self.start())?;
        (!self.is_empty()).then_some((end.min(self.end as usize) - self.start(), kept))
    }

    /// How many frames end in it.
    pub fn frames(&self) -> usize {
        self.block.frames_until(self.end as usize) - self.block.frames_until(self.start())
    }

    /// At most so many of its bytes are frames of [`FrameClass::Exempt`].
    pub(crate) fn exempt_bytes(&self) -> usize {
        self.block.exempt_bytes().min(self.len())
    }

    /// Whether it begins where a frame begins.
    pub fn starts_its_frame(&self) -> bool {
        self.start == 0 || self.block.has_end_at(self.start())
    }

    /// The ends of the frames in this slice, as positions in its block, and whether they are kept.
    fn frame_ends(&self) -> impl Iterator<Item = (usize, bool)> + '_ {
        let mut position = self.start();
        std::iter::from_fn(move || {
            let (end, kept) = self.block.frame_end_after(position)?;
            position = end;
            (end <= self.end as usize).then_some((end, kept))
        })
    }
}

impl Block {
    /// Appends frames of another block, boundaries included. A frame of which the slice holds only
    /// the rest is kept from now on, for its beginning was sent already.
    ///
    /// # Errors
    /// They do not fit, and nothing was appended.
    pub fn append(&mut self, slice: &Slice) -> Result<(), FrameTooLong> {
        let mut partial = !slice.starts_its_frame();
        let ends = slice.frame_ends().map(|(end, kept)| {
            let kept = std::mem::take(&mut partial) || kept;
            (end - slice.start(), kept)
        });
        self.append_frames(slice, slice.exempt_bytes(), ends)
    }
}

/// Bytes that a slice may keep alive beside its own before it is worth a copy.
const SPARE_BYTES: usize = 2 * 1024;

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.block.bytes()[self.start as usize..self.end as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::BufferPool;

    fn block(frames: &[(&str, FrameClass)]) -> Rc<Block> {
        let mut block = Block::default();
        for &(frame, class) in frames {
            block.writer().extend_from_slice(frame.as_bytes());
            block.end_frame(class).unwrap();
        }
        Rc::new(block)
    }

    const FRAMES: [(&str, FrameClass); 3] = [
        ("abc", FrameClass::Message),
        ("de", FrameClass::Exempt),
        ("f", FrameClass::Message),
    ];

    #[test]
    fn a_slice_knows_its_frames() {
        let block = block(&FRAMES);
        let mut slice = Slice::new(&block, 1..6);
        assert_eq!((slice.frames(), slice.exempt_bytes()), (3, 2));
        assert_eq!(slice.first_frame(), Some((2, false)));
        assert_eq!(&*slice.split_front(2), b"bc");
        assert_eq!(slice.first_frame(), Some((2, true)));
        assert_eq!(&*slice.clone().skip(2), b"f");
        assert_eq!(slice.skip(3).first_frame(), None);
    }

    #[test]
    fn appending_keeps_boundaries() {
        let source = block(&FRAMES);
        let mut target = Block::default();
        target.writer().extend_from_slice(b"xy");
        target.end_frame(FrameClass::Message).unwrap();
        target.append(&Slice::new(&source, 1..6)).unwrap();
        let target = Rc::new(target);
        let mut slice = Slice::new(&target, 0..target.len());
        let mut frames = Vec::new();
        while let Some((len, kept)) = slice.first_frame() {
            frames.push((
                String::from_utf8(slice.split_front(len).to_vec()).unwrap(),
                kept,
            ));
        }
        let expected = [("xy", false), ("bc", true), ("de", true), ("f", false)];
        assert_eq!(
            frames,
            expected.map(|(frame, kept)| (frame.to_owned(), kept))
        );
    }

    #[test]
    fn neighbours_become_one() {
        let block = block(&FRAMES);
        let mut first = Slice::new(&block, 0..3);
        assert!(first.extend(Slice::new(&block, 3..5)).is_ok());
        assert_eq!(&*first, b"abcde");
        assert!(first.extend(Slice::copy_of(b"f")).is_err());
        assert!(first.extend(Slice::new(&block, 3..5)).is_err());
    }

    #[test]
    fn a_small_part_of_a_large_block_is_worth_a_copy() {
        let mut large = Block::default();
        large.writer().extend_from_slice(&[1; 10_000]);
        large.end_frame(FrameClass::Message).unwrap();
        let large = Rc::new(large);
        let rest = Slice::new(&large, 9_990..10_000).compacted(4, &BlockPool::default());
        assert_eq!((&*rest, rest.starts_its_frame()), (&[1; 10][..], true));
        assert_eq!(
            rest.first_frame(),
            Some((10, true)),
            "its beginning was sent"
        );
        assert_eq!(Rc::strong_count(&large), 1);
        let most = Slice::new(&large, 100..10_000).compacted(4, &BlockPool::default());
        assert_eq!((most.len(), Rc::strong_count(&large)), (9_900, 2));
    }

    #[test]
    fn a_block_that_stood_for_received_bytes_is_used_again() {
        let (mut pool, buffers) = (BlockPool::default(), BufferPool::new(1, 8));
        let received = buffers.lend_copy(b"abc").unwrap();
        let slice = received.with(|bytes, lease| {
            let frozen = lease.freeze(bytes).unwrap();
            Slice::hold(frozen, &mut pool)
        });
        let (sent, address) = (slice.clone(), Rc::as_ptr(&slice.block));
        assert_eq!((&*sent, sent.frames()), (&b"abc"[..], 1));
        slice.give_back(&mut pool);
        pool.reclaim();
        assert_eq!(buffers.free_count(), 0, "it is not sent yet");
        pool.give_back_held();
        drop(sent);
        pool.reclaim();
        assert_eq!(buffers.free_count(), 1);
        assert_eq!(Rc::as_ptr(&pool.take()), address);
    }

    #[test]
    fn what_lies_in_a_receive_buffer_is_worth_a_copy() {
        let (mut pool, buffers) = (BlockPool::default(), BufferPool::new(1, 8));
        let received = buffers.lend_copy(b"abc").unwrap();
        let slice = received.with(|bytes, lease| {
            let frozen = lease.freeze(bytes).unwrap();
            Slice::hold(frozen, &mut pool)
        });
        let rest = slice.skip(1).compacted(1000, &pool);
        assert_eq!((&*rest, rest.first_frame()), (&b"bc"[..], Some((2, true))));
        assert_eq!((rest.is_frozen(), buffers.free_count()), (false, 1));
    }
}
