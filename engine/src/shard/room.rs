//! How many may come and what they may hold, and what becomes of those for whom it is too much.

use std::io;
use std::net::SocketAddr;

use allspark_protocol::http::RequestHead;
use allspark_protocol::transformer::Transformer;

use super::admit::Refusal;
use super::core::Core;
use super::effects::Effect;
use super::owner::Owner;
use crate::app::{EndReason, SparkError};
use crate::io::Socket;
use crate::limits::{HELD_BYTES_MIN, LINGER_MS, TURNED_AWAY_MAX};
use crate::lines::Line;
use crate::memory::Key;
use crate::net::Flags;
use crate::refusals::RefusalReason;

impl<T: Transformer> Core<T> {
    pub(super) fn look_for_room(&mut self) {
        let (mesh, blocks) = (&self.server.mesh, &mut self.net.buffers.blocks);
        self.room.look(self.clock.now, mesh, &self.options, blocks);
    }

    /// Whether one more connection may be served.
    pub(super) fn admit_connection(&mut self) -> bool {
        self.look_for_room();
        self.room.admit_connection()
    }

    /// Whether one more session may be opened that has no connection of its own. Those that have
    /// one are bounded by that.
    pub(super) fn admit_session(&mut self, key: Key, head: &RequestHead<'_>) -> bool {
        self.look_for_room();
        let is_admitted = self.room.admit_session();
        if !is_admitted {
            self.counters().sessions_refused.add(1);
            self.note_refused_request(key, head, RefusalReason::Sessions, 503, "");
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

    /// What one connection or session may hold, as it was lately; without end, if the server holds
    /// no more than it may.
    #[cold]
    #[inline(never)]
    pub(super) fn share_when_short_lately(&mut self) -> usize {
        if !self.room.has_looked_lately(self.clock.now) {
            self.look_for_room();
        }
        let share = self.room.share_when_short();
        share.map_or(usize::MAX, |share| {
            usize::try_from(share).unwrap_or(usize::MAX)
        })
    }

    /// Refuses a connection that was just accepted.
    pub(super) fn turn_away(
        &mut self,
        socket: Socket,
        (peer, listener): (SocketAddr, u8),
        refusal: Refusal,
    ) {
        self.count_refusal(refusal, peer, listener);
        let key = self.net.insert(socket, peer, Owner::TurnedAway);
        self.net.connection_mut(key).listener = listener;
        let is_flood = refusal != Refusal::Full;
        let shakes_hands = self.server.shakes_hands(listener);
        if self.room.turn_away() > TURNED_AWAY_MAX || (is_flood && shakes_hands) {
            // To tell a flood why would cost a handshake each time.
            self.close(key);
        } else if !shakes_hands || self.begin_handshake(key) {
            self.net.set_timer_ms(key, LINGER_MS);
        }
    }

    /// A connection that is refused asks for something, whatever it is.
    pub(super) fn answer_turned_away(&mut self, key: Key) {
        if self.net.connection(key).is_open() {
            let response = self.unavailable();
            self.write_response(key, &response, false, false);
            self.finish(key);
        }
    }

    /// Notes what a connection holds for its peer, and ends it if that is too much for now.
    pub(super) fn charge(&mut self, key: Key) {
        let Some(connection) = self.net.get(key) else {
            return;
        };
        let was_under_way = connection.flags.has(Flags::UNDER_WAY);
        let (bytes, is_under_way) = match &connection.owner {
            Owner::Http(reader) => (reader.held_bytes(), !reader.is_idle()),
            Owner::Request(request) => {
                let is_unanswered = request.waits_for_ticket();
                (request.parked.held_bytes(), is_unanswered)
            }
            Owner::Layered(layered) => (layered.held_bytes(), true),
            Owner::Leaving(leaving) => (leaving.parcel.bytes(), false),
            Owner::Session(spark) => {
                let bytes = self.sessions.held_bytes(*spark) + self.backlog.held_bytes(key);
                (bytes, false)
            }
            Owner::Paced(_) | Owner::TurnedAway | Owner::Nobody => (0, false),
        };
        if is_under_way != was_under_way
            && self.net.note_request(key, is_under_way)
            && !self.admit_request(key)
        {
            return;
        }
        let bytes = bytes + self.net.held_by_driver.get(key.index);
        if self.net.charges.set(key.index, bytes) && self.is_too_much(bytes) {
            self.shed_connection(key);
        }
    }

    /// Notes what the driver itself holds for the peer of a connection.
    pub(super) fn held_by_driver(&mut self, key: Key, bytes: u32) {
        self.net.held_by_driver.set(key.index, bytes as usize);
        self.charge(key);
    }

    /// The same for a session that outlives its connections.
    pub(super) fn charge_session(&mut self, spark: Key) {
        let grown = self.sessions.charge(spark);
        if let Some(bytes) = grown
            && self.is_open(spark)
            && self.is_too_much(bytes)
        {
            self.shed_session(spark);
        }
    }

    /// The same for what waits until the application takes it.
    pub(super) fn charge_untaken(&mut self, spark: Key, cost: usize) {
        if cost >= HELD_BYTES_MIN && self.is_open(spark) && self.is_too_much(cost) {
            let slot = self.sessions.get(spark).filter(|slot| !slot.is_carried());
            match slot.and_then(|slot| slot.state.stream) {
                Some(key) => self.shed_connection(key),
                None => self.shed_session(spark),
            }
        }
    }

    /// The same for what is kept for its client as long as the spark is there.
    pub(super) fn charge_kept(&mut self, spark: Key) {
        if self.note_kept(spark) {
            self.charge_untaken(spark, self.kept.get(spark.index));
        }
    }

    /// Notes how much that is. Returns whether it is more than before.
    pub(super) fn note_kept(&mut self, spark: Key) -> bool {
        let slot = self.sessions.get(spark);
        let bytes = slot.map_or(0, |slot| slot.state.kept_bytes());
        self.kept.set(spark.index, bytes)
    }

    /// Whether somebody who has just grown to so many bytes has to go: whoever grows while the
    /// server holds more than it may, and holds more than its share. Who holds much and does not
    /// grow is ended only if that is not enough ([`super::relieve`]).
    fn is_too_much(&mut self, bytes: usize) -> bool {
        self.look_for_room();
        let share = self.room.share_when_short();
        share.is_some_and(|share| bytes as u64 > share)
    }

    pub(super) fn shed_connection(&mut self, key: Key) {
        self.count_shed();
        self.note_refused(key, RefusalReason::Shed, None);
        if let Owner::Http(_) = self.net.connection(key).owner {
            let response = self.unavailable();
            self.write_response(key, &response, false, false);
            self.finish(key);
        } else {
            self.broke(key, io::ErrorKind::OutOfMemory.into());
        }
    }

    pub(super) fn shed_session(&mut self, spark: Key) {
        self.count_shed();
        self.note_ended(spark, RefusalReason::Shed);
        self.effects
            .push(Effect::Error(spark, SparkError::Overflow));
        self.lose(spark, EndReason::Shed);
        self.sessions.drop_units(spark, &mut self.net.buffers);
        self.effects.push(Effect::Goodbye(spark));
    }

    pub(super) fn count_shed(&self) {
        self.counters().peers_shed.add(1);
        if let Some(line) = self.may_log(Line::Shed) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::warn!(
                shard,
                unlogged,
                "a peer is ended that wanted more memory than its share: the server holds as much \
                 as memory-max allows"
            );
        }
    }
}
