//! What all sessions of a shard share.

use std::time::Duration;

use super::SockJsOptions;

/// Options and scratch space.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) options: SockJsOptions,
    /// Bytes of the largest message, Primus's `maxLength`.
    pub(super) message_bytes_max: usize,
    /// Where frames are put together, and bodies are read. Empty between calls.
    pub(super) scratch: Vec<u8>,
}

impl Service {
    /// How long a request waits for messages before it is sent a heartbeat.
    pub(super) fn heartbeat_delay(&self) -> Duration {
        Duration::from_millis(self.options.heartbeat_delay_ms.into())
    }

    /// How long a session lives without a request that receives.
    pub(super) fn disconnect_delay(&self) -> Duration {
        Duration::from_millis(self.options.disconnect_delay_ms.into())
    }

    /// Bytes of the largest request body. A client sends everything that it has gathered in one
    /// request, so this is more than one message. (sockjs-node has no limit.)
    pub(super) fn body_bytes_max(&self) -> usize {
        const LEAST: usize = 1024 * 1024;
        self.message_bytes_max.saturating_mul(2).max(LEAST)
    }

    /// Lends the scratch space.
    pub(super) fn take_scratch(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.scratch)
    }

    /// Takes it back. Of its memory as much is kept as is often needed.
    pub(super) fn return_scratch(&mut self, mut scratch: Vec<u8>) {
        scratch.clear();
        scratch.shrink_to(SCRATCH_BYTES_KEPT_MAX);
        self.scratch = scratch;
    }
}

/// Bytes up to which scratch memory is kept from call to call.
const SCRATCH_BYTES_KEPT_MAX: usize = 64 * 1024;
