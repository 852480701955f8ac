//! Who waits for a receive buffer.

use std::collections::VecDeque;

use crate::io::Token;
use crate::memory::GiveBack;

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

    pub(super) fn push(&mut self, name: Token, had_some: bool) {
        match had_some {
            true => self.had_some.push_back(name),
            false => self.had_none.push_back(name),
        }
    }

    /// Takes so many out, of both kinds by turns.
    pub(super) fn take(&mut self, count: usize) -> Vec<Token> {
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
