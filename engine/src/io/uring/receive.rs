//! Receiving: one multishot operation per socket, into buffers that the ring's sockets share.

use std::io;

use io_uring::squeue::Entry;
use io_uring::types::Fixed;
use io_uring::{cqueue, opcode};

use super::buffers::GROUP;
use super::kind;
use super::ring::Ring;
use super::slots::{Receive, State};
use crate::io::{Completion, Token};

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
        let len = usize::try_from(result).unwrap_or(0);
        // Unless it is reported below, the buffer goes straight back.
        let buffer = cqueue::buffer_select(entry.flags()).map(|id| self.buffers.take(id, len));
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
        let mut starved = false;
        match -result {
            ..0 => {
                let report = matches!(state, State::Open | State::Releasing);
                completions.extend(
                    buffer
                        .filter(|_| report)
                        .map(|buffer| Completion::Received { token, buffer }),
                );
            }
            libc::ENOBUFS => starved = true,
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
            self.receive_ended(name.index(), starved);
        }
    }

    /// The kernel is done with a receive operation: leave, wait for a buffer, or go on.
    fn receive_ended(&mut self, index: u32, starved: bool) {
        match self.slots.open(index) {
            None => self.leave_when_idle(index),
            Some(slot) if slot.wanted && starved => self.starve(index),
            Some(slot) if slot.wanted => self.arm_receive(index),
            Some(_) => {}
        }
    }

    fn arm_receive(&mut self, index: u32) {
        // Without a buffer it would fail at once, even if there is nothing to receive.
        if self.buffers.available() == 0 {
            return self.starve(index);
        }
        if let Some(slot) = self.slots.open(index) {
            slot.receive = Receive::Armed;
            let entry = opcode::RecvMulti::new(Fixed(index), GROUP).build();
            self.push(poll_first(entry), self.slots.name(kind::RECEIVE, index));
        }
    }

    fn starve(&mut self, index: u32) {
        if let Some(slot) = self.slots.open(index)
            && !std::mem::replace(&mut slot.starved, true)
        {
            let name = self.slots.name(kind::RECEIVE, index);
            self.starved.push_back(name);
        }
    }

    /// Gives buffers back to the kernel, and lets as many waiting sockets receive again.
    pub(super) fn restock(&mut self) {
        self.buffers.restock();
        let count = self.starved.len().min(self.buffers.available() as usize);
        for name in self.starved.drain(..count).collect::<Vec<_>>() {
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
        !self.starved.is_empty() && self.buffers.available() > 0
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
