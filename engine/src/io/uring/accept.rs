//! Accepting connections into direct descriptors.
//!
//! Several single accepts are pending, each with a slot and a place for the peer's address. A
//! multishot accept would take as many connections as there are, whether or not there is a slot
//! for them: the kernel drops one that it took and can't store. It does not tell the address
//! either, and asking for it costs as many operations as accepting again.

use std::io;

use super::ring::Ring;
use super::slots::State;
use super::{Uring, kind, pack};
use crate::io::{Completion, Token, clock};

impl Uring {
    /// Keeps as many accepts pending as there is room for.
    pub(super) fn top_up_accepts(&mut self, completions: &mut Vec<Completion>) {
        if !self.acceptor.wanted {
            return;
        }
        if self.acceptor.pause.until().is_some() {
            let now = clock::now();
            if !self.acceptor.pause.take_over(now) {
                return;
            }
        }
        while let Some((place, none_pending)) = self.acceptor.next_free() {
            let ring = match self.rings.iter().position(|ring| ring.slots.has_room()) {
                Some(ring) => ring,
                // As long as one is pending on each listener, another ring can wait.
                None if !none_pending => return,
                None => match self.open_ring() {
                    Ok(ring) => ring,
                    Err(error) => return self.pause_accept(error, completions),
                },
            };
            if !self.push_accept(ring, place) {
                return;
            }
        }
    }

    fn push_accept(&mut self, ring_index: usize, place: u16) -> bool {
        let ring = &mut self.rings[ring_index];
        let token = Token::from_u64(place.into());
        let Some(slot) = ring.slots.reserve(State::Accepting, token) else {
            return false;
        };
        let Some(entry) = self.acceptor.operation(place, slot) else {
            ring.slots.release(slot);
            return false;
        };
        ring.push(entry, ring.slots.name(kind::ACCEPT, slot));
        self.acceptor.take(place);
        self.acceptor.users[usize::from(place)] = Some((ring_index, slot));
        true
    }

    pub(super) fn finish_accept(
        &mut self,
        ring_index: usize,
        name: Token,
        result: i32,
        completions: &mut Vec<Completion>,
    ) {
        let ring = &mut self.rings[ring_index];
        let Some(slot) = ring.slots.named(name) else {
            ring.stale_completions += 1;
            return;
        };
        let place = slot.token.as_u64() as u16;
        let peer = self.acceptor.free(place);
        let listener = self.acceptor.listener_of(place);
        if result < 0 {
            ring.slots.release(name.index());
            if !concerns_one_connection(-result) {
                self.pause_accept(io::Error::from_raw_os_error(-result), completions);
            }
            return;
        }
        slot.state = State::Open;
        self.acceptor.pause.accepted();
        // Also one that came before the accepts were stopped: nobody else would get it.
        match peer.zip(listener) {
            Some((peer, listener)) => completions.push(Completion::Accepted {
                socket: pack(ring_index, name.index()),
                peer,
                listener: listener as u8,
            }),
            None => ring.close_silently(name.index()),
        }
    }

    fn pause_accept(&mut self, error: io::Error, completions: &mut Vec<Completion>) {
        if self.acceptor.pause.begin(clock::now()) {
            completions.push(Completion::AcceptFailed { error });
        }
    }

    /// Asks again for one connection of each listener: an accept that begins takes what is there,
    /// whomever the kernel has told of it.
    fn accept_again(&mut self) {
        let listeners = self.acceptor.listeners.len();
        for listener in 0..listeners {
            let places = self.acceptor.users.iter().skip(listener).step_by(listeners);
            if let Some((ring, slot)) = places.flatten().next() {
                self.rings[*ring].cancel_accept(*slot);
            }
        }
    }

    /// Begins to accept.
    pub(super) fn start_accept(&mut self) {
        match self.acceptor.wanted {
            true => self.accept_again(),
            false => self.acceptor.start(),
        }
    }

    /// Cancels what is pending. A listener lives until the last of it is gone.
    pub(super) fn stop_accept(&mut self) {
        self.acceptor.wanted = false;
        self.acceptor.listeners.clear();
        for (ring, slot) in self.acceptor.users.into_iter().flatten() {
            self.rings[ring].cancel_accept(slot);
        }
    }
}

impl Ring {
    fn cancel_accept(&mut self, slot: u32) {
        let operation = self.slots.name(kind::ACCEPT, slot);
        self.cancel(operation, kind::CANCEL_ACCEPT);
    }

    /// The kernel did not find an accept: it has ended, or it must be asked again.
    pub(super) fn retry_cancel_accept(&mut self, name: Token) {
        let accepting = |slot: &mut super::slots::Slot| slot.state == State::Accepting;
        if self.slots.named(name).is_some_and(accepting) {
            self.cancel_accept(name.index());
        }
    }
}

/// Errors of a connection that was not accepted yet; accept(2) says to try again at once. A
/// cancelled accept is no failure either.
fn concerns_one_connection(error: i32) -> bool {
    matches!(
        error,
        libc::ECANCELED
            | libc::EINTR
            | libc::EAGAIN
            | libc::ECONNABORTED
            | libc::EPROTO
            | libc::ENOPROTOOPT
            | libc::EPERM
            | libc::ENETDOWN
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::EHOSTUNREACH
            | libc::ENONET
            | libc::EOPNOTSUPP
    )
}
