//! Memory straight from the kernel, which costs nothing before it is touched.

use std::alloc::{Layout, handle_alloc_error};
use std::ptr::{self, NonNull};

/// Zeroed memory that is no allocator's. A page of it takes memory from the first write on, until
/// [`Region::forget`] or the end of the region.
#[derive(Debug)]
pub(super) struct Region {
    start: NonNull<u8>,
    bytes: usize,
}

impl Region {
    /// So many bytes, beginning at a page.
    #[expect(unsafe_code, reason = "the system call")]
    pub(super) fn new(bytes: usize) -> Self {
        let bytes = bytes.max(1);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping at an address that the kernel chooses touches no other memory.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => Self { start, bytes },
            // As any allocation that fails: the process can't go on.
            _ => handle_alloc_error(Layout::array::<u8>(bytes).unwrap_or(Layout::new::<u8>())),
        }
    }

    /// How many bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    /// Where it begins. The pointer may be used for all of its bytes.
    pub(super) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Gives the memory back. The region stays, and its bytes are zero again.
    ///
    /// # Safety
    /// Nobody refers to its bytes, nor expects them to be as they were.
    #[expect(unsafe_code, reason = "changes bytes that others may refer to")]
    pub(super) unsafe fn forget(&self) {
        // SAFETY: the mapping is this region's own, and nobody refers to its bytes. If the kernel
        // refuses, they stay as they are.
        unsafe { libc::madvise(self.start.as_ptr().cast(), self.bytes, libc::MADV_DONTNEED) };
    }
}

impl Drop for Region {
    #[expect(unsafe_code, reason = "the system call")]
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `new` with this length, and whoever referred to it has
        // borrowed it or shared its ownership.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
