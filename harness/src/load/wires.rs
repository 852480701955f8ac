//! The TCP connections of clients that may have several.
//!
//! # Invariants
//! - What is said before a wire is connected, or while it takes nothing, waits and keeps its order.
//! - A wire that is to be closed is closed only after everything said on it was taken.
//! - The number of a wire is used again only after the driver has closed it.

use allspark_engine::io::{Completion, Driver, Op, Socket};
use allspark_engine::memory::LentBuffer;
use allspark_protocol::transformer::Link;

use super::outbox::{Outbox, Seat, WaitingTooLong};
use super::runner::token;

/// How far a wire has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    /// It is closed as soon as it is connected; what was said on it is thrown away.
    Abandoned,
    Connected,
    /// It is closed as soon as everything said on it is sent, and nothing more is heard of it.
    Finishing {
        is_connected: bool,
    },
    /// The driver was asked to close it.
    Closing,
    /// The driver has closed it, or it was never connected.
    Free,
}

#[derive(Debug)]
struct Wire {
    client: u32,
    link: Link,
    /// Meaningless before it is connected.
    socket: Socket,
    seat: Seat,
    state: State,
}

/// What happened to a wire, for the client whose it is.
#[derive(Debug)]
pub(super) enum Notice {
    /// Bytes came in.
    Received {
        client: u32,
        link: Link,
        buffer: LentBuffer,
    },
    /// The other end is gone.
    Lost { client: u32, link: Link },
    /// The client has one wire less. If the wire could not be connected its link is lost, too.
    Closed { client: u32, lost: Option<Link> },
}

/// All wires, by number.
#[derive(Debug, Default)]
pub(super) struct Wires {
    list: Vec<Wire>,
    free: Vec<u32>,
    outbox: Outbox,
    /// Wires that are connected and `Finishing`.
    finishing: Vec<u32>,
}

impl Wires {
    /// A new wire, which is connecting.
    pub(super) fn begin(&mut self, client: u32, link: Link) -> u32 {
        let wire = self.free.pop().unwrap_or(self.list.len() as u32);
        let mut seat = Seat::NONE;
        self.outbox.stall(wire, &mut seat, b"");
        let fresh = Wire {
            client,
            link,
            socket: Socket(0),
            seat,
            state: State::Connecting,
        };
        match self.list.get_mut(wire as usize) {
            Some(slot) => *slot = fresh,
            None => self.list.push(fresh),
        }
        wire
    }

    /// Something happened to a wire. Returns what its client must know of it.
    pub(super) fn complete(
        &mut self,
        completion: Completion,
        driver: &mut impl Driver,
    ) -> Option<Notice> {
        match completion {
            Completion::Connected { token, result } => match result {
                Ok(socket) => self.connected(token.index(), socket, driver),
                Err(_) => {
                    let lost = self.listener(token.index()).map(|(_, link)| link);
                    return Some(self.closed(token.index(), lost));
                }
            },
            Completion::Received { token, buffer } => {
                let (client, link) = self.listener(token.index())?;
                return Some(Notice::Received {
                    client,
                    link,
                    buffer,
                });
            }
            Completion::ReceiveEnded { token, .. } | Completion::SendFailed { token, .. } => {
                let listener = self.listener(token.index());
                self.abandon(token.index(), driver);
                let (client, link) = listener?;
                return Some(Notice::Lost { client, link });
            }
            Completion::SendStalled { token, rest } => self.stalled(token.index(), &rest, driver),
            Completion::Writable { token } => self.writable(token.index()),
            Completion::Closed { token } => return Some(self.closed(token.index(), None)),
            Completion::Accepted { .. }
            | Completion::AcceptFailed { .. }
            | Completion::Released { .. }
            | Completion::Unsent { .. }
            | Completion::Adopted { .. } => {
                unreachable!("a driver reports only what it was asked for")
            }
        }
        None
    }

    /// A wire is connected: it is read from, unless it is of no use any more.
    fn connected(&mut self, wire: u32, socket: Socket, driver: &mut impl Driver) {
        let entry = &mut self.list[wire as usize];
        entry.socket = socket;
        entry.state = match entry.state {
            State::Connecting => State::Connected,
            State::Finishing { .. } => {
                self.finishing.push(wire);
                State::Finishing { is_connected: true }
            }
            _ => return self.close(wire, driver),
        };
        self.outbox.resume(wire, &mut entry.seat);
        self.receive(wire, driver);
    }

    /// Whom what comes in on a wire is for, if anybody wants it.
    pub(super) fn listener(&self, wire: u32) -> Option<(u32, Link)> {
        let wire = &self.list[wire as usize];
        let is_heard = matches!(wire.state, State::Connecting | State::Connected);
        is_heard.then_some((wire.client, wire.link))
    }

