//! Counters that cost no memory before they are counted in: pages that were never written are the
//! kernel's.

use std::sync::atomic::{AtomicU32, AtomicU64};

/// So many counters, each 0.
#[expect(unsafe_code, reason = "the kernel has zeroed the memory")]
pub(crate) fn zeroed_u32(count: usize) -> Box<[AtomicU32]> {
    let counters = Box::<[AtomicU32]>::new_zeroed_slice(count);
    // SAFETY: an atomic number is in memory what the number is, and all bits 0 are the number 0.
    unsafe { counters.assume_init() }
}

/// So many counters of 64 bits, each 0.
#[expect(unsafe_code, reason = "the kernel has zeroed the memory")]
pub(crate) fn zeroed_u64(count: usize) -> Box<[AtomicU64]> {
    let counters = Box::<[AtomicU64]>::new_zeroed_slice(count);
    // SAFETY: as above.
    unsafe { counters.assume_init() }
}
