//! Lists for messages to rooms, so that none costs an allocation for each of its recipients.

use crate::memory::{FrameTooLong, GiveBack, Slice};

/// Lists that are used again from message to message.
#[derive(Default)]
pub(crate) struct RoomLists {
    /// Rooms that a message is for.
    pub(super) found: Vec<u32>,
    /// Their members.
    pub(super) members: Vec<u32>,
    /// What each wire format made of the message.
    pub(super) frames: Vec<Option<Result<Slice, FrameTooLong>>>,
    /// How many members of small rooms were written to so far, for who has to make a pause.
    pub(super) queued: usize,
}

impl RoomLists {
    pub(super) fn new(wires: u8) -> Self {
        Self {
            frames: vec![None; usize::from(wires)],
            ..Self::default()
        }
    }

    pub(super) fn give_back(&mut self) {
        self.found.give_back();
        self.members.give_back();
    }
}
