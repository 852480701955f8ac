//! The driver on `io_uring`: few system calls per turn, no descriptor per connection.
//!
//! Sockets are direct descriptors: slots of a table that belongs to a ring. The kernel allows
//! `RLIMIT_NOFILE` slots per table, so a driver that is full opens a further ring, and has as many
//! sockets as it likes on a machine that grants a process only 20,000 descriptors. A thread sleeps
//! in its main ring; the others end that sleep through the event of the waker.
//!
//! The kernel does the work of a ring only inside our calls (`DEFER_TASKRUN`), and only 20 pieces
//! of it per call, so under load a turn calls again as long as the ring says that there is more.
//!
//! # Invariants
//! - An operation is named by kind, generation and slot, never by a pointer. A completion that
//!   names an earlier use of its slot is counted and dropped.
//! - A socket has at most one receive, one poll and one shutdown in the kernel. Its slot is used
//!   again only when all have ended and the close has completed.
//! - All completions of sends are fetched in the turn that submits them, before any limit applies.
//! - A descriptor of the process that the kernel makes is owned as soon as its number is fetched.
//! - A ring is used by the thread that made it, and dropped before the memory it refers to.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use allspark_protocol::Instant;
use io_uring::types::Fd;
use io_uring::{cqueue, opcode};

use super::{Completion, Driver, DriverKind, Op, Socket, Token, Wait, Waker, clock};
use crate::memory::GiveBack;

mod accept;
mod acceptor;
mod buffers;
mod close;
mod connect;
mod hand_over;
mod installed;
mod kind;
mod multishot;
mod probe;
mod receive;
mod ring;
mod send;
mod sending;
mod setup;
mod slots;
mod starved;

use acceptor::Acceptor;
use ring::{Ring, Sleep};
use setup::{RINGS_MAX, SLOTS_PER_RING_MAX};

pub(super) use probe::{Abilities, probe};
pub use setup::{Buffers, RingSize, SetupError, UringOptions};

/// Completions handled per turn. More would keep the shard from its timers and its inbox.
const COMPLETIONS_PER_TURN: usize = 1024;

/// Drives one shard with `io_uring`.
pub struct Uring {
    rings: Vec<Ring>,
    /// The ring whose completions are handled first in this turn.
    first: usize,
    acceptor: Acceptor,
    waker: Waker,
    ops: Vec<Op>,
    rested_from: Option<Instant>,
    slots_per_ring: u32,
    rings_max: usize,
    further: RingSize,
}

impl Uring {
    /// A driver for the calling thread.
    ///
    /// # Errors
    /// When the kernel refuses something; [`SetupError`] says what.
    pub fn new(options: UringOptions) -> Result<Self, SetupError> {
        let slots_per_ring = options.slots_per_ring();
        let rings_max = options.sockets_max.div_ceil(slots_per_ring) as usize;
        let waker = Waker::new().map_err(SetupError::Descriptor)?;
        let main = Ring::new(options.main, slots_per_ring)?;
        let acceptor = Acceptor::new(options.listeners).map_err(SetupError::Descriptor)?;
        let mut uring = Self {
            rings: vec![main],
            first: 0,
            acceptor,
            waker,
            ops: Vec::new(),
            rested_from: None,
            slots_per_ring,
            rings_max: rings_max.clamp(1, RINGS_MAX),
            further: options.further,
        };
        uring.watch_waker();
        Ok(uring)
    }

    /// Completions that named an earlier use of their slot.
    pub fn stale_completions(&self) -> u64 {
        self.rings.iter().map(|ring| ring.stale_completions).sum()
    }

    /// System calls made so far.
    pub fn enters(&self) -> u64 {
        self.rings.iter().map(|ring| ring.enters).sum()
    }

    /// Whether the kernel fills receive buffers bit by bit, see [`RingSize::incremental`].
    pub fn is_incremental(&self) -> bool {
        self.rings[0].buffers.is_incremental()
    }

    /// Rings opened so far.
    pub fn rings(&self) -> usize {
        self.rings.len()
    }

    /// A ring with a free slot; opened, if all are full.
    fn ring_with_room(&mut self) -> io::Result<usize> {
        match self.rings.iter().position(|ring| ring.slots.has_room()) {
            Some(ring) => Ok(ring),
            None => self.open_ring(),
        }
    }

    fn open_ring(&mut self) -> io::Result<usize> {
        if self.rings.len() == self.rings_max {
            return Err(io::Error::from_raw_os_error(libc::ENFILE));
        }
        let mut ring = Ring::new(self.further, self.slots_per_ring).map_err(SetupError::into_io)?;
        if let Some(event) = self.waker.event() {
            ring.register_event(event.as_raw_fd())?;
        }
        self.rings.push(ring);
        Ok(self.rings.len() - 1)
    }

