//! What is not read for a while, of each client that does not read.

use std::collections::HashMap;

use allspark_protocol::transformer::Link;
use smallvec::SmallVec;

/// What one client does not read, by the names that its connections have here. A plain WebSocket
/// has no name but its client's.
pub(super) type Cables = SmallVec<[(u32, Link); 1]>;

/// By client.
#[derive(Debug, Default)]
pub(super) struct Unread(pub(super) HashMap<u32, Cables>);

impl Unread {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
