//! What may be held for all peers of a server together, and how much of that is held.

use allspark_protocol::options::Bounded;

use crate::config::Options;
use crate::limits::TURN_HELD_BYTES_MAX;
use crate::mesh::{Mesh, Weigh};

/// What is held for peers, of what may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes that are held by all shards: what peers have not finished, and blocks of outgoing
    /// bytes; and `inbox_bytes`.
    pub held_bytes: u64,
    /// Bytes of commands that wait for shards.
    pub inbox_bytes: u64,
    /// The bound of `held_bytes`; `u64::MAX` if there is none.
    pub bytes_max: u64,
    /// With more nobody new is let in, and whoever grows beyond its share is ended: the bound
    /// without what one turn of each shard may bring.
    pub bytes_max_to_admit: u64,
}

impl Memory {
    /// As it is now.
    pub(crate) fn of<C: Weigh>(mesh: &Mesh<C>, options: &Options) -> Self {
        let of_shard = |shard| {
            let counters = mesh.counters(shard);
            counters.bytes_held.get() + counters.block_bytes.get()
        };
        let inbox_bytes = mesh.bytes() as u64;
        let bytes_max = options.memory_bytes_max.map_or(u64::MAX, Bounded::get);
        let reserve = u64::from(mesh.shards()) * TURN_HELD_BYTES_MAX;
        Self {
            held_bytes: (0..mesh.shards()).map(of_shard).sum::<u64>() + inbox_bytes,
            inbox_bytes,
            bytes_max,
            bytes_max_to_admit: bytes_max.saturating_sub(reserve).max(bytes_max / 2),
        }
    }

    /// Whether nobody new is let in because of it.
    pub fn is_short(&self) -> bool {
        self.held_bytes > self.bytes_max_to_admit
    }
}

/// What may be there at once, in all shards of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections.
    pub connections: u64,
    /// Sparks of polling transports that no request waits for.
    pub sessions: u64,
    /// Requests that are under way.
    pub requests: u64,
    /// Handshakes of TLS that are under way.
    pub handshakes: u64,
}

impl Bounds {
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            connections: options.connections_max.get(),
            sessions: options.sessions_max.get(),
            requests: options.admission.requests_max.get(),
            handshakes: options.admission.handshakes_max.get(),
        }
    }
}
