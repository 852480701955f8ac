//! Clients stop reading for a while, and read again.

use allspark_engine::io::{Driver, Op};

use super::runner::{Runner, token};
use super::unread::Cables;

impl<D: Driver> Runner<D> {
    /// A client that is open reads nothing from now on.
    pub(super) fn stop_receiving(&mut self, client: u32) -> Cables {
        if !self.plan.dialect.is_plain_websocket() {
            return self.sessions.stop_reading(client, &mut self.driver);
        }
        let socket = self.fleet.client(client).socket;
        self.driver.push(Op::StopReceive { socket });
        Cables::new()
    }

    /// It reads again, if it still has its connection.
    pub(super) fn receive_again(&mut self, client: u32, cables: &Cables) {
        let state = self.fleet.client(client);
        if !state.can_send() {
            return;
        }
        match self.plan.dialect.is_plain_websocket() {
            true => self.driver.push(Op::Receive {
                socket: state.socket,
                token: token(client),
            }),
            false => self.sessions.read_again(client, cables, &mut self.driver),
        }
    }
}
