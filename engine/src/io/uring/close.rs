//! Closing: cancel what is pending, wait until the kernel is done with it, close the descriptor.

use io_uring::opcode;
use io_uring::types::Fixed;

use super::kind;
use super::ring::Ring;
use super::slots::State;
use crate::io::{Completion, Token};

impl Ring {
    /// Tells the peer that nothing more is sent.
    ///
    /// The kernel always does this on a thread of its own, and looks the slot up only there: until
    /// it has, the slot must not be used again.
    pub(super) fn shutdown(&mut self, index: u32) {
        if let Some(slot) = self.slots.open(index)
            && !std::mem::replace(&mut slot.shutting, true)
        {
            let entry = opcode::Shutdown::new(Fixed(index), libc::SHUT_WR).build();
            self.push(entry, self.slots.name(kind::SHUTDOWN, index));
        }
    }

    /// The sending side is shut down, or the connection is gone, which needs no farewell.
    pub(super) fn finish_shutdown(&mut self, name: Token) {
        match self.slots.named(name) {
            Some(slot) => {
                slot.shutting = false;
                self.leave_when_idle(name.index());
            }
            None => self.stale_completions += 1,
        }
    }

    pub(super) fn close(&mut self, index: u32, token: Token) {
        let Some(slot) = self.slots.open(index) else {
            return;
        };
        slot.token = token;
        slot.wanted = false;
        slot.state = State::Closing;
        self.wind_up(index);
    }

    /// Cancels what is pending on a socket that is to be closed or given away.
    pub(super) fn wind_up(&mut self, index: u32) {
        let poll = self.slots.name(kind::POLL, index);
        if self.slots.named(poll).is_some_and(|slot| slot.polling) {
            self.cancel(poll, kind::CANCEL_POLL);
        }
        self.cancel_receive(index);
        self.leave_when_idle(index);
    }

    /// Closes a socket that the shard never got to know.
    pub(super) fn close_silently(&mut self, index: u32) {
        if let Some(slot) = self.slots.open(index) {
            slot.silent = true;
            let token = slot.token;
            self.close(index, token);
        }
    }

    /// Goes on with a close or a release once nothing else is pending.
    pub(super) fn leave_when_idle(&mut self, index: u32) {
        let name = self.slots.name(kind::CLOSE, index);
        let Some(slot) = self.slots.named(name) else {
            return;
        };
        if !slot.is_idle() {
            return;
        }
        match std::mem::replace(&mut slot.state, State::Closed) {
            State::Closing => self.push(opcode::Close::new(Fixed(index)).build(), name),
            State::Releasing => self.give_away(index),
            other => slot.state = other,
        }
    }

    /// The descriptor is closed. Even if the kernel complains, there is nothing left in the slot.
    pub(super) fn finish_close(&mut self, name: Token, completions: &mut Vec<Completion>) {
        let Some(slot) = self.slots.named(name) else {
            self.stale_completions += 1;
            return;
        };
        let token = slot.token;
        if !slot.silent {
            completions.push(Completion::Closed { token });
        }
        self.slots.release(name.index());
    }
}
