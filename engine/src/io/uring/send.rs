//! Sending without waiting.
//!
//! With `MSG_DONTWAIT` a send is decided while it is submitted, so its bytes are not needed after.
//! With `MSG_WAITALL` one that was taken only in part is reported; without, it would count as a
//! success, and successes are not reported.

use io_uring::opcode;
use io_uring::squeue::Entry;
use io_uring::types::Fixed;

use super::kind;
use super::ring::Ring;
use super::sending::{Bytes, Many, Sending};
use crate::io::{Completion, Token};
use crate::memory::Slice;

const FLAGS: i32 = libc::MSG_DONTWAIT | libc::MSG_WAITALL | libc::MSG_NOSIGNAL;

/// `SOCKET_URING_OP_SIOCOUTQ` of the kernel's interface.
const SIOCOUTQ: u32 = 1;

impl Ring {
    pub(super) fn send(&mut self, index: u32, bytes: Slice) {
        // A slice is shorter than 2 GiB.
        let entry = opcode::Send::new(Fixed(index), bytes.as_ptr(), bytes.len() as u32)
            .flags(FLAGS)
            .build();
        self.push_send(index, entry, Bytes::One(bytes));
    }

    pub(super) fn send_many(&mut self, index: u32, slices: Vec<Slice>) {
        let many = Many::new(slices);
        let entry = opcode::SendMsg::new(Fixed(index), &raw const many.header)
            .flags(FLAGS as u32)
            .build();
        self.push_send(index, entry, Bytes::Many(many));
    }

    fn push_send(&mut self, index: u32, entry: Entry, bytes: Bytes) {
        let Some(slot) = self.slots.open(index) else {
            return;
        };
        let token = slot.token;
        let name = Token::new(kind::SEND, self.round, self.sends.len() as u32);
        self.push_quiet(entry, name);
        self.sends.push(Sending { token, bytes });
    }

    /// The kernel answers while it takes the question, so nothing is pending.
    pub(super) fn ask_unsent(&mut self, index: u32) {
        if self.slots.open(index).is_some() {
            let entry = opcode::UringCmd16::new(Fixed(index), SIOCOUTQ).build();
            self.push(entry, self.slots.name(kind::UNSENT, index));
        }
    }

    /// A kernel before 6.7 does not know the question.
    pub(super) fn finish_unsent(
        &mut self,
        name: Token,
        result: i32,
        completions: &mut Vec<Completion>,
    ) {
        match self.slots.named(name) {
            Some(slot) => completions.push(Completion::Unsent {
                token: slot.token,
                bytes: u32::try_from(result).ok(),
            }),
            None => self.stale_completions += 1,
        }
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