    /// Nothing is read from a wire. Returns whether it is connected; of another one there is
    /// nothing to read.
    pub(super) fn stop_receiving(&self, wire: u32, driver: &mut impl Driver) -> bool {
        let entry = &self.list[wire as usize];
        let is_connected = entry.state == State::Connected;
        if is_connected {
            let socket = entry.socket;
            driver.push(Op::StopReceive { socket });
        }
        is_connected
    }

    /// A connected wire is read from.
    pub(super) fn receive(&self, wire: u32, driver: &mut impl Driver) {
        let socket = self.list[wire as usize].socket;
        let token = token(wire);
        driver.push(Op::Receive { socket, token });
    }

    /// Says something on a wire.
    pub(super) fn say(&mut self, wire: u32, bytes: &[u8]) -> Result<(), WaitingTooLong> {
        let seat = &mut self.list[wire as usize].seat;
        self.outbox
            .say(wire, seat, |out| out.extend_from_slice(bytes))
    }

    /// Whether what is said on a wire waits because the server takes nothing for now.
    pub(super) fn is_stalled(&self, wire: u32) -> bool {
        let wire = &self.list[wire as usize];
        wire.state == State::Connected && wire.seat.is_stalled()
    }

    /// A wire did not take `rest`.
    fn stalled(&mut self, wire: u32, rest: &[u8], driver: &mut impl Driver) {
        let entry = &mut self.list[wire as usize];
        if entry.is_connected() {
            self.outbox.stall(wire, &mut entry.seat, rest);
            let socket = entry.socket;
            driver.push(Op::AwaitWritable { socket });
        }
    }

    /// A wire takes bytes again.
    fn writable(&mut self, wire: u32) {
        let entry = &mut self.list[wire as usize];
        if entry.is_connected() {
            self.outbox.resume(wire, &mut entry.seat);
        }
    }

    /// Closes a wire once everything said on it is sent.
    pub(super) fn finish(&mut self, wire: u32) {
        let entry = &mut self.list[wire as usize];
        let is_connected = entry.state == State::Connected;
        entry.state = State::Finishing { is_connected };
        if is_connected {
            self.finishing.push(wire);
        }
    }

    /// Closes a wire without a further word.
    pub(super) fn abandon(&mut self, wire: u32, driver: &mut impl Driver) {
        let entry = &mut self.list[wire as usize];
        match entry.state {
            State::Connecting => entry.state = State::Abandoned,
            State::Connected | State::Finishing { is_connected: true } => self.close(wire, driver),
            State::Abandoned
            | State::Finishing {
                is_connected: false,
            }
            | State::Closing
            | State::Free => {}
        }
    }

    /// The driver is done with a wire, or it could not be connected.
    fn closed(&mut self, wire: u32, lost: Option<Link>) -> Notice {
        let entry = &mut self.list[wire as usize];
        assert!(entry.state != State::Free, "a wire is closed once");
        entry.state = State::Free;
        entry.seat = Seat::NONE;
        self.outbox.forget(wire);
        self.free.push(wire);
        let client = entry.client;
        Notice::Closed { client, lost }
    }

    /// Hands the driver everything that was said in this turn, and closes wires that have nothing
    /// more to say: those that have spoken in this turn only when it is known that nothing of it
    /// is left.
    pub(super) fn flush(&mut self, driver: &mut impl Driver) {
        let finishing = std::mem::take(&mut self.finishing);
        for wire in finishing {
            match &self.list[wire as usize] {
                entry if !entry.is_connected() => {}
                entry if entry.seat == Seat::NONE => self.close(wire, driver),
                _ => self.finishing.push(wire),
            }
        }
        let list = &mut self.list;
        self.outbox.flush(|wire, bytes| {
            let entry = &mut list[wire as usize];
            entry.seat = Seat::NONE;
            if entry.is_connected() {
                let socket = entry.socket;
                driver.push(Op::Send { socket, bytes });
            }
        });
    }

    pub(super) fn reclaim(&mut self) {
        self.outbox.reclaim();
    }

    pub(super) fn has_any_to_close(&self) -> bool {
        let mut finishing = self.finishing.iter();
        finishing.any(|&wire| !self.list[wire as usize].seat.is_stalled())
    }

    fn close(&mut self, wire: u32, driver: &mut impl Driver) {
        let entry = &mut self.list[wire as usize];
        entry.state = State::Closing;
        let socket = entry.socket;
        self.outbox.forget(wire);
        driver.push(Op::Close {
            socket,
            token: token(wire),
        });
    }
}

impl Wire {
    fn is_connected(&self) -> bool {
        matches!(
            self.state,
            State::Connected | State::Finishing { is_connected: true }
        )
    }
}
