//! What mimalloc can be told, for programs whose allocator it is.

use std::ffi::CStr;

use mimalloc as _;

/// Whether mimalloc allows huge pages: 0 or 1.
const ALLOW_THP: &CStr = c"MIMALLOC_ALLOW_THP";

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

/// Has the program refuse huge pages in whose `main.rs` it stands, unless mimalloc's own variable
/// `MIMALLOC_ALLOW_THP` is in its environment: then that is obeyed.
///
/// mimalloc asks the kernel for huge pages, of which each is 2 MiB from the first byte that is
/// written to it. A server at rest writes some KiB per thread and would take ten times the memory,
/// and what is left here and there after a peak would keep most of it. What they give is fewer
/// misses when addresses are translated, but a server spends its time in the kernel, whose own
/// memory lies in huge pages anyhow.
///
/// It is done before `main`, because what runs there first has two of them already: 4 MiB.
#[macro_export]
macro_rules! refuse_huge_pages {
    () => {
        // SAFETY: the section holds functions of this type, which run before there is a second
        // thread. The number is that of the standard library's own; mimalloc's is 101.
        #[unsafe(link_section = ".init_array.00099")]
        #[used]
        static REFUSE_HUGE_PAGES: unsafe extern "C" fn() = $crate::memory::refuse_huge_pages;
    };
}

/// What [`refuse_huge_pages!`](crate::refuse_huge_pages) does, for memory that is touched from now
/// on. It allocates nothing.
///
/// # Safety
/// Nobody else may change the environment meanwhile.
#[doc(hidden)]
#[expect(unsafe_code, reason = "functions of the library in C")]
pub unsafe extern "C" fn refuse_huge_pages() {
    // SAFETY: the caller answers for the environment, and the rest are numbers. A kernel without
    // huge pages refuses this, which is as good.
    unsafe {
        if libc::getenv(ALLOW_THP.as_ptr()).is_null() {
            libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
        }
    }
}
