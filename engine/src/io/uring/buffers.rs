//! The ring through which the kernel is given receive buffers.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

use super::setup::RingSize;
use crate::memory::{BufferPool, LentBuffer};

/// The only group of buffers in each ring.
pub(super) const GROUP: u16 = 0;

/// Memory that the kernel maps must begin at a page; no page of Linux is larger.
const ALIGNMENT: usize = 64 * 1024;

/// Buffers on their way to the kernel, and a count of those it has.
#[derive(Debug)]
pub(super) struct BufferRing {
    pool: Rc<BufferPool>,
    entries: *mut BufRingEntry,
    count: u16,
    tail: u16,
    available: u32,
}

impl BufferRing {
    /// Registers a ring of buffers, all of which the kernel may use at once.
    ///
    /// The caller must drop the result after `ring`.
    #[expect(unsafe_code, reason = "memory that is shared with the kernel")]
    pub(super) fn register(ring: &IoUring, size: RingSize) -> io::Result<Self> {
        if !size.buffers.is_power_of_two() || size.buffer_bytes == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let layout = layout(size.buffers);
        // SAFETY: the layout is not empty, because there is at least one buffer.
        let entries = unsafe { alloc_zeroed(layout) }.cast::<BufRingEntry>();
        if entries.is_null() {
            handle_alloc_error(layout);
        }
        let mut buffers = Self {
            pool: BufferPool::new(size.buffers, size.buffer_bytes),
            entries,
            count: size.buffers,
            tail: 0,
            available: 0,
        };
        // SAFETY: the memory is large enough, aligned to a page, and freed only when `buffers` is
        // dropped, which is after the kernel ring is gone.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(
                entries as u64,
                size.buffers,
                GROUP,
                0,
            )?;
        }
        buffers.restock();
        Ok(buffers)
    }

    /// How many buffers the kernel has, as far as it said.
    pub(super) fn available(&self) -> u32 {
        self.available
    }

    /// Gives the kernel every buffer that came back, at the price of one store that it sees.
    #[expect(unsafe_code, reason = "memory that is shared with the kernel")]
    pub(super) fn restock(&mut self) {
        let tail_before = self.tail;
        while let Some(id) = self.pool.take_returned() {
            let index = usize::from(self.tail & (self.count - 1));
            // SAFETY: `index` is below `count`. The kernel does not look at this entry before the
            // tail passes it, and there are never more buffers in the ring than entries.
            let entry = unsafe { &mut *self.entries.add(index) };
            entry.set_addr(self.pool.address(id) as u64);
            entry.set_len(self.pool.buffer_bytes() as u32);
            entry.set_bid(id);
            self.tail = self.tail.wrapping_add(1);
            self.available += 1;
        }
        if self.tail != tail_before {
            // SAFETY: the tail lies in the first entry, which outlives this borrow, is aligned to
            // 2 bytes, and is not touched by the setters above; the kernel only reads it.
            let tail = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.entries).cast_mut()) };
            tail.store(self.tail, Ordering::Release);
        }
    }

    /// Takes over the buffer that a completion carries.
    #[expect(unsafe_code, reason = "the kernel says that it is done with a buffer")]
    pub(super) fn take(&mut self, id: u16, len: usize) -> LentBuffer {
        self.available -= 1;
        // SAFETY: the buffer was taken from the pool in `restock`, and a completion names each
        // buffer once, when the kernel is done with it.
        unsafe { self.pool.lend(id, len) }
    }
}

impl Drop for BufferRing {
    #[expect(unsafe_code, reason = "frees what `register` allocated")]
    fn drop(&mut self) {
        // SAFETY: allocated in `register` with the same layout. The kernel ring is dropped before,
        // and it is driven by this thread only, so the kernel takes no buffer from here any more.
        unsafe { dealloc(self.entries.cast(), layout(self.count)) }
    }
}

fn layout(count: u16) -> Layout {
    let bytes = usize::from(count) * size_of::<BufRingEntry>();
    Layout::from_size_align(bytes, ALIGNMENT).expect("at most 512 KiB")
}
