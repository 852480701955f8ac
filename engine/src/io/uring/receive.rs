//! Receiving: one multishot operation per socket, into buffers that the ring's sockets share.

use std::collections::VecDeque;
use std::io;

use io_uring::squeue::Entry;
use io_uring::types::Fixed;
use io_uring::{cqueue, opcode};

use super::buffers::GROUP;
use super::kind;
use super::ring::Ring;
use super::slots::{Receive, State};
use crate::io::{Completion, Token};
use crate::memory::GiveBack;

/// Bytes that one receive brings at most, if the kernel can limit that.
///
/// A peer that sends as fast as it can must leave buffers for others, and what it gets in before it
/// is told to stop must be less than what a connection is closed for (`PENDING_BYTES_HIGHEST` of
/// the shard, less `PENDING_BYTES_MAX`). But a message of 64 KiB should be one receive.
const RECEIVE_BYTES_MAX: u32 = 96 * 1024;

/// Bytes after which a receive operation ends, if the kernel can limit that. It begins anew behind
/// those that wait for a buffer. Up to twice as many have come by then.
const OPERATION_BYTES_MAX: u32 = 96 * 1024;

/// Sockets that are to receive again when there is a buffer and it is their turn, by the names of
/// their receive operations.
///
/// Those whose last operation brought nothing wait apart, so that they are not behind the same
/// others again and again who use up all buffers.
#[derive(Debug, Default)]
pub(super) struct Starved {
    had_none: VecDeque<Token>,
    had_some: VecDeque<Token>,
}

impl Starved {
    pub(super) fn is_empty(&self) -> bool {
        self.had_none.is_empty() && self.had_some.is_empty()
    }

    fn push(&mut self, name: Token, had_some: bool) {
        match had_some {
            true => self.had_some.push_back(name),
            false => self.had_none.push_back(name),
        }
    }

    /// Takes so many out, of both kinds by turns.
    fn take(&mut self, count: usize) -> Vec<Token> {
        let mut taken = Vec::with_capacity(count.min(self.had_none.len() + self.had_some.len()));
        while taken.len() < count && !self.is_empty() {
            taken.extend(self.had_none.pop_front());
            taken.extend(self.had_some.pop_front());
        }
        taken
    }

    pub(super) fn give_back(&mut self) {
        self.had_none.give_back();
        self.had_some.give_back();
    }
}

impl Ring {
    pub(super) fn receive(&mut self, index: u32, token: Token) {
        let Some(slot) = self.slots.open(index) else {
            return;
        };
        slot.token = token;
        slot.wanted = true;
        // One that is being stopped starts again when it has stopped.
        if slot.receive == Receive::Idle && !slot.starved {
            self.arm_receive(index);
        }
    }

    pub(super) fn stop_receive(&mut self, index: u32) {
        if let Some(slot) = self.slots.open(index) {
            slot.wanted = false;
            self.cancel_receive(index);
        }
    }

    /// Asks the kernel to end the receive operation, if there is one.
    pub(super) fn cancel_receive(&mut self, index: u32) {
        let name = self.slots.name(kind::RECEIVE, index);
        let Some(slot) = self.slots.named(name) else {
            return;
        };
        if slot.receive == Receive::Armed {
            slot.receive = Receive::Stopping;
            self.cancel(name, kind::CANCEL_RECEIVE);
        }
    }

    /// Asks the kernel to end an operation. It is answered only if that fails.
    pub(super) fn cancel(&mut self, operation: Token, kind: u8) {
        let entry = opcode::AsyncCancel::new(operation.as_u64()).build();
        let name = Token::new(kind, operation.generation(), operation.index());
        self.push_quiet(entry, name);
    }

    /// The kernel did not find the receive operation. Either it has ended by itself, or it was on
    /// its way from one of the kernel's lists to another: then it must be asked again.
    pub(super) fn retry_cancel_receive(&mut self, name: Token) {
        let Some(slot) = self.slots.named(name) else {
            return;
        };
        if slot.receive == Receive::Stopping {
            slot.receive = Receive::Armed;
            if !slot.wanted || slot.state != State::Open {
                self.cancel_receive(name.index());
            }
        }
    }

