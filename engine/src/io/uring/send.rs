//! Sending without waiting.
//!
//! With `MSG_DONTWAIT` a send is decided while it is submitted, so its bytes are not needed after.
//! With `MSG_WAITALL` one that was taken only in part is reported; without, it would count as a
//! success, and successes are not reported.

use std::io;

use io_uring::opcode;
use io_uring::squeue::Entry;
use io_uring::types::Fixed;

use super::kind;
use super::ring::Ring;
use crate::io::{Completion, Token, report_rests};
use crate::memory::Slice;

const FLAGS: i32 = libc::MSG_DONTWAIT | libc::MSG_WAITALL | libc::MSG_NOSIGNAL;

/// `SOCKET_URING_OP_SIOCOUTQ` of the kernel's interface.
const SIOCOUTQ: u32 = 1;

/// One send of the current turn.
pub(super) struct Sending {
    token: Token,
    bytes: Bytes,
}

enum Bytes {
    One(Slice),
    Many(Box<Many>),
}

/// Several slices as the kernel wants them. It reads the header and what that points to.
struct Many {
    slices: Vec<Slice>,
    vectors: Vec<libc::iovec>,
    header: libc::msghdr,
}

impl Many {
    #[expect(
        unsafe_code,
        reason = "a structure of the kernel that is empty if all is zero"
    )]
    fn new(slices: Vec<Slice>) -> Box<Self> {
        let vector = |bytes: &Slice| libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        let mut many = Box::new(Self {
            vectors: slices.iter().map(vector).collect(),
            slices,
            // SAFETY: integers and pointers, which may be zero.
            header: unsafe { std::mem::zeroed() },
        });
        many.header.msg_iov = many.vectors.as_mut_ptr();
        many.header.msg_iovlen = many.vectors.len();
        many
    }
}

impl Sending {
    /// Reports what is to be reported when the kernel answers `result`.
    pub(super) fn report(&self, result: i32, completions: &mut Vec<Completion>) {
        let token = self.token;
        let taken = match result {
            0.. => result as usize,
            _ if result == -libc::EAGAIN => 0,
            _ => {
                let error = io::Error::from_raw_os_error(-result);
                return completions.push(Completion::SendFailed { token, error });
            }
        };
        match &self.bytes {
            Bytes::Many(many) => report_rests(token, &many.slices, taken, completions),
            Bytes::One(bytes) if taken < bytes.len() => {
                let rest = bytes.clone().skip(taken);
                completions.push(Completion::SendStalled { token, rest });
            }
            Bytes::One(_) => {}
        }
    }
}

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
