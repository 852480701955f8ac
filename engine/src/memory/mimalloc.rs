//! What mimalloc can be told, for programs whose allocator it is.

use mimalloc as _;

#[expect(unsafe_code, reason = "a function of a library in C")]
// SAFETY: the declaration is that of mimalloc.h.
unsafe extern "C" {
    fn mi_collect(force: bool);
}

/// Has mimalloc give back what the calling thread has freed. It does so by itself, but a second
/// later and only when it is called for something else, so a thread that sleeps keeps what it freed
/// last. If `is_much`, it looks at all of the thread's memory, and does not wait for that second.
///
/// For [`Options::give_back`](crate::Options::give_back).
pub fn collect_mimalloc(is_much: bool) {
    #[expect(unsafe_code, reason = "a function of a library in C")]
    // SAFETY: it may be called by any thread at any time; it frees nothing that is in use.
    unsafe {
        mi_collect(is_much);
    }
}
