//! How many may come, and what becomes of those that are too many.
//!
//! Both bounds count over all shards of the server. A shard looks at the counters of the others at
//! most once per turn, so several shards that fill up at the same moment may let in a turn's worth
//! more.
//!
//! A connection too many is accepted all the same, answered with 503 as soon as it asks for
//! something, and closed: a client that is told can tell its user, a load balancer goes elsewhere,
//! and neither would learn anything from a backlog that nobody empties. Such a connection has no
//! reader, and two seconds. If there are many of them, the next one is closed at once.

use std::time::Duration;

use allspark_protocol::Instant;

use crate::budget::Memory;
use crate::config::Options;
use crate::memory::BlockPool;
use crate::mesh::{Mesh, Weigh};
use crate::stats::Counters;

/// How old the last look at all shards may be where one is needed for every message.
const LATELY: Duration = Duration::from_millis(10);

/// What a shard knows of the bounds.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// When it looked at the counters of all shards.
    looked_at: Option<Instant>,
    /// It has looked in this turn.
    is_fresh: bool,
    /// How many connections, sessions, requests and handshakes more it may let in until it looks
    /// again.
    connections: u64,
    sessions: u64,
    requests: u64,
    handshakes: u64,
    /// What one connection or session may hold, if the server holds more than it may.
    share_when_short: Option<u64>,
    /// What the server holds.
    held: u64,
    /// Connections of its own that are refused and not closed yet.
    turned_away: usize,
}

impl Room {
    /// A turn begins.
    pub(crate) fn begin_turn(&mut self) {
        self.is_fresh = false;
    }

    /// Looks at all shards, once per turn.
    pub(crate) fn look<C: Weigh>(
        &mut self,
        now: Instant,
        mesh: &Mesh<C>,
        options: &Options,
        blocks: &mut BlockPool,
    ) {
        if std::mem::replace(&mut self.is_fresh, true) {
            return;
        }
        let count = |number: fn(&Counters) -> u64| -> u64 {
            let of = |shard| number(mesh.counters(shard));
            (0..mesh.shards()).map(of).sum()
        };
        // In this order, so that nobody is counted as closed who was not counted as accepted.
        let closed = count(|counters| counters.connections_closed.get());
        let accepted = count(|counters| counters.connections_accepted.get());
        let unattended = count(|counters| counters.sparks_unattended.get());
        let memory = Memory::of(mesh, options);
        let (mut held, held_max) = (memory.held_bytes, memory.bytes_max_to_admit);
        if held > held_max {
            // Memory that nobody uses goes before a peer that uses some.
            held = held.saturating_sub(blocks.free_all() as u64);
        }
        let connections = accepted - closed.min(accepted);
        let peers = connections + unattended;
        self.share_when_short = (held > held_max).then(|| held_max / peers.max(1));
        self.held = held;
        self.looked_at = Some(now);
        self.connections = options.connections_max.get().saturating_sub(connections);
        self.sessions = options.sessions_max.get().saturating_sub(unattended);
        let requests = count(|counters| counters.requests_under_way.get());
        let handshakes = count(|counters| counters.handshakes_under_way.get());
        let admission = &options.admission;
        self.requests = admission.requests_max.get().saturating_sub(requests);
        self.handshakes = admission.handshakes_max.get().saturating_sub(handshakes);
    }

    /// Whether it looked a short while ago, which is enough for what happens for every message.
    pub(crate) fn has_looked_lately(&self, now: Instant) -> bool {
        self.looked_at.is_some_and(|at| now < at + LATELY)
    }

    /// Whether one more connection may be served.
    pub(crate) fn admit_connection(&mut self) -> bool {
        self.share_when_short.is_none() && take_one(&mut self.connections)
    }

    /// Whether one more session that no connection belongs to may be opened.
    pub(crate) fn admit_session(&mut self) -> bool {
        self.share_when_short.is_none() && take_one(&mut self.sessions)
    }

    /// Whether one more request may be under way.
    pub(crate) fn admit_request(&mut self) -> bool {
        take_one(&mut self.requests)
    }

    /// Whether one more handshake may be under way.
    pub(crate) fn admit_handshake(&mut self) -> bool {
        self.share_when_short.is_none() && take_one(&mut self.handshakes)
    }

    /// What one connection or session may hold, if the server holds more than it may.
    pub(crate) fn share_when_short(&self) -> Option<u64> {
        self.share_when_short
    }

    /// By how much the server held more than this when it looked.
    pub(crate) fn excess(&self, bound: u64) -> u64 {
        self.held.saturating_sub(bound)
    }

    /// A connection is refused. Returns how many are refused and not closed yet.
    pub(crate) fn turn_away(&mut self) -> usize {
        self.turned_away += 1;
        self.turned_away
    }

    /// A connection that was refused is closed.
    pub(crate) fn turned_away_closed(&mut self) {
        self.turned_away -= 1;
    }
}

fn take_one(room: &mut u64) -> bool {
    let is_left = *room > 0;
    *room = room.saturating_sub(1);
    is_left
}
