//! Whose sparks are traced, as shards are told.

use std::net::IpAddr;
use std::time::Duration;

use allspark_protocol::primus::SparkId;

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
