//! Outgoing bytes: written once into a block, shared by slices, recycled by the shard.
//!
//! A block can also stand for one frame that lies elsewhere, in a receive buffer.
//!
//! # Invariants
//! - A byte that a slice may refer to is never written again. While a block is shared, frames are
//!   only added behind what it holds, in room that it has already.
//! - A block knows where its frames end, so that a bounded queue can drop whole frames only.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::rc::Rc;

use allspark_protocol::copy;

use super::frozen::Frozen;

/// Frames in one piece of memory.
#[derive(Default)]
pub struct Block {
    bytes: UnsafeCell<Vec<u8>>,
    /// Its only frame, if that lies in a receive buffer. Nothing is written then.
    frozen: Option<Frozen>,
    /// Where each frame ends; the highest bit marks a frame that must not be dropped.
    ends: RefCell<Vec<u32>>,
    /// Bytes of frames of [`FrameClass::Exempt`].
    exempt_bytes: usize,
    /// Many connections share it, so none of them gains by a copy of its own.
    is_common: bool,
    /// It is one message, in whose place a newer one with the same key may be sent.
    key: Option<Rc<str>>,
    meter: Option<Meter>,
}

/// What may become of a frame that waits, and against which bound it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameClass {
    /// A message: a policy may drop it.
    Message,
    /// Never dropped, as it stands for messages that were admitted before.
    Kept,
    /// Never dropped, and counted apart, as no policy bounds it: heartbeats, closing frames,
    /// answers to what a peer may ask as often as it likes.
    Exempt,
}

/// A frame does not fit into any block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame is longer than 2 GiB")]
pub struct FrameTooLong;

/// Flags the end of a frame that no policy may drop.
const KEPT: u32 = 1 << 31;

/// Bytes of a block, and so of a frame. Positions have 31 bits, as one marks frames that are not
/// dropped.
const FRAME_BYTES_MAX: usize = (KEPT - 1) as usize;

#[cfg(test)]
thread_local! {
    /// What a test of this thread has for it, so that it can write more.
    pub(crate) static FRAME_BYTES_MAX_HERE: Cell<usize> = const { Cell::new(FRAME_BYTES_MAX) };
}

/// Bytes of a block, and so of a frame, at most.
#[cfg(not(test))]
#[inline]
pub(crate) fn frame_bytes_max() -> usize {
    FRAME_BYTES_MAX
}

#[cfg(test)]
pub(crate) fn frame_bytes_max() -> usize {
    FRAME_BYTES_MAX_HERE.get()
}

/// How far a block was written, see [`Block::cut`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    bytes: usize,
    ends: usize,
    exempt_bytes: usize,
}

impl Mark {
    /// Bytes before it.
    pub(crate) fn bytes(self) -> usize {
        self.bytes
    }
}

impl Block {
    pub(super) fn metered(total: &Rc<Cell<usize>>) -> Self {
        Self {
            meter: Some(Meter {
                total: Rc::clone(total),
                counted: Cell::new(0),
            }),
            ..Self::default()
        }
    }

    /// The bytes so far.
    #[expect(unsafe_code, reason = "frames are added behind what is shared")]
    pub fn bytes(&self) -> &[u8] {
        if let Some(frozen) = &self.frozen {
            return frozen;
        }
        // SAFETY: a block stays on its thread, and no reference to the vector itself outlives a
        // method of this file. While the result lives, `self` is shared, so that only
        // `append_shared` can write: behind these bytes, without moving them.
        unsafe { &*self.bytes.get() }
    }

    /// How many bytes so far.
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Where a frame is written to. Call [`Block::end_frame`] after each.
    pub fn writer(&mut self) -> &mut Vec<u8> {
        assert!(self.frozen.is_none(), "what is frozen is not written to");
        self.bytes.get_mut()
    }

    /// Makes it stand for one message that lies in a receive buffer.
    pub(super) fn hold(&mut self, message: Frozen) {
        assert!(
            self.is_empty() && message.len() <= frame_bytes_max(),
            "it stands for one message alone"
        );
        self.ends.get_mut().push(message.len() as u32);
        self.frozen = Some(message);
        self.measure();
    }

    /// Whether its bytes lie in a receive buffer.
    pub(super) fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Flags that a frame ends here.
    ///
    /// # Errors
    /// The frame does not fit, and nothing of it is kept.
    #[inline]
    pub fn end_frame(&mut self, class: FrameClass) -> Result<(), FrameTooLong> {
        let len = self.bytes.get_mut().len();
        if len > frame_bytes_max() {
            self.drop_unended();
            return Err(FrameTooLong);
        }
        if class == FrameClass::Exempt {
            self.exempt_bytes += len - self.last_end();
        }
        let kept = class != FrameClass::Message;
        let mark = if kept { KEPT } else { 0 };
        self.ends.get_mut().push(len as u32 | mark);
        self.measure();
        Ok(())
    }

