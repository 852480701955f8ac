//! The ordinary descriptors that the kernel makes of direct ones: to give a connection away, or to
//! shut it down.

use std::collections::HashMap;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use rustix::net::Shutdown;

use crate::io::Token;
use crate::memory::kept;

/// The releases of one ring that are under way, by generation and slot.
#[derive(Debug, Default)]
pub(super) struct Releases(HashMap<(u32, u32), Release>);

/// A connection that is being given away.
#[derive(Debug)]
pub(super) struct Release {
    /// The token of the request; the connection's own still names what it received.
    pub(super) token: Token,
    /// What the other driver will get, once the kernel has made it.
    pub(super) descriptor: io::Result<Option<OwnedFd>>,
}

impl Releases {
    /// A release begins; `name` is that of its operation, `token` that of the request.
    pub(super) fn begin(&mut self, name: Token, token: Token) {
        let descriptor = Ok(None);
        self.0.insert(key(name), Release { token, descriptor });
    }

    /// The connection broke before it was given away.
    pub(super) fn fail(&mut self, name: Token, error: io::Error) {
        if let Some(release) = self.0.get_mut(&key(name)) {
            release.descriptor = Err(error);
        }
    }

    /// Whether the connection is being given away and has not broken.
    pub(super) fn is_sound(&self, name: Token) -> bool {
        let sound = |release: &Release| release.descriptor.is_ok();
        self.0.get(&key(name)).is_some_and(sound)
    }

    /// Ends a release. `None` if there is none of this name.
    pub(super) fn finish(&mut self, name: Token) -> Option<Release> {
        self.0.remove(&key(name))
    }

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

/// Uses the ordinary descriptor that the kernel has just made of a direct one, and closes it.
#[expect(unsafe_code, reason = "the kernel made a descriptor for us")]
pub(super) fn shut_installed(result: i32) {
    if result >= 0 {
        // SAFETY: the kernel has just made this descriptor, for nobody else, and a completion is
        // looked at once.
        let socket = unsafe { OwnedFd::from_raw_fd(result) };
        // A connection that is gone already needs no farewell.
        let _ = rustix::net::shutdown(&socket, Shutdown::Write);
    }
}
