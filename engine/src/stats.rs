//! Counters: plain numbers that each shard writes for itself and anybody may read.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident),* $(,)?) => {
        /// The counters of one shard. Only the shard writes them.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Counter,)* }

        /// What was counted since the server started, unless it says "now".
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Stats { $($(#[doc = $doc])* pub $name: u64,)* }

        impl Stats {
            /// The names of all of them, each with what it means.
            pub const FIELDS: &'static [(&'static str, &'static str)] = &[
                $((stringify!($name), concat!($($doc),*).trim_ascii()),)*
            ];

            /// All of them, in the order of [`Stats::FIELDS`].
            pub fn values(&self) -> [u64; Self::FIELDS.len()] {
                [$(self.$name,)*]
            }

            pub(crate) fn add(&mut self, counters: &Counters) {
                $(self.$name += counters.$name.0.load(Ordering::Relaxed);)*
            }
        }
    };
}

counters! {
    /// Connections that were accepted.
    connections_accepted,
    /// Connections that are closed again, with everything that belonged to them returned.
    connections_closed,
    /// Connections that were handed from one shard to another, to the session they were for.
    connections_adopted,
    /// Connections that were closed because their peers read too slowly what they were sent, or
    /// sent a message of a stream too slowly.
    connections_slow,
    /// Connections that were closed because their peers sent too much behind a request.
    connections_overrun,
    /// Requests that were answered with 408, because they came too slowly.
    requests_timed_out,
    /// Requests that had to wait, because their connection had changed its shard too often.
    moves_delayed,
    /// Requests that were answered with 503, because too much was on its way to other shards.
    moves_refused,
    /// Connections that were refused because there were too many; they are not counted as accepted.
    connections_refused,
    /// Connections that were refused because there were as many of their address as there may be.
    addresses_refused,
    /// Connections that were refused because they came too fast.
    accepts_refused,
    /// How often a shard has accepted nobody for a while, because connections came too fast.
    accepts_rested,
    /// Connections that were closed because too many handshakes of TLS were under way.
    handshakes_refused,
    /// Handshakes of TLS that are under way now.
    handshakes_under_way,
    /// Requests that were answered with 503 because too many were under way.
    requests_refused,
    /// Requests that are under way now: they have not come whole, or the application has not
    /// answered them.
    requests_under_way,
    /// Connections that were closed because they need a header of the PROXY protocol and came
    /// without, with a wrong one, or from somebody who is no trusted proxy.
    proxies_refused,
    /// Handshakes of TLS that were done.
    tls_handshakes,
    /// Connections with TLS that failed: in their handshake, or because of what came later.
    tls_failures,
    /// Sparks that were opened.
    sparks_opened,
    /// Sparks that have ended.
    sparks_ended,
    /// Sparks that are forgotten, with everything that belonged to their sessions returned.
    sparks_forgotten,
    /// Sparks of polling transports that no request waits for: how many there are now.
    sparks_unattended,
    /// Sessions that were refused because there were too many of those.
    sessions_refused,
    /// Sparks that were refused because there were as many of their client's address as there may
    /// be.
    sparks_refused,
    /// Bytes that are held for peers that have not finished what they began: how many now.
    bytes_held,
    /// Peers that were ended because the server held as much as it may, and they more than their
    /// share of it.
    peers_shed,
    /// Bytes that came in on connections: heads, frames and bodies, without what TLS adds.
    bytes_received,
    /// Bytes that were sent on connections, counted the same way.
    bytes_sent,
    /// Messages that arrived, heartbeats included.
    messages_received,
    /// Messages written to single sparks, heartbeats included.
    messages_written,
    /// Broadcasts that were written to the sparks of a shard; each shard counts its own.
    broadcasts,
    /// Messages to rooms that had sparks in them on a shard; each shard counts its own.
    room_broadcasts,
    /// Messages that a send policy dropped.
    messages_dropped,
    /// Values that were not sent, because a newer one with the same key took their place.
    messages_replaced,
    /// Sparks that a send policy ended.
    sparks_overflowed,
    /// How often a spark was not listened to for a while, because its client sent too much.
    sparks_paused,
    /// Messages that were dropped because their clients sent too much.
    messages_refused,
    /// Sparks that were ended because their clients sent too much.
    sparks_flooding,
    /// Sparks that did not answer their ping.
    sparks_silent,
    /// Completions for something that was already gone.
    completions_stale,
    /// Handlers and other functions of the application that panicked.
    handlers_panicked,
    /// What waits to be sent now, in bytes of memory, structure included. Where many wait
    /// for the same bytes, each counts them.
    waiting_cost_bytes,
    /// Memory of outgoing bytes now, each byte once: what waits, and what is kept so
    /// that the next message costs no allocation.
    block_bytes,
}

/// One number with one writer.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Counts. With a single writer a load and a store do; no locked instruction is needed.
    pub(crate) fn add(&self, amount: u64) {
        self.0
            .store(self.0.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
    }

    /// For a number that also falls.
    pub(crate) fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
