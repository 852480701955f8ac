//! `GET /stats`: what was counted.

use std::sync::Arc;

use allspark::{Reply, RouteRequest, Stats};
use serde::Serialize;

use super::answer;
use super::keys::Key;
use super::service::{Service, reply};

/// The counts that an application has a use for; /metrics has all of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    /// Sparks that are there now, and connections.
    sparks: u64,
    connections: u64,
    sparks_opened: u64,
    sparks_ended: u64,
    messages_received: u64,
    /// To single sparks.
    messages_written: u64,
    /// Each shard counts its own.
    broadcasts: u64,
    room_broadcasts: u64,
    messages_dropped: u64,
    messages_replaced: u64,
    sparks_overflowed: u64,
    sparks_silent: u64,
    /// Bytes that wait to be sent now, and that are held for peers.
    waiting_bytes: u64,
    held_bytes: u64,
    draining: bool,
}

impl Counts {
    fn of(stats: &Stats, draining: bool) -> Self {
        // Counters of several threads are read one after the other.
        Self {
            sparks: stats.sparks_opened.saturating_sub(stats.sparks_ended),
            connections: stats
                .connections_accepted
                .saturating_sub(stats.connections_closed),
            sparks_opened: stats.sparks_opened,
            sparks_ended: stats.sparks_ended,
            messages_received: stats.messages_received,
            messages_written: stats.messages_written,
            broadcasts: stats.broadcasts,
            room_broadcasts: stats.room_broadcasts,
            messages_dropped: stats.messages_dropped,
            messages_replaced: stats.messages_replaced,
            sparks_overflowed: stats.sparks_overflowed,
            sparks_silent: stats.sparks_silent,
            waiting_bytes: stats.waiting_cost_bytes,
            held_bytes: stats.bytes_held,
            draining,
        }
    }
}

/// `GET /stats`
pub(super) fn get(service: &Arc<Service>, _: &RouteRequest<'_>, _: &Arc<Key>) -> Reply {
    reply((|| {
        let primus = service.primus()?;
        let counts = Counts::of(&primus.stats(), primus.is_draining());
        Ok(answer::json(200, &counts).into())
    })())
}