    /// Closes rings that a crowd needed which is gone. Sockets go into the first ring with room, so
    /// the last rings empty themselves. One that is not used stays, as it may be needed at once.
    fn close_unused_rings(&mut self) {
        while let [_, .., before, last] = self.rings.as_slice()
            && before.is_unused()
            && last.is_unused()
        {
            self.rings.pop();
        }
        self.first %= self.rings.len();
    }

    fn watch_waker(&mut self) {
        if let Some(event) = self.waker.event() {
            let event = Fd(event.as_raw_fd());
            let poll = opcode::PollAdd::new(event, libc::POLLIN as u32).multi(true);
            self.rings[0].push(poll.build(), Token::new(kind::WAKER, 0, 0));
        }
    }

    /// Has the other rings end the sleep that is to come. Returns whether one of them has something
    /// to say already.
    fn prepare_sleep(&mut self) -> bool {
        let further = &mut self.rings[1..];
        if further.is_empty() {
            return false;
        }
        for ring in &mut *further {
            ring.announce(true);
        }
        // Either the kernel sees that it has to announce its work, or we see the work.
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
        further.iter_mut().any(Ring::has_deferred)
    }

    fn end_sleep(&mut self) {
        for ring in &mut self.rings[1..] {
            ring.announce(false);
        }
    }

    fn execute(&mut self, op: Op, completions: &mut Vec<Completion>) {
        match op {
            Op::Accept => self.start_accept(),
            Op::StopAccept => self.stop_accept(),
            Op::RestAccept { until } => self.acceptor.pause.rest(until),
            Op::Connect { address, token } => self.connect(address, token, completions),
            Op::Receive { socket, token } => self.on(socket, |ring, slot| {
                ring.receive(slot, token);
            }),
            Op::StopReceive { socket } => self.on(socket, Ring::stop_receive),
            Op::Send { socket, bytes } => self.on(socket, |ring, slot| ring.send(slot, bytes)),
            Op::AskUnsent { socket } => self.on(socket, Ring::ask_unsent),
            Op::SendMany { socket, slices } => {
                self.on(socket, |ring, slot| ring.send_many(slot, slices));
            }
            Op::AwaitWritable { socket } => self.on(socket, Ring::await_writable),
            Op::Shutdown { socket } => self.on(socket, Ring::shutdown),
            Op::Release { socket, token } => self.on(socket, |ring, slot| {
                ring.release(slot, token);
            }),
            Op::Adopt { socket, token } => self.adopt(socket, token, completions),
            Op::Close { socket, token } => self.on(socket, |ring, slot| ring.close(slot, token)),
        }
    }

    fn on(&mut self, socket: Socket, act: impl FnOnce(&mut Ring, u32)) {
        let (ring, slot) = unpack(socket);
        if let Some(ring) = self.rings.get_mut(ring) {
            act(ring, slot);
        }
    }

    /// Submits to every ring and sleeps in the main one, if there is nothing to report.
    fn submit(&mut self, wait: Wait, completions: &mut Vec<Completion>) -> io::Result<()> {
        let reported_before = completions.len();
        for ring in &mut self.rings[1..] {
            if ring.has_queued() || ring.has_deferred() {
                ring.submit(Sleep::No, completions)?;
            }
        }
        let busy = completions.len() > reported_before
            || self
                .rings
                .iter()
                .any(|ring| !ring.fetched.is_empty() || ring.has_starved());
        let sleep = if busy { Sleep::No } else { self.sleep(wait) };
        if sleep != Sleep::No {
            return self.submit_and_sleep(sleep, completions);
        }
        let main = &mut self.rings[0];
        if main.has_queued() || main.has_deferred() {
            main.submit(Sleep::No, completions)?;
        }
        Ok(())
    }

    fn submit_and_sleep(
        &mut self,
        sleep: Sleep,
        completions: &mut Vec<Completion>,
    ) -> io::Result<()> {
        let sleep = if self.prepare_sleep() {
            Sleep::No
        } else {
            sleep
        };
        let submitted = self.rings[0].submit(sleep, completions);
        self.end_sleep();
        submitted
    }

    fn sleep(&mut self, wait: Wait) -> Sleep {
        let deadline = match (wait, self.acceptor.pause.until()) {
            (Wait::No, _) => return Sleep::No,
            (Wait::Forever, None) => return Sleep::Forever,
            (Wait::Forever, Some(until)) => until,
            (Wait::Until(deadline), None) => deadline,
            (Wait::Until(deadline), Some(until)) => deadline.min(until),
        };
        let now = clock::now();
        self.rested_from = Some(now);
        match deadline.saturating_since(now) {
            Duration::ZERO => Sleep::No,
            time => Sleep::For(time),
        }
    }

