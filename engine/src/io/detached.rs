//! A connection between two drivers.

use std::any::Any;
use std::io;
use std::os::fd::OwnedFd;

use super::sim::Stray;

/// What a decorator of a driver keeps of a connection.
pub(super) type Luggage = Box<dyn Any + Send>;

/// A connection that one driver released and another can adopt. Dropped, it is closed.
///
/// It may go to another thread. On the kernel's drivers it holds a descriptor of the process, so
/// it should not live longer than the moment of the hand-over: `RLIMIT_NOFILE` counts it.
#[derive(Debug)]
pub struct Detached(Kind, Option<Luggage>);

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

    /// The same connection with what a decorator keeps of it, which travels along.
    pub(super) fn with_luggage(self, luggage: Luggage) -> Self {
        Self(self.0, Some(luggage))
    }

    /// Takes that out.
    pub(super) fn without_luggage(self) -> (Self, Option<Luggage>) {
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
        Self::of_fd(socket)
    }
}

const _: () = {
    const fn assert_send<T: Send>() {}
    assert_send::<Detached>();
};
