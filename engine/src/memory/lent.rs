//! Receive buffers: one region per ring, lent to the shard while it parses, then returned.

use std::cell::{RefCell, UnsafeCell};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// Fixed buffers of equal size in one region.
///
/// A buffer is in exactly one place: with the kernel (or free), or in one [`LentBuffer`].
pub struct BufferPool {
    region: Box<[UnsafeCell<u8>]>,
    buffer_bytes: usize,
    returned: RefCell<Vec<u16>>,
}

impl BufferPool {
    /// A pool of `count` buffers of `buffer_bytes` each. Nobody holds any of them yet; all of them
    /// start out in the list of returned buffers.
    pub fn new(count: u16, buffer_bytes: usize) -> Rc<Self> {
        // Memory that nobody has touched costs nothing, and the allocator has it zeroed.
        let region = Box::new_zeroed_slice(usize::from(count) * buffer_bytes);
        #[expect(unsafe_code, reason = "zero is a byte")]
        // SAFETY: a byte may have any value, and so may one in a cell.
        let region = unsafe { region.assume_init() };
        let returned = RefCell::new((0..count).rev().collect());
        Rc::new(Self {
            region,
            buffer_bytes,
            returned,
        })
    }

    /// Bytes in each buffer.
    pub fn buffer_bytes(&self) -> usize {
        self.buffer_bytes
    }

    /// Where buffer `id` begins, for the kernel.
    pub fn address(&self, id: u16) -> *mut u8 {
        let offset = usize::from(id) * self.buffer_bytes;
        assert!(offset < self.region.len());
        // From the whole region, not from one element, so that the pointer may be used for all
        // bytes of the buffer.
        self.region.as_ptr().wrapping_add(offset).cast_mut().cast()
    }

    /// Takes one buffer that was returned.
    pub fn take_returned(&self) -> Option<u16> {
        self.returned.borrow_mut().pop()
    }

    /// How many buffers were returned and not taken again.
    pub fn returned_count(&self) -> usize {
        self.returned.borrow().len()
    }

    /// Gives a buffer back that [`BufferPool::take_returned`] gave out.
    pub fn give_back(&self, id: u16) {
        self.returned.borrow_mut().push(id);
    }

    /// Copies bytes into a returned buffer and lends it, as if the kernel had received them. `None`
    /// when no buffer is left or the bytes are too many for one.
    pub fn lend_copy(self: &Rc<Self>, bytes: &[u8]) -> Option<LentBuffer> {
        if bytes.len() > self.buffer_bytes {
            return None;
        }
        let id = self.take_returned()?;
        #[expect(unsafe_code, reason = "plays the part of the kernel")]
        // SAFETY: the buffer was just taken, the kernel never had it, and it is lent once.
        let mut buffer = unsafe { self.lend(id, bytes.len()) };
        buffer.copy_from_slice(bytes);
        Some(buffer)
    }

    /// Lends the first `len` bytes of buffer `id`.
    ///
    /// # Safety
    /// The buffer must have been taken with [`BufferPool::take_returned`], the kernel must be done
    /// with it, and there must be no other `LentBuffer` for it.
    #[expect(
        unsafe_code,
        reason = "exclusive use of the buffer is the caller's promise"
    )]
    pub unsafe fn lend(self: &Rc<Self>, id: u16, len: usize) -> LentBuffer {
        assert!(len <= self.buffer_bytes);
        assert!((usize::from(id) + 1) * self.buffer_bytes <= self.region.len());
        LentBuffer {
            pool: Rc::clone(self),
            id,
            len,
        }
    }
}

impl std::fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BufferPool")
            .field("buffer_bytes", &self.buffer_bytes)
            .field("returned", &self.returned_count())
            .finish_non_exhaustive()
    }
}

/// Received bytes, in the buffer that the kernel put them into. Dropping it returns the buffer.
#[derive(Debug)]
pub struct LentBuffer {
    pool: Rc<BufferPool>,
    id: u16,
    len: usize,
}

impl Deref for LentBuffer {
    type Target = [u8];

    #[expect(unsafe_code, reason = "the bytes live in the pool's region")]
    fn deref(&self) -> &[u8] {
        // SAFETY: `lend` checked the bounds, the region lives as long as `pool`, its bytes are
        // initialised, and by the contract of `lend` nobody else uses this buffer.
        unsafe { std::slice::from_raw_parts(self.pool.address(self.id), self.len) }
    }
}

impl DerefMut for LentBuffer {
    #[expect(unsafe_code, reason = "the bytes live in the pool's region")]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and `&mut self` makes this the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.pool.address(self.id), self.len) }
    }
}

impl Drop for LentBuffer {
    fn drop(&mut self) {
        self.pool.give_back(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "plays the part of the kernel")]
    fn a_dropped_buffer_can_be_lent_again() {
        let pool = BufferPool::new(2, 8);
        let (a, b) = (pool.take_returned().unwrap(), pool.take_returned().unwrap());
        assert_eq!(pool.take_returned(), None);
        // SAFETY: both were just taken, and each is lent once.
        let (mut first, second) = unsafe { (pool.lend(a, 8), pool.lend(b, 3)) };
        first.copy_from_slice(b"12345678");
        assert_eq!((&*first, second.len()), (&b"12345678"[..], 3));
        drop(first);
        assert_eq!(pool.take_returned(), Some(a));
        drop(second);
        assert_eq!(pool.returned_count(), 1);
    }
}