    /// Drops what was written since the last frame ended.
    #[cold]
    fn drop_unended(&mut self) {
        let begin = self.last_end();
        self.bytes.get_mut().truncate(begin);
        self.shrink();
    }

    /// Adds a message behind what is shared, if there is room without moving that.
    #[expect(unsafe_code, reason = "frames are added behind what is shared")]
    pub(crate) fn append_shared(&self, frame: &[u8]) -> bool {
        if self.is_frozen() {
            return false;
        }
        // SAFETY: a block stays on its thread, and no other reference to the vector itself lives
        // here, see `bytes`. References to its bytes may live: they are not written, for the
        // vector writes behind its length only, and not moved, for there is room.
        let bytes = unsafe { &mut *self.bytes.get() };
        let end = bytes.len() + frame.len();
        if end > bytes.capacity() || end > frame_bytes_max() {
            return false;
        }
        bytes.extend_from_slice(frame);
        self.ends.borrow_mut().push(end as u32);
        self.measure();
        true
    }

    /// Appends bytes with the frames that end in them: for each the position of its end, counted
    /// from the first of these bytes, and whether it is kept. `exempt_bytes` of them are frames of
    /// [`FrameClass::Exempt`].
    ///
    /// # Errors
    /// They do not fit, and nothing was appended.
    pub(super) fn append_frames(
        &mut self,
        bytes: &[u8],
        exempt_bytes: usize,
        ends: impl Iterator<Item = (usize, bool)>,
    ) -> Result<(), FrameTooLong> {
        let base = self.len();
        if base + bytes.len() > frame_bytes_max() {
            return Err(FrameTooLong);
        }
        copy::append(self.bytes.get_mut(), bytes);
        self.exempt_bytes += exempt_bytes;
        for (end, kept) in ends {
            let end = (base + end) as u32;
            self.ends.get_mut().push(end | if kept { KEPT } else { 0 });
        }
        self.measure();
        Ok(())
    }

    /// How far it is written now.
    pub(crate) fn mark(&mut self) -> Mark {
        Mark {
            bytes: self.len(),
            ends: self.ends.get_mut().len(),
            exempt_bytes: self.exempt_bytes,
        }
    }

    /// Removes what was written since that moment.
    pub(crate) fn cut(&mut self, mark: Mark) {
        self.bytes.get_mut().truncate(mark.bytes);
        self.ends.get_mut().truncate(mark.ends);
        self.exempt_bytes = mark.exempt_bytes;
    }

    /// How many frames end in it.
    pub(crate) fn frames(&self) -> usize {
        self.ends.borrow().len()
    }

    /// How many frames end at or before a position.
    pub(super) fn frames_until(&self, position: usize) -> usize {
        self.ends
            .borrow()
            .partition_point(|end| (end & !KEPT) as usize <= position)
    }

    /// The end of the frame that the byte at `position` belongs to, and whether it is kept.
    pub(super) fn frame_end_after(&self, position: usize) -> Option<(usize, bool)> {
        let after = self.frames_until(position);
        let end = *self.ends.borrow().get(after)?;
        Some(((end & !KEPT) as usize, end & KEPT != 0))
    }

    /// Whether a frame ends at this position.
    pub(super) fn has_end_at(&self, position: usize) -> bool {
        let ends = self.ends.borrow();
        ends.binary_search_by_key(&position, |end| (end & !KEPT) as usize)
            .is_ok()
    }

    fn last_end(&self) -> usize {
        let ends = self.ends.borrow();
        ends.last().map_or(0, |end| (end & !KEPT) as usize)
    }

    /// Bytes of the frame that ends last.
    pub(crate) fn last_frame_bytes(&self) -> usize {
        let ends = self.ends.borrow();
        let position = |end: Option<&u32>| end.map_or(0, |end| (end & !KEPT) as usize);
        let before = ends.len().checked_sub(2).and_then(|place| ends.get(place));
        position(ends.last()) - position(before)
    }

    pub(crate) fn exempt_bytes(&self) -> usize {
        self.exempt_bytes
    }

    pub(super) fn is_common(&self) -> bool {
        self.is_common
    }

    /// From now on readers of many connections share it.
    pub(crate) fn set_common(&mut self) {
        self.is_common = true;
    }

