//! Files that are written to are opened anew when somebody has moved them away (SIGUSR1, SIGHUP).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How often that was asked for. Copies are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reopen(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    asked: AtomicU64,
    is_heard: AtomicBool,
}

impl Reopen {
    /// Asks for it, from any thread. Who writes does it before the next line. Returns false if
    /// nobody writes to a file.
    pub(crate) fn ask(&self) -> bool {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        self.0.is_heard.load(Ordering::Relaxed)
    }

    /// Somebody writes to a file, and will look. Returns how often it was asked for so far.
    pub(crate) fn hear(&self) -> u64 {
        self.0.is_heard.store(true, Ordering::Relaxed);
        self.asked()
    }

    /// How often it was asked for so far.
    pub(crate) fn asked(&self) -> u64 {
        self.0.asked.load(Ordering::Relaxed)
    }
}
