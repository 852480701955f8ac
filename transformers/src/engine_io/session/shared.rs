//! What the sessions of a shard share.

use super::super::options::EngineIoOptions;

/// What the sessions of a shard share.
#[derive(Clone, Debug)]
pub(in super::super) struct Shared {
    pub(in super::super) options: EngineIoOptions,
    /// Bytes of the largest body and of the largest WebSocket message.
    pub(in super::super) buffer_bytes_max: usize,
    /// Where bytes are decoded.
    pub(in super::super) scratch: Vec<u8>,
}

/// Bytes up to which scratch space is kept: a rare huge message must not stay in memory.
const SCRATCH_BYTES_KEPT_MAX: usize = 64 * 1024;

impl Shared {
    /// Gives back what a huge message needed.
    pub(in super::super) fn trim(&mut self) {
        self.scratch.truncate(SCRATCH_BYTES_KEPT_MAX);
        self.scratch.shrink_to(SCRATCH_BYTES_KEPT_MAX);
    }
}
