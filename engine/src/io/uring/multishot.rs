//! Receive operations as the kernel wants them: one brings many receives.

use std::io;

use io_uring::squeue::Entry;
use io_uring::types::Fixed;
use io_uring::{IoUring, opcode};

use super::buffers::GROUP;

/// Bytes that one receive brings at most, if the kernel can limit that.
///
/// A peer that sends as fast as it can must leave buffers for others, and what it gets in before it
/// is told to stop must be less than what a connection is closed for (`PENDING_BYTES_HIGHEST` of
/// the shard, less `PENDING_BYTES_MAX`). But a message of 64 KiB should be one receive.
const RECEIVE_BYTES_MAX: u32 = 96 * 1024;

/// Bytes after which a receive operation ends, if the kernel can limit that. It begins anew behind
/// those that wait for a buffer. Up to twice as many have come by then.
const OPERATION_BYTES_MAX: u32 = 96 * 1024;

/// Receives from a socket until it is told to stop, or, if it is limited, until so much has come
/// that others are to have their turn.
pub(super) fn receive(index: u32, is_limited: bool) -> Entry {
    let entry = opcode::RecvMulti::new(Fixed(index), GROUP);
    poll_first(match is_limited {
        true => limited(entry.len(RECEIVE_BYTES_MAX).build()),
        false => entry.build(),
    })
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
    // It is answered while it is submitted, so a signal during the wait does no harm.
    match ring.submit_and_wait(1) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
        _ => {}
    }
    let answer = ring.completion().next().map(|entry| entry.result());
    Ok(answer == Some(-libc::EBADF))
}

/// `IORING_RECVSEND_POLL_FIRST` of the kernel's interface.
const POLL_FIRST: u16 = 1;

const _: () = assert!(
    size_of::<Entry>() == 64,
    "an entry is one of the kernel's, and nothing else"
);

/// Has the kernel look whether there is something to receive before it tries.
///
/// Otherwise the first bytes of a connection are received while the operation is submitted, and
/// overtake bytes that came before them on other connections but wait as deferred work: two
/// requests of one client would be answered in the wrong order. It also saves the attempt, which is
/// in vain on most connections that have just been accepted.
#[expect(unsafe_code, reason = "io-uring 0.7 has no way to set this")]
fn poll_first(mut entry: Entry) -> Entry {
    let ioprio = (&raw mut entry).cast::<u16>().wrapping_add(1);
    // SAFETY: an `Entry` is `repr(C)` and holds nothing but an `io_uring_sqe`, whose bytes 2 and 3
    // are `ioprio`, the flags of a receive; the pointer is to these bytes of a local value, and
    // aligned.
    unsafe { *ioprio |= POLL_FIRST };
    entry
}

/// Has the kernel end a multishot receive after [`OPERATION_BYTES_MAX`] (6.17; before that it
/// refuses such an entry).
#[expect(unsafe_code, reason = "io-uring 0.7 has no way to set this")]
fn limited(mut entry: Entry) -> Entry {
    let optlen = (&raw mut entry).cast::<u32>().wrapping_add(11);
    // SAFETY: as above; bytes 44 to 47 are `optlen`, which no other field of a receive overlaps.
    unsafe { *optlen = OPERATION_BYTES_MAX };
    entry
}