    /// Fetches what rings still have, up to what a turn may handle.
    fn fetch_more(&mut self, completions: &mut Vec<Completion>) -> io::Result<()> {
        let mut fetched: usize = self.rings.iter().map(|ring| ring.fetched.len()).sum();
        for index in self.ring_order() {
            let ring = &mut self.rings[index];
            let others = fetched - ring.fetched.len();
            let count = COMPLETIONS_PER_TURN.saturating_sub(others);
            ring.fetch_deferred(count, completions)?;
            fetched = others + ring.fetched.len();
        }
        Ok(())
    }

    /// Handles completions of all rings, up to the limit of a turn.
    fn handle_fetched(&mut self, completions: &mut Vec<Completion>) {
        let mut budget = COMPLETIONS_PER_TURN;
        for index in self.ring_order() {
            while budget > 0 {
                let Some(entry) = self.rings[index].fetched.pop_front() else {
                    break;
                };
                self.handle(index, &entry, completions);
                budget -= 1;
            }
        }
    }

    /// All rings, beginning with another one in each turn, so that the limits of a turn do not
    /// always hit the same.
    fn ring_order(&self) -> impl Iterator<Item = usize> + use<> {
        let (first, count) = (self.first, self.rings.len());
        (first..count).chain(0..first)
    }

    fn handle(
        &mut self,
        ring_index: usize,
        entry: &cqueue::Entry,
        completions: &mut Vec<Completion>,
    ) {
        let name = Token::from_u64(entry.user_data());
        let result = entry.result();
        let ring = &mut self.rings[ring_index];
        match name.kind() {
            kind::WAKER => {
                self.waker.drain();
                if !cqueue::more(entry.flags()) {
                    self.watch_waker();
                }
            }
            kind::ACCEPT => self.finish_accept(ring_index, name, result, completions),
            kind::CONNECT => self.finish_connect(ring_index, name, result, completions),
            kind::SOCKET => ring.finish_socket(name, result, completions),
            kind::RECEIVE => ring.finish_receive(entry, completions),
            kind::POLL => ring.finish_poll(name, completions),
            kind::UNSENT => ring.finish_unsent(name, result, completions),
            kind::CANCEL_ACCEPT => ring.retry_cancel_accept(name),
            kind::CANCEL_RECEIVE => ring.retry_cancel_receive(name),
            kind::CANCEL_POLL => ring.retry_cancel_poll(name),
            kind::SHUTDOWN => ring.finish_shutdown(name, result),
            kind::INSTALL_TO_SHUT => ring.finish_shutdown_by_hand(name, result, completions),
            kind::CLOSE => {
                ring.finish_close(name, completions);
                self.acceptor.pause.end_early();
            }
            kind::RELEASE => {
                ring.finish_release(name, completions);
                self.acceptor.pause.end_early();
            }
            kind::IGNORED => {}
            _ => ring.stale_completions += 1,
        }
    }
}

impl Driver for Uring {
    fn kind(&self) -> DriverKind {
        DriverKind::Uring
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
        for ring in &mut self.rings {
            ring.begin_turn();
        }
        self.rested_from = None;
        let reported_before = completions.len();
        let mut ops = std::mem::take(&mut self.ops);
        for op in ops.drain(..) {
            self.execute(op, completions);
        }
        self.ops = ops;
        // Who was just told to stop does not begin again.
        self.rings.iter_mut().for_each(Ring::resume_starved);
        self.top_up_accepts(completions);
        let idle = completions.len() == reported_before;
        self.submit(if idle { wait } else { Wait::No }, completions)?;
        self.first = (self.first + 1) % self.rings.len();
        self.fetch_more(completions)?;
        self.handle_fetched(completions);
        Ok(())
    }

    fn rested_from(&self) -> Option<Instant> {
        self.rested_from
    }

    fn has_more(&self) -> bool {
        self.rings.iter().any(Ring::has_more)
    }

    fn give_back(&mut self) {
        self.close_unused_rings();
        self.rings.iter_mut().for_each(Ring::give_back);
        self.ops.give_back();
    }

    fn waker(&self) -> Waker {
        self.waker.clone()
    }
}

impl std::fmt::Debug for Uring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uring")
            .field("rings", &self.rings.len())
            .field("slots_per_ring", &self.slots_per_ring)
            .field("acceptor", &self.acceptor)
            .finish_non_exhaustive()
    }
}

fn pack(ring: usize, slot: u32) -> Socket {
    Socket((ring as u32) * SLOTS_PER_RING_MAX + slot)
}

fn unpack(socket: Socket) -> (usize, u32) {
    let (ring, slot) = (socket.0 / SLOTS_PER_RING_MAX, socket.0 % SLOTS_PER_RING_MAX);
    (ring as usize, slot)
}

const _: () = assert!(RINGS_MAX as u64 * SLOTS_PER_RING_MAX as u64 == 1 << 32);
