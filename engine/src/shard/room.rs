//! How many may come, and what becomes of those that are too many.
//!
//! Both bounds count over all shards of the server. A shard looks at the counters of the others at
//! most once per turn, so several shards that fill up at the same moment may let in a turn's worth
//! more.
//!
//! A connection too many is accepted all the same, answered with 503 as soon as it asks for
//! something, and closed: a client that is told can tell its user, a load balancer goes elsewhere,
//! and neither would learn anything from a backlog that nobody empties. It has no reader and two
//! seconds; if even of these there are many, it is closed at once.

use std::net::SocketAddr;
use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::http::Response;
use allspark_protocol::transformer::Transformer;

use super::connection::{Closing, Role};
use super::core::Core;
use crate::io::Socket;
use crate::limits::{LINGER_MS, RETRY_AFTER_S, TURN_HELD_BYTES_MAX, TURNED_AWAY_MAX};
use crate::lines::Line;
use crate::memory::Key;
use crate::stats::Counters;

/// How old a look at all shards may be that is done for every message.
const LATELY: Duration = Duration::from_millis(10);

/// What a shard knows of the bounds.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// The turn in which it looked at the counters of all shards.
    turn: u32,
    /// When that was.
    looked_at: Instant,
    /// How many connections and sessions more it may let in until it looks again.
    connections: u64,
    sessions: u64,
    /// What one connection or session may hold, if the server holds more than it may.
    share_when_short: Option<u64>,
    /// Connections of its own that are refused and not closed yet.
    turned_away: usize,
    /// Sessions of its own that no connection belongs to.
    unattended: usize,
}

impl<T: Transformer> Core<T> {
    fn look_for_room(&mut self) {
        if self.room.turn == self.turn {
            return;
        }
        let count = |number: fn(&Counters) -> u64| -> u64 {
            let mesh = &self.shared.mesh;
            let of = |shard| number(mesh.counters(shard));
            (0..mesh.shards()).map(of).sum()
        };
        // In this order, so that nobody is counted as closed who was not counted as accepted.
        let closed = count(|counters| counters.connections_closed.get());
        let accepted = count(|counters| counters.connections_accepted.get());
        let unattended = count(|counters| counters.sparks_unattended.get());
        let mut held = count(|counters| counters.bytes_held.get() + counters.block_bytes.get())
            + self.mesh().bytes() as u64;
        let options = &self.shared.options;
        let held_max = self.held_bytes_max();
        if held > held_max {
            // What nobody uses goes before anybody who uses something.
            held = held.saturating_sub(self.blocks.free_all() as u64);
        }
        let peers = accepted - closed.min(accepted) + unattended;
        self.room.share_when_short = (held > held_max).then(|| held_max / peers.max(1));
        self.room.turn = self.turn;
        self.room.looked_at = self.now;
        self.room.connections =
            (options.connections_max as u64).saturating_sub(accepted - closed.min(accepted));
        self.room.sessions = (options.sessions_max as u64).saturating_sub(unattended);
    }

    /// What may be held for peers before nothing new is let in.
    fn held_bytes_max(&self) -> u64 {
        let bound = self.shared.options.memory_bytes_max.unwrap_or(u64::MAX);
        let reserve = u64::from(self.mesh().shards()) * TURN_HELD_BYTES_MAX;
        bound.saturating_sub(reserve).max(bound / 2)
    }

    /// Whether one more connection may be served.
    pub(super) fn admit_connection(&mut self) -> bool {
        self.look_for_room();
        self.room.share_when_short.is_none() && take_one(&mut self.room.connections)
    }

    /// Whether one more session may be opened that has no connection of its own. Those that have
    /// one are bounded by that.
    pub(super) fn admit_session(&mut self) -> bool {
        self.look_for_room();
        let is_admitted = self.room.share_when_short.is_none() && take_one(&mut self.room.sessions);
        if !is_admitted {
            self.counters().sessions_refused.add(1);
            if let Some(line) = self.may_log(Line::SessionRefused) {
                let (shard, unlogged) = (self.shard, line.unlogged);
                tracing::warn!(
                    shard,
                    unlogged,
                    "a session is refused: as many as sessions-max allows are not polled, or the \
                     server holds as much as memory-max allows"
                );
            }
        }
        is_admitted
    }

    /// What one connection or session may hold, if the server holds more than it may.
    pub(super) fn share_when_short(&mut self) -> Option<u64> {
        self.look_for_room();
        self.room.share_when_short
    }

    /// The same, as it was lately, for what happens too often to look each time; without end, if
    /// the server holds no more than it may.
    pub(super) fn share_when_short_lately(&mut self) -> usize {
        if self.now >= self.room.looked_at + LATELY {
            self.look_for_room();
        }
        let share = self.room.share_when_short;
        share.map_or(usize::MAX, |share| {
            usize::try_from(share).unwrap_or(usize::MAX)
        })
    }

    /// Refuses a connection that was just accepted.
    pub(super) fn turn_away(&mut self, socket: Socket, peer: SocketAddr) {
        self.counters().connections_refused.add(1);
        if let Some(line) = self.may_log(Line::ConnectionRefused) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::warn!(
                shard,
                unlogged,
                "a connection is refused: there are as many as connections-max allows, or the \
                 server holds as much as memory-max allows"
            );
        }
        let key = self.insert_connection(socket, peer);
        self.connection_mut(key).role = Role::TurnedAway;
        self.room.turned_away += 1;
        if self.room.turned_away > TURNED_AWAY_MAX {
            self.close(key);
        } else {
            self.set_timer_ms(key, LINGER_MS);
        }
    }

    /// A connection that is refused asks for something, whatever it is.
    pub(super) fn answer_turned_away(&mut self, key: Key) {
        if self.connection(key).closing == Closing::No {
            self.write_response(key, &unavailable(), false, false);
            self.finish(key);
        }
    }

    /// A connection that was refused is closed.
    pub(super) fn turned_away_closed(&mut self) {
        self.room.turned_away -= 1;
    }

    /// A session begins to have no connection, or ends to have none.
    pub(super) fn count_unattended(&mut self, change: isize) {
        let count = &mut self.room.unattended;
        *count = count
            .checked_add_signed(change)
            .expect("every session is counted once");
        let count = *count as u64;
        self.counters().sparks_unattended.set(count);
    }

    /// A connection becomes a carrier of a session.
    pub(super) fn add_carrier(&mut self, spark: Key, key: Key) {
        if let Some(slot) = self.sparks.get_mut(spark)
            && let Some(carried) = &mut slot.carried
        {
            carried.carriers.push(key);
            if carried.carriers.len() == 1 {
                self.count_unattended(-1);
            }
        }
    }

    /// A connection is no carrier of a session any more.
    pub(super) fn remove_carrier(&mut self, spark: Key, key: Key) {
        if let Some(slot) = self.sparks.get_mut(spark)
            && let Some(carried) = &mut slot.carried
            && let Some(place) = carried.carriers.iter().position(|carrier| *carrier == key)
        {
            carried.carriers.remove(place);
            if carried.carriers.is_empty() {
                self.count_unattended(1);
            }
        }
    }
}

fn take_one(room: &mut u64) -> bool {
    let is_left = *room > 0;
    *room = room.saturating_sub(1);
    is_left
}

/// The answer to who may come back later.
pub(super) fn unavailable() -> Response {
    Response::text(503, "Service Unavailable\n").header("Retry-After", RETRY_AFTER_S)
}
