//! Trying everything that the driver needs, once, before it is relied on.

use io_uring::{Probe, opcode};

use super::kind;
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
