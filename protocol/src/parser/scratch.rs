//! Memory that decoding needs for a moment.

use std::fmt;

use simd_json::{Buffers, INPUT_PADDING, Tape};

use crate::limits::{DECODE_SCRATCH_BYTES_KEPT_MAX, VALUE_DEPTH_MAX};

/// Working memory for [`super::Parser::decode`], so that a message does not allocate it anew. One
/// per thread is enough; memory that only a large message needs is freed after that message.
pub struct Scratch {
    /// A copy of the message, which the JSON decoder unescapes in place, and its padding.
    pub(super) input: Vec<u8>,
    pub(super) buffers: Buffers,
    /// Empty between two messages.
    pub(super) tape: Tape<'static>,
}

impl Scratch {
    /// Takes a copy of the message, followed by the padding that the decoder wants.
    pub(super) fn load(&mut self, message: &[u8]) {
        self.input.clear();
        self.input.reserve(message.len() + INPUT_PADDING);
        self.input.extend_from_slice(message);
        self.input.extend_from_slice(&[b' '; INPUT_PADDING]);
    }

    /// Gives back what a large message took. All parts grow with the message.
    pub(super) fn trim(&mut self) {
        if self.input.len() > DECODE_SCRATCH_BYTES_KEPT_MAX {
            *self = Self::default();
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            input: Vec::new(),
            buffers: Buffers::with_max_depth(0, VALUE_DEPTH_MAX),
            tape: Tape(Vec::new()),
        }
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch")
            .field("input_bytes", &self.input.capacity())
            .field("tape_nodes", &self.tape.0.capacity())
            .finish_non_exhaustive()
    }
}
