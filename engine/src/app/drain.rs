//! Lets the clients of a server go elsewhere, a few at a time.

use std::sync::atomic::Ordering;

use super::ends::{Drain, Draining};
use super::handle::Handle;
use super::host::Command;

impl Handle {
    /// Has every client reconnect elsewhere, spread over a time, and ends the server. A server that
    /// drains already goes on as it does; [`Handle::destroy`] hurries it.
    ///
    /// Messages and broadcasts reach those who are still there. Of a polling session the request
    /// that waits is answered. Connections that are kept alive are closed with their next answer,
    /// unless they belong to a session that is still there.
    pub fn drain(&self, options: Drain) {
        if self.is_draining() {
            return;
        }
        let (server, sparks) = (self.server(), self.connected());
        server.sparks_before.store(sparks, Ordering::SeqCst);
        if !server.drains.swap(true, Ordering::SeqCst) {
            self.send_to_all(|| Command::Drain(options));
        }
    }

    /// Has every shard look whether connections wait of which the kernel has told another process,
    /// one that has accepted on the same sockets and stopped. Whoever takes sockets over from one
    /// calls this once the other has stopped. It does no harm at any time.
    pub fn accept_again(&self) {
        self.send_to_all(|| Command::AcceptAgain);
    }

    /// Whether the server drains or has drained: nobody new should be sent to it.
    pub fn is_draining(&self) -> bool {
        self.server().drains.load(Ordering::SeqCst)
    }

    /// How far it is, if it drains.
    pub fn draining(&self) -> Option<Draining> {
        self.is_draining().then(|| {
            let stats = self.stats();
            Draining {
                sparks_before: self.server().sparks_before.load(Ordering::SeqCst),
                sparks_left: stats.sparks_opened.saturating_sub(stats.sparks_ended),
                connections_left: stats
                    .connections_accepted
                    .saturating_sub(stats.connections_closed),
            }
        })
    }
}
