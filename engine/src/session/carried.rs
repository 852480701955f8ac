//! What is kept of a session that outlives connections, or has none for a while.

use std::net::SocketAddr;

use allspark_protocol::Instant;
use allspark_protocol::transformer::Units;
use smallvec::SmallVec;

use crate::memory::{BlockPool, Key, Slice};
use crate::mesh::NameHash;
use crate::net::SendQueue;

/// What a session has that is not bound to one connection.
pub(crate) struct Carried {
    /// Who opened it.
    pub(crate) peer: SocketAddr,
    /// Messages that wait for the session.
    pub(crate) queue: Option<Box<SendQueue>>,
    /// Connections that belong to the session now.
    pub(super) carriers: SmallVec<[Key; 2]>,
    /// The name that its client chose for it.
    pub(crate) name: Option<NameHash>,
    /// When the next ping of Primus is due.
    pub(crate) beat_at: Instant,
    /// What the timer is set to; never later than the true deadline.
    pub(super) timer: Instant,
    /// The connection on which a long answer was given last, which its client may still read.
    pub(super) answered: Option<Key>,
    /// How many requests for it have begun whose bodies are still to come.
    pub(super) bodies: u32,
    /// When it was last to be ended for what its client did not do, the client was still sending or
    /// reading.
    pub(super) moves: bool,
    /// It is in the list of sessions to be flushed.
    pub(super) dirty: bool,
    /// The session has said that it can be forgotten.
    pub(crate) over: bool,
}

const _: () = assert!(size_of::<Carried>() <= 128);

impl Carried {
    pub(crate) fn new(peer: SocketAddr, name: Option<NameHash>) -> Box<Self> {
        Box::new(Self {
            peer,
            queue: None,
            carriers: SmallVec::new(),
            name,
            beat_at: Instant::NEVER,
            timer: Instant::NEVER,
            answered: None,
            bodies: 0,
            moves: false,
            dirty: false,
            over: false,
        })
    }
}

/// The queue of a spark as its session sees it.
pub(super) struct QueueUnits<'a> {
    queue: Option<&'a mut SendQueue>,
    pool: &'a mut BlockPool,
    taken: Option<Slice>,
}

impl<'a> QueueUnits<'a> {
    pub(super) fn new(queue: Option<&'a mut SendQueue>, pool: &'a mut BlockPool) -> Self {
        Self {
            queue,
            pool,
            taken: None,
        }
    }
}

impl Units for QueueUnits<'_> {
    fn take(&mut self) -> Option<&[u8]> {
        let queue = self.queue.as_mut()?;
        self.taken = queue.next_frame(self.pool);
        self.taken.as_deref()
    }
}
