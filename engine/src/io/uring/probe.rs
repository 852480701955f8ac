//! Trying everything that the driver needs, once, before it is relied on.

use std::io;

use io_uring::types::Fixed;
use io_uring::{IoUring, Probe, opcode};

use super::buffers::GROUP;
use super::kind;
use super::receive::limited;
use super::ring::{Ring, Sleep};
use super::setup::{Buffers, RingSize, SetupError};
use crate::io::Token;

/// Enough to be the real thing, small enough to be granted wherever the real thing is.
const SIZE: RingSize = RingSize {
    submissions: 8,
    completions: 32,
    incremental: Some(BUFFERS),
    whole: BUFFERS,
};

const BUFFERS: Buffers = Buffers {
    count: 8,
    bytes: 64,
};

/// Sockets in the table that is tried.
const SLOTS: u32 = 8;

/// The operations that the driver uses. Multishot receives came with the flags of the ring.
const OPERATIONS: [(u8, &str); 8] = [
    (opcode::Accept::CODE, "accept"),
    (opcode::AsyncCancel::CODE, "cancel"),
    (opcode::Close::CODE, "close"),
    (opcode::Connect::CODE, "connect"),
    (opcode::PollAdd::CODE, "poll"),
    (opcode::RecvMulti::CODE, "receive"),
    (opcode::Send::CODE, "send"),
    (opcode::Socket::CODE, "socket"),
];

/// What only newer kernels allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io) struct Abilities {
    /// A connection can be released for another driver to adopt (6.8).
    pub(in crate::io) release: bool,
}

/// Makes a ring as the driver does, looks for the operations it uses, and has it do nothing once.
///
/// # Errors
/// What the kernel refuses.
pub(in crate::io) fn probe() -> Result<Abilities, SetupError> {
    let mut ring = Ring::new(SIZE, SLOTS)?;
    let mut known = Probe::new();
    ring.register_probe(&mut known).map_err(SetupError::Ring)?;
    for (code, name) in OPERATIONS {
        if !known.is_supported(code) {
            return Err(SetupError::Operation(name));
        }
    }
    ring.push(opcode::Nop::new().build(), Token::new(kind::IGNORED, 0, 0));
    ring.submit(Sleep::Forever, &mut Vec::new())
        .map_err(SetupError::Ring)?;
    match ring.fetched.pop_front() {
        Some(entry) if entry.result() == 0 => Ok(Abilities {
            release: known.is_supported(opcode::FixedFdInstall::CODE),
        }),
        _ => Err(SetupError::Operation("nop")),
    }
}

/// Whether the kernel can end a multishot receive after so many bytes. Asked of a ring that has
/// nothing to do yet, with a receive from a socket that does not exist: a kernel that does not know
/// the limit refuses it before it looks for the socket.
///
/// # Errors
/// What the kernel says to the question.
pub(super) fn can_limit_receives(ring: &mut IoUring) -> io::Result<bool> {
    let entry = opcode::RecvMulti::new(Fixed(0), GROUP).build();
    #[expect(unsafe_code, reason = "memory that operations point to must stay")]
    // SAFETY: the entry points to no memory.
    let pushed = unsafe { ring.submission().push(&limited(entry)) };
    pushed.expect("the ring is empty");
    ring.submit_and_wait(1)?;
    let answer = ring.completion().next().map(|entry| entry.result());
    Ok(answer == Some(-libc::EBADF))
}
