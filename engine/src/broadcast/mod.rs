//! Broadcasts of one shard: each message is framed once per wire format and kept, for as long as
//! it takes to walk over all sparks, in a stream that every spark reads at its own offset.
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

use crate::memory::{Block, BlockPool, FrameClass, FrameTooLong, Slice};

/// Bytes of a block for several frames. It is as much as a queue can keep alive for one byte.
const LOG_BYTES: usize = 32 * 1024;

/// A frame of so many bytes gets a block of its own: it is not worth a copy, and at most a quarter
/// of the block that it would not fit into stays empty.
const ALONE_BYTES: usize = LOG_BYTES / 4;

/// Bytes of several blocks up to which they are put together.
const JOINED_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug)]
struct Log {
    /// The offset of its first byte.
    base: u64,
    block: Rc<Block>,
    /// It holds one large frame, and gets no other.
    is_complete: bool,
}

impl Log {
    fn end(&self) -> u64 {
        self.base + self.block.len() as u64
    }
}

/// The bytes of several logs, put together.
#[derive(Debug)]
struct Joined {
    range: Range<u64>,
    block: Rc<Block>,
}

/// Frames for all sparks of one wire format.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    logs: VecDeque<Log>,
    head: u64,
    /// Nobody needs what is before this offset.
    forgotten: u64,
    joined: Option<Joined>,
    /// Where the next frame is written, as its length is not known before.
    scratch: Option<Rc<Block>>,
}

impl Stream {
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
        self.head = self.logs.back().map_or(self.head, Log::end);
        Ok(())
    }

    fn append_small(&mut self, frame: &[u8], pool: &mut BlockPool) {
        if let Some(last) = self.logs.back_mut().filter(|last| !last.is_complete) {
            if last.end() <= self.forgotten
                && let Some(block) = Rc::get_mut(&mut last.block)
            {
                // Nobody needs what it holds, so the same memory does once more.
                last.base = self.head;
                block.rewind();
            }
            if last.block.append_shared(frame) {
                return;
            }
        }
        let mut fresh = pool.take();
        let block = unshared(&mut fresh);
        block.set_capacity(LOG_BYTES);
        block.set_common();
        let has_room = block.append_shared(frame);
        assert!(
            has_room,
            "a frame that is not large fits into an empty block"
        );
        self.push(fresh, false);
    }

    fn push(&mut self, block: Rc<Block>, is_complete: bool) {
        self.logs.push_back(Log {
            base: self.head,
            block,
            is_complete,
        });
    }

    /// The first piece of what a spark at offset `seen` still has to get.
    pub(crate) fn next_since(&self, seen: u64) -> Option<Slice> {
        self.since(seen).next()
    }

    /// What a spark at offset `seen` still has to get.
    fn since(&self, seen: u64) -> impl Iterator<Item = Slice> + '_ {
        let first = self.logs.partition_point(|log| log.end() <= seen);
        self.logs.range(first..).map(move |log| {
            let start = seen.saturating_sub(log.base) as usize;
            Slice::new(&log.block, start..log.block.len())
        })
    }

    /// The same for one send, if it is not too much for that.
    pub(crate) fn piece_since(&mut self, seen: u64, pool: &mut BlockPool) -> Option<Slice> {
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
        self.forgotten = self.forgotten.max(offset);
        if let Some(joined) = self.joined.take() {
            pool.give_back(joined.block);
        }
        while let Some(first) = self.logs.front()
            && first.end() <= offset
            && (self.logs.len() > 1 || first.is_complete)
        {
            let log = self.logs.pop_front().expect("there is a first one");
            pool.give_back(log.block);
        }
    }
}

