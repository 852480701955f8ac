//! What connections are measured by.

use crate::config::Options;
use crate::limits::{ANSWERS_COST_MAX, PAUSE_BYTES_MAX};

/// The part of a server's options that is about connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) request_timeout_ms: u64,
    pub(crate) min_rate_bytes_per_s: u64,
    /// Bytes that wait for a peer beyond which it is not listened to.
    pub(super) pause_bytes: usize,
    /// What may wait of bytes that no policy bounds.
    pub(super) kept_cost_max: usize,
}

impl Rules {
    pub(crate) fn new(options: &Options) -> Self {
        let queue_bytes_max = options.send_queue_bytes_max.size();
        Self {
            request_timeout_ms: options.request_timeout_ms.get(),
            min_rate_bytes_per_s: options.min_rate_bytes_per_s.get(),
            pause_bytes: (queue_bytes_max / 2).min(PAUSE_BYTES_MAX),
            kept_cost_max: queue_bytes_max.saturating_mul(2).max(ANSWERS_COST_MAX),
        }
    }

    /// Bytes that may wait for a peer while those who write to it need not wait.
    pub(crate) fn drained_bytes(&self) -> usize {
        (self.pause_bytes / 2).max(1)
    }

    /// Bytes that must move in so much time.
    pub(crate) fn least_bytes(&self, period_ms: u64) -> u64 {
        (self.min_rate_bytes_per_s.saturating_mul(period_ms) / 1000).max(1)
    }
}
