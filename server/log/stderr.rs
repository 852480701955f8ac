//! stderr without what the standard library adds: no lock that others could wait for, and no
//! descriptor that only says "not now".

use std::io::{self, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};

/// Where lines go.
pub(super) struct Stderr(io::Stderr);

impl Stderr {
    pub(super) fn new() -> Self {
        Self(io::stderr())
    }
}

impl Write for Stderr {
    /// Waits until it can be written to: whoever gave it to us may have made it non-blocking.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(self.0.as_fd(), bytes) {
                Err(rustix::io::Errno::AGAIN) => {
                    let stderr = PollFd::new(&self.0, PollFlags::OUT);
                    poll(&mut [stderr], None)?;
                }
                written => return Ok(written?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