fn unshared(block: &mut Rc<Block>) -> &mut Block {
    Rc::get_mut(block).expect("a block from the pool is not shared")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(stream: &mut Stream, pool: &mut BlockPool, text: &str) {
        let frame = |out: &mut Vec<u8>| out.extend_from_slice(text.as_bytes());
        stream.append(pool, frame).unwrap();
    }

    fn since(stream: &Stream, seen: u64) -> String {
        let bytes: Vec<u8> = stream
            .since(seen)
            .flat_map(|slice| slice.to_vec())
            .collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn each_reader_gets_what_it_has_not_seen() {
        let (mut stream, mut pool) = (Stream::default(), BlockPool::default());
        append(&mut stream, &mut pool, "one");
        let held: Vec<Slice> = stream.since(0).collect();
        append(&mut stream, &mut pool, "two");
        append(&mut stream, &mut pool, "three");
        assert_eq!(&*held[0], b"one", "what is shared does not change");
        assert_eq!(since(&stream, 0), "onetwothree");
        assert_eq!(since(&stream, 3), "twothree");
        assert_eq!(since(&stream, 6), "three");
        assert_eq!(since(&stream, stream.head()), "");
    }

    #[test]
    fn what_waits_grows_instead_of_becoming_more() {
        let (mut stream, mut pool) = (Stream::default(), BlockPool::default());
        append(&mut stream, &mut pool, "one");
        let mut held = stream.next_since(0).unwrap();
        for number in 0..1000 {
            let seen = stream.head();
            append(&mut stream, &mut pool, &format!("<{number}>"));
            let next = stream.next_since(seen).unwrap();
            held.extend(next).expect("it lies right behind");
            stream.forget_before(stream.head(), &mut pool);
        }
        assert_eq!(held.frames(), 1001);
        assert!(held.starts_with(b"one<0><1>") && held.ends_with(b"<999>"));
        assert!(stream.logs.len() == 1 && pool.block_bytes() < 2 * LOG_BYTES);
    }

    #[test]
    fn readers_at_one_offset_share_what_was_put_together() {
        let (mut stream, mut pool) = (Stream::default(), BlockPool::default());
        let big = "x".repeat(ALONE_BYTES);
        append(&mut stream, &mut pool, "one");
        append(&mut stream, &mut pool, &big);
        let first = stream.piece_since(0, &mut pool).unwrap();
        let second = stream.piece_since(0, &mut pool).unwrap();
        assert_eq!(&*first, format!("one{big}").as_bytes());
        assert_eq!(first.frames(), 2);
        assert_eq!(first.as_ptr(), second.as_ptr());
        assert_eq!(&*stream.piece_since(3, &mut pool).unwrap(), big.as_bytes());
        append(&mut stream, &mut pool, "two");
        let all = stream.piece_since(0, &mut pool).unwrap();
        assert_eq!(&*all, format!("one{big}two").as_bytes());
        assert_eq!(first.len(), all.len() - 3, "what is shared does not change");
        assert!(stream.piece_since(stream.head(), &mut pool).is_none());
    }

    #[test]
    fn too_much_for_one_send_is_not_put_together() {
        let (mut stream, mut pool) = (Stream::default(), BlockPool::default());
        let half = "x".repeat(JOINED_BYTES_MAX as usize / 2);
        append(&mut stream, &mut pool, &half);
        append(&mut stream, &mut pool, &half);
        assert!(stream.piece_since(0, &mut pool).is_some());
        append(&mut stream, &mut pool, "x");
        assert!(stream.piece_since(0, &mut pool).is_none());
    }

    #[test]
    fn forgets_what_all_have_seen() {
        let (mut stream, mut pool) = (Stream::default(), BlockPool::default());
        let big = "x".repeat(ALONE_BYTES);
        append(&mut stream, &mut pool, "one");
        append(&mut stream, &mut pool, &big);
        append(&mut stream, &mut pool, "two");
        stream.forget_before(2, &mut pool);
        assert_eq!((stream.logs.len(), stream.kept_bytes()), (3, big.len() + 4));
        stream.forget_before(3, &mut pool);
        assert_eq!((stream.logs.len(), stream.kept_bytes()), (2, big.len() + 3));
        stream.forget_before(stream.head(), &mut pool);
        assert_eq!((stream.logs.len(), stream.kept_bytes()), (1, 0));
        let head = stream.head();
        append(&mut stream, &mut pool, "new");
        assert_eq!(since(&stream, head), "new");
        let block = &stream.logs[0].block;
        assert_eq!(block.len(), 3, "memory that nobody needs is used again");
    }
}
