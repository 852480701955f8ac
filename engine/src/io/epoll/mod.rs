//! The driver for machines on which `io_uring` is not allowed: non-blocking sockets and epoll.
//!
//! It keeps the same contract as the other drivers, with one system call per operation. It needs a
//! descriptor per connection.
//!
//! # Invariants
//! - A send is done when its operation is executed, so no bytes are kept.
//! - Events are handled in the order in which they were fetched, each once, and the next are
//!   fetched when none is left. An event for an earlier use of its index is counted and dropped.
//! - A socket that nothing is expected of is not in the epoll set.

use allspark_protocol::Instant;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use std::collections::VecDeque;
use std::io;

use super::accept_pause::AcceptPause;
use super::{Completion, Detached, Driver, DriverKind, Op, Socket, Token, Wait, Waker, clock};
use crate::memory::GiveBack;

mod connect;
mod hand_over;
mod listen;
mod sockets;
mod transfer;

use super::room::Room;
use sockets::Sockets;

/// Events fetched per turn: enough to make the call worth it, few enough that a turn stays short.
const EVENTS_PER_TURN: usize = 256;

/// Bytes received in one turn after which the events that are left wait for the next one: as many
/// as stay in the cache of a processor until they are looked at, and with one more read in one
/// buffer of the usual size.
const RECEIVED_BYTES_PER_TURN: usize = 256 * 1024;

/// Names a listener in events; its index is the listener's.
const KIND_LISTENER: u8 = 1;

/// Names the waker in events.
const KIND_WAKER: u8 = 2;

/// What an epoll driver is made of.
#[derive(Debug)]
pub struct EpollOptions {
    /// Where connections come in, fewer than 64; without one the driver only connects. They must
    /// not block.
    pub listeners: Vec<OwnedFd>,
    /// Receive buffers. By default one, and another one for when that is still needed.
    pub buffers: u16,
    /// Bytes in each receive buffer. Reads fill it one after the other, each with a quarter of it
    /// at most. By default 512 KiB, so that a message of 64 KiB is one read, and what was read is
    /// looked at before it has left the processor's cache.
    pub buffer_bytes: usize,
}

impl Default for EpollOptions {
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            buffers: 2,
            buffer_bytes: 512 * 1024,
        }
    }
}

/// Drives one shard with epoll.
pub struct Epoll {
    poll: OwnedFd,
    waker: Waker,
    listeners: Vec<OwnedFd>,
    /// Whether the shard wants connections.
    accepting: bool,
    /// Whether the listeners are in the epoll set.
    listening: bool,
    pause: AcceptPause,
    rested_from: Option<Instant>,
    sockets: Sockets,
    room: Room,
    /// Bytes that were received in this turn.
    received_bytes: usize,
    /// Sockets that wait for a buffer, by the names their events carry.
    starved: VecDeque<Token>,
    ops: Vec<Op>,
    /// Where events are fetched to.
    fetched: Vec<Event>,
    /// Events that were fetched and not handled.
    events: VecDeque<Event>,
    /// There may be events that were not fetched, or bytes that were not read.
    has_more: bool,
    stale_completions: u64,
}

impl Epoll {
    /// A driver for the calling thread.
    ///
    /// # Errors
    /// When descriptors run out.
    pub fn new(options: EpollOptions) -> io::Result<Self> {
        let poll = epoll::create(CreateFlags::CLOEXEC)?;
        let waker = Waker::new()?;
        if let Some(event) = waker.event() {
            let data = EventData::new_u64(Token::new(KIND_WAKER, 0, 0).as_u64());
            epoll::add(&poll, event, data, EventFlags::IN)?;
        }
        Ok(Self {
            poll,
            waker,
            listeners: options.listeners,
            accepting: false,
            listening: false,
            pause: AcceptPause::default(),
            rested_from: None,
            sockets: Sockets::default(),
            room: Room::new(options.buffers, options.buffer_bytes),
            received_bytes: 0,
            starved: VecDeque::new(),
            ops: Vec::new(),
            fetched: Vec::with_capacity(EVENTS_PER_TURN),
            events: VecDeque::with_capacity(EVENTS_PER_TURN),
            has_more: false,
            stale_completions: 0,
        })
    }

    /// Events that named a socket which was closed before they were looked at.
    pub fn stale_completions(&self) -> u64 {
        self.stale_completions
    }

    fn execute(&mut self, op: Op, completions: &mut Vec<Completion>) {
        match op {
            Op::Accept => self.start_accept(),
            Op::StopAccept => self.stop_accept(),
            Op::RestAccept { until } => self.rest_accept(until),
            Op::Connect { address, token } => self.connect(address, token, completions),
            Op::Receive { socket, token } => self.receive(socket, token, completions),
            Op::StopReceive { socket } => self.stop_receive(socket, completions),
            Op::Send { socket, bytes } => self.send(socket, bytes, completions),
            Op::AskUnsent { socket } => self.ask_unsent(socket, completions),
            Op::SendMany { socket, slices } => self.send_many(socket, &slices, completions),
            Op::AwaitWritable { socket } => self.await_writable(socket, completions),
            Op::Shutdown { socket } => self.shutdown(socket),
            Op::Release { socket, token } => self.release(socket, token, completions),
            Op::Adopt { socket, token } => self.adopt(socket, token, completions),
            Op::Close { socket, token } => {
                if self.sockets.close(socket) {
                    self.pause.end_early();
                    completions.push(Completion::Closed { token });
                }
            }
        }
    }

