//! The ring through which the kernel is given receive buffers.
//!
//! Since 6.12 the kernel fills a buffer bit by bit (`IOU_PBUF_RING_INC`): whatever comes for any
//! socket lies behind what came before. So buffers can be large: a large message lies in one piece
//! and costs one receive, and small ones lie close together. Before 6.12 a receive uses up a whole
//! buffer, so there must be many of them, and they are small.
//!
//! It is done only where the kernel can limit what one socket receives (6.17), because otherwise a
//! peer that sends fast enough gets all buffers, turn after turn. These kernels also report
//! receives in the order in which they were made, on which the positions in a buffer rely.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::BufRingEntry;
use io_uring::{IoUring, cqueue};

use super::setup::{Buffers, RingSize};
use crate::memory::{BufferPool, LentBuffer};

/// The only group of buffers in each ring.
pub(super) const GROUP: u16 = 0;

/// `IOU_PBUF_RING_INC` of the kernel's interface.
const INCREMENTAL: u16 = 2;

/// Memory that the kernel maps must begin at a page; no page of Linux is larger.
const ALIGNMENT: usize = 64 * 1024;

/// When buffers come back after the kernel ran out of them, one socket may go on for each so many
/// bytes: about what a receive brings. A socket that finds no room left waits again.
const RESUME_BYTES: usize = 64 * 1024;

/// Buffers on their way to the kernel, and a count of those it has.
#[derive(Debug)]
pub(super) struct BufferRing {
    pool: Rc<BufferPool>,
    entries: *mut BufRingEntry,
    count: u16,
    tail: u16,
    /// Bytes that were filled of each buffer.
    filled: Box<[u32]>,
    /// Buffers that the kernel has, as far as it said.
    available: u32,
    is_incremental: bool,
}

impl BufferRing {
    /// Registers a ring of buffers, all of which the kernel may use at once.
    ///
    /// The caller must drop the result after `ring`.
    pub(super) fn register(ring: &IoUring, size: RingSize) -> io::Result<Self> {
        if let Some(buffers) = size.incremental {
            match Self::register_as(ring, buffers, INCREMENTAL) {
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
                registered => return registered,
            }
        }
        Self::register_as(ring, size.whole, 0)
    }

    #[expect(unsafe_code, reason = "memory that is shared with the kernel")]
    fn register_as(ring: &IoUring, size: Buffers, flags: u16) -> io::Result<Self> {
        let count = size.count;
        if !count.is_power_of_two() || size.bytes == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let layout = layout(count);
        // SAFETY: the layout is not empty, because there is at least one buffer.
        let entries = unsafe { alloc_zeroed(layout) }.cast::<BufRingEntry>();
        if entries.is_null() {
            handle_alloc_error(layout);
        }
        let mut buffers = Self {
            pool: BufferPool::new(count, size.bytes),
            entries,
            count,
            tail: 0,
            filled: vec![0; usize::from(count)].into(),
            available: 0,
            is_incremental: flags == INCREMENTAL,
        };
        // SAFETY: the memory is large enough, aligned to a page, and freed only when `buffers` is
        // dropped, which is after the kernel ring is gone, or has refused it.
        unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(entries as u64, count, GROUP, flags)?;
        }
        buffers.restock();
        Ok(buffers)
    }

    /// Whether the kernel fills buffers bit by bit.
    pub(super) fn is_incremental(&self) -> bool {
        self.is_incremental
    }

    /// Whether the kernel has no buffer, as far as it said.
    pub(super) fn is_empty(&self) -> bool {
        self.available == 0
    }

    /// How many sockets that wait for a buffer may try again.
    pub(super) fn resumable(&self) -> usize {
        let available = self.available as usize;
        if self.is_incremental {
            available * self.pool.buffer_bytes().div_ceil(RESUME_BYTES)
        } else {
            available
        }
    }

    /// Gives the kernel every buffer that came back, at the price of one store that it sees.
    #[expect(unsafe_code, reason = "memory that is shared with the kernel")]
    pub(super) fn restock(&mut self) {
        let tail_before = self.tail;
        while let Some(id) = self.pool.take() {
            let index = usize::from(self.tail & (self.count - 1));
            // SAFETY: `index` is below `count`. The kernel does not look at this entry before the
            // tail passes it, and there are never more buffers in the ring than entries.
            let entry = unsafe { &mut *self.entries.add(index) };
            entry.set_addr(self.pool.address(id) as u64);
            entry.set_len(self.pool.buffer_bytes() as u32);
            entry.set_bid(id);
            self.filled[usize::from(id)] = 0;
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

    /// Takes over what the kernel has put into a buffer, if a completion says that it has.
    #[expect(unsafe_code, reason = "the kernel says that it is done with bytes")]
    pub(super) fn take(&mut self, entry: &cqueue::Entry) -> Option<LentBuffer> {
        let id = cqueue::buffer_select(entry.flags())?;
        let len = usize::try_from(entry.result()).unwrap_or(0);
        let start = self.filled[usize::from(id)] as usize;
        self.filled[usize::from(id)] += len as u32;
        // SAFETY: the buffer was taken from the pool in `restock` and is finished below, once.
        // Completions are handled in the order in which the kernel filled the buffer, and each
        // speaks of the bytes behind those before.
        let lent = unsafe { self.pool.lend(id, start..start + len) };
        if !(self.is_incremental && cqueue::buffer_more(entry.flags())) {
            self.available -= 1;
            self.pool.finish(id);
        }
        Some(lent)
    }

    /// Gives memory back that is not needed for now. No completion may wait to be taken over.
    #[expect(unsafe_code, reason = "what the kernel has put into buffers is lost")]
    pub(super) fn give_back(&self) {
        // SAFETY: the kernel receives only while this thread enters the ring, and the caller says
        // that everything it received since was taken over.
        unsafe { self.pool.forget() };
    }
}

impl Drop for BufferRing {
    #[expect(unsafe_code, reason = "frees what `register` allocated")]
    fn drop(&mut self) {
        // SAFETY: allocated in `register_as` with the same layout. The kernel ring is dropped
        // before, and it is driven by this thread only, so the kernel takes no buffer from here
        // any more.
        unsafe { dealloc(self.entries.cast(), layout(self.count)) }
    }
}

fn layout(count: u16) -> Layout {
    let bytes = usize::from(count) * size_of::<BufRingEntry>();
    Layout::from_size_align(bytes, ALIGNMENT).expect("at most 512 KiB")
}
