//! Who is let in: connections by their number, their address and their pace, sparks by the address
//! of their client, and requests and handshakes by how many are under way.
//!
//! # Invariants
//! - Whoever is refused is counted under one reason.
//! - Whoever entered by an address leaves by the same one.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use allspark_protocol::Instant;
use allspark_protocol::http::{RequestHead, Response};
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::owner::Owner;
use crate::io::Op;
use crate::limits::{LINGER_MS, RETRY_AFTER_LEAST_S, RETRY_AFTER_MOST_S};
use crate::lines::Line;
use crate::memory::Key;
use crate::net::{Counted, Flags};
use crate::purpose::Purpose;
use crate::refusals::RefusalReason;

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There are as many as there may be, or no memory is left.
    Full,
    /// There are as many of its address.
    Address,
    /// They come too fast, those of its address or all.
    Pace,
}

impl<T: Transformer> Core<T> {
    /// Lets a connection of this peer in through a listener, or says why not. Whoever runs the
    /// server gets in although it is full, or a full one could not be looked into, and who asks
    /// whether it lives would have it ended.
    pub(super) fn admit(&mut self, peer: SocketAddr, listener: u8) -> Result<(), Refusal> {
        let addresses = &self.server.addresses;
        if !addresses.keeps_pace(peer, self.clock.now) {
            return Err(Refusal::Pace);
        }
        if !addresses.enter(Counted::Connection, peer) {
            return Err(Refusal::Address);
        }
        let refusal = if !self.keeps_pace() {
            Refusal::Pace
        } else if !self.admit_connection() && self.server.purpose(listener) != Purpose::Internal {
            Refusal::Full
        } else {
            return Ok(());
        };
        self.server.addresses.leave(Counted::Connection, peer);
        Err(refusal)
    }

    /// Whether connections do not come faster than they may. Where they wait instead, this one does
    /// not, but no further one is accepted for a while.
    fn keeps_pace(&mut self) -> bool {
        let Some(pace) = self.accept_pace else {
            return true;
        };
        let (now, waits) = (self.clock.now, self.options.admission.waits());
        let pay = |paid| {
            let paid = Instant::from_ns(paid);
            (waits || pace.admits(paid, now, 1)).then(|| pace.pay(paid, now, 1).as_ns())
        };
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let paid = &self.server.accepts_paid;
        let Ok(before) = paid.fetch_update(set, fetch, pay) else {
            return false;
        };
        let paid = pace.pay(Instant::from_ns(before), now, 1);
        if waits && let Some(until) = pace.next(paid, now) {
            self.rest_accepting(until);
        }
        true
    }

    /// Accepts nobody for a while.
    fn rest_accepting(&mut self, until: Instant) {
        if self.accepts_from.is_none_or(|from| from <= self.clock.now) {
            self.counters().accepts_rested.add(1);
            if let Some(line) = self.may_log(Line::AcceptRests) {
                let (shard, unlogged) = (self.shard, line.unlogged);
                tracing::warn!(
                    shard,
                    unlogged,
                    "connections come faster than accept-rate allows, and wait"
                );
            }
        }
        self.accepts_from = Some(until);
        self.net.push_op(Op::RestAccept { until });
    }

    /// When connections are accepted again, if they are not now.
    pub(super) fn accepts_again(&self) -> Option<Instant> {
        self.accepts_from.filter(|from| *from > self.clock.now)
    }

