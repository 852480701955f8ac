//! Accepting connections.

use std::io;
use std::net::SocketAddr;

use allspark_protocol::Instant;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrAny, SocketFlags, acceptfrom_with};

use super::{Completion, Epoll, KIND_LISTENER, Token, clock};
use crate::io::UNIX_PEER;

/// Connections accepted per turn, so that a storm of them does not hold up those that exist.
const ACCEPTS_PER_TURN: usize = 64;

impl Epoll {
    /// Begins to accept, or looks again: a listener that comes into the set is looked at.
    pub(super) fn start_accept(&mut self) {
        self.accepting = true;
        self.stop_listening();
    }

    fn stop_listening(&mut self) {
        for listener in self.listeners.iter().filter(|_| self.listening) {
            // It can only fail if the listener is not in the set, which is what is wanted.
            let _ = epoll::delete(&self.poll, listener);
        }
        self.listening = false;
    }

    pub(super) fn stop_accept(&mut self) {
        self.accepting = false;
        self.listening = false;
        // Closing a listener takes it out of the epoll set, unless other shards have it, too.
        for listener in self.listeners.drain(..) {
            let _ = epoll::delete(&self.poll, &listener);
        }
    }

    /// Watches the listeners if connections are wanted and can be accepted.
    pub(super) fn update_listening(&mut self, completions: &mut Vec<Completion>) {
        self.pause.take_over(clock::now());
        if self.listening || !self.accepting || self.pause.until().is_some() {
            return;
        }
        let watched = self
            .listeners
            .iter()
            .zip(0..)
            .try_for_each(|(listener, index)| {
                let data = EventData::new_u64(Token::new(KIND_LISTENER, 0, index).as_u64());
                // Where all shards share one listener, a connection wakes one of them.
                epoll::add(
                    &self.poll,
                    listener,
                    data,
                    EventFlags::IN | EventFlags::EXCLUSIVE,
                )
            });
        self.listening = true;
        if let Err(error) = watched {
            self.pause_accept(error, completions);
        }
    }

    /// Accepts what is there on a listener.
    pub(super) fn accept_ready(&mut self, listener: u8, completions: &mut Vec<Completion>) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(descriptor) = self.listeners.get(usize::from(listener)) else {
                return;
            };
            match acceptfrom_with(descriptor, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok((descriptor, peer)) => {
                    self.pause.accepted();
                    // A connection that does not say where it comes from is of no use.
                    if let Some(peer) = peer.and_then(address_of) {
                        let socket = self.sockets.insert(descriptor);
                        completions.push(Completion::Accepted {
                            socket,
                            peer,
                            listener,
                        });
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(error) if concerns_one_connection(error) => {}
                Err(error) => return self.pause_accept(error, completions),
            }
        }
    }

    /// Accepts nobody until this moment.
    pub(super) fn rest_accept(&mut self, until: Instant) {
        self.pause.rest(until);
        self.stop_listening();
    }

    fn pause_accept(&mut self, error: Errno, completions: &mut Vec<Completion>) {
        self.stop_listening();
        if self.pause.begin(clock::now()) {
            let error = io::Error::from(error);
            completions.push(Completion::AcceptFailed { error });
        }
    }
}

/// Where a connection comes from.
fn address_of(peer: SocketAddrAny) -> Option<SocketAddr> {
    match peer.address_family() {
        AddressFamily::UNIX => Some(UNIX_PEER),
        _ => peer.try_into().ok(),
    }
}

/// Errors of a connection that was not accepted yet; accept(2) says to try again at once.
fn concerns_one_connection(error: Errno) -> bool {
    matches!(
        error,
        Errno::INTR
            | Errno::CONNABORTED
            | Errno::PROTO
            | Errno::NOPROTOOPT
            | Errno::PERM
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::NONET
            | Errno::OPNOTSUPP
    )
}
