//! What all sessions of a shard share to compress and to inflate.

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::deflate::{Deflater, Inflater, WindowBits};
use allspark_protocol::websocket::encode;

use super::options::DeflateOptions;

/// The windows of compressed messages: 9 to 15 bits. One of 8 is served with 9, as
/// [`Deflater::new`] explains.
pub(super) const WINDOWS: usize = 7;

/// Compressors and an inflater for messages that depend on no other. They are made when they are
/// first needed, so they cost nothing where nobody compresses.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) inflater: Inflater,
    /// By window.
    deflaters: [Option<Box<Deflater>>; WINDOWS],
    pub(super) scratch: Vec<u8>,
}

/// Bytes up to which scratch space is kept.
const SCRATCH_BYTES_KEPT_MAX: usize = 64 * 1024;

impl Default for Shared {
    fn default() -> Self {
        Self {
            inflater: Inflater::new(false),
            deflaters: Default::default(),
            scratch: Vec::new(),
        }
    }
}

impl Clone for Shared {
    /// Another shard has its own.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Shared {
    /// Appends a frame of a message, compressed with this window (of more than 8 bits) if that can
    /// be done.
    #[inline(never)]
    pub(crate) fn frame(
        &mut self,
        options: &DeflateOptions,
        window: WindowBits,
        kind: Kind,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) {
        let index = usize::from(window.bits() - WindowBits::MIN.bits()) - 1;
        let deflater = self.deflaters[index]
            .get_or_insert_with(|| Box::new(Deflater::new(window, options.effort, false)));
        match deflater.message(payload, &mut self.scratch) {
            Some(compressed) => encode::compressed(kind, compressed, None, out),
            None => encode::message(kind, payload, None, out),
        }
        self.trim();
    }

    pub(super) fn trim(&mut self) {
        self.scratch.truncate(SCRATCH_BYTES_KEPT_MAX);
        self.scratch.shrink_to(SCRATCH_BYTES_KEPT_MAX);
    }
}
