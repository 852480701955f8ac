//! The log of broadcasts of one wire format: each message is framed once and kept, for as long as
//! it takes to walk over all sparks, in a log that every spark reads at its own offset.
//!
//! The offset is all that a spark needs to know. It tells which bytes the spark still has to get,
//! it makes direct writes and broadcasts keep their order (a direct write first catches up), and
//! it lets a walk over a million sparks be interrupted after any of them: sparks that are reached
//! later simply get more in one send.
//!
//! Frames of several broadcasts lie side by side in one block: a new one is written behind what is
//! being sent, or waits in the queues of slow sparks, so that for such a queue its next broadcast
//! only makes its last slice longer. What a spark has to get lies in several blocks only where one
//! was full, or where a frame is large. Most sparks that a walk reaches stand at the same offset:
//! it is put together once, for all of them.
//!
//! # Invariants
//! - Offsets only grow. A spark that opens starts at the head, so it gets nothing older.
//! - Bytes are kept until a whole walk that began after them is done.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use crate::memory::{Block, BlockPool, FrameClass, FrameTooLong, Slice, unshared};

/// Bytes of a block for several frames. It is as much as a queue can keep alive for one byte.
const SEGMENT_BYTES: usize = 32 * 1024;

/// A frame of so many bytes gets a block of its own: it is not worth a copy, and at most a quarter
/// of the block that it would not fit into stays empty.
const ALONE_BYTES: usize = SEGMENT_BYTES / 4;

/// Bytes of several blocks up to which they are put together.
const JOINED_BYTES_MAX: u64 = 64 * 1024;

const IS_KEPT: &str = "what somebody still has to get is kept";

#[derive(Debug)]
struct Segment {
    /// The offset of its first byte.
    base: u64,
    block: Rc<Block>,
    /// It holds one large frame, and gets no other.
    is_complete: bool,
}

impl Segment {
    fn end(&self) -> u64 {
        self.base + self.block.len() as u64
    }
}

/// The bytes of several segments, put together.
#[derive(Debug)]
struct Joined {
    range: Range<u64>,
    block: Rc<Block>,
}

/// Frames for all sparks of one wire format.
#[derive(Debug, Default)]
pub(crate) struct Log {
    segments: VecDeque<Segment>,
    head: u64,
    /// Nobody needs what is before this offset.
    forgotten: u64,
    joined: Option<Joined>,
    /// Where the next frame is written, as its length is not known before.
    scratch: Option<Rc<Block>>,
}

impl Log {
    /// The offset behind the newest byte.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Bytes that are kept.
    pub(crate) fn kept_bytes(&self) -> usize {
        (self.head - self.forgotten) as usize
    }

    /// Appends one frame.
    ///
    /// # Errors
    /// It is too long, and nothing was appended.
    pub(crate) fn append(
        &mut self,
        pool: &mut BlockPool,
        frame: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), FrameTooLong> {
        let mut scratch = self.scratch.take().unwrap_or_else(|| pool.take());
        let block = unshared(&mut scratch);
        frame(block.writer());
        block.end_frame(FrameClass::Message)?;
        if block.len() >= ALONE_BYTES {
            if block.capacity() > 2 * block.len() {
                block.shrink();
            }
            block.set_common();
            self.push(scratch, true);
        } else {
            self.append_small(block.bytes(), pool);
            block.rewind();
            self.scratch = Some(scratch);
        }
        self.head = self.segments.back().map_or(self.head, Segment::end);
        Ok(())
    }

    fn append_small(&mut self, frame: &[u8], pool: &mut BlockPool) {
        if let Some(last) = self.segments.back_mut().filter(|last| !last.is_complete) {
            if last.end() <= self.forgotten
                && let Some(block) = Rc::get_mut(&mut last.block)
            {
                // Nobody needs what it holds, so its memory is used again.
                last.base = self.head;
                block.rewind();
            }
            if last.block.append_shared(frame) {
                return;
            }
        }
        let mut fresh = pool.take();
        let block = unshared(&mut fresh);
        block.set_capacity(SEGMENT_BYTES);
        block.set_common();
        let has_room = block.append_shared(frame);
        assert!(
            has_room,
            "a frame that is not large fits into an empty block"
        );
        self.push(fresh, false);
    }

    fn push(&mut self, block: Rc<Block>, is_complete: bool) {
        self.segments.push_back(Segment {
            base: self.head,
            block,
            is_complete,
        });
    }

