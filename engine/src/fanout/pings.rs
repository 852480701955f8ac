//! The frames of pings. Sparks that are pinged in the same millisecond share them.

use allspark_protocol::transformer::Wire;

use crate::memory::{BlockPool, FrameClass, Slice, unshared};

/// The frames of the newest ping, by wire format.
#[derive(Debug)]
pub(crate) struct Pings {
    unix_ms: u64,
    frames: Vec<Option<Slice>>,
}

impl Pings {
    pub(super) fn new(wires: u8) -> Self {
        Self {
            unix_ms: 0,
            frames: vec![None; usize::from(wires)],
        }
    }

    /// The frame of the ping of this millisecond, made with `write` if there is none yet.
    pub(crate) fn frame(
        &mut self,
        unix_ms: u64,
        wire: Wire,
        blocks: &mut BlockPool,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Slice {
        if self.unix_ms != unix_ms {
            self.unix_ms = unix_ms;
            self.frames.fill(None);
        }
        let cached = &mut self.frames[usize::from(wire.0)];
        let frame = cached.get_or_insert_with(|| {
            let mut block = blocks.take_small();
            let writable = unshared(&mut block);
            write(writable.writer());
            let ended = writable.end_frame(FrameClass::Exempt);
            assert!(ended.is_ok(), "a ping is short");
            writable.set_common();
            let frame = Slice::new(&block, 0..block.len());
            blocks.give_back(block);
            frame
        });
        frame.clone()
    }
}
