//! What the requests of a proxy share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::options::ProxyOptions;
use super::pool::Pool;
use crate::threads::Threads;

/// What requests share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: ProxyOptions,
    pub(super) pool: Pool,
    /// Requests and upgraded connections that are under way.
    pub(super) under_way: AtomicUsize,
    pub(super) counts: Counts,
    pub(super) threads: Threads,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) requests: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) left: AtomicU64,
    pub(super) broken: AtomicU64,
    pub(super) retried: AtomicU64,
    pub(super) upgraded: AtomicU64,
}

/// One of those that are under way, for as long as it is.
pub(super) struct UnderWay(pub(super) Arc<Shared>);

impl UnderWay {
    pub(super) fn begin(shared: &Arc<Shared>) -> Option<Self> {
        let before = shared.under_way.fetch_add(1, Ordering::Relaxed);
        let begun = Self(Arc::clone(shared));
        (before < shared.options.requests_max).then_some(begun)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
