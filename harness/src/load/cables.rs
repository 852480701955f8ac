//! The TCP connections of clients that may have several.
//!
//! # Invariants
//! - What is said before a cable is connected, or while it takes nothing, waits and keeps its
//!   order.
//! - A cable that is to be closed is closed only after everything said on it was taken.
//! - The number of a cable is used again only after the driver has closed it.

use allspark_engine::io::{Completion, Driver, Op, Socket};
use allspark_engine::memory::LentBuffer;
use allspark_protocol::transformer::Link;

use super::outbox::{Outbox, Seat, WaitingTooLong};
use super::runner::token;

/// How far a cable has come.
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
struct Cable {
    client: u32,
    link: Link,
    /// Meaningless before it is connected.
    socket: Socket,
    seat: Seat,
    state: State,
}

/// What happened to a cable, for the client whose it is.
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
    /// The client has one cable less. If the cable could not be connected its link is lost, too.
    Closed { client: u32, lost: Option<Link> },
}

/// All cables, by number.
#[derive(Debug, Default)]
pub(super) struct Cables {
    list: Vec<Cable>,
    free: Vec<u32>,
    outbox: Outbox,
    /// Cables that are connected and `Finishing`.
    finishing: Vec<u32>,
}

impl Cables {
    /// A new cable, which is connecting.
    pub(super) fn begin(&mut self, client: u32, link: Link) -> u32 {
        let cable = self.free.pop().unwrap_or(self.list.len() as u32);
        let mut seat = Seat::NONE;
        self.outbox.stall(cable, &mut seat, b"");
        let fresh = Cable {
            client,
            link,
            socket: Socket(0),
            seat,
            state: State::Connecting,
        };
        match self.list.get_mut(cable as usize) {
            Some(slot) => *slot = fresh,
            None => self.list.push(fresh),
        }
        cable
    }

    /// Something happened to a cable. Returns what its client must know of it.
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
            // Over TLS: a handshake is done, and what a connection needs besides.
            Completion::Introduced { .. } | Completion::Held { .. } => {}
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

    /// A cable is connected: it is read from, unless it is of no use any more.
    fn connected(&mut self, cable: u32, socket: Socket, driver: &mut impl Driver) {
        let entry = &mut self.list[cable as usize];
        entry.socket = socket;
        entry.state = match entry.state {
            State::Connecting => State::Connected,
            State::Finishing { .. } => {
                self.finishing.push(cable);
                State::Finishing { is_connected: true }
            }
            _ => return self.close(cable, driver),
        };
        self.outbox.resume(cable, &mut entry.seat);
        self.receive(cable, driver);
    }

    /// Whom what comes in on a cable is for, if anybody wants it.
    pub(super) fn listener(&self, cable: u32) -> Option<(u32, Link)> {
        let cable = &self.list[cable as usize];
        let is_heard = matches!(cable.state, State::Connecting | State::Connected);
        is_heard.then_some((cable.client, cable.link))
    }

    /// Nothing is read from a cable. Returns whether it is connected; of another one there is
    /// nothing to read.
    pub(super) fn stop_receiving(&self, cable: u32, driver: &mut impl Driver) -> bool {
        let entry = &self.list[cable as usize];
        let is_connected = entry.state == State::Connected;
        if is_connected {
            let socket = entry.socket;
            driver.push(Op::StopReceive { socket });
        }
        is_connected
    }

    /// A connected cable is read from.
    pub(super) fn receive(&self, cable: u32, driver: &mut impl Driver) {
        let socket = self.list[cable as usize].socket;
        let token = token(cable);
        driver.push(Op::Receive { socket, token });
    }

    /// Says something on a cable.
    pub(super) fn say(&mut self, cable: u32, bytes: &[u8]) -> Result<(), WaitingTooLong> {
        let seat = &mut self.list[cable as usize].seat;
        self.outbox
            .say(cable, seat, |out| out.extend_from_slice(bytes))
    }

    /// Whether what is said on a cable waits because the server takes nothing for now.
    pub(super) fn is_stalled(&self, cable: u32) -> bool {
        let cable = &self.list[cable as usize];
        cable.state == State::Connected && cable.seat.is_stalled()
    }

    /// A cable did not take `rest`.
    fn stalled(&mut self, cable: u32, rest: &[u8], driver: &mut impl Driver) {
        let entry = &mut self.list[cable as usize];
        if entry.is_connected() {
            self.outbox.stall(cable, &mut entry.seat, rest);
            let socket = entry.socket;
            driver.push(Op::AwaitWritable { socket });
        }
    }

    /// A cable takes bytes again.
    fn writable(&mut self, cable: u32) {
        let entry = &mut self.list[cable as usize];
        if entry.is_connected() {
            self.outbox.resume(cable, &mut entry.seat);
        }
    }

    /// Closes a cable once everything said on it is sent.
    pub(super) fn finish(&mut self, cable: u32) {
        let entry = &mut self.list[cable as usize];
        let is_connected = entry.state == State::Connected;
        entry.state = State::Finishing { is_connected };
        if is_connected {
            self.finishing.push(cable);
        }
    }

    /// Closes a cable without a further word.
    pub(super) fn abandon(&mut self, cable: u32, driver: &mut impl Driver) {
        let entry = &mut self.list[cable as usize];
        match entry.state {
            State::Connecting => entry.state = State::Abandoned,
            State::Connected | State::Finishing { is_connected: true } => self.close(cable, driver),
            State::Abandoned
            | State::Finishing {
                is_connected: false,
            }
            | State::Closing
            | State::Free => {}
        }
    }

    /// The driver is done with a cable, or it could not be connected.
    fn closed(&mut self, cable: u32, lost: Option<Link>) -> Notice {
        let entry = &mut self.list[cable as usize];
        assert!(entry.state != State::Free, "a cable is closed once");
        entry.state = State::Free;
        entry.seat = Seat::NONE;
        self.outbox.forget(cable);
        self.free.push(cable);
        let client = entry.client;
        Notice::Closed { client, lost }
    }

    /// Hands the driver everything that was said in this turn, and closes cables that have nothing
    /// more to say: those that have spoken in this turn only when it is known that nothing of it
    /// is left.
    pub(super) fn flush(&mut self, driver: &mut impl Driver) {
        let finishing = std::mem::take(&mut self.finishing);
        for cable in finishing {
            match &self.list[cable as usize] {
                entry if !entry.is_connected() => {}
                entry if entry.seat == Seat::NONE => self.close(cable, driver),
                _ => self.finishing.push(cable),
            }
        }
        let list = &mut self.list;
        self.outbox.flush(|cable, bytes| {
            let entry = &mut list[cable as usize];
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
        finishing.any(|&cable| !self.list[cable as usize].seat.is_stalled())
    }

    fn close(&mut self, cable: u32, driver: &mut impl Driver) {
        let entry = &mut self.list[cable as usize];
        entry.state = State::Closing;
        let socket = entry.socket;
        self.outbox.forget(cable);
        driver.push(Op::Close {
            socket,
            token: token(cable),
        });
    }
}

impl Cable {
    fn is_connected(&self) -> bool {
        matches!(
            self.state,
            State::Connected | State::Finishing { is_connected: true }
        )
    }
}
