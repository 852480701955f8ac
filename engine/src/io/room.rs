//! Where reads go: one after the other into a large buffer, and into another one while what lies in
//! the first is still looked at.

use std::rc::Rc;

use crate::memory::{BufferPool, LentBuffer};

/// Reads of a whole buffer. A read gets no more, so that one socket leaves room for others, and a
/// buffer in which less is left is not used further, so that messages are seldom cut.
const READS_PER_BUFFER: usize = 4;

/// Receive buffers, one of which is being filled.
#[derive(Debug)]
pub(super) struct Room {
    pool: Rc<BufferPool>,
    current: Option<Current>,
}

/// The buffer that is being filled.
#[derive(Debug)]
struct Current {
    id: u16,
    filled_bytes: usize,
}

impl Room {
    pub(super) fn new(buffers: u16, buffer_bytes: usize) -> Self {
        Self {
            pool: BufferPool::new(buffers, buffer_bytes),
            current: None,
        }
    }

    /// Bytes that a read gets.
    pub(super) fn read_bytes(&self) -> usize {
        (self.pool.buffer_bytes() / READS_PER_BUFFER).max(1)
    }

    /// How many reads there is room for at least.
    pub(super) fn reads(&self) -> usize {
        let buffer_bytes = self.pool.buffer_bytes();
        let current_bytes = self.current.as_ref().map_or(0, |current| {
            let is_rewound = self.pool.is_unlent(current.id);
            buffer_bytes - if is_rewound { 0 } else { current.filled_bytes }
        });
        let per_buffer = buffer_bytes / self.read_bytes();
        current_bytes / self.read_bytes() + self.pool.free_count() * per_buffer
    }

    /// Where the next read goes. `None` if everything is lent.
    #[expect(unsafe_code, reason = "memory of the pool's region")]
    pub(super) fn next(&mut self) -> Option<&mut [u8]> {
        let read_bytes = self.read_bytes();
        if let Some(current) = &mut self.current {
            if self.pool.is_unlent(current.id) {
                current.filled_bytes = 0;
            } else if current.filled_bytes + read_bytes > self.pool.buffer_bytes() {
                self.pool.finish(current.id);
                self.current = None;
            }
        }
        if self.current.is_none() {
            self.current = self.pool.take().map(|id| Current {
                id,
                filled_bytes: 0,
            });
        }
        let current = self.current.as_ref()?;
        let start = self.pool.address(current.id);
        let start = start.wrapping_add(current.filled_bytes);
        // SAFETY: the buffer was taken from the pool, which lives as long as `self`. What is lent
        // of it lies before these bytes, which are initialised and within the buffer.
        Some(unsafe { std::slice::from_raw_parts_mut(start, read_bytes) })
    }

    /// Lends the first bytes of what [`Room::next`] gave.
    #[expect(unsafe_code, reason = "exclusive use of these bytes")]
    pub(super) fn lend(&mut self, bytes: usize) -> LentBuffer {
        let current = self.current.as_mut().expect("there was room for a read");
        let start = current.filled_bytes;
        current.filled_bytes += bytes;
        // SAFETY: the buffer was taken and is not finished, the read is over, and what is lent
        // next lies behind these bytes.
        unsafe { self.pool.lend(current.id, start..current.filled_bytes) }
    }

    /// Gives memory back that is not needed for now.
    #[expect(unsafe_code, reason = "what buffers hold is lost")]
    pub(super) fn give_back(&self) {
        // SAFETY: what a read brings is lent at once.
        unsafe { self.pool.forget() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(room: &mut Room, bytes: &[u8]) -> Option<LentBuffer> {
        room.next()?[..bytes.len()].copy_from_slice(bytes);
        Some(room.lend(bytes.len()))
    }

    #[test]
    fn reads_lie_close_together_and_begin_anew_when_nothing_is_lent() {
        let mut room = Room::new(1, 16);
        assert_eq!((room.read_bytes(), room.reads()), (4, 4));
        let first = read(&mut room, b"ab").unwrap();
        let second = read(&mut room, b"cdef").unwrap();
        assert_eq!(
            (&*first, &*second, room.reads()),
            (&b"ab"[..], &b"cdef"[..], 2)
        );
        assert_eq!(first.as_ptr().wrapping_add(2), second.as_ptr());
        let begin = first.as_ptr();
        drop((first, second));
        assert_eq!(room.reads(), 4);
        assert_eq!(read(&mut room, b"g").unwrap().as_ptr(), begin);
    }

    #[test]
    fn a_buffer_that_is_lent_is_followed_by_another_one() {
        let mut room = Room::new(2, 16);
        let held: Vec<LentBuffer> = (0..8).map_while(|_| read(&mut room, b"abcd")).collect();
        assert_eq!((held.len(), room.reads()), (8, 0));
        assert!(read(&mut room, b"no").is_none());
        let mut held = held.into_iter();
        drop(held.by_ref().take(4).collect::<Vec<_>>());
        assert_eq!(room.reads(), 4, "one of the two came back");
        assert!(read(&mut room, b"yes").is_some());
        drop(held);
    }
}
