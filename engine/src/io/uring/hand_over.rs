//! Giving connections away and taking them over.
//!
//! A direct descriptor belongs to its ring, so it can't leave it. The kernel makes an ordinary
//! descriptor of it (6.8 and newer), which goes to the other driver and there into the table of
//! one of its rings. The process has an ordinary descriptor only in between.
//!
//! The alternative of older kernels is to send the direct descriptor from ring to ring
//! (`IORING_MSG_SEND_FD`). It needs a ring that any thread may use for every connection under way,
//! because the one that gives does not know which ring will take; not worth it. There a release
//! fails, and [`probe_release`](crate::io::probe_release) says so beforehand.

use std::collections::HashMap;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use io_uring::opcode;
use io_uring::types::Fixed;

use super::ring::Ring;
use super::slots::State;
use super::{Uring, kind, pack};
use crate::io::{Completion, Detached, Token};
use crate::memory::kept;

/// The releases of one ring that are under way, by generation and slot.
#[derive(Debug, Default)]
pub(super) struct Releases(HashMap<(u32, u32), Release>);

/// A connection that is being given away.
#[derive(Debug)]
struct Release {
    /// The token of the request; the connection's own still names what it received.
    token: Token,
    /// What the other driver will get, once the kernel has made it.
    descriptor: io::Result<Option<OwnedFd>>,
}

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
        let descriptor = Ok(None);
        let name = self.slots.name(kind::RELEASE, index);
        let release = Release { token, descriptor };
        self.releases.0.insert(key(name), release);
        self.wind_up(index);
    }

    /// The connection broke before it was given away. The kernel tells that only once, so who
    /// adopted it would take it for a good end.
    pub(super) fn release_broken(&mut self, name: Token, error: io::Error) {
        if let Some(release) = self.releases.0.get_mut(&key(name)) {
            release.descriptor = Err(error);
        }
    }

    /// Nothing is pending any more: makes an ordinary descriptor and closes the direct one, in one
    /// submission. Neither ever waits, so the first is done when the kernel comes to the second.
    pub(super) fn give_away(&mut self, index: u32) {
        let name = self.slots.name(kind::RELEASE, index);
        let sound = |release: &Release| release.descriptor.is_ok();
        if self.releases.0.get(&key(name)).is_some_and(sound) {
            let install = opcode::FixedFdInstall::new(Fixed(index), 0).build();
            self.push(install, self.slots.name(kind::INSTALL, index));
        }
        self.push(opcode::Close::new(Fixed(index)).build(), name);
    }

    /// The direct descriptor is closed, so the ordinary one is all that is left.
    pub(super) fn finish_release(&mut self, name: Token, completions: &mut Vec<Completion>) {
        let Some(Release { token, descriptor }) = self.releases.0.remove(&key(name)) else {
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

impl Releases {
    /// Gives back what it has room for since more were under way.
    pub(super) fn give_back(&mut self) {
        if let Some(kept) = kept(self.0.len(), self.0.capacity()) {
            self.0.shrink_to(kept);
        }
    }

    /// The kernel made an ordinary descriptor, or refused to. Returns whether somebody waited for
    /// it; otherwise it is closed.
    #[expect(unsafe_code, reason = "the kernel made a descriptor for us")]
    pub(super) fn finish_install(&mut self, name: Token, result: i32) -> bool {
        let descriptor = if result < 0 {
            Err(io::Error::from_raw_os_error(-result))
        } else {
            // SAFETY: the kernel has just made this descriptor, for nobody else, and a completion
            // is looked at once.
            Ok(Some(unsafe { OwnedFd::from_raw_fd(result) }))
        };
        let release = self.0.get_mut(&key(name));
        let awaited = release.is_some();
        if let Some(release) = release {
            release.descriptor = descriptor;
        }
        awaited
    }
}

fn key(name: Token) -> (u32, u32) {
    (name.generation(), name.index())
}
