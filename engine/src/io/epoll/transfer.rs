//! Receiving and sending.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;
use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, recv, send, sendmsg, shutdown,
};

use super::{Completion, Epoll, Socket, Token};
use crate::io::rests::report_rests;
use crate::memory::Slice;

impl Epoll {
    pub(super) fn receive(
        &mut self,
        socket: Socket,
        token: Token,
        completions: &mut Vec<Completion>,
    ) {
        if let Some(open) = self.sockets.get(socket) {
            open.token = token;
            open.receiving = true;
            self.watch_receive(socket, completions);
        }
    }

    pub(super) fn stop_receive(&mut self, socket: Socket, completions: &mut Vec<Completion>) {
        if let Some(open) = self.sockets.get(socket) {
            open.receiving = false;
            self.watch_receive(socket, completions);
        }
    }

    /// Reads once. What is left is reported again in the next turn, so no socket can keep the
    /// others waiting.
    pub(super) fn became_readable(&mut self, socket: Socket, completions: &mut Vec<Completion>) {
        let Some(open) = self.sockets.get(socket) else {
            return;
        };
        if !open.receiving || open.starved {
            return;
        }
        let token = open.token;
        let Some(part) = self.room.next() else {
            open.starved = true;
            self.starved.push_back(self.sockets.event_token(socket));
            return self.watch_receive(socket, completions);
        };
        let end = match recv(open, part, RecvFlags::DONTWAIT) {
            Ok((_, count @ 1..)) => {
                let buffer = self.room.lend(count);
                self.received_bytes += count;
                self.has_more |= count == self.room.read_bytes();
                return completions.push(Completion::Received { token, buffer });
            }
            Err(Errno::AGAIN | Errno::INTR) => return,
            Ok((_, 0)) => Ok(()),
            Err(error) => Err(io::Error::from(error)),
        };
        self.end_receive(socket, end, completions);
    }

    pub(super) fn shutdown(&mut self, socket: Socket) {
        if let Some(open) = self.sockets.get(socket) {
            // A connection that is gone already needs no farewell.
            let _ = shutdown(open, Shutdown::Write);
        }
    }

    fn end_receive(
        &mut self,
        socket: Socket,
        result: io::Result<()>,
        completions: &mut Vec<Completion>,
    ) {
        let Some(open) = self.sockets.get(socket) else {
            return;
        };
        open.receiving = false;
        let token = open.token;
        completions.push(Completion::ReceiveEnded { token, result });
        // Asking for less needs no memory, so it can't fail.
        let _ = self.sockets.update_interest(&self.poll, socket);
    }

    fn watch_receive(&mut self, socket: Socket, completions: &mut Vec<Completion>) {
        if let Err(error) = self.sockets.update_interest(&self.poll, socket) {
            self.end_receive(socket, Err(error), completions);
        }
    }

    /// Lets as many waiting sockets receive again as there is room for.
    pub(super) fn resume_starved(&mut self, completions: &mut Vec<Completion>) {
        let count = self.room.reads().min(self.starved.len());
        for _ in 0..count {
            let Some(event) = self.starved.pop_front() else {
                return;
            };
            if let Some((socket, open)) = self.sockets.by_event(event) {
                open.starved = false;
                self.watch_receive(socket, completions);
            }
        }
    }

    pub(super) fn send(&mut self, socket: Socket, bytes: Slice, completions: &mut Vec<Completion>) {
        let Some(open) = self.sockets.get(socket) else {
            return;
        };
        let token = open.token;
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let sent = loop {
            match send(&*open, &bytes, flags) {
                Err(Errno::INTR) => {}
                sent => break sent,
            }
        };
        match sent {
            Ok(count) if count == bytes.len() => {}
            Ok(count) => {
                let rest = bytes.skip(count);
                completions.push(Completion::SendStalled { token, rest });
            }
            Err(Errno::AGAIN) => completions.push(Completion::SendStalled { token, rest: bytes }),
            Err(error) => {
                let error = error.into();
                completions.push(Completion::SendFailed { token, error });
            }
        }
    }

    pub(super) fn send_many(
        &mut self,
        socket: Socket,
        slices: &[Slice],
        completions: &mut Vec<Completion>,
    ) {
        let Some(open) = self.sockets.get(socket) else {
            return;
        };
        let token = open.token;
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let vectors: Vec<IoSlice<'_>> = slices.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let sent = loop {
            match sendmsg(&*open, &vectors, &mut SendAncillaryBuffer::default(), flags) {
                Err(Errno::INTR) => {}
                sent => break sent,
            }
        };
        match sent {
            Ok(count) => report_rests(token, slices, count, completions),
            Err(Errno::AGAIN) => report_rests(token, slices, 0, completions),
            Err(error) => {
                let error = error.into();
                completions.push(Completion::SendFailed { token, error });
            }
        }
    }

    #[expect(unsafe_code, reason = "rustix has no such call")]
    pub(super) fn ask_unsent(&mut self, socket: Socket, completions: &mut Vec<Completion>) {
        let Some(open) = self.sockets.get(socket) else {
            return;
        };
        let token = open.token;
        let mut count: libc::c_int = 0;
        // SAFETY: the descriptor is open, and the call writes one `int` to a local value.
        let result = unsafe { libc::ioctl(open.as_fd().as_raw_fd(), libc::TIOCOUTQ, &mut count) };
        let bytes = (result == 0).then(|| u32::try_from(count).unwrap_or(0));
        completions.push(Completion::Unsent { token, bytes });
    }

    pub(super) fn await_writable(&mut self, socket: Socket, completions: &mut Vec<Completion>) {
        let Some(open) = self.sockets.get(socket) else {
            return;
        };
        open.awaits_writable = true;
        let token = open.token;
        if let Err(error) = self.sockets.update_interest(&self.poll, socket) {
            completions.push(Completion::SendFailed { token, error });
        }
    }

    pub(super) fn became_writable(&mut self, socket: Socket, completions: &mut Vec<Completion>) {
        let Some(open) = self.sockets.get(socket) else {
            return;
        };
        if !std::mem::replace(&mut open.awaits_writable, false) {
            return;
        }
        let token = open.token;
        completions.push(Completion::Writable { token });
        // Asking for less needs no memory, so it can't fail.
        let _ = self.sockets.update_interest(&self.poll, socket);
    }
}
