//! Receiving: one multishot operation per socket, into buffers that the ring's sockets share.

use std::io;

use io_uring::{cqueue, opcode};

use super::ring::Ring;
use super::slots::{Receive, State};
use super::{kind, multishot};
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
            let entry = multishot::receive(index, self.buffers.is_incremental());
            self.push(entry, self.slots.name(kind::RECEIVE, index));
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
}