    /// Counts a refusal, and says so.
    pub(super) fn count_refusal(&self, refusal: Refusal, peer: SocketAddr, listener: u8) {
        let counters = self.counters();
        let (counter, line, reason, why) = match refusal {
            Refusal::Full => (
                &counters.connections_refused,
                Line::ConnectionRefused,
                RefusalReason::Connections,
                "there are as many as connections-max allows, or the server holds as much as \
                 memory-max allows",
            ),
            Refusal::Address => (
                &counters.addresses_refused,
                Line::AddressRefused,
                RefusalReason::Addresses,
                "there are as many of its address as connections-per-address allows",
            ),
            Refusal::Pace => (
                &counters.accepts_refused,
                Line::AcceptRefused,
                RefusalReason::Accepts,
                "connections come faster than accept-rate or accept-rate-per-address allows",
            ),
        };
        counter.add(1);
        self.note_refused_peer(peer, listener, reason);
        if let Some(line) = self.may_log(line) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::warn!(shard, unlogged, "a connection is refused: {why}");
        }
    }

    /// A connection that was let in is counted for its address, if that is counted.
    pub(super) fn mark_counted(&mut self, key: Key) {
        let connection = self.net.connection_mut(key);
        if self.server.addresses.counts(connection.peer) {
            connection.flags.set(Flags::COUNTED);
        }
    }

    /// A connection is that of this client from now on, whom a proxy or a layer has named. It stays
    /// counted for its peer.
    pub(super) fn belong_to(&mut self, key: Key, client: SocketAddr) {
        let connection = self.net.connection_mut(key);
        let peer = std::mem::replace(&mut connection.peer, client);
        if connection.flags.has(Flags::COUNTED) && peer.ip() != client.ip() {
            self.counted_for.insert(key, peer);
        }
    }

    /// A connection with this peer and these flags is gone.
    pub(super) fn leave_address(&mut self, key: Key, peer: SocketAddr, flags: Flags) {
        if flags.has(Flags::COUNTED) {
            let peer = self.counted_for.remove(&key).unwrap_or(peer);
            self.server.addresses.leave(Counted::Connection, peer);
        }
    }

    /// A connection turns out to come from another peer, for whom a proxy speaks. Returns whether
    /// that one may have it; if not, it is turned away.
    pub(super) fn readdress(&mut self, key: Key, peer: SocketAddr) -> bool {
        let connection = self.net.connection_mut(key);
        let (before, flags) = (connection.peer, connection.flags);
        self.leave_address(key, before, flags);
        let connection = self.net.connection_mut(key);
        connection.peer = peer;
        connection.flags.clear(Flags::COUNTED);
        let listener = connection.listener;
        let addresses = &self.server.addresses;
        let refusal = if !addresses.keeps_pace(peer, self.clock.now) {
            Refusal::Pace
        } else if !addresses.enter(Counted::Connection, peer) {
            Refusal::Address
        } else {
            self.mark_counted(key);
            return true;
        };
        self.count_refusal(refusal, peer, listener);
        // It is not one of those that are served any more.
        self.counters().connections_closed.add(1);
        self.net.connection_mut(key).owner = Owner::TurnedAway;
        self.room.turn_away();
        self.net.set_timer_ms(key, LINGER_MS);
        false
    }

    /// Whether a client with this address may have one more spark.
    pub(super) fn admit_spark_of(
        &mut self,
        client: SocketAddr,
        key: Key,
        head: &RequestHead<'_>,
    ) -> bool {
        let is_admitted = self.server.addresses.enter(Counted::Spark, client);
        if !is_admitted {
            self.counters().sparks_refused.add(1);
            self.note_refused_request(key, head, RefusalReason::Sparks, 503, "");
            if let Some(line) = self.may_log(Line::SparkRefused) {
                let (shard, unlogged) = (self.shard, line.unlogged);
                tracing::warn!(
                    shard,
                    unlogged,
                    "a spark is refused: there are as many of its client's address as \
                     connections-per-address allows"
                );
            }
        }
        is_admitted
    }

    /// The spark of a client with this address is gone.
    pub(super) fn leave_spark_of(&self, client: SocketAddr) {
        self.server.addresses.leave(Counted::Spark, client);
    }

    /// A handshake of TLS begins on a connection. Returns whether it may; if not, the connection is
    /// being closed, as there is no way to say why.
    pub(super) fn begin_handshake(&mut self, key: Key) -> bool {
        self.look_for_room();
        if self.room.admit_handshake() {
            self.net.begin_handshake(key);
            return true;
        }
        self.counters().handshakes_refused.add(1);
        self.note_refused(key, RefusalReason::Handshakes, None);
        if let Some(line) = self.may_log(Line::HandshakeRefused) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::warn!(
                shard,
                unlogged,
                "a connection is closed: as many handshakes are under way as handshakes-max allows"
            );
        }
        self.close(key);
        false
    }

    /// A request that is not finished yet has begun on a connection. Returns whether it may go on;
    /// if not, as too many are under way, it is answered with 503.
    #[cold]
    pub(super) fn admit_request(&mut self, key: Key) -> bool {
        self.look_for_room();
        if self.room.admit_request() {
            return true;
        }
        self.counters().requests_refused.add(1);
        self.note_refused(key, RefusalReason::Requests, Some(503));
        if let Some(line) = self.may_log(Line::RequestRefused) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::warn!(
                shard,
                unlogged,
                "a request is refused: as many are under way as requests-max allows"
            );
        }
        let response = self.unavailable();
        self.write_response(key, &response, false, false);
        self.finish(key);
        false
    }

    /// What is told to who is refused: to come back, each at another moment.
    pub(super) fn unavailable(&mut self) -> Response {
        let more = self.roll(RETRY_AFTER_MOST_S - RETRY_AFTER_LEAST_S + 1);
        let after_s = (RETRY_AFTER_LEAST_S + more).to_string();
        Response::text(503, "Service Unavailable\n").header("Retry-After", &after_s)
    }
}
