//! Closing: cancel what is pending, wait until the kernel is done with it, close the descriptor.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use allspark_protocol::Instant;
use io_uring::opcode;
use io_uring::types::Fixed;

use super::kind;
use super::ring::Ring;
use super::slots::State;
use crate::io::{Completion, Token, clock};

/// How long shutdowns are not left to the kernel after it had no thread for one: it takes 50 ms to
/// say so.
const BY_HAND: Duration = Duration::from_secs(1);

impl Ring {
    /// Tells the peer that nothing more is sent.
    ///
    /// The kernel always does this on a thread of its own, and looks the slot up only there: until
    /// it has, the slot must not be used again.
    pub(super) fn shutdown(&mut self, index: u32) {
        let by_hand = self.by_hand_until > Instant::ZERO && self.by_hand_until > clock::now();
        if let Some(slot) = self.slots.open(index)
            && !std::mem::replace(&mut slot.shutting, true)
        {
            if by_hand {
                return self.shut_by_hand(index);
            }
            let entry = opcode::Shutdown::new(Fixed(index), libc::SHUT_WR).build();
            self.push(entry, self.slots.name(kind::SHUTDOWN, index));
        }
    }

    /// Has the kernel make an ordinary descriptor, which needs no thread.
    fn shut_by_hand(&mut self, index: u32) {
        let install = opcode::FixedFdInstall::new(Fixed(index), 0).build();
        self.push(install, self.slots.name(kind::INSTALL_TO_SHUT, index));
    }

    /// The sending side is shut down, or the connection is gone, which needs no farewell, or the
    /// kernel had no thread for it.
    pub(super) fn finish_shutdown(&mut self, name: Token, result: i32) {
        let lacks_thread = matches!(-result, libc::ECANCELED | libc::EAGAIN);
        match self.slots.named(name) {
            Some(slot) if lacks_thread && slot.state == State::Open => {
                tell_of_lacking_threads();
                self.by_hand_until = clock::now() + BY_HAND;
                self.shut_by_hand(name.index());
            }
            Some(slot) => {
                slot.shutting = false;
                self.leave_when_idle(name.index());
            }
            None => self.stale_completions += 1,
        }
    }

    /// The sending side is shut down through an ordinary descriptor, or there is none to be had.
    /// Then the shard is told that the connection is of no further use: a close is a farewell, too,
    /// if not one that waits for what the peer still sends.
    pub(super) fn finish_shutdown_by_hand(
        &mut self,
        name: Token,
        result: i32,
        completions: &mut Vec<Completion>,
    ) {
        if let Some(slot) = self.slots.named(name)
            && slot.state == State::Open
            && result < 0
        {
            let (token, error) = (slot.token, io::Error::from_raw_os_error(-result));
            completions.push(Completion::SendFailed { token, error });
        }
        self.finish_shutdown(name, 0);
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

/// Says so once in the life of the process: it concerns all rings, and most closes.
fn tell_of_lacking_threads() {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "the kernel can make no thread for io_uring to shut connections down with, most \
             likely because of RLIMIT_NPROC or pids.max; each end of a connection takes a \
             descriptor and two more system calls instead"
        );
    }
}
