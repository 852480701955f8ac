//! Receive buffers: one region per driver or ring, lent to the shard while it parses, then
//! returned.

use std::cell::{Cell, RefCell};
use std::ops::{Deref, DerefMut, Range};
use std::rc::Rc;

use super::region::Region;

/// Fixed buffers of equal size in one region, which takes memory only where it was written to.
///
/// A buffer is *free*, or it was *taken* to receive into. What was received is lent, part by part
/// or all of it at once. A taken buffer is free again when it is finished, so that nothing more
/// will be lent of it, and every part of it has come back.
pub struct BufferPool {
    region: Region,
    buffer_bytes: usize,
    buffers: Box<[Buffer]>,
    /// The free buffers. The one that became free last is taken first: it may still be in the
    /// processor's cache, and those that are never needed are never touched.
    free: RefCell<Vec<u16>>,
    /// Parts of all buffers that are lent.
    lent: Cell<usize>,
}

/// What the pool knows of one buffer.
#[derive(Debug, Default)]
struct Buffer {
    /// It was taken and is not finished.
    taken: Cell<bool>,
    /// Parts of it that are lent.
    lent: Cell<u32>,
}

impl BufferPool {
    /// A pool of `count` free buffers of `buffer_bytes` each.
    pub fn new(count: u16, buffer_bytes: usize) -> Rc<Self> {
        assert!(
            u32::try_from(buffer_bytes).is_ok(),
            "positions in a buffer have 32 bits"
        );
        Rc::new(Self {
            region: Region::new(usize::from(count) * buffer_bytes),
            buffer_bytes,
            buffers: (0..count).map(|_| Buffer::default()).collect(),
            free: RefCell::new((0..count).rev().collect()),
            lent: Cell::new(0),
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
        self.region.start().wrapping_add(offset)
    }

    /// Takes a free buffer.
    pub fn take(&self) -> Option<u16> {
        let id = self.free.borrow_mut().pop()?;
        self.buffers[usize::from(id)].taken.set(true);
        Some(id)
    }

    /// How many buffers are free.
    pub fn free_count(&self) -> usize {
        self.free.borrow().len()
    }

    /// Whether no part of a buffer is lent.
    pub fn is_unlent(&self, id: u16) -> bool {
        self.buffers[usize::from(id)].lent.get() == 0
    }

    /// Nothing more will be lent of a buffer that was taken.
    pub fn finish(&self, id: u16) {
        let buffer = &self.buffers[usize::from(id)];
        let was_taken = buffer.taken.replace(false);
        assert!(was_taken, "a buffer is finished once");
        if buffer.lent.get() == 0 {
            self.free.borrow_mut().push(id);
        }
    }

    /// Copies bytes into a free buffer and lends it, as if the kernel had received them. `None`
    /// when no buffer is free or the bytes are too many for one.
    pub fn lend_copy(self: &Rc<Self>, bytes: &[u8]) -> Option<LentBuffer> {
        if bytes.len() > self.buffer_bytes {
            return None;
        }
        let id = self.take()?;
        #[expect(unsafe_code, reason = "plays the part of the kernel")]
        // SAFETY: the buffer was just taken, the kernel never had it, and it is lent once.
        let mut buffer = unsafe { self.lend(id, 0..bytes.len()) };
        self.finish(id);
        buffer.copy_from_slice(bytes);
        Some(buffer)
    }

    /// Lends a part of a buffer.
    ///
    /// # Safety
    /// The buffer must have been taken with [`BufferPool::take`] and not be finished, the kernel
    /// must be done with the part, and there must be no other `LentBuffer` for any of its bytes.
    #[expect(
        unsafe_code,
        reason = "exclusive use of the bytes is the caller's promise"
    )]
    pub unsafe fn lend(self: &Rc<Self>, id: u16, part: Range<usize>) -> LentBuffer {
        assert!(part.start <= part.end && part.end <= self.buffer_bytes);
        let buffer = &self.buffers[usize::from(id)];
        assert!(buffer.taken.get(), "only what was taken holds something");
        buffer.lent.update(|lent| lent + 1);
        self.lent.update(|lent| lent + 1);
        LentBuffer {
            pool: Rc::clone(self),
            start: part.start as u32,
            len: (part.end - part.start) as u32,
            id,
        }
    }

    /// Gives the memory of the buffers back until they are used again, if none is lent.
    ///
    /// # Safety
    /// No buffer holds bytes that are still to be lent.
    #[expect(unsafe_code, reason = "what the kernel wrote is lost")]
    pub unsafe fn forget(&self) {
        if self.lent.get() == 0 {
            // SAFETY: only a `LentBuffer` refers to bytes of the region, and there is none; the
            // caller says that nothing else is needed.
            unsafe { self.region.forget() };
        }
    }

