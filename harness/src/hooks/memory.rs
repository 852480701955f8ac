//! What the server needs, looked at ten times per second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;

use crate::system::ProcessMemory;

/// Anonymous memory of the server; zeros if nobody has said which process it is.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Peaks {
    pub(crate) before_bytes: u64,
    /// While nothing happened to the application.
    pub(crate) steady_bytes: u64,
    pub(crate) most_bytes: u64,
}

/// Looks until it is stopped.
pub(super) struct Meter {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    before_bytes: u64,
}

#[derive(Default)]
struct Shared {
    has_stopped: AtomicBool,
    steady_bytes: AtomicU64,
    most_bytes: AtomicU64,
}

impl Meter {
    pub(super) fn start(pid: Option<u32>) -> Self {
        let look = move || pid.and_then(|pid| ProcessMemory::rss_anon_bytes_of(pid).ok());
        let before_bytes = look().unwrap_or_default();
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            while !own.has_stopped.load(Ordering::Relaxed) {
                let bytes = look().unwrap_or_default();
                own.most_bytes.fetch_max(bytes, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(100));
            }
        });
        Self {
            shared,
            thread,
            before_bytes,
        }
    }

    /// What comes now is no longer the usual.
    pub(super) fn mark_steady(&self) {
        let most_bytes = self.shared.most_bytes.load(Ordering::Relaxed);
        self.shared
            .steady_bytes
            .store(most_bytes, Ordering::Relaxed);
    }

    pub(super) fn stop(self) -> Peaks {
        self.shared.has_stopped.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
        Peaks {
            before_bytes: self.before_bytes,
            steady_bytes: self.shared.steady_bytes.load(Ordering::Relaxed),
            most_bytes: self.shared.most_bytes.load(Ordering::Relaxed),
        }
    }
}