    /// It is one message with this key, see [`Slice::key`](super::Slice::key).
    pub(crate) fn set_key(&mut self, key: Rc<str>) {
        assert!(self.frames() == 1, "one message has one key");
        self.key = Some(key);
    }

    pub(super) fn key(&self) -> Option<&Rc<str>> {
        self.key.as_ref()
    }

    /// Bytes that it has room for, written ones included.
    #[expect(unsafe_code, reason = "frames are added behind what is shared")]
    pub fn capacity(&self) -> usize {
        // SAFETY: as in `bytes`.
        unsafe { &*self.bytes.get() }.capacity()
    }

    /// Gives memory back that it has no use for.
    pub(crate) fn shrink(&mut self) {
        self.bytes.get_mut().shrink_to_fit();
        self.ends.get_mut().shrink_to_fit();
        self.measure();
    }

    /// Makes room for exactly `capacity` bytes, unless it has room for about as many.
    pub(crate) fn set_capacity(&mut self, capacity: usize) {
        let bytes = self.bytes.get_mut();
        assert!(bytes.is_empty(), "what was written stays");
        if bytes.capacity() < capacity || bytes.capacity() > 2 * capacity {
            *bytes = Vec::with_capacity(capacity);
        }
        self.measure();
    }

    pub(super) fn clear(&mut self) {
        self.frozen = None;
        self.bytes.get_mut().clear();
        let ends = self.ends.get_mut();
        ends.clear();
        ends.shrink_to(ENDS_KEPT_MAX);
        self.exempt_bytes = 0;
        self.is_common = false;
        self.key = None;
        self.measure();
    }

    /// Forgets its frames, so that others can be written in their place.
    pub(crate) fn rewind(&mut self) {
        let is_common = self.is_common;
        self.clear();
        self.is_common = is_common;
    }

    #[inline]
    fn measure(&self) {
        if let Some(meter) = &self.meter {
            let ends_bytes = self.ends.borrow().capacity() * size_of::<u32>();
            meter.set(size_of::<Self>() + self.capacity() + ends_bytes);
        }
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block")
            .field("len", &self.len())
            .field("frames", &self.frames())
            .finish_non_exhaustive()
    }
}

/// Ends of frames for which memory is kept when a block is used again.
const ENDS_KEPT_MAX: usize = 4096;

/// Counts what a block takes, for as long as it exists.
struct Meter {
    total: Rc<Cell<usize>>,
    counted: Cell<usize>,
}

impl Meter {
    #[inline]
    fn set(&self, bytes: usize) {
        let counted = self.counted.replace(bytes);
        if counted != bytes {
            self.total.set(self.total.get() - counted + bytes);
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.total.set(self.total.get() - self.counted.get());
    }
}

/// A block to be written to, which nobody shares yet.
pub(crate) fn unshared(block: &mut Rc<Block>) -> &mut Block {
    Rc::get_mut(block).expect("a block that is written to is not shared")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Slice;

    #[test]
    fn what_is_shared_stays_where_it_is() {
        let mut block = Block::default();
        block.set_capacity(8);
        let block = Rc::new(block);
        assert!(block.append_shared(b"abc"));
        let first = Slice::new(&block, 0..3);
        let (bytes, address) = (&*first, first.as_ptr());
        assert!(block.append_shared(b"defg"));
        assert_eq!((bytes, first.as_ptr()), (&b"abc"[..], address));
        assert!(!block.append_shared(b"hi"), "that would move it");
        let second = Slice::new(&block, 3..7);
        assert_eq!((&*second, second.frames()), (&b"defg"[..], 1));
    }

    #[test]
    fn a_frame_that_is_taken_back_leaves_nothing() {
        let mut block = Block::default();
        block.writer().extend_from_slice(b"abc");
        block.end_frame(FrameClass::Message).unwrap();
        let mark = block.mark();
        block.writer().extend_from_slice(b"de");
        block.end_frame(FrameClass::Exempt).unwrap();
        assert_eq!((block.frames(), block.exempt_bytes()), (2, 2));
        block.cut(mark);
        assert_eq!((block.bytes(), block.frames()), (&b"abc"[..], 1));
        assert_eq!(block.exempt_bytes(), 0);
    }

    #[test]
    fn the_meter_counts_blocks_that_exist() {
        let total = Rc::new(Cell::new(0));
        let mut block = Block::metered(&total);
        block.set_capacity(1000);
        block.writer().extend_from_slice(&[0; 10]);
        block.end_frame(FrameClass::Message).unwrap();
        assert!(total.get() >= 1000 + size_of::<Block>());
        drop(block);
        assert_eq!(total.get(), 0);
    }
}
