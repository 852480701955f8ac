//! What waits to be sent on one connection, bounded in bytes.
//!
//! # Invariants
//! - Bytes leave in the order in which they were written.
//! - A frame of which a part was sent is never dropped; nor is an exempt frame.
//! - A message is refused or something older dropped only when the queue is not empty: a single
//!   message larger than the bound still passes.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::config::SendPolicy;
use crate::memory::{Block, BlockPool, Slice};

/// Bytes up to which everything that waits is put together for one send.
const GATHER_BYTES_MAX: usize = 64 * 1024;

/// Slices for which a queue that is kept for later may have room.
const KEPT_SLICES_MAX: usize = 64;

/// Frames of one connection that wait to be sent.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    slices: VecDeque<Slice>,
    /// Frames written since the last slice, still growing.
    open: Option<Rc<Block>>,
    bytes: usize,
}

/// What became of an attempt to queue frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Queued; so many older messages were dropped for it.
    Queued { dropped: usize },
    /// Not queued: the policy drops the newest messages.
    Dropped { dropped: usize },
    /// Not queued: the policy is to end the spark.
    Overflow,
}

impl SendQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether an emptied queue holds little enough to be kept for the next who needs one.
    pub(crate) fn is_worth_keeping(&self) -> bool {
        self.slices.capacity() <= KEPT_SLICES_MAX
    }

    /// Writes one frame at the end, whatever the bound.
    pub(crate) fn write(
        &mut self,
        pool: &mut BlockPool,
        exempt: bool,
        frame: impl FnOnce(&mut Vec<u8>),
    ) {
        let open = self.open.get_or_insert_with(|| pool.take());
        let block = Rc::get_mut(open).expect("an open block is not shared");
        let before = block.len();
        frame(block.writer());
        block.end_frame(exempt);
        self.bytes += block.len() - before;
    }

    /// Puts shared frames at the end, whatever the bound.
    pub(crate) fn push(&mut self, slice: Slice, pool: &mut BlockPool) {
        self.seal(pool);
        if !slice.is_empty() {
            self.bytes += slice.len();
            self.slices.push_back(slice);
        }
    }

    /// Puts back what the kernel did not take.
    pub(crate) fn push_front(&mut self, rest: Slice) {
        self.bytes += rest.len();
        self.slices.push_front(rest);
    }

    /// Makes room for `bytes` more, as the policy says.
    pub(crate) fn admit(
        &mut self,
        bytes: usize,
        bytes_max: usize,
        policy: SendPolicy,
        pool: &mut BlockPool,
    ) -> Admission {
        if self.is_empty() || self.bytes + bytes <= bytes_max {
            return Admission::Queued { dropped: 0 };
        }
        self.seal(pool);
        let keep_bytes = match policy {
            SendPolicy::Disconnect => return Admission::Overflow,
            SendPolicy::DropNewest => return Admission::Dropped { dropped: 0 },
            SendPolicy::DropOldest => bytes_max.saturating_sub(bytes),
            SendPolicy::KeepLatest => 0,
        };
        Admission::Queued {
            dropped: self.drop_oldest(keep_bytes),
        }
    }

    /// Drops whole frames from the front until at most `keep_bytes` are left or only frames remain
    /// that must stay. Returns how many were dropped.
    fn drop_oldest(&mut self, keep_bytes: usize) -> usize {
        let mut kept = Vec::new();
        let mut dropped = 0;
        while self.bytes > keep_bytes
            && let Some(mut slice) = self.slices.pop_front()
        {
            let (len, exempt) = slice.first_frame().expect("no slice in the queue is empty");
            let frame = slice.split_front(len);
            if !slice.is_empty() {
                self.slices.push_front(slice);
            }
            if exempt || !frame.starts_its_frame() {
                kept.push(frame);
            } else {
                self.bytes -= frame.len();
                dropped += 1;
            }
        }
        while let Some(frame) = kept.pop() {
            self.slices.push_front(frame);
        }
        dropped
    }

    /// Takes what the next send shall carry: everything, put together if it is small enough.
    pub(crate) fn next(&mut self, pool: &mut BlockPool) -> Option<Slice> {
        self.seal(pool);
        let first = self.slices.pop_front()?;
        self.bytes -= first.len();
        let second_fits = self
            .slices
            .front()
            .is_some_and(|s| first.len() + s.len() <= GATHER_BYTES_MAX);
        Some(if second_fits {
            self.gather(&first, pool)
        } else {
            first
        })
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self, pool: &mut BlockPool) {
        self.seal(pool);
        self.slices.clear();
        self.bytes = 0;
    }

    /// Takes the oldest frame. Not for a queue of which the kernel took a part.
    pub(crate) fn next_frame(&mut self, pool: &mut BlockPool) -> Option<Slice> {
        self.seal(pool);
        let front = self.slices.front_mut()?;
        let (len, _) = front.first_frame().expect("no slice in the queue is empty");
        let frame = front.split_front(len);
        if front.is_empty() {
            self.slices.pop_front();
        }
        self.bytes -= frame.len();
        Some(frame)
    }

    fn gather(&mut self, first: &Slice, pool: &mut BlockPool) -> Slice {
        let mut gathered = pool.take();
        let block = Rc::get_mut(&mut gathered).expect("a block from the pool is not shared");
        block.append(first);
        while let Some(slice) = self.slices.front()
            && block.len() + slice.len() <= GATHER_BYTES_MAX
        {
            block.append(slice);
            self.bytes -= slice.len();
            self.slices.pop_front();
        }
        let len = block.len();
        let slice = Slice::new(&gathered, 0..len);
        pool.give_back(gathered);
        slice
    }

    /// Turns what was written into a slice.
    fn seal(&mut self, pool: &mut BlockPool) {
        if let Some(open) = self.open.take() {
            if !open.is_empty() {
                self.slices.push_back(Slice::new(&open, 0..open.len()));
            }
            pool.give_back(open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(queue: &mut SendQueue, pool: &mut BlockPool, frame: &str, exempt: bool) {
        queue.write(pool, exempt, |out| out.extend_from_slice(frame.as_bytes()));
    }

    fn drain(queue: &mut SendQueue, pool: &mut BlockPool) -> String {
        let mut all = Vec::new();
        while let Some(slice) = queue.next(pool) {
            all.extend_from_slice(&slice);
        }
        assert!(queue.is_empty());
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn keeps_the_order_and_sends_everything_at_once() {
        let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
        write(&mut queue, &mut pool, "one", false);
        write(&mut queue, &mut pool, "two", false);
        queue.push(Slice::copy_of(b"three"), &mut pool);
        write(&mut queue, &mut pool, "four", false);
        assert_eq!(queue.bytes(), 15);
        assert_eq!(&*queue.next(&mut pool).unwrap(), b"onetwothreefour");
        assert!(queue.next(&mut pool).is_none());
    }

    #[test]
    fn what_was_not_taken_goes_first() {
        let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
        write(&mut queue, &mut pool, "abcdef", false);
        let sent = queue.next(&mut pool).unwrap();
        write(&mut queue, &mut pool, "ghi", false);
        queue.push_front(sent.skip(2));
        assert_eq!(drain(&mut queue, &mut pool), "cdefghi");
    }

    #[test]
    fn the_bound_holds_but_lets_a_single_message_pass() {
        let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
        let queued = Admission::Queued { dropped: 0 };
        assert_eq!(
            queue.admit(99, 10, SendPolicy::Disconnect, &mut pool),
            queued
        );
        write(&mut queue, &mut pool, "123456", false);
        assert_eq!(
            queue.admit(4, 10, SendPolicy::Disconnect, &mut pool),
            queued
        );
        let over = queue.admit(5, 10, SendPolicy::Disconnect, &mut pool);
        assert_eq!(over, Admission::Overflow);
        let over = queue.admit(5, 10, SendPolicy::DropNewest, &mut pool);
        assert_eq!(over, Admission::Dropped { dropped: 0 });
    }

    #[test]
    fn drops_the_oldest_but_no_partial_and_no_exempt_frame() {
        let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
        for (frame, exempt) in [
            ("aaaa", false),
            ("bb", false),
            ("PING", true),
            ("cc", false),
        ] {
            write(&mut queue, &mut pool, frame, exempt);
        }
        let sent = queue.next(&mut pool).unwrap();
        queue.push_front(sent.skip(1));
        let admission = queue.admit(2, 11, SendPolicy::DropOldest, &mut pool);
        assert_eq!(admission, Admission::Queued { dropped: 1 });
        write(&mut queue, &mut pool, "dd", false);
        assert_eq!(drain(&mut queue, &mut pool), "aaaPINGccdd");
    }

    #[test]
    fn a_partial_frame_stays_protected_in_the_next_round() {
        let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
        write(&mut queue, &mut pool, "aaaa", false);
        write(&mut queue, &mut pool, "bb", false);
        let sent = queue.next(&mut pool).unwrap();
        queue.push_front(sent.skip(1));
        for _ in 0..2 {
            queue.admit(9, 1, SendPolicy::KeepLatest, &mut pool);
        }
        assert_eq!(drain(&mut queue, &mut pool), "aaa");
    }

    #[test]
    fn keeps_only_the_latest() {
        let (mut queue, mut pool) = (SendQueue::default(), BlockPool::default());
        write(&mut queue, &mut pool, "old1", false);
        queue.push(Slice::copy_of(b"old2"), &mut pool);
        let admission = queue.admit(3, 9, SendPolicy::KeepLatest, &mut pool);
        assert_eq!(admission, Admission::Queued { dropped: 2 });
        write(&mut queue, &mut pool, "new", false);
        assert_eq!(drain(&mut queue, &mut pool), "new");
    }
}
