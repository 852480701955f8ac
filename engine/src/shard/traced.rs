//! Sparks about which everything is logged, because somebody wants to know
//! ([`Handle::trace`](crate::Handle::trace)). While there are none, that costs a comparison per
//! message.
//!
//! # Invariants
//! - What is traced ends by itself, and is bounded: [`TRACED_SPARKS_MAX`], [`TRACED_ADDRESSES_MAX`],
//!   and lines per second, beyond which they are counted.
//! - What messages say is not logged.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use allspark_protocol::Instant;
use allspark_protocol::transformer::{Kind, Transformer};

use super::core::Core;
use crate::app::{EndReason, SparkError, TraceOrder, TraceTarget};
use crate::limits::{TRACED_ADDRESSES_MAX, TRACED_LINES_PER_S, TRACED_SPARKS_MAX};
use crate::memory::Key;

/// Who is traced on this shard, and until when.
#[derive(Debug, Default)]
pub(crate) struct Traced {
    sparks: HashMap<Key, Instant>,
    addresses: HashMap<IpAddr, Instant>,
    /// The second in which so many lines were logged, and how many were not since the last one.
    second: u64,
    lines: u32,
    unlogged: u64,
}

impl Traced {
    /// Whether a line may be logged now; it says how many were not before.
    fn admit(&mut self, now: Instant) -> Option<Option<u64>> {
        let second = now.as_ms() / 1000;
        if second != self.second {
            (self.second, self.lines) = (second, 0);
        }
        if self.lines == TRACED_LINES_PER_S {
            self.unlogged += 1;
            return None;
        }
        self.lines += 1;
        let unlogged = std::mem::take(&mut self.unlogged);
        Some((unlogged > 0).then_some(unlogged))
    }

    /// Whether this spark is traced at this moment.
    fn has(&mut self, spark: Key, now: Instant) -> bool {
        match self.sparks.get(&spark) {
            Some(until) if *until > now => true,
            Some(_) => {
                self.sparks.remove(&spark);
                false
            }
            None => false,
        }
    }

    fn add(&mut self, spark: Key, until: Instant, now: Instant) {
        if self.sparks.len() >= TRACED_SPARKS_MAX {
            self.sparks.retain(|_, until| *until > now);
        }
        if self.sparks.len() < TRACED_SPARKS_MAX || self.sparks.contains_key(&spark) {
            self.sparks.insert(spark, until);
        }
    }

    fn add_address(&mut self, address: IpAddr, until: Instant, now: Instant) {
        self.addresses.retain(|_, until| *until > now);
        let is_known = self.addresses.contains_key(&address);
        if is_known || self.addresses.len() < TRACED_ADDRESSES_MAX {
            self.addresses.insert(address, until);
        }
    }

    /// Until when the sparks of an address are traced that come now.
    fn until(&self, address: IpAddr, now: Instant) -> Option<Instant> {
        let until = self.addresses.get(&address)?;
        (*until > now).then_some(*until)
    }

    fn is_over(&mut self, now: Instant) -> bool {
        self.sparks.retain(|_, until| *until > now);
        self.addresses.retain(|_, until| *until > now);
        self.sparks.is_empty() && self.addresses.is_empty()
    }
}

/// Logs a line about a spark, with these fields and words, if it may.
macro_rules! line {
    ($core:expr, $spark:expr, $($rest:tt)+) => {
        if let Some((shard, spark, unlogged)) = $core.traced_line($spark) {
            tracing::info!(target: "allspark::traced", shard, %spark, unlogged, $($rest)+);
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
                    traced.sparks.remove(&spark);
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
        traced.addresses.remove(&address);
        let is_of = |spark: Key| self.peer_of(spark).is_some_and(|peer| peer.ip() == address);
        traced.sparks.retain(|spark, _| !is_of(*spark));
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
            traced.sparks.remove(&spark);
        }
    }

    fn waiting_bytes(&self, spark: Key) -> usize {
        let stream = self.sessions.get(spark).and_then(|slot| slot.state.stream);
        let stream = stream.and_then(|key| self.net.get(key));
        let units = self.sessions.units(spark);
        units.map_or(0, |queue| queue.bytes()) + stream.map_or(0, |c| c.queue_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(index: u32) -> Key {
        Key {
            index,
            generation: 0,
        }
    }

    #[test]
    fn whatever_is_asked_for_is_bounded_and_ends() {
        let mut traced = Traced::default();
        let at = Instant::from_ms;
        for number in 0..2 * TRACED_SPARKS_MAX as u32 {
            traced.add(key(number), at(1_000), at(0));
            traced.add_address(IpAddr::from(number.to_be_bytes()), at(1_000), at(0));
        }
        assert_eq!(traced.sparks.len(), TRACED_SPARKS_MAX);
        assert_eq!(traced.addresses.len(), TRACED_ADDRESSES_MAX);
        traced.add(key(5), at(3_000), at(500));
        assert!(traced.has(key(5), at(2_000)) && !traced.has(key(6), at(2_000)));
        traced.add(key(1_000_000), at(3_000), at(2_000));
        assert!(traced.has(key(1_000_000), at(2_000)), "others are over");
        assert!(!traced.is_over(at(2_999)) && traced.is_over(at(3_000)));
    }

    #[test]
    fn lines_beyond_the_bound_are_counted_and_told() {
        let mut traced = Traced::default();
        let logged =
            (0..5 * TRACED_LINES_PER_S).filter(|_| traced.admit(Instant::from_ms(5)).is_some());
        assert_eq!(logged.count(), TRACED_LINES_PER_S as usize);
        let next = traced.admit(Instant::from_ms(1_000));
        assert_eq!(next, Some(Some(4 * u64::from(TRACED_LINES_PER_S))));
        assert_eq!(traced.admit(Instant::from_ms(1_000)), Some(None));
    }
}
