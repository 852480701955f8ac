//! Sparks about which everything is logged, because somebody wants to know
//! ([`Handle::trace`](crate::Handle::trace)): who they are, and until when.
//!
//! # Invariants
//! - What is traced ends by itself, and is bounded: [`TRACED_SPARKS_MAX`],
//!   [`TRACED_ADDRESSES_MAX`], and lines per second, beyond which they are counted.

use std::collections::HashMap;
use std::net::IpAddr;

use allspark_protocol::Instant;

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
    pub(super) fn remove(&mut self, spark: Key) {
        self.sparks.remove(&spark);
    }

    /// No longer traces an address, nor the sparks that have it.
    pub(super) fn remove_address(&mut self, address: IpAddr, is_of: impl Fn(Key) -> bool) {
        self.addresses.remove(&address);
        self.sparks.retain(|spark, _| !is_of(*spark));
    }

    /// Whether a line may be logged now; it says how many were not before.
    pub(super) fn admit(&mut self, now: Instant) -> Option<Option<u64>> {
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
    pub(super) fn has(&mut self, spark: Key, now: Instant) -> bool {
        match self.sparks.get(&spark) {
            Some(until) if *until > now => true,
            Some(_) => {
                self.sparks.remove(&spark);
                false
            }
            None => false,
        }
    }

    pub(super) fn add(&mut self, spark: Key, until: Instant, now: Instant) {
        if self.sparks.len() >= TRACED_SPARKS_MAX {
            self.sparks.retain(|_, until| *until > now);
        }
        if self.sparks.len() < TRACED_SPARKS_MAX || self.sparks.contains_key(&spark) {
            self.sparks.insert(spark, until);
        }
    }

    pub(super) fn add_address(&mut self, address: IpAddr, until: Instant, now: Instant) {
        self.addresses.retain(|_, until| *until > now);
        let is_known = self.addresses.contains_key(&address);
        if is_known || self.addresses.len() < TRACED_ADDRESSES_MAX {
            self.addresses.insert(address, until);
        }
    }

    /// Until when the sparks of an address are traced that come now.
    pub(super) fn until(&self, address: IpAddr, now: Instant) -> Option<Instant> {
        let until = self.addresses.get(&address)?;
        (*until > now).then_some(*until)
    }

    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        self.sparks.retain(|_, until| *until > now);
        self.addresses.retain(|_, until| *until > now);
        self.sparks.is_empty() && self.addresses.is_empty()
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
