//! The listeners of a driver, and the places for the addresses of those who come in.

use std::cell::UnsafeCell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use io_uring::opcode;
use io_uring::types::{DestinationSlot, Fd};
use rustix::io::ioctl_fionbio;
use socket2::{SockAddr, SockAddrStorage};

use crate::io::UNIX_PEER;
use crate::io::accept_pause::AcceptPause;

/// Accepts that are pending at a time: what one turn can take in.
pub(super) const PENDING_MAX: usize = 64;

/// The driver's listeners and what waits on them. Place n belongs to listener n, counted around.
#[derive(Debug)]
pub(super) struct Acceptor {
    pub(super) listeners: Vec<OwnedFd>,
    /// How many there are, or were: what is under way from them still comes in.
    count: usize,
    /// Whether the shard wants connections.
    pub(super) wanted: bool,
    pub(super) pause: AcceptPause,
    places: Box<[UnsafeCell<Place>]>,
    pub(super) free: Vec<u16>,
    /// For each place the ring and the slot of the accept that uses it.
    pub(super) users: [Option<(usize, u32)>; PENDING_MAX],
}

/// Where the kernel writes the address of a peer.
#[derive(Debug)]
struct Place {
    storage: SockAddrStorage,
    len: libc::socklen_t,
}

impl Acceptor {
    pub(super) fn new(listeners: Vec<OwnedFd>) -> io::Result<Self> {
        for listener in &listeners {
            // An accept on a non-blocking listener would not wait for a connection.
            ioctl_fionbio(listener, false)?;
        }
        let place = || {
            UnsafeCell::new(Place {
                storage: SockAddrStorage::zeroed(),
                len: 0,
            })
        };
        Ok(Self {
            count: listeners.len(),
            listeners,
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

    /// The listener that a place belongs to, if there ever was any.
    pub(super) fn listener_of(&self, place: u16) -> Option<usize> {
        usize::from(place).checked_rem(self.count)
    }

    /// A free place, and whether nothing is pending on its listener. Those of such listeners come
    /// first, so that with little room no listener is forgotten.
    pub(super) fn next_free(&self) -> Option<(u16, bool)> {
        let last = *self.free.last()?;
        if self.free.len() == PENDING_MAX || self.listeners.len() <= 1 {
            return Some((last, self.free.len() == PENDING_MAX));
        }
        let mut forgotten = (1_u64 << self.listeners.len().min(63)) - 1;
        for (place, _) in self
            .users
            .iter()
            .enumerate()
            .filter(|(_, user)| user.is_some())
        {
            forgotten &= !(1 << (place % self.listeners.len()));
        }
        let of_forgotten = |place: &&u16| {
            let listener = self.listener_of(**place);
            listener.is_some_and(|listener| forgotten & (1 << listener) != 0)
        };
        match self.free.iter().rfind(of_forgotten) {
            Some(place) => Some((*place, true)),
            None => Some((last, false)),
        }
    }

    /// Takes a place that is free.
    pub(super) fn take(&mut self, place: u16) {
        // Mostly the last one.
        if let Some(at) = self.free.iter().rposition(|free| *free == place) {
            self.free.swap_remove(at);
        }
    }

    /// The operation that accepts into `slot`, with the address in `place`.
    #[expect(unsafe_code, reason = "the kernel writes into the place")]
    pub(super) fn operation(&self, place: u16, slot: u32) -> Option<io_uring::squeue::Entry> {
        let listener = Fd(self.listeners.get(self.listener_of(place)?)?.as_raw_fd());
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
    pub(super) fn free(&mut self, place: u16) -> Option<SocketAddr> {
        self.users[usize::from(place)] = None;
        self.free.push(place);
        // SAFETY: the accept that used the place has completed, so the kernel is done with it. The
        // storage is plain bytes, zeroed at first, so it can be copied and is valid for any length
        // up to its size.
        let address = unsafe {
            let Place { storage, len } = self.places[usize::from(place)].get().read();
            (len as usize <= size_of::<SockAddrStorage>()).then(|| SockAddr::new(storage, len))?
        };
        match address.is_unix() {
            true => Some(UNIX_PEER),
            false => address.as_socket(),
        }
    }
}
