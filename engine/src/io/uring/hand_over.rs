//! Giving connections away and taking them over.
//!
//! A direct descriptor belongs to its ring, so it can't leave it. The kernel makes an ordinary
//! descriptor of it (6.8 and newer), which goes to the other driver and there into the table of
//! one of its rings. The process has an ordinary descriptor only in between.
//!
//! The alternative of older kernels is to send the direct descriptor from ring to ring
//! (`IORING_MSG_SEND_FD`). It needs a ring that any thread may use for every connection under way,
//! because the shard that gives does not know which ring will take. That is not worth it. There a
//! release fails, and [`probe_release`](crate::io::probe_release) says so beforehand.

use std::io;
use std::os::fd::OwnedFd;

use io_uring::opcode;
use io_uring::types::Fixed;

use super::installed::Release;
use super::ring::Ring;
use super::slots::State;
use super::{Uring, kind, pack};
use crate::io::{Completion, Detached, Token};

impl Uring {
    pub(super) fn adopt(
        &mut self,
        socket: Detached,
        token: Token,
        completions: &mut Vec<Completion>,
    ) {
        let result = socket.into_fd().and_then(|fd| {
            let ring = self.ring_with_room()?;
            let slot = self.rings[ring].adopt(&fd)?;
            Ok(pack(ring, slot))
        });
        completions.push(Completion::Adopted { token, result });
    }
}

impl Ring {
    /// Puts a socket into the table, which then keeps it open.
    fn adopt(&mut self, fd: &OwnedFd) -> io::Result<u32> {
        let index = self.slots.reserve(State::Open, Token::from_u64(0));
        let index = index.expect("the ring was chosen because it has room");
        // Nothing of the slot's last use is queued any more, so it needs no place in the queue.
        match self.put_into_table(index, fd) {
            Ok(()) => Ok(index),
            Err(error) => {
                self.slots.release(index);
                Err(error)
            }
        }
    }

    pub(super) fn release(&mut self, index: u32, token: Token) {
        let Some(slot) = self.slots.open(index) else {
            return;
        };
        slot.state = State::Releasing;
        slot.wanted = false;
        let name = self.slots.name(kind::RELEASE, index);
        self.releases.begin(name, token);
        self.wind_up(index);
    }

    /// The connection broke before it was given away. The kernel tells that only once, so the
    /// driver that adopts the connection would take it for an ordinary end.
    pub(super) fn release_broken(&mut self, name: Token, error: io::Error) {
        self.releases.fail(name, error);
    }

    /// Nothing is pending any more: makes an ordinary descriptor and closes the direct one, in one
    /// submission. Neither ever waits, so the first is done when the kernel comes to the second.
    pub(super) fn give_away(&mut self, index: u32) {
        let name = self.slots.name(kind::RELEASE, index);
        if self.releases.is_sound(name) {
            let install = opcode::FixedFdInstall::new(Fixed(index), 0).build();
            self.push(install, self.slots.name(kind::INSTALL, index));
        }
        self.push(opcode::Close::new(Fixed(index)).build(), name);
    }

    /// The direct descriptor is closed, so the ordinary one is all that is left.
    pub(super) fn finish_release(&mut self, name: Token, completions: &mut Vec<Completion>) {
        let Some(Release { token, descriptor }) = self.releases.finish(name) else {
            self.stale_completions += 1;
            return;
        };
        let made = descriptor.and_then(|made| {
            // The kernel answers in order, so it has answered the install.
            made.ok_or_else(|| io::Error::from_raw_os_error(libc::ECANCELED))
        });
        let result = made.map(Detached::of_fd);
        completions.push(Completion::Released { token, result });
        self.slots.release(name.index());
    }
}
