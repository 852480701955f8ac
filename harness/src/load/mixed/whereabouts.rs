//! Where clients of a mixed load are, and what they do not read.

use std::collections::HashMap;

use allspark_protocol::transformer::Link;
use smallvec::SmallVec;

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// It has a connection, or never got one, or lost it by a fault.
    Here,
    /// It wants to leave, and waits for its last messages.
    Parting,
    /// It has said goodbye.
    Leaving,
    /// Its connection ended as it was to, and it comes back at its alarm.
    Away,
    /// It connects again.
    Returning,
}

/// What is not read for a while: of each client that does not read, the connections by the names
/// that they have here. A plain WebSocket has no name but its client's.
#[derive(Debug, Default)]
pub(super) struct Unread(pub(super) HashMap<u32, SmallVec<[(u32, Link); 1]>>);

impl Unread {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
