//! What a connection is for.

use allspark_protocol::http::Reader;

use crate::http::{Layered, Paced, Parked, append};
use crate::memory::Key;
use crate::mesh::Parcel;
use crate::net::{Connection, Share};
use crate::routes::Present;

/// Whom a connection belongs to, and so what its bytes are.
pub(crate) enum Owner {
    /// HTTP requests.
    Http(Reader),
    /// A request that is not answered yet.
    Request(Box<Request>),
    /// A request about which a layer decides later.
    Layered(Box<Layered>),
    /// Bytes for the session of a spark, which may have ended and wait for the peer's goodbye.
    Session(Key),
    /// It is answered in parts with pauses; the bytes are of no interest.
    Paced(Box<Paced>),
    /// On its way to the shard that owns the session its request is for.
    Leaving(Box<Leaving>),
    /// Whatever its peer asks for, the answer is that there are too many connections.
    TurnedAway,
    /// Of no interest: the connection is about to be closed.
    Nobody,
}

/// A request that waits for its answer.
pub(crate) struct Request {
    pub(crate) by: Answerer,
    pub(crate) parked: Parked,
    /// Tells who owes the answer that nobody waits for it any more.
    #[expect(dead_code, reason = "it tells by its end")]
    pub(crate) present: Option<Present>,
}

impl Request {
    /// Whether it is the application that owes the answer, and has not begun to give it.
    pub(super) fn waits_for_ticket(&self) -> bool {
        matches!(self.by, Answerer::Ticket(_)) && self.parked.body.is_none()
    }
}

/// Who owes an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answerer {
    /// The session of this spark.
    Session(Key),
    /// Whoever has this ticket.
    Ticket(u64),
}

/// A connection that leaves as soon as it can.
pub(crate) struct Leaving {
    pub(crate) parcel: Box<Parcel>,
    /// It has moved too often and has to wait.
    pub(crate) waits: bool,
    pub(crate) share: Share,
}

impl Leaving {
    /// Keeps what came behind the request. Returns how much that is by now.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> usize {
        append(&mut self.parcel.rest, bytes);
        self.share.set(self.parcel.bytes());
        self.parcel.rest.len()
    }
}

impl Owner {
    /// Whether it is still of interest while the connection is being closed.
    pub(super) fn stays(&self) -> bool {
        matches!(self, Self::Session(_) | Self::TurnedAway)
    }

    /// The spark of which the connection is a carrier.
    pub(super) fn spark(&self) -> Option<Key> {
        match self {
            Self::Session(spark) => Some(*spark),
            Self::Request(request) => match request.by {
                Answerer::Session(spark) => Some(spark),
                Answerer::Ticket(_) => None,
            },
            Self::Http(_)
            | Self::Layered(_)
            | Self::Paced(_)
            | Self::Leaving(_)
            | Self::TurnedAway
            | Self::Nobody => None,
        }
    }
}

// There may be a million of them.
const _: () = assert!(size_of::<Connection<Owner>>() == 80);
