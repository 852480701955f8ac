//! A connection between two drivers.

use std::os::fd::OwnedFd;

/// A connection that one driver released and another can adopt. Dropped, it is closed.
#[derive(Debug)]
pub struct Detached(pub(super) Kind);

#[derive(Debug)]
pub(super) enum Kind {
    /// A socket of the kernel.
    Fd(OwnedFd),
}
