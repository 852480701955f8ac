//! Counters that cost no memory before they are counted in: pages that were never written are the
//! kernel's.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::region::Region;

/// So many counters, each 0 at first.
#[derive(Debug)]
pub(crate) struct Counters<C> {
    region: Region,
    count: usize,
    kind: PhantomData<C>,
}

/// Atomic numbers: in memory they are what the number is, and all bits 0 are the number 0.
pub(crate) trait Counter {}

impl Counter for AtomicU32 {}
impl Counter for AtomicU64 {}

impl<C: Counter> Counters<C> {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            region: Region::new(count * size_of::<C>()),
            count,
            kind: PhantomData,
        }
    }
}

impl<C: Counter> Deref for Counters<C> {
    type Target = [C];

    #[expect(unsafe_code, reason = "the counters live in the region")]
    fn deref(&self) -> &[C] {
        // SAFETY: the region is so long, begins at a page, was zeroed by the kernel, and is read
        // and written as these counters alone, as long as `self` lives.
        unsafe { std::slice::from_raw_parts(self.region.start().cast(), self.count) }
    }
}

#[expect(
    unsafe_code,
    reason = "a region is memory, and who has it is its owner"
)]
// SAFETY: the region is this value's own, and what lies in it is atomic.
unsafe impl<C: Counter + Send> Send for Counters<C> {}

#[expect(unsafe_code, reason = "the counters are atomic")]
// SAFETY: as above; nothing but the counters is reached through a shared reference.
unsafe impl<C: Counter + Sync> Sync for Counters<C> {}
