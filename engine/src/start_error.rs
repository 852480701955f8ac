//! Why a server can't start.

use std::io;

use crate::io::Unavailable;
use crate::limits::LISTENERS_MAX;

/// Why a server can't start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It was started already; that it was destroyed since changes nothing.
    #[error("a Primus is started only once: build another one for another address or another life")]
    Started,
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// There are too few or too many places.
    #[error("a server listens in 1 to {LISTENERS_MAX} places, and these are {0}")]
    Places(usize),
    /// Sockets that were taken over are too many for the shards that there are.
    #[error(
        "a shard accepts on {LISTENERS_MAX} sockets at most, and would have {0}: more shards are \
         needed to take these over"
    )]
    Sockets(usize),
    /// The driver that was asked for can't be used here.
    #[error("{0}")]
    Driver(Unavailable),
    /// A shard can't be set up.
    #[error("shard {shard} can't start: {reason}")]
    Shard {
        /// Which one.
        shard: usize,
        /// What the system said.
        reason: String,
    },
}
