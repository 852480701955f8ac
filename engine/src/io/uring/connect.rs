//! Opening connections without using up descriptors of the process.

use std::io;
use std::net::SocketAddr;

use io_uring::opcode;
use io_uring::types::{DestinationSlot, Fixed};
use socket2::SockAddr;

use super::ring::Ring;
use super::slots::State;
use super::{Uring, kind, pack};
use crate::io::{Completion, Token};

/// Switches an option on. The kernel reads it while the operation is submitted.
static ON: libc::c_int = 1;

impl Uring {
    pub(super) fn connect(
        &mut self,
        address: SocketAddr,
        token: Token,
        completions: &mut Vec<Completion>,
    ) {
        match self.ring_with_room() {
            Ok(ring) => self.rings[ring].connect(address, token),
            Err(error) => completions.push(Completion::Connected {
                token,
                result: Err(error),
            }),
        }
    }

    pub(super) fn finish_connect(
        &mut self,
        ring_index: usize,
        name: Token,
        result: i32,
        completions: &mut Vec<Completion>,
    ) {
        let ring = &mut self.rings[ring_index];
        let Some(slot) = ring.slots.named(name) else {
            ring.stale_completions += 1;
            return;
        };
        if slot.state == State::Failed {
            // There is no socket, and that was reported.
            return ring.slots.release(name.index());
        }
        let token = slot.token;
        slot.state = State::Open;
        let result = if result < 0 {
            ring.close_silently(name.index());
            Err(io::Error::from_raw_os_error(-result))
        } else {
            Ok(pack(ring_index, name.index()))
        };
        completions.push(Completion::Connected { token, result });
    }
}

impl Ring {
    /// Makes a socket, sets it up and connects it, in one submission: making a socket never waits,
    /// so it is there when the kernel comes to the next operation.
    fn connect(&mut self, address: SocketAddr, token: Token) {
        let index = self.slots.reserve(State::Connecting, token);
        let index = index.expect("the ring was chosen because it has room");
        let slot = DestinationSlot::try_from_slot_target(index).expect("below 2^20");
        let domain = match address {
            SocketAddr::V4(_) => libc::AF_INET,
            SocketAddr::V6(_) => libc::AF_INET6,
        };
        let socket = opcode::Socket::new(domain, libc::SOCK_STREAM, libc::IPPROTO_TCP)
            .file_index(Some(slot))
            .build();
        self.push_quiet(socket, self.slots.name(kind::SOCKET, index));

        // It is new in Linux 6.7. Without it small messages are only slower, so a failure is
        // ignored.
        let no_delay = opcode::SetSockOpt::new(
            Fixed(index),
            libc::IPPROTO_TCP as u32,
            libc::TCP_NODELAY as u32,
            (&raw const ON).cast(),
            size_of_val(&ON) as u32,
        );
        self.push_quiet(no_delay.build(), self.slots.name(kind::IGNORED, index));

        let address = Box::new(SockAddr::from(address));
        let connect = opcode::Connect::new(Fixed(index), address.as_ptr().cast(), address.len());
        self.addresses.push(address);
        self.push(connect.build(), self.slots.name(kind::CONNECT, index));
    }

    /// The socket could not be made. The connect behind it will fail too, and then the slot is
    /// free again.
    pub(super) fn finish_socket(
        &mut self,
        name: Token,
        result: i32,
        completions: &mut Vec<Completion>,
    ) {
        let Some(slot) = self.slots.named(name) else {
            self.stale_completions += 1;
            return;
        };
        slot.state = State::Failed;
        completions.push(Completion::Connected {
            token: slot.token,
            result: Err(io::Error::from_raw_os_error(-result)),
        });
    }
}
