//! Words that cost no memory before they are written: pages that were never written are the
//! kernel's.

use std::ops::Deref;
use std::sync::atomic::AtomicU64;

use super::region::Region;

/// So many words, each 0 at first.
#[derive(Debug)]
pub(crate) struct AtomicWords {
    region: Region,
    count: usize,
}

impl AtomicWords {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            region: Region::new(count * size_of::<AtomicU64>()),
            count,
        }
    }
}

impl Deref for AtomicWords {
    type Target = [AtomicU64];

    #[expect(unsafe_code, reason = "the words live in the region")]
    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: the region is so long, begins at a page, was zeroed by the kernel, and is read
        // and written as these words alone, as long as `self` lives. An atomic number is in memory
        // what the number is.
        unsafe { std::slice::from_raw_parts(self.region.start().cast(), self.count) }
    }
}

#[expect(
    unsafe_code,
    reason = "a region is memory, and who has it is its owner"
)]
// SAFETY: the region is this value's own, and what lies in it is atomic.
unsafe impl Send for AtomicWords {}

#[expect(unsafe_code, reason = "the words are atomic")]
// SAFETY: as above; nothing but the words is reached through a shared reference.
unsafe impl Sync for AtomicWords {}
