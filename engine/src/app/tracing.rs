//! Switches on that everything that happens to a spark is logged.

use std::net::IpAddr;
use std::time::Duration;

use allspark_protocol::primus::SparkId;

use super::handle::Handle;
use super::host::Command;

/// Whose sparks are traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraceTarget {
    /// This spark.
    Spark(SparkId),
    /// All sparks of clients with this address, those that are there and those that come.
    Address(IpAddr),
}

/// For how long, on each shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceOrder {
    pub(crate) target: TraceTarget,
    /// `None` for no longer.
    pub(crate) lasts: Option<Duration>,
}

impl Handle {
    /// Logs what happens to a spark, or to all sparks of an address, for so long: connection,
    /// messages in both directions with their sizes, heartbeats, what waits, errors, and the end
    /// with its reason. What messages say is not logged. Lines are at the level `info`, with the
    /// target `allspark::traced`; of each shard at most 1,000 per second, and at most 1,000 sparks
    /// and 64 addresses at a time.
    pub fn trace(&self, target: TraceTarget, lasts: Duration) {
        let lasts = Some(lasts);
        self.send_to_all(|| Command::Trace(TraceOrder { target, lasts }));
        if let TraceTarget::Address(address) = target {
            self.for_each(move |spark| {
                spark.trace_if_of(address);
                true
            });
        }
    }

    /// No longer does so.
    pub fn untrace(&self, target: TraceTarget) {
        let lasts = None;
        self.send_to_all(|| Command::Trace(TraceOrder { target, lasts }));
    }
}