    /// Where the part begins that a spark at offset `seen` still has to get, if there is one. What
    /// the log has forgotten was not for it.
    #[inline]
    pub(crate) fn due_from(&self, seen: u64) -> Option<u64> {
        assert!(seen <= self.head, "nobody has seen what is still to come");
        let from = seen.max(self.forgotten);
        (from < self.head).then_some(from)
    }

    /// Whether nothing before this offset is kept.
    pub(crate) fn is_forgotten(&self, offset: u64) -> bool {
        offset <= self.forgotten
    }

    /// Takes the first piece of a part of the log.
    pub(crate) fn take_first(&self, part: &mut Range<u64>) -> Option<Slice> {
        if part.is_empty() {
            return None;
        }
        assert!(
            self.forgotten <= part.start && part.end <= self.head,
            "{IS_KEPT}"
        );
        let place = self.place(part.start);
        let segment = self.segments.get(place)?;
        // In a gap there is nothing.
        let start = part.start.max(segment.base);
        let end = part.end.min(segment.end());
        if start >= end {
            return None;
        }
        part.start = end;
        let base = segment.base;
        let bytes = (start - base) as usize..(end - base) as usize;
        Some(Slice::new(&segment.block, bytes))
    }

    /// The first segment that ends behind this offset.
    fn place(&self, offset: u64) -> usize {
        self.segments
            .partition_point(|segment| segment.end() <= offset)
    }

    /// Leaves a gap for a frame that lies elsewhere.
    pub(crate) fn skip(&mut self, bytes: u64) {
        if let Some(last) = self.segments.back_mut() {
            last.is_complete = true;
        }
        self.head += bytes;
    }

    /// The newest frame.
    pub(crate) fn newest(&self) -> Option<Slice> {
        let block = &self.segments.back()?.block;
        let bytes = block.last_frame_bytes();
        Some(Slice::new(block, block.len() - bytes..block.len()))
    }

    /// What lies behind offset `seen`.
    fn since(&self, seen: u64) -> impl Iterator<Item = Slice> + '_ {
        let first = self.place(seen);
        self.segments.range(first..).map(move |segment| {
            let start = seen.saturating_sub(segment.base) as usize;
            Slice::new(&segment.block, start..segment.block.len())
        })
    }

    /// The same as one piece, if one send can carry it. The caller knows that the spark has to get
    /// it.
    pub(crate) fn piece_since(&mut self, seen: u64, pool: &mut BlockPool) -> Option<Slice> {
        assert!((self.forgotten..=self.head).contains(&seen), "{IS_KEPT}");
        let range = seen..self.head;
        let mut slices = self.since(seen);
        let first = slices.next()?;
        if first.len() as u64 == range.end - range.start {
            return Some(first);
        }
        drop((first, slices));
        if range.end - range.start > JOINED_BYTES_MAX {
            return None;
        }
        let joined = match self.joined.take() {
            Some(joined) if joined.range == range => joined,
            outdated => {
                if let Some(outdated) = outdated {
                    pool.give_back(outdated.block);
                }
                self.join(range, pool)?
            }
        };
        let joined = self.joined.insert(joined);
        Some(Slice::new(&joined.block, 0..joined.block.len()))
    }

    fn join(&self, range: Range<u64>, pool: &mut BlockPool) -> Option<Joined> {
        let mut block = pool.take();
        let bytes = unshared(&mut block);
        for slice in self.since(range.start) {
            bytes.append(&slice).ok()?;
        }
        bytes.set_common();
        Some(Joined { range, block })
    }

    /// Forgets what every spark has got. The last block stays if it can be written to: a spark that
    /// still waits for a part of it shall find the next frame right behind.
    pub(crate) fn forget_before(&mut self, offset: u64, pool: &mut BlockPool) {
        assert!(offset <= self.head, "nobody has got what is still to come");
        self.forgotten = self.forgotten.max(offset);
        if let Some(joined) = self.joined.take() {
            pool.give_back(joined.block);
        }
        while let Some(first) = self.segments.front()
            && first.end() <= offset
            && (self.segments.len() > 1 || first.is_complete)
        {
            let segment = self.segments.pop_front().expect("there is a first one");
            pool.give_back(segment.block);
        }
    }
}

#[cfg(test)]
mod tests;
