//! Plain messages become compressed ones (RFC 7692, 7.2.1).

use std::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Status};

use super::{TAIL, WindowBits};

/// What compression may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Effort {
    level: u8,
    memory_level: u8,
}

impl Effort {
    /// The effort of the npm package `ws`, which is the default of zlib.
    pub const DEFAULT: Self = Self {
        level: 6,
        memory_level: 8,
    };
    /// The least effort that still compresses: that of uWebSockets.
    pub const FAST: Self = Self {
        level: FAST_LEVEL,
        memory_level: 8,
    };

    /// The same effort with another level: 1 (fastest) to 9 (smallest). Level 1 means 2.
    pub fn with_level(self, level: u8) -> Option<Self> {
        (1..=9).contains(&level).then_some(Self {
            level: level.max(FAST_LEVEL),
            ..self
        })
    }

    /// The same with another memory level, from 1 (2 KiB for the hash table and for bytes that
    /// wait) to 9.
    pub fn with_memory_level(self, memory_level: u8) -> Option<Self> {
        (1..=9).contains(&memory_level).then_some(Self {
            memory_level,
            ..self
        })
    }
}

/// The fastest level that is sound. With levels 0 and 1, zlib-rs 0.6.8 panics on some messages when
/// there is little room for the result, and level 1 damages the message after one that was given
/// up.
const FAST_LEVEL: u8 = 2;

impl Default for Effort {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Compresses messages, one at a time and each as a whole.
///
/// One that keeps no context can serve any number of connections.
pub struct Deflater {
    /// Made for the first message: about 256 KiB with the largest window and the default effort.
    deflate: Option<Deflate>,
    window_bits: WindowBits,
    effort: Effort,
    keeps_context: bool,
}

impl fmt::Debug for Deflater {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Deflater")
            .field("window_bits", &self.window_bits)
            .field("effort", &self.effort)
            .field("keeps_context", &self.keeps_context)
            .finish_non_exhaustive()
    }
}

impl Deflater {
    /// A compressor for a peer with a window of `window_bits`. It compresses a message with the
    /// help of those before it if it `keeps_context`.
    ///
    /// In place of 8 bits it uses 9, as zlib has to: it never looks back further than the window
    /// less 262 bytes, so what it makes can be inflated with 8.
    pub fn new(window_bits: WindowBits, effort: Effort, keeps_context: bool) -> Self {
        Self {
            deflate: None,
            window_bits,
            effort,
            keeps_context,
        }
    }

    /// Compresses one message. The result lies in `scratch`, whose memory can be used again.
    ///
    /// `None` if the message would not shrink, so that it is better sent as it is. With a context
    /// only the empty message is left alone, because the peer has to see what the context has seen.
    pub fn message<'s>(&mut self, payload: &[u8], scratch: &'s mut Vec<u8>) -> Option<&'s [u8]> {
        if payload.is_empty() {
            return None;
        }
        let bytes_max = match self.keeps_context {
            true => usize::MAX,
            false => payload.len() + TAIL.len(),
        };
        let filled = deflate_message(self.ready(), payload, bytes_max, scratch)?;
        let message = scratch[..filled].strip_suffix(&TAIL);
        Some(message.expect("a flush ends with an empty stored block"))
    }

    /// The compressor, ready for a message.
    fn ready(&mut self) -> &mut Deflate {
        match &mut self.deflate {
            Some(deflate) => {
                if !self.keeps_context {
                    deflate.reset();
                }
                deflate
            }
            none => none.insert(Deflate::new_with_config(DeflateConfig {
                level: i32::from(self.effort.level),
                mem_level: i32::from(self.effort.memory_level),
                window_bits: -i32::from(self.window_bits.bits().max(9)),
                ..DeflateConfig::default()
            })),
        }
    }
}

/// Compresses all of `payload` into the front of `scratch`, and returns how much of it is filled.
/// `None` if that would be `bytes_max` bytes or more.
fn deflate_message(
    deflate: &mut Deflate,
    payload: &[u8],
    bytes_max: usize,
    scratch: &mut Vec<u8>,
) -> Option<usize> {
    // A flush that has this much room left does not repeat itself (zlib's manual).
    const FLUSH_BYTES_MAX: usize = 6;
    let (mut rest, mut filled) = (payload, 0);
    let mut room_bytes = bytes_max.min(payload.len() + TAIL.len() + FLUSH_BYTES_MAX);
    loop {
        if scratch.len() < room_bytes {
            scratch.resize(room_bytes, 0);
        }
        let (in_before, out_before) = (deflate.total_in(), deflate.total_out());
        let output = &mut scratch[filled..room_bytes];
        let status = deflate.compress(rest, output, DeflateFlush::SyncFlush);
        assert!(
            matches!(status, Ok(Status::Ok | Status::BufError)),
            "a raw stream that is never finished has no other state"
        );
        rest = &rest[(deflate.total_in() - in_before) as usize..];
        filled += (deflate.total_out() - out_before) as usize;
        if rest.is_empty() && filled < room_bytes {
            return Some(filled);
        }
        if room_bytes == bytes_max {
            return None;
        }
        room_bytes = bytes_max.min(room_bytes * 2 + FLUSH_BYTES_MAX);
    }
}