    /// Fetches events, after sleeping as long as `wait` says.
    fn fetch(&mut self, wait: Wait) -> io::Result<()> {
        let wait = match (wait, self.pause.until()) {
            (Wait::Forever, Some(until)) => Wait::Until(until),
            (Wait::Until(deadline), Some(until)) => Wait::Until(deadline.min(until)),
            _ => wait,
        };
        let timeout = match wait {
            Wait::No => Some(Timespec::default()),
            Wait::Until(deadline) => {
                let now = clock::now();
                self.rested_from = Some(now);
                Some(time_between(now, deadline))
            }
            Wait::Forever => None,
        };
        let room = rustix::buffer::spare_capacity(&mut self.fetched);
        match epoll::wait(&self.poll, room, timeout.as_ref()) {
            Ok(_) => self.has_more |= self.fetched.len() >= EVENTS_PER_TURN,
            // A signal ends the wait without an event, whatever there is.
            Err(rustix::io::Errno::INTR) => self.has_more = true,
            Err(error) => return Err(error.into()),
        }
        self.events.extend(self.fetched.drain(..));
        Ok(())
    }

    /// Handles the fetched events, up to the limits of a turn.
    fn handle_events(&mut self, completions: &mut Vec<Completion>) {
        self.received_bytes = 0;
        while self.received_bytes < RECEIVED_BYTES_PER_TURN
            && let Some(event) = self.events.pop_front()
        {
            self.dispatch(event, completions);
        }
        self.has_more |= !self.events.is_empty();
    }

    fn dispatch(&mut self, event: Event, completions: &mut Vec<Completion>) {
        let token = Token::from_u64(event.data.u64());
        let flags = event.flags;
        match token.kind() {
            KIND_LISTENER => self.accept_ready(token.index() as u8, completions),
            KIND_WAKER => self.waker.drain(),
            _ => match self.sockets.by_event(token) {
                Some((socket, open)) if open.connecting => {
                    self.finish_connect(socket, completions);
                }
                Some((socket, _)) => self.ready(socket, flags, completions),
                None => self.stale_completions += 1,
            },
        }
    }

    /// Something happened on an established connection.
    fn ready(&mut self, socket: Socket, flags: EventFlags, completions: &mut Vec<Completion>) {
        // A hang-up or an error counts as both: whoever reads or writes next learns the details.
        let broken = flags.intersects(EventFlags::HUP | EventFlags::ERR);
        if broken || flags.contains(EventFlags::OUT) {
            self.became_writable(socket, completions);
        }
        if broken || flags.contains(EventFlags::IN) {
            self.became_readable(socket, completions);
        }
    }
}

impl std::fmt::Debug for Epoll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Epoll")
            .field("listeners", &self.listeners)
            .field("room", &self.room)
            .field("starved", &self.starved.len())
            .finish_non_exhaustive()
    }
}

impl Driver for Epoll {
    fn kind(&self) -> DriverKind {
        DriverKind::Epoll
    }

    fn now(&self) -> Instant {
        clock::now()
    }

    fn unix_ms(&self) -> u64 {
        clock::unix_ms()
    }

    fn push(&mut self, op: Op) {
        self.ops.push(op);
    }

    fn turn(&mut self, wait: Wait, completions: &mut Vec<Completion>) -> io::Result<()> {
        let reported_before = completions.len();
        self.has_more = false;
        self.rested_from = None;
        self.resume_starved(completions);
        let mut ops = std::mem::take(&mut self.ops);
        for op in ops.drain(..) {
            self.execute(op, completions);
        }
        self.ops = ops;
        self.update_listening(completions);
        // Some sockets may still wait for a buffer. If none is free, all are lent, some perhaps to
        // frames that were just sent, and they come back after this turn.
        let idle = completions.len() == reported_before && self.starved.is_empty();
        if self.events.is_empty() {
            self.fetch(if idle { wait } else { Wait::No })?;
        }
        self.handle_events(completions);
        Ok(())
    }

    fn rested_from(&self) -> Option<Instant> {
        self.rested_from
    }

    fn has_more(&self) -> bool {
        self.has_more || !self.starved.is_empty()
    }

    fn give_back(&mut self) {
        self.starved.give_back();
        self.ops.give_back();
        self.room.give_back();
    }

    fn waker(&self) -> Waker {
        self.waker.clone()
    }
}

fn time_between(now: Instant, deadline: Instant) -> Timespec {
    let left = deadline.saturating_since(now);
    Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    }
}
