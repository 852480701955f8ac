//! A connection between two drivers.

use std::io;
use std::os::fd::OwnedFd;

use super::sim::Stray;
use super::tls::Session;

/// A connection that one driver released and another can adopt. Dropped, it is closed.
///
/// It may go to another thread. On the kernel's drivers it holds a descriptor of the process, so
/// it should not live longer than the moment of the hand-over: `RLIMIT_NOFILE` counts it.
#[derive(Debug)]
pub struct Detached(Kind, Option<Box<Session>>);

#[derive(Debug)]
enum Kind {
    /// A socket of the kernel.
    Fd(OwnedFd),
    /// A connection of the simulator.
    Sim(Stray),
}

impl Detached {
    pub(super) fn of_fd(fd: OwnedFd) -> Self {
        Self(Kind::Fd(fd), None)
    }

    pub(super) fn of_stray(stray: Stray) -> Self {
        Self(Kind::Sim(stray), None)
    }

    /// The same connection with what a TLS driver keeps of it, which travels along.
    pub(super) fn with_session(self, session: Box<Session>) -> Self {
        Self(self.0, Some(session))
    }

    /// Takes that out.
    pub(super) fn without_session(self) -> (Self, Option<Box<Session>>) {
        (Self(self.0, None), self.1)
    }

    /// For the kernel's drivers.
    ///
    /// # Errors
    /// When it comes from the simulator; it is then closed.
    pub(super) fn into_fd(self) -> io::Result<OwnedFd> {
        match self.0 {
            Kind::Fd(fd) => Ok(fd),
            Kind::Sim(_) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// For the simulator.
    ///
    /// # Errors
    /// When it comes from the kernel; it is then closed.
    pub(super) fn into_stray(self) -> io::Result<Stray> {
        match self.0 {
            Kind::Sim(stray) => Ok(stray),
            Kind::Fd(_) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}

/// A TCP socket that was opened without a driver, connected or about to be; it must not block. The
/// simulator adopts none.
impl From<OwnedFd> for Detached {
    fn from(socket: OwnedFd) -> Self {
        Self(Kind::Fd(socket), None)
    }
}

const _: () = {
    const fn assert_send<T: Send>() {}
    assert_send::<Detached>();
};
