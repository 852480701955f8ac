//! Sending without waiting.
//!
//! With `MSG_DONTWAIT` a send is decided while it is submitted, so its bytes are not needed after.
//! With `MSG_WAITALL` one that was taken only in part is reported; without, it would count as a
//! success, and successes are not reported.

use std::io;

use io_uring::opcode;
use io_uring::types::Fixed;

use super::kind;
use super::ring::Ring;
use crate::io::{Completion, Token};
use crate::memory::Slice;

const FLAGS: i32 = libc::MSG_DONTWAIT | libc::MSG_WAITALL | libc::MSG_NOSIGNAL;

/// One send of the current turn.
#[derive(Debug)]
pub(super) struct Sending {
    token: Token,
    bytes: Slice,
}

impl Sending {
    /// What is to be reported when the kernel answers `result`.
    pub(super) fn outcome(&self, result: i32) -> Option<Completion> {
        let token = self.token;
        match result {
            0.. => {
                let rest = self.bytes.clone().skip(result as usize);
                (!rest.is_empty()).then_some(Completion::SendStalled { token, rest })
            }
            _ if result == -libc::EAGAIN => {
                let rest = self.bytes.clone();
                Some(Completion::SendStalled { token, rest })
            }
            _ => {
                let error = io::Error::from_raw_os_error(-result);
                Some(Completion::SendFailed { token, error })
            }
        }
    }
}

impl Ring {
    pub(super) fn send(&mut self, index: u32, bytes: Slice) {
        let Some(slot) = self.slots.open(index) else {
            return;
        };
        let token = slot.token;
        // A slice is shorter than 2 GiB.
        let entry = opcode::Send::new(Fixed(index), bytes.as_ptr(), bytes.len() as u32)
            .flags(FLAGS)
            .build();
        let name = Token::new(kind::SEND, self.round, self.sends.len() as u32);
        self.push_quiet(entry, name);
        self.sends.push(Sending { token, bytes });
    }

    pub(super) fn await_writable(&mut self, index: u32) {
        let Some(slot) = self.slots.open(index) else {
            return;
        };
        if std::mem::replace(&mut slot.polling, true) {
            return;
        }
        let entry = opcode::PollAdd::new(Fixed(index), libc::POLLOUT as u32).build();
        self.push(entry, self.slots.name(kind::POLL, index));
    }

    /// A wait for room is over. Whether there is room, or the connection is broken, the next send
    /// will tell.
    pub(super) fn finish_poll(&mut self, name: Token, completions: &mut Vec<Completion>) {
        let Some(slot) = self.slots.named(name) else {
            self.stale_completions += 1;
            return;
        };
        slot.polling = false;
        let token = slot.token;
        if self.slots.open(name.index()).is_some() {
            completions.push(Completion::Writable { token });
        } else {
            self.leave_when_idle(name.index());
        }
    }
}