    /// The same for a wait for room, which is cancelled only by a close.
    pub(super) fn retry_cancel_poll(&mut self, name: Token) {
        if self.slots.named(name).is_some_and(|slot| slot.polling) {
            let operation = Token::new(kind::POLL, name.generation(), name.index());
            self.cancel(operation, kind::CANCEL_POLL);
        }
    }

    /// Bytes came in, or the receive operation ended, or both.
    pub(super) fn finish_receive(
        &mut self,
        entry: &cqueue::Entry,
        completions: &mut Vec<Completion>,
    ) {
        let name = Token::from_u64(entry.user_data());
        let result = entry.result();
        // Unless it is reported below, it goes straight back.
        let buffer = self.buffers.take(entry);
        let Some(slot) = self.slots.named(name) else {
            self.stale_completions += 1;
            return;
        };
        let ended = !cqueue::more(entry.flags());
        if ended {
            slot.receive = Receive::Idle;
        }
        let token = slot.token;
        let state = slot.state;
        // One that had as much as an operation brings waits behind those that wait for a buffer,
        // and until the shard has had its say.
        let mut waits = result > 0;
        match -result {
            ..0 => {
                slot.fed = true;
                let report = matches!(state, State::Open | State::Releasing);
                completions.extend(
                    buffer
                        .filter(|_| report)
                        .map(|buffer| Completion::Received { token, buffer }),
                );
            }
            libc::ENOBUFS => waits = true,
            libc::ECANCELED | libc::EINTR | libc::EAGAIN => {}
            error => {
                slot.wanted = false;
                let result = match error {
                    0 => Ok(()),
                    _ => Err(io::Error::from_raw_os_error(error)),
                };
                match (state, result) {
                    (State::Open, result) => {
                        completions.push(Completion::ReceiveEnded { token, result });
                    }
                    (State::Releasing, Err(error)) => self.release_broken(name, error),
                    // A good end is told again to who adopts the connection.
                    _ => {}
                }
            }
        }
        if ended {
            self.receive_ended(name.index(), waits);
        }
    }

    /// The kernel is done with a receive operation: leave, wait for a turn, or go on.
    fn receive_ended(&mut self, index: u32, waits: bool) {
        match self.slots.open(index) {
            None => self.leave_when_idle(index),
            Some(slot) if slot.wanted && waits => self.starve(index),
            Some(slot) if slot.wanted => self.arm_receive(index),
            Some(_) => {}
        }
    }

    fn arm_receive(&mut self, index: u32) {
        // Without a buffer it would fail at once, even if there is nothing to receive.
        if self.buffers.is_empty() {
            return self.starve(index);
        }
        if let Some(slot) = self.slots.open(index) {
            slot.receive = Receive::Armed;
            slot.fed = false;
            let entry = opcode::RecvMulti::new(Fixed(index), GROUP);
            let entry = match self.buffers.is_incremental() {
                true => limited(entry.len(RECEIVE_BYTES_MAX).build()),
                false => entry.build(),
            };
            self.push(poll_first(entry), self.slots.name(kind::RECEIVE, index));
        }
    }

    fn starve(&mut self, index: u32) {
        if let Some(slot) = self.slots.open(index)
            && !std::mem::replace(&mut slot.starved, true)
        {
            let had_some = slot.fed;
            let name = self.slots.name(kind::RECEIVE, index);
            self.starved.push(name, had_some);
        }
    }

    /// Lets as many waiting sockets receive again as there are buffers for.
    pub(super) fn resume_starved(&mut self) {
        for name in self.starved.take(self.buffers.resumable()) {
            if let Some(slot) = self.slots.named(name) {
                slot.starved = false;
                if slot.wanted && slot.receive == Receive::Idle {
                    self.arm_receive(name.index());
                }
            }
        }
    }

    /// Whether some that wait for a buffer could receive now: the turn must not sleep.
    pub(super) fn can_resume(&self) -> bool {
        !self.starved.is_empty() && !self.buffers.is_empty()
    }
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
pub(super) fn limited(mut entry: Entry) -> Entry {
    let optlen = (&raw mut entry).cast::<u32>().wrapping_add(11);
    // SAFETY: as above; bytes 44 to 47 are `optlen`, which no other field of a receive overlaps.
    unsafe { *optlen = OPERATION_BYTES_MAX };
    entry
}
