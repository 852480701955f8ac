//! Opening connections.

use std::io;
use std::net::SocketAddr;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, ipproto, sockopt};

use super::{Completion, Epoll, Socket, Token};

impl Epoll {
    pub(super) fn connect(
        &mut self,
        address: SocketAddr,
        token: Token,
        completions: &mut Vec<Completion>,
    ) {
        let (descriptor, connected) = match open(address) {
            Ok(opened) => opened,
            Err(error) => {
                let result = Err(error.into());
                return completions.push(Completion::Connected { token, result });
            }
        };
        let socket = self.sockets.insert(descriptor);
        if connected {
            let result = Ok(socket);
            return completions.push(Completion::Connected { token, result });
        }
        if let Some(open) = self.sockets.get(socket) {
            open.token = token;
            open.connecting = true;
        }
        if let Err(error) = self.sockets.update_interest(&self.poll, socket) {
            self.sockets.close(socket);
            let result = Err(error);
            completions.push(Completion::Connected { token, result });
        }
    }

    /// The connection is established, or it failed.
    pub(super) fn finish_connect(&mut self, socket: Socket, completions: &mut Vec<Completion>) {
        let Some(open) = self.sockets.get(socket) else {
            return;
        };
        let token = open.token;
        open.connecting = false;
        let outcome = sockopt::socket_error(&*open).and_then(|error| error);
        let result = outcome
            .map_err(io::Error::from)
            .and_then(|()| self.sockets.update_interest(&self.poll, socket))
            .map(|()| socket);
        if result.is_err() {
            self.sockets.close(socket);
            self.pause.end_early();
        }
        completions.push(Completion::Connected { token, result });
    }
}

/// A socket on its way to `address`, and whether it is already there.
fn open(address: SocketAddr) -> Result<(OwnedFd, bool), Errno> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    match net::connect(&socket, &address) {
        Ok(()) => Ok((socket, true)),
        // An interrupted connect goes on in the background, like one in progress.
        Err(Errno::INPROGRESS | Errno::INTR) => Ok((socket, false)),
        Err(error) => Err(error),
    }
}
