//! Broadcasts of one shard: each message is framed once per wire format and kept, for as long as
//! it takes to walk over all sparks, in a stream that every spark reads at its own offset.
//!
//! The offset is all that a spark needs to know. It tells which bytes the spark still has to get,
//! it makes direct writes and broadcasts keep their order (a direct write first catches up), and
//! it lets a walk over a million sparks be interrupted after any of them: sparks that are reached
//! later simply get more in one send.
//!
//! A block that is still being sent from can't be written to, so what a spark has to get may lie in
//! several. Most sparks that a walk reaches stand at the same offset: it is put together once, for
//! all of them.
//!
//! # Invariants
//! - Offsets only grow. A spark that opens starts at the head, so it gets nothing older.
//! - Bytes are kept until a whole walk that began after them is done.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use crate::memory::{Block, BlockPool, Slice};

/// Bytes of one log block beyond which another is begun. With the last frame and the room that a
/// growing block takes, blocks stay small enough to be used again.
const LOG_BYTES_MAX: usize = 32 * 1024;

/// Bytes of several blocks up to which they are put together.
const JOINED_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug)]
struct Log {
    /// The offset of its first byte.
    base: u64,
    block: Rc<Block>,
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
    joined: Option<Joined>,
}

impl Stream {
    /// The offset behind the newest byte.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Bytes that are kept.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.logs
            .front()
            .map_or(0, |first| (self.head - first.base) as usize)
    }

    /// Appends one frame.
    pub(crate) fn append(&mut self, pool: &mut BlockPool, frame: impl FnOnce(&mut Vec<u8>)) {
        let fits = |log: &mut Log| {
            log.block.len() < LOG_BYTES_MAX && Rc::get_mut(&mut log.block).is_some()
        };
        if !self.logs.back_mut().is_some_and(fits) {
            self.logs.push_back(Log {
                base: self.head,
                block: pool.take(),
            });
        }
        let log = self.logs.back_mut().expect("was just made sure of");
        let block = Rc::get_mut(&mut log.block).expect("is not shared, see `fits`");
        frame(block.writer());
        block.end_frame(false);
        self.head = log.end();
    }

    /// What a spark at offset `seen` still has to get.
    pub(crate) fn since(&self, seen: u64) -> impl Iterator<Item = Slice> + '_ {
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
                self.join(range, pool)
            }
        };
        let joined = self.joined.insert(joined);
        Some(Slice::new(&joined.block, 0..joined.block.len()))
    }

    fn join(&self, range: Range<u64>, pool: &mut BlockPool) -> Joined {
        let mut block = pool.take();
        let bytes = Rc::get_mut(&mut block).expect("a block from the pool is not shared");
        for slice in self.since(range.start) {
            bytes.append(&slice);
        }
        Joined { range, block }
    }

    /// Forgets what every spark has got.
    pub(crate) fn forget_before(&mut self, offset: u64, pool: &mut BlockPool) {
        if let Some(joined) = self.joined.take() {
            pool.give_back(joined.block);
        }
        while self.logs.front().is_some_and(|log| log.end() <= offset) {
            let log = self.logs.pop_front().expect("there is a first one");
            pool.give_back(log.block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(stream: &mut Stream, pool: &mut BlockPool, text: &str) {
        stream.append(pool, |out| out.extend_from_slice(text.as_bytes()));
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
    fn readers_at_one_offset_share_what_was_put_together() {
        let (mut stream, mut pool) = (Stream::default(), BlockPool::default());
        append(&mut stream, &mut pool, "one");
        let held: Vec<Slice> = stream.since(0).collect();
        append(&mut stream, &mut pool, "two");
        let first = stream.piece_since(0, &mut pool).unwrap();
        let second = stream.piece_since(0, &mut pool).unwrap();
        assert_eq!(&*first, b"onetwo");
        assert_eq!(first.frames(), 2);
        assert_eq!(first.as_ptr(), second.as_ptr());
        assert_eq!(&*stream.piece_since(3, &mut pool).unwrap(), b"two");
        append(&mut stream, &mut pool, "three");
        assert_eq!(&*stream.piece_since(0, &mut pool).unwrap(), b"onetwothree");
        assert_eq!(&*first, b"onetwo", "what is shared does not change");
        assert!(stream.piece_since(stream.head(), &mut pool).is_none());
        drop(held);
    }

    #[test]
    fn too_much_for_one_send_is_not_put_together() {
        let (mut stream, mut pool) = (Stream::default(), BlockPool::default());
        let half = "x".repeat(JOINED_BYTES_MAX as usize / 2);
        append(&mut stream, &mut pool, &half);
        let held: Vec<Slice> = stream.since(0).collect();
        append(&mut stream, &mut pool, &half);
        assert!(stream.piece_since(0, &mut pool).is_some());
        append(&mut stream, &mut pool, "x");
        assert!(stream.piece_since(0, &mut pool).is_none());
        drop(held);
    }

    #[test]
    fn forgets_only_whole_blocks_that_all_have_seen() {
        let (mut stream, mut pool) = (Stream::default(), BlockPool::default());
        append(&mut stream, &mut pool, "one");
        let held: Vec<Slice> = stream.since(0).collect();
        append(&mut stream, &mut pool, "two");
        stream.forget_before(2, &mut pool);
        assert_eq!(stream.kept_bytes(), 6);
        stream.forget_before(3, &mut pool);
        assert_eq!(
            (stream.kept_bytes(), since(&stream, 3)),
            (3, "two".to_owned())
        );
        stream.forget_before(stream.head(), &mut pool);
        append(&mut stream, &mut pool, "new");
        assert_eq!(since(&stream, 6), "new");
        drop(held);
    }
}
