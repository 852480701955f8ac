//! Accepting connections into direct descriptors.
//!
//! Several single accepts are pending, each with a slot and a place for the peer's address. A
//! multishot accept would take as many connections as there are, whether or not there is a slot
//! for them: the kernel drops one that it took and can't store. It does not tell the address
//! either, and asking for it costs as many operations as accepting again.

use std::cell::UnsafeCell;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;

use io_uring::opcode;
use io_uring::types::{DestinationSlot, Fd};
use socket2::{SockAddr, SockAddrStorage};

use super::ring::Ring;
use super::slots::State;
use super::{Uring, kind, pack};
use crate::io::accept_pause::AcceptPause;
use crate::io::{Completion, Token, clock};

/// Accepts that are pending at a time: what one turn can take in.
const PENDING_MAX: usize = 64;

/// The driver's listener and what waits on it.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: Option<TcpListener>,
    /// Whether the shard wants connections.
    wanted: bool,
    pub(super) pause: AcceptPause,
    places: Box<[UnsafeCell<Place>]>,
    free: Vec<u16>,
    /// For each place the ring and the slot of the accept that uses it.
    users: [Option<(usize, u32)>; PENDING_MAX],
}

/// Where the kernel writes the address of a peer.
#[derive(Debug)]
struct Place {
    storage: SockAddrStorage,
    len: libc::socklen_t,
}

impl Acceptor {
    pub(super) fn new(listener: Option<TcpListener>) -> io::Result<Self> {
        if let Some(listener) = &listener {
            // An accept on a non-blocking listener would not wait for a connection.
            listener.set_nonblocking(false)?;
        }
        let place = || {
            UnsafeCell::new(Place {
                storage: SockAddrStorage::zeroed(),
                len: 0,
            })
        };
        Ok(Self {
            listener,
            wanted: false,
            pause: AcceptPause::default(),
            places: std::iter::repeat_with(place).take(PENDING_MAX).collect(),
            free: (0..PENDING_MAX as u16).collect(),
            users: [None; PENDING_MAX],
        })
    }

    pub(super) fn start(&mut self) {
        self.wanted = true;
    }

    /// The operation that accepts into `slot`, with the address in `place`.
    #[expect(unsafe_code, reason = "the kernel writes into the place")]
    fn operation(&self, place: u16, slot: u32) -> Option<io_uring::squeue::Entry> {
        let listener = Fd(self.listener.as_ref()?.as_raw_fd());
        let slot = DestinationSlot::try_from_slot_target(slot).expect("below 2^20");
        let place = self.places[usize::from(place)].get();
        // SAFETY: a place that is free is used by no accept, so nobody else has a reference to it.
        let (storage, len) = unsafe {
            (*place).len = size_of::<SockAddrStorage>() as libc::socklen_t;
            (&raw mut (*place).storage, &raw mut (*place).len)
        };
        let accept = opcode::Accept::new(listener, storage.cast(), len).file_index(Some(slot));
        Some(accept.build())
    }

    /// Frees a place. Returns the address in it, if the kernel wrote one.
    #[expect(unsafe_code, reason = "the kernel wrote into the place")]
    fn free(&mut self, place: u16) -> Option<SocketAddr> {
        self.users[usize::from(place)] = None;
        self.free.push(place);
        // SAFETY: the accept that used the place has completed, so the kernel is done with it. The
        // storage is plain bytes, zeroed at first, so it can be copied and is valid for any length
        // up to its size.
        unsafe {
            let Place { storage, len } = self.places[usize::from(place)].get().read();
            (len as usize <= size_of::<SockAddrStorage>())
                .then(|| SockAddr::new(storage, len))?
                .as_socket()
        }
    }
}

impl Uring {
    /// Keeps as many accepts pending as there is room for.
    pub(super) fn top_up_accepts(&mut self, completions: &mut Vec<Completion>) {
        if !self.acceptor.wanted {
            return;
        }
        if self.acceptor.pause.until().is_some() {
            let now = clock::now();
            if !self.acceptor.pause.take_over(now) {
                return;
            }
        }
        while let Some(&place) = self.acceptor.free.last() {
            let none_pending = self.acceptor.free.len() == PENDING_MAX;
            let ring = match self.rings.iter().position(|ring| ring.slots.has_room()) {
                Some(ring) => ring,
                // As long as one is pending, another ring can wait.
                None if !none_pending => return,
                None => match self.open_ring() {
                    Ok(ring) => ring,
                    Err(error) => return self.pause_accept(error, completions),
                },
            };
            if !self.push_accept(ring, place) {
                return;
            }
        }
    }

    fn push_accept(&mut self, ring_index: usize, place: u16) -> bool {
        let ring = &mut self.rings[ring_index];
        let token = Token::from_u64(place.into());
        let Some(slot) = ring.slots.reserve(State::Accepting, token) else {
            return false;
        };
        let Some(entry) = self.acceptor.operation(place, slot) else {
            ring.slots.release(slot);
            return false;
        };
        ring.push(entry, ring.slots.name(kind::ACCEPT, slot));
        self.acceptor.free.pop();
        self.acceptor.users[usize::from(place)] = Some((ring_index, slot));
        true
    }

    pub(super) fn finish_accept(
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
        let peer = self.acceptor.free(slot.token.as_u64() as u16);
        if result < 0 {
            ring.slots.release(name.index());
            if !concerns_one_connection(-result) {
                self.pause_accept(io::Error::from_raw_os_error(-result), completions);
            }
            return;
        }
        slot.state = State::Open;
        self.acceptor.pause.accepted();
        match peer.filter(|_| self.acceptor.wanted) {
            Some(peer) => completions.push(Completion::Accepted {
                socket: pack(ring_index, name.index()),
                peer,
            }),
            None => ring.close_silently(name.index()),
        }
    }

    fn pause_accept(&mut self, error: io::Error, completions: &mut Vec<Completion>) {
        if self.acceptor.pause.begin(clock::now()) {
            completions.push(Completion::AcceptFailed { error });
        }
    }

    /// Cancels what is pending. The listener lives until the last of it is gone.
    pub(super) fn stop_accept(&mut self) {
        self.acceptor.wanted = false;
        self.acceptor.listener = None;
        for (ring, slot) in self.acceptor.users.into_iter().flatten() {
            self.rings[ring].cancel_accept(slot);
        }
    }
}

impl Ring {
    fn cancel_accept(&mut self, slot: u32) {
        let operation = self.slots.name(kind::ACCEPT, slot);
        self.cancel(operation, kind::CANCEL_ACCEPT);
    }

    /// The kernel did not find an accept: it has ended, or it must be asked again.
    pub(super) fn retry_cancel_accept(&mut self, name: Token) {
        let accepting = |slot: &mut super::slots::Slot| slot.state == State::Accepting;
        if self.slots.named(name).is_some_and(accepting) {
            self.cancel_accept(name.index());
        }
    }
}

/// Errors of a connection that was not accepted yet; accept(2) says to try again at once. A
/// cancelled accept is no failure either.
fn concerns_one_connection(error: i32) -> bool {
    matches!(
        error,
        libc::ECANCELED
            | libc::EINTR
            | libc::EAGAIN
            | libc::ECONNABORTED
            | libc::EPROTO
            | libc::ENOPROTOOPT
            | libc::EPERM
            | libc::ENETDOWN
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::EHOSTUNREACH
            | libc::ENONET
            | libc::EOPNOTSUPP
    )
}
