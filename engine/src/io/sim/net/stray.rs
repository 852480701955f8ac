//! Ends of connections on their way from one driver to another.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::id::EndpointId;

/// An end of a connection that no driver owns. Dropped, it is closed.
///
/// The network belongs to one thread and this may be dropped on any, so it only leaves word; the
/// network closes the end before it says or does anything next.
#[derive(Debug)]
pub(in crate::io) struct Stray {
    /// `None` once it is adopted.
    pub(super) id: Option<EndpointId>,
    pub(super) dropped: Sender<EndpointId>,
}

/// Where dropped strays leave word.
#[derive(Debug)]
pub(super) struct Strays {
    pub(super) sender: Sender<EndpointId>,
    pub(super) receiver: Receiver<EndpointId>,
}

impl Default for Strays {
    fn default() -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver }
    }
}

impl Drop for Stray {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // Without a network there is nothing left to close.
            let _ = self.dropped.send(id);
        }
    }
}
