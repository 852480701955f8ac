//! What the sends of a turn are made of, and what is reported of them.

use std::io;

use crate::io::rests::report_rests;
use crate::io::{Completion, Token};
use crate::memory::Slice;

/// One send of the current turn.
pub(super) struct Sending {
    pub(super) token: Token,
    pub(super) bytes: Bytes,
}

/// What it sends.
pub(super) enum Bytes {
    One(Slice),
    Many(Box<Many>),
}

/// Several slices as the kernel wants them. It reads the header and what that points to.
pub(super) struct Many {
    slices: Vec<Slice>,
    vectors: Vec<libc::iovec>,
    pub(super) header: libc::msghdr,
}

impl Many {
    #[expect(
        unsafe_code,
        reason = "a structure of the kernel that is empty if all is zero"
    )]
    pub(super) fn new(slices: Vec<Slice>) -> Box<Self> {
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
        // Each C library has a type of its own for it.
        many.header.msg_iovlen = many.vectors.len() as _;
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