    /// A part of a part that is lent is lent by itself.
    pub(super) fn lend_part(&self, id: u16) {
        let buffer = &self.buffers[usize::from(id)];
        assert!(buffer.lent.get() > 0, "it is part of what is lent");
        buffer.lent.update(|lent| lent + 1);
        self.lent.update(|lent| lent + 1);
    }

    /// A part of a buffer comes back.
    pub(super) fn return_part(&self, id: u16) {
        let buffer = &self.buffers[usize::from(id)];
        buffer.lent.update(|lent| lent - 1);
        self.lent.update(|lent| lent - 1);
        if buffer.lent.get() == 0 && !buffer.taken.get() {
            self.free.borrow_mut().push(id);
        }
    }
}

impl std::fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BufferPool")
            .field("buffer_bytes", &self.buffer_bytes)
            .field("free", &self.free_count())
            .field("lent", &self.lent.get())
            .finish_non_exhaustive()
    }
}

/// Received bytes, in the buffer that the kernel put them into. Dropping it returns them.
#[derive(Debug)]
pub struct LentBuffer {
    pool: Rc<BufferPool>,
    start: u32,
    len: u32,
    id: u16,
}

impl LentBuffer {
    /// Of which buffer it is a part.
    pub(super) fn origin(&self) -> (&Rc<BufferPool>, u16) {
        (&self.pool, self.id)
    }

    /// From now on it is only this part of it.
    #[must_use]
    pub fn narrow(mut self, part: Range<usize>) -> Self {
        assert!(part.start <= part.end && part.end <= self.len as usize);
        self.start += part.start as u32;
        self.len = (part.end - part.start) as u32;
        self
    }

    fn address(&self) -> *mut u8 {
        let start = self.pool.address(self.id);
        start.wrapping_add(self.start as usize)
    }
}

impl Deref for LentBuffer {
    type Target = [u8];

    #[expect(unsafe_code, reason = "the bytes live in the pool's region")]
    fn deref(&self) -> &[u8] {
        // SAFETY: `lend` checked the bounds, the region lives as long as `pool`, its bytes are
        // initialised, and by the contract of `lend` nobody else uses this part.
        unsafe { std::slice::from_raw_parts(self.address(), self.len as usize) }
    }
}

impl DerefMut for LentBuffer {
    #[expect(unsafe_code, reason = "the bytes live in the pool's region")]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and `&mut self` makes this the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.address(), self.len as usize) }
    }
}

impl Drop for LentBuffer {
    fn drop(&mut self) {
        self.pool.return_part(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "plays the part of the kernel")]
    fn a_buffer_is_free_again_when_it_is_finished_and_all_of_it_is_back() {
        let pool = BufferPool::new(2, 8);
        let (a, b) = (pool.take().unwrap(), pool.take().unwrap());
        assert_eq!((pool.take(), pool.free_count()), (None, 0));
        // SAFETY: both were just taken, and no byte is lent twice.
        let (mut first, second) = unsafe { (pool.lend(a, 0..5), pool.lend(a, 5..8)) };
        first.copy_from_slice(b"12345");
        assert_eq!((&*first, &*second), (&b"12345"[..], &[0; 3][..]));
        pool.finish(a);
        drop(first);
        assert!(pool.free_count() == 0 && !pool.is_unlent(a));
        drop(second);
        assert_eq!(pool.take(), Some(a));
        // Not finished: more will be lent.
        // SAFETY: as above.
        drop(unsafe { pool.lend(b, 0..1) });
        assert!(pool.free_count() == 0 && pool.is_unlent(b));
        pool.finish(b);
        assert_eq!(pool.take(), Some(b));
    }

    #[test]
    #[expect(unsafe_code, reason = "plays the part of the kernel")]
    fn memory_is_forgotten_unless_somebody_reads_it() {
        let pool = BufferPool::new(1, 8192);
        let lent = pool.lend_copy(b"kept").unwrap();
        // SAFETY: everything that was received is lent.
        unsafe { pool.forget() };
        assert_eq!(&*lent, b"kept");
        drop(lent);
        // SAFETY: nothing was received since.
        unsafe { pool.forget() };
        let id = pool.take().unwrap();
        // SAFETY: it was just taken, and is lent once.
        let lent = unsafe { pool.lend(id, 0..4) };
        assert_eq!(&*lent, &[0; 4]);
    }

    #[test]
    fn a_part_is_all_that_is_left() {
        let pool = BufferPool::new(1, 16);
        let lent = pool.lend_copy(b"headbodytail").unwrap();
        let mut body = lent.narrow(4..8);
        body[0] = b'B';
        assert_eq!(&*body, b"Body");
        let nothing = body.narrow(4..4);
        assert_eq!((&*nothing, pool.free_count()), (&b""[..], 0));
        drop(nothing);
        assert_eq!(pool.free_count(), 1);
    }

    #[test]
    fn what_was_free_last_is_taken_first() {
        let pool = BufferPool::new(3, 8);
        let first = pool.take();
        pool.finish(first.unwrap());
        assert_eq!(pool.take(), first);
    }
}
