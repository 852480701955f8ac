//! The sends of a turn: what the shard wanted to send, and what is sent for it.

use crate::io::rests::report_rests;
use crate::io::{Completion, Token};
use crate::memory::{Key, Slice};

/// What the shard sends.
pub(super) enum Plain {
    One(Slice),
    Many(Vec<Slice>),
}

impl Plain {
    pub(super) fn slices(&self) -> &[Slice] {
        match self {
            Self::One(bytes) => std::slice::from_ref(bytes),
            Self::Many(slices) => slices,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slices().iter().map(|bytes| bytes.len()).sum()
    }

    /// Reports what was not taken. If all was, and it has not left, an empty rest says so.
    pub(super) fn report(
        self,
        token: Token,
        taken: usize,
        has_left: bool,
        to: &mut Vec<Completion>,
    ) {
        if taken < self.len() {
            report_rests(token, self.slices(), taken, to);
        } else if !has_left && let Some(last) = self.slices().last() {
            let rest = last.clone().skip(last.len());
            to.push(Completion::SendStalled { token, rest });
        }
    }
}

/// A send of this turn.
pub(super) struct Flight {
    pub(super) key: Key,
    pub(super) cipher: Slice,
    /// Bytes before the first record of what the shard sends.
    pub(super) lead: usize,
    /// What the shard sends, if it does, and how much of it is among `cipher`.
    pub(super) plain: Option<Plain>,
    pub(super) sealed: usize,
    pub(super) is_settled: bool,
}

/// Several slices, read one after the other.
pub(super) struct Source<'a> {
    slices: &'a [Slice],
    at: usize,
}

impl<'a> Source<'a> {
    pub(super) fn new(slices: &'a [Slice]) -> Self {
        Self { slices, at: 0 }
    }

    /// Appends the next `len` bytes.
    pub(super) fn copy(&mut self, mut len: usize, out: &mut Vec<u8>) {
        while len > 0 {
            let [first, rest @ ..] = self.slices else {
                return;
            };
            let count = len.min(first.len() - self.at);
            out.extend_from_slice(&first[self.at..self.at + count]);
            (len, self.at) = (len - count, self.at + count);
            if self.at == first.len() {
                (self.slices, self.at) = (rest, 0);
            }
        }
    }
}
