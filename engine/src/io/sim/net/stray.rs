//! Ends of connections on their way from one driver to another.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::{EndpointId, Net, Owner, SimNet};

/// An end of a connection that no driver owns. Dropped, it is closed.
///
/// The network belongs to one thread and this may be dropped on any, so it only leaves word; the
/// network closes the end before it says or does anything next.
#[derive(Debug)]
pub(in crate::io) struct Stray {
    /// `None` once it is adopted.
    id: Option<EndpointId>,
    dropped: Sender<EndpointId>,
}

/// Where dropped strays leave word.
#[derive(Debug)]
pub(super) struct Strays {
    sender: Sender<EndpointId>,
    receiver: Receiver<EndpointId>,
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

impl SimNet {
    /// Takes an end of a connection away from driver `driver`. `None` if it does not own it.
    pub(in crate::io::sim) fn release(&self, id: EndpointId, driver: usize) -> Option<Stray> {
        let net = &mut *self.0.borrow_mut();
        let endpoint = net
            .endpoint(id)
            .filter(|endpoint| endpoint.owner == Owner::Driver(driver))?;
        endpoint.owner = Owner::Nobody;
        endpoint.awaits_room = false;
        Some(Stray {
            id: Some(id),
            dropped: net.strays.sender.clone(),
        })
    }

    /// Gives an end of a connection to driver `driver`.
    ///
    /// # Errors
    /// When it is not of this network; it is then closed where it is from.
    pub(in crate::io::sim) fn adopt(
        &self,
        mut stray: Stray,
        driver: usize,
    ) -> io::Result<EndpointId> {
        let net = &mut *self.0.borrow_mut();
        let unknown = io::ErrorKind::NotFound;
        let id = stray.id.ok_or(unknown)?;
        let endpoint = net
            .endpoint(id)
            .filter(|endpoint| endpoint.owner == Owner::Nobody)
            .ok_or(unknown)?;
        endpoint.owner = Owner::Driver(driver);
        stray.id = None;
        Ok(id)
    }
}

impl Net {
    /// Closes what was released and dropped since.
    pub(super) fn close_dropped(&mut self) {
        while let Ok(id) = self.strays.receiver.try_recv() {
            self.close(id);
        }
    }
}
