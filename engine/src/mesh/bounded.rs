//! A queue between threads that is bounded in values and in bytes, and takes no memory for what
//! does not wait in it.
//!
//! # Invariants
//! - What one thread pushes is popped in the order in which it was pushed.
//! - At most [`VALUES_MAX`] values wait, and [`BYTES_MAX`] bytes, unless a single value is larger.
//! - Memory is taken and given back 31 values at a time. A queue that is empty holds at most that
//!   much, whatever waited in it once.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_queue::SegQueue;
use crossbeam_utils::CachePadded;

use crate::limits::{INBOX_BYTES_MAX as BYTES_MAX, INBOX_COMMANDS_MAX as VALUES_MAX};

/// What knows its size in a queue, which is bounded in bytes.
pub(crate) trait Weigh: Send + 'static {
    /// Bytes that it takes while it waits.
    fn bytes(&self) -> usize;
}

/// Any thread pushes; one pops.
pub(super) struct BoundedQueue<T> {
    values: SegQueue<T>,
    /// What waits, and what is about to. In one number, so that a push counts with one atomic
    /// operation, as it must in any case.
    waiting: CachePadded<AtomicU64>,
}

/// How many values wait and how many bytes they have: the number in the upper bits, the bytes in
/// the lower ones. Bytes beyond the lower bits would be more than any machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiting(u64);

const BYTES_BITS: u32 = 44;

/// What the queue keeps beside each value: whether it was written already.
const STATE_BYTES: usize = size_of::<usize>();

impl Waiting {
    /// One value of so many bytes.
    fn one(bytes: usize) -> Self {
        let bytes = (bytes + STATE_BYTES) as u64;
        assert!(bytes < 1 << BYTES_BITS);
        Self(1 << BYTES_BITS | bytes)
    }

    fn values(self) -> usize {
        (self.0 >> BYTES_BITS) as usize
    }

    fn bytes(self) -> usize {
        (self.0 & ((1 << BYTES_BITS) - 1)) as usize
    }

    /// Whether one value more may wait.
    fn has_room_for(self, one: Self) -> bool {
        // A single huge value passes when nothing else waits, as in a spark's queue.
        self.values() == 0 || self.values() < VALUES_MAX && self.bytes() + one.bytes() <= BYTES_MAX
    }
}

impl<T: Weigh> BoundedQueue<T> {
    pub(super) fn new() -> Self {
        Self {
            values: SegQueue::new(),
            waiting: CachePadded::new(AtomicU64::new(0)),
        }
    }

    /// Gives the value back when the queue is full.
    pub(super) fn push(&self, value: T) -> Result<(), T> {
        let one = Waiting::one(value.bytes());
        // The bound is all that hangs on this number; values are handed over by the queue itself.
        let before = Waiting(self.waiting.fetch_add(one.0, Ordering::Relaxed));
        if before.has_room_for(one) {
            self.values.push(value);
            Ok(())
        } else {
            self.waiting.fetch_sub(one.0, Ordering::Relaxed);
            Err(value)
        }
    }

    /// Takes the oldest value.
    pub(super) fn pop(&self) -> Option<T> {
        let value = self.values.pop()?;
        let one = Waiting::one(value.bytes());
        // It was added before the value was pushed, so this never falls below zero.
        self.waiting.fetch_sub(one.0, Ordering::Relaxed);
        Some(value)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Bytes of all values that wait.
    pub(super) fn bytes(&self) -> usize {
        Waiting(self.waiting.load(Ordering::Relaxed)).bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// Costs as many bytes as it says.
    #[derive(Debug, PartialEq, Eq)]
    struct Claim(usize);

    impl Weigh for Claim {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    /// As large as a claim may be beside another one that costs nothing.
    const ALL: Claim = Claim(BYTES_MAX - 2 * STATE_BYTES);

    #[test]
    fn is_bounded_in_values() {
        let queue = BoundedQueue::new();
        for number in 0..VALUES_MAX {
            assert_eq!(queue.push(Claim(0)), Ok(()), "{number}");
        }
        assert_eq!(queue.push(Claim(0)), Err(Claim(0)));
        assert_eq!(queue.pop(), Some(Claim(0)));
        assert_eq!(queue.push(Claim(0)), Ok(()));
        assert_eq!(queue.push(Claim(0)), Err(Claim(0)));
    }

    #[test]
    fn is_bounded_in_bytes() {
        let queue = BoundedQueue::new();
        assert_eq!(queue.push(Claim(0)), Ok(()));
        assert_eq!(queue.push(ALL), Ok(()));
        assert_eq!(queue.bytes(), BYTES_MAX);
        assert_eq!(queue.push(Claim(0)), Err(Claim(0)));
        assert_eq!(queue.pop(), Some(Claim(0)));
        assert_eq!(queue.pop(), Some(ALL));
        assert_eq!((queue.bytes(), queue.pop()), (0, None));
    }

    #[test]
    fn a_value_beyond_the_bound_passes_alone() {
        let queue = BoundedQueue::new();
        let huge = || Claim(BYTES_MAX + 1);
        assert_eq!(queue.push(huge()), Ok(()));
        assert_eq!(queue.push(Claim(0)), Err(Claim(0)));
        assert_eq!(queue.pop(), Some(huge()));
        assert_eq!(queue.push(Claim(0)), Ok(()));
        assert_eq!(queue.push(huge()), Err(huge()));
    }

    /// Whatever threads do at once, what each of them pushed comes out, in its order, and then
    /// nothing is counted any more.
    #[test]
    fn keeps_the_order_of_each_thread() {
        const THREADS: usize = 4;
        const EACH: usize = 20_000;
        let queue = BoundedQueue::new();
        let all_are_here = Barrier::new(THREADS + 1);
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (queue, all_are_here) = (&queue, &all_are_here);
                scope.spawn(move || {
                    all_are_here.wait();
                    for number in 0..EACH {
                        let mut claim = Claim(number * THREADS + thread);
                        while let Err(refused) = queue.push(claim) {
                            claim = refused;
                            thread::yield_now();
                        }
                    }
                });
            }
            all_are_here.wait();
            let mut next = [0; THREADS];
            while next != [EACH; THREADS] {
                let Some(Claim(claim)) = queue.pop() else {
                    thread::yield_now();
                    continue;
                };
                let (number, thread) = (claim / THREADS, claim % THREADS);
                assert_eq!(number, next[thread], "of thread {thread}");
                next[thread] += 1;
            }
        });
        assert!(queue.is_empty());
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 0);
    }
}
