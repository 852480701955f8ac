//! An end of a connection goes from one driver to another.

use std::io;

use super::stray::Stray;
use super::{EndpointId, Net, Owner, SimNet};

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
