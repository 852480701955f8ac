//! Logs what happens to sparks that are traced ([`super::traced`]). While there are none, that
//! costs a comparison per message. What messages say is not logged.

use std::net::{IpAddr, SocketAddr};

use allspark_protocol::transformer::{Kind, Transformer};

use super::core::Core;
use super::traced::Traced;
use crate::app::{EndReason, SparkError, TraceOrder, TraceTarget};
use crate::memory::Key;

/// Logs a line about a spark, with these fields and words, if it may.
macro_rules! line {
    ($core:expr, $spark:expr, $($rest:tt)+) => {
        if let Some((shard, spark, unlogged)) = $core.traced_line($spark) {
            ::tracing::info!(target: "allspark::traced", shard, %spark, unlogged, $($rest)+);
        }
    };
}

impl<T: Transformer> Core<T> {
    /// Somebody wants to know of a spark, or of an address, or no longer does.
    pub(super) fn trace(&mut self, order: TraceOrder) {
        let now = self.clock.now;
        let until = order.lasts.map(|lasts| now + lasts);
        match (order.target, until) {
            (TraceTarget::Spark(id), Some(until)) => {
                if let Some(spark) = self.find_open(id) {
                    self.traced_mut().add(spark, until, now);
                }
            }
            (TraceTarget::Address(address), Some(until)) => {
                self.traced_mut().add_address(address, until, now);
            }
            (TraceTarget::Spark(id), None) => {
                if let (Some(spark), Some(traced)) = (self.find_open(id), &mut self.traced) {
                    traced.remove(spark);
                }
            }
            (TraceTarget::Address(address), None) => self.untrace_address(address),
        }
        if self
            .traced
            .as_mut()
            .is_some_and(|traced| traced.is_over(now))
        {
            self.traced = None;
        }
    }

    fn traced_mut(&mut self) -> &mut Traced {
        self.traced.get_or_insert_default()
    }

    fn untrace_address(&mut self, address: IpAddr) {
        let Some(mut traced) = self.traced.take() else {
            return;
        };
        traced.remove_address(address, |spark| {
            self.peer_of(spark).is_some_and(|peer| peer.ip() == address)
        });
        self.traced = Some(traced);
    }

    /// Traces a spark if its client has an address that is traced.
    pub(super) fn trace_if_of_address(&mut self, spark: Key, client: SocketAddr) {
        let now = self.clock.now;
        if let Some(traced) = &mut self.traced
            && let Some(until) = traced.until(client.ip(), now)
        {
            traced.add(spark, until, now);
        }
    }

    /// What every line says, if one about this spark may be logged now.
    fn traced_line(&mut self, spark: Key) -> Option<(u16, String, Option<u64>)> {
        let (now, shard) = (self.clock.now, self.shard);
        let traced = self.traced.as_mut()?;
        if !traced.has(spark, now) {
            if traced.is_over(now) {
                self.traced = None;
            }
            return None;
        }
        let unlogged = traced.admit(now)?;
        let id = self.sessions.get(spark)?.state.id;
        Some((shard, id.to_string(), unlogged))
    }

    #[cold]
    pub(super) fn trace_connection(&mut self, spark: Key) {
        let Some(peer) = self.peer_of(spark) else {
            return;
        };
        self.trace_if_of_address(spark, peer);
        line!(self, spark, %peer, "connection");
    }

    #[cold]
    pub(super) fn trace_in(&mut self, spark: Key, kind: Kind, bytes: usize) {
        line!(self, spark, ?kind, bytes, "message in");
    }

    #[cold]
    pub(super) fn trace_out(&mut self, spark: Key, bytes: usize, what: &'static str) {
        let waiting_bytes = self.waiting_bytes(spark);
        line!(self, spark, bytes, waiting_bytes, "{what}");
    }

    #[cold]
    pub(super) fn trace_ping(&mut self, spark: Key) {
        let waiting_bytes = self.waiting_bytes(spark);
        line!(self, spark, waiting_bytes, "ping");
    }

    #[cold]
    pub(super) fn trace_alive(&mut self, spark: Key) {
        let latency_ms = self.sessions.get(spark).map(|slot| {
            let since = slot.state.latency.since_ping(self.clock.now);
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        });
        line!(self, spark, since_ping_ms = latency_ms, "alive");
    }

    #[cold]
    pub(super) fn trace_error(&mut self, spark: Key, error: &SparkError) {
        line!(self, spark, %error, "error");
    }

    #[cold]
    pub(super) fn trace_end(&mut self, spark: Key, reason: EndReason) {
        let waiting_bytes = self.waiting_bytes(spark);
        line!(
            self,
            spark,
            reason = reason.name(),
            waiting_bytes,
            "end: {reason}"
        );
        if let Some(traced) = &mut self.traced {
            traced.remove(spark);
        }
    }

    fn waiting_bytes(&self, spark: Key) -> usize {
        let stream = self.sessions.get(spark).and_then(|slot| slot.state.stream);
        let stream = stream.and_then(|key| self.net.get(key));
        let units = self.sessions.units(spark);
        units.map_or(0, |queue| queue.bytes()) + stream.map_or(0, |c| c.queue_bytes())
    }
}
