//! Giving connections away and taking them over: a matter of the epoll set alone.

use super::{Completion, Detached, Epoll, Socket, Token};

impl Epoll {
    /// Nothing was read ahead, so the driver that adopts the connection gets what the peer sent,
    /// and its end.
    pub(super) fn release(
        &mut self,
        socket: Socket,
        token: Token,
        completions: &mut Vec<Completion>,
    ) {
        let Some(released) = self.sockets.release(&self.poll, socket) else {
            return;
        };
        if released.is_err() {
            self.pause.end_early();
        }
        let result = released.map(Detached::of_fd);
        completions.push(Completion::Released { token, result });
    }

    pub(super) fn adopt(
        &mut self,
        socket: Detached,
        token: Token,
        completions: &mut Vec<Completion>,
    ) {
        let result = socket.into_fd().map(|fd| self.sockets.insert(fd));
        completions.push(Completion::Adopted { token, result });
    }
}
