//! The ring through which the kernel is given receive buffers.

use std::io;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::BufRingEntry;
use io_uring::{IoUring, cqueue};

/// The only group of buffers.
pub(super) const GROUP: u16 = 0;

/// How many buffers there are; a power of two.
const COUNT: u16 = 1024;

/// Bytes of each. What a client has under way fits in, so that a frame seldom comes in two.
const BYTES: usize = 4096;

const PAGE: usize = 4096;

const _: () = assert!(PAGE.is_multiple_of(size_of::<BufRingEntry>()) && BYTES == PAGE);

/// Memory as the kernel wants it.
#[derive(Clone)]
#[repr(C, align(4096))]
struct Page([u8; PAGE]);

/// Buffers on their way to the kernel and back. The memory is never freed: the kernel may write to
/// it until the ring is gone, and the ring lives as long as the process.
pub(super) struct Buffers {
    entries: *mut BufRingEntry,
    data: *mut u8,
    tail: u16,
    /// Which buffers the kernel has handed over.
    ours: Vec<bool>,
}

impl Buffers {
    /// Registers the buffers, all of which the kernel may use at once.
    #[expect(unsafe_code, reason = "memory that is shared with the kernel")]
    pub(super) fn register(ring: &IoUring) -> io::Result<Self> {
        let entry_pages = usize::from(COUNT) * size_of::<BufRingEntry>() / PAGE;
        let mut buffers = Self {
            entries: leak(entry_pages).cast(),
            data: leak(usize::from(COUNT)),
            tail: 0,
            ours: vec![true; usize::from(COUNT)],
        };
        let entries = buffers.entries as u64;
        // SAFETY: the memory holds that many entries, begins at a page and is never freed.
        unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(entries, COUNT, GROUP, 0)?;
        }
        for id in 0..COUNT {
            buffers.give_back(id);
        }
        Ok(buffers)
    }

    /// The kernel hands over the buffer that this completion names.
    pub(super) fn take(&mut self, entry: &cqueue::Entry) -> Option<u16> {
        let id = cqueue::buffer_select(entry.flags())?;
        self.ours[usize::from(id)] = true;
        Some(id)
    }

    /// The first bytes of a buffer that was handed over.
    #[expect(unsafe_code, reason = "memory that is shared with the kernel")]
    pub(super) fn bytes(&mut self, id: u16, len: usize) -> &mut [u8] {
        assert!(self.ours[usize::from(id)] && len <= BYTES);
        // SAFETY: the buffer lies in `data`, was zeroed, is not the kernel's at this time, and
        // nobody else refers to it as long as `self` is borrowed.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(usize::from(id) * BYTES), len) }
    }

    /// Gives the kernel a buffer.
    #[expect(unsafe_code, reason = "memory that is shared with the kernel")]
    pub(super) fn give_back(&mut self, id: u16) {
        let was_ours = std::mem::take(&mut self.ours[usize::from(id)]);
        assert!(was_ours, "a buffer goes back once");
        let index = usize::from(self.tail & (COUNT - 1));
        // SAFETY: there are `COUNT` entries, and as many buffers, so the kernel has read what was
        // in this one; it does not look at it again before the tail passes it.
        let entry = unsafe { &mut *self.entries.add(index) };
        // SAFETY: the buffer lies in `data`.
        let address = unsafe { self.data.add(usize::from(id) * BYTES) };
        entry.set_addr(address as u64);
        entry.set_len(BYTES as u32);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the tail lies in the first entry, is aligned to 2 bytes, and is not touched by
        // the setters above; the kernel only reads it.
        let tail = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.entries).cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}

fn leak(pages: usize) -> *mut u8 {
    let pages = vec![Page([0; PAGE]); pages].into_boxed_slice();
    Box::leak(pages).as_mut_ptr().cast()
}
