//! stderr, stdout and files without what the standard library adds: no lock that others could wait
//! for, and no descriptor that only says "not now".

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, poll};

/// Where lines go.
pub(super) struct Stderr(io::Stderr);

impl Stderr {
    pub(super) fn new() -> Self {
        Self(io::stderr())
    }
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(self.0.as_fd(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what is taken at once. Waits until something is: whoever gave the descriptor to us may
/// have made it non-blocking.
///
/// # Errors
/// What the kernel says.
pub(crate) fn write(out: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match rustix::io::write(out, bytes) {
            Err(rustix::io::Errno::AGAIN) => {
                poll(&mut [PollFd::new(&out, PollFlags::OUT)], None)?;
            }
            written => return Ok(written?),
        }
    }
}
