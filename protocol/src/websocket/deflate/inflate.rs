//! Compressed messages become plain ones (RFC 7692, 7.2.2).

use std::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{TAIL, WindowBits};
use crate::websocket::Violation;

/// Inflates messages, one at a time and each as a whole.
///
/// Its window is always the largest, so it inflates what was compressed with any window. One that
/// keeps no context can serve any number of connections.
pub struct Inflater {
    /// Made for the first message: about 45 KiB.
    inflate: Option<Inflate>,
    keeps_context: bool,
}

impl fmt::Debug for Inflater {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Inflater")
            .field("keeps_context", &self.keeps_context)
            .finish_non_exhaustive()
    }
}

impl Inflater {
    /// An inflater for a peer that compresses a message with the help of those before it, or not.
    pub fn new(keeps_context: bool) -> Self {
        Self {
            inflate: None,
            keeps_context,
        }
    }

    /// Inflates the joined payload of one message. What has been inflated is held up to
    /// `message_bytes_max` bytes and no further.
    ///
    /// As in `ws`, a message that ends within a block is valid; it is what was inflated until
    /// there.
    ///
    /// # Errors
    /// [`Violation::MessageTooBig`] as soon as the bound is exceeded, or
    /// [`Violation::InvalidDeflate`]. The connection must then be closed.
    pub fn message(
        &mut self,
        compressed: &[u8],
        message_bytes_max: usize,
    ) -> Result<Vec<u8>, Violation> {
        let inflate = match &mut self.inflate {
            Some(inflate) => {
                if !self.keeps_context {
                    inflate.reset(false);
                }
                inflate
            }
            none => none.insert(Inflate::new(false, WindowBits::MAX.bits())),
        };
        let mut output = Output::new(compressed.len(), message_bytes_max);
        for part in [compressed, &TAIL] {
            output.push(inflate, part)?;
        }
        Ok(output.finish())
    }
}

/// A message that is being inflated.
struct Output {
    /// Of these, the first `filled` bytes count.
    bytes: Vec<u8>,
    filled: usize,
    bytes_max: usize,
}

/// Bytes of room for a message at least, so that a tiny one does not grow step by step.
const ROOM_BYTES_MIN: usize = 256;

/// How much larger than its compressed form a message is expected to be: JSON shrinks to about a
/// quarter. A wrong guess costs one more copy of what has come.
const EXPECTED_RATIO: usize = 4;

impl Output {
    fn new(compressed_bytes: usize, bytes_max: usize) -> Self {
        let expected_bytes = compressed_bytes.saturating_mul(EXPECTED_RATIO);
        let mut output = Self {
            bytes: Vec::new(),
            filled: 0,
            bytes_max,
        };
        output.make_room(expected_bytes.max(ROOM_BYTES_MIN));
        output
    }

    /// Inflates all of `input`.
    fn push(&mut self, inflate: &mut Inflate, mut input: &[u8]) -> Result<(), Violation> {
        loop {
            if self.filled == self.bytes.len() {
                self.make_room(self.filled.saturating_mul(2));
            }
            let (in_before, out_before) = (inflate.total_in(), inflate.total_out());
            let status = inflate
                .decompress(
                    input,
                    &mut self.bytes[self.filled..],
                    InflateFlush::SyncFlush,
                )
                .map_err(|_| Violation::InvalidDeflate)?;
            input = &input[(inflate.total_in() - in_before) as usize..];
            self.filled += (inflate.total_out() - out_before) as usize;
            if self.filled > self.bytes_max {
                return Err(Violation::MessageTooBig);
            }
            if status == Status::StreamEnd {
                // A final block ends a stream, not the message (RFC 7692, 7.2.3.4).
                inflate.reset(false);
            }
            if input.is_empty() && self.filled < self.bytes.len() {
                return Ok(());
            }
        }
    }

    /// Makes room for `bytes` in all, but for no more than shows that the bound is exceeded.
    fn make_room(&mut self, bytes: usize) {
        let room_bytes = bytes.min(self.bytes_max.saturating_add(1));
        self.bytes.reserve_exact(room_bytes - self.bytes.len());
        self.bytes.resize(room_bytes, 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.filled);
        self.bytes
    }
}
