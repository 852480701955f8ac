//! How many there are of one address, and how fast they come: for all shards together, without a
//! lock, in memory that follows how many addresses there are.
//!
//! Of IPv6 the upper 64 bits count: a customer has as many addresses below them as it likes.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use allspark_protocol::Instant;
use allspark_protocol::http::TrustedProxies;

use super::address_table::{AddressHash, AddressTable};
use super::pace::Pace;
use crate::config::{Admission, LiveOptions, Options, PerAddress, PerSecond};
use crate::limits::ACCEPT_BURST_MS;

/// Connections by the addresses of their peers, sparks by those of their clients, and how fast
/// connections come.
#[derive(Debug)]
pub(crate) struct Addresses {
    exempt: [TrustedProxies; 2],
    key: u64,
    /// Without it nobody is counted.
    counts: Option<Counts>,
    /// New connections per second of one address; 0 for any number.
    accepts_per_s: AtomicU64,
    paces: Paces,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Connections, by the address of the peer.
    Connection,
    /// Sparks, by the address of the client, as trusted proxies say it.
    Spark,
}

#[derive(Debug)]
struct Counts {
    /// Without a bound `u32::MAX`.
    max: AtomicU32,
    connections: Tally,
    sparks: Tally,
}

/// How many there are of each address.
#[derive(Debug)]
struct Tally {
    counts: AddressTable<24>,
}

/// How often a shard looks for one that leaves. More than once only if others write to its buckets
/// in the very moment.
const LOOKS_MAX: u32 = 1_000;

/// Until when each address has paid, in units of [`PACE_UNIT_NS`].
#[derive(Debug)]
struct Paces {
    paid: AddressTable<PACE_BITS>,
}

/// Bits of a moment. It begins again every three days.
const PACE_BITS: u32 = 42;

/// How exact it is: within 2 % at 300,000 per second. It is rounded down: nobody is refused for it.
const PACE_UNIT_NS: u64 = 64;

/// Nobody has paid for more than this from now on: what looks like more, was paid long ago. Clocks
/// of shards may differ by half of it.
const PAID_AHEAD_NS_MAX: u64 = 2 * ACCEPT_BURST_MS * 1_000_000;

impl Addresses {
    /// Those of a server with these options. The `key` is known to nobody outside.
    pub(crate) fn new(options: &Options, key: u64) -> Self {
        let Admission {
            per_address,
            exempt,
            accepts_per_s_of_address,
            ..
        } = &options.admission;
        let counts = (per_address.get() > 0).then(|| Counts {
            max: AtomicU32::new(max_of(*per_address)),
            connections: Tally::new(),
            sparks: Tally::new(),
        });
        let addresses = Self {
            exempt: [exempt.clone(), options.trusted_proxies.clone()],
            key,
            counts,
            accepts_per_s: AtomicU64::new(0),
            paces: Paces {
                paid: AddressTable::new(),
            },
        };
        addresses.set_pace(*accepts_per_s_of_address);
        addresses
    }

    /// Has these options count from now on. Who is counted, and who is not, stays: whoever entered
    /// must leave.
    pub(crate) fn reconfigure(&self, options: &LiveOptions) {
        if let Some(counts) = &self.counts {
            let max = max_of(options.per_address);
            counts.max.store(max, Ordering::Relaxed);
        }
        self.set_pace(options.accepts_per_s_of_address);
    }

    fn set_pace(&self, accepts_per_s: PerSecond) {
        self.accepts_per_s
            .store(accepts_per_s.get(), Ordering::Relaxed);
    }

    /// Whether an address is counted at all. Unix sockets have none.
    pub(crate) fn counts(&self, peer: SocketAddr) -> bool {
        let ip = peer.ip();
        self.counts.is_some() && !ip.is_unspecified() && !self.is_exempt(ip)
    }

    /// One more of an address, unless it has as many as it may.
    pub(crate) fn enter(&self, what: Counted, peer: SocketAddr) -> bool {
        let Some(counts) = self.counts.as_ref().filter(|_| self.counts(peer)) else {
            return true;
        };
        let max = counts.max.load(Ordering::Relaxed);
        counts.of(what).enter(self.hash(peer.ip()), max)
    }

    /// One less, which had entered.
    pub(crate) fn leave(&self, what: Counted, peer: SocketAddr) {
        if let Some(counts) = self.counts.as_ref().filter(|_| self.counts(peer)) {
            counts.of(what).leave(self.hash(peer.ip()));
        }
    }

    /// Whether a connection of this address does not come faster than it may. If it does not, it is
    /// paid for.
    pub(crate) fn keeps_pace(&self, peer: SocketAddr, now: Instant) -> bool {
        let per_s = self.accepts_per_s.load(Ordering::Relaxed);
        let ip = peer.ip();
        if per_s == 0 || ip.is_unspecified() || self.is_exempt(ip) {
            return true;
        }
        let pace = Pace::new(per_s, ACCEPT_BURST_MS);
        self.paces.pay(pace, self.hash(ip), now)
    }

    fn is_exempt(&self, ip: IpAddr) -> bool {
        self.exempt.iter().any(|networks| networks.trusts(ip))
    }

    fn hash(&self, ip: IpAddr) -> AddressHash {
        AddressHash::new(self.key, ip)
    }
}

impl Counts {
    fn of(&self, what: Counted) -> &Tally {
        match what {
            Counted::Connection => &self.connections,
            Counted::Spark => &self.sparks,
        }
    }
}

impl Tally {
    fn new() -> Self {
        Self {
            counts: AddressTable::new(),
        }
    }

    /// Of shards that have one enter at the same moment, each may refuse its own.
    fn enter(&self, address: AddressHash, max: u32) -> bool {
        // First counted and then looked at, so that of two shards one sees the other.
        if !self.add(address) {
            return false;
        }
        let count: u64 = self.counts.of(address).map(|slot| slot.number()).sum();
        let is_admitted = count <= u64::from(max);
        if !is_admitted {
            self.leave(address);
        }
        is_admitted
    }

    /// Returns whether there was a slot.
    fn add(&self, address: AddressHash) -> bool {
        loop {
            let has_room = |count| count < AddressTable::<24>::LARGEST;
            let mut slots = self.counts.of(address);
            let slot = slots.find(|slot| has_room(slot.number()));
            let Some(slot) = slot.or_else(|| self.counts.free(address, |count| count == 0)) else {
                return false;
            };
            if slot.set(slot.number() + 1) {
                return true;
            }
        }
    }

    fn leave(&self, address: AddressHash) {
        let mut looks = 0;
        loop {
            if let Some(slot) = self.counts.of(address).next() {
                if slot.set(slot.number() - 1) {
                    return;
                }
                continue;
            }
            // It is in a slot behind which we looked, when another shard freed the one before which
            // we did.
            looks += 1;
            assert!(looks < LOOKS_MAX, "nobody leaves who had not entered");
        }
    }
}

impl Paces {
    fn pay(&self, pace: Pace, address: AddressHash, now: Instant) -> bool {
        loop {
            let slot = self.paid.of(address).next();
            let paid = slot.map_or(now, |slot| paid_until(slot.number(), now));
            if !pace.admits(paid, now, 1) {
                return false;
            }
            let is_free = |number| paid_until(number, now) == now;
            let Some(slot) = slot.or_else(|| self.paid.free(address, is_free)) else {
                return true;
            };
            let paid = pace.pay(paid, now, 1).as_ns() / PACE_UNIT_NS;
            if slot.set(paid & AddressTable::<PACE_BITS>::LARGEST) {
                return true;
            }
        }
    }
}

/// Until when an address has paid, if that is later than now.
fn paid_until(number: u64, now: Instant) -> Instant {
    let now_units = now.as_ns() / PACE_UNIT_NS;
    let ahead = number.wrapping_sub(now_units) & AddressTable::<PACE_BITS>::LARGEST;
    let ahead_ns = ahead * PACE_UNIT_NS;
    if ahead_ns > PAID_AHEAD_NS_MAX {
        return now;
    }
    now.max(Instant::from_ns(now_units * PACE_UNIT_NS + ahead_ns))
}

/// No number is a bound.
fn max_of(per_address: PerAddress) -> u32 {
    match per_address.get() {
        0 => u32::MAX,
        max => u32::try_from(max).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::time::Duration;

    use super::Counted::{Connection, Spark};
    use super::*;

    fn addresses(max: u64, accepts_per_s: u64) -> Addresses {
        let mut options = Options::default();
        options.admission.per_address = max.try_into().unwrap();
        options.admission.accepts_per_s_of_address = accepts_per_s.try_into().unwrap();
        options.trusted_proxies = "10.0.0.0/24".parse().unwrap();
        Addresses::new(&options, 7)
    }

    fn v4(bits: u32) -> SocketAddr {
        (Ipv4Addr::from_bits(bits), 1).into()
    }

    fn of(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), 5)
    }

    #[test]
    fn an_address_has_so_many_and_a_network_of_ipv6_is_one() {
        let addresses = addresses(3, 0);
        let same = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:0:9::"];
        for peer in same {
            assert!(addresses.enter(Connection, of(peer)));
        }
        assert!(!addresses.enter(Connection, of("2001:db8::2")));
        assert!(addresses.enter(Connection, of("2001:db8:0:1::")));
        assert!(addresses.enter(Spark, of("2001:db8::2")), "counted apart");
        addresses.leave(Connection, of(same[1]));
        assert!(addresses.enter(Connection, of("2001:db8::2")));
        assert!(!addresses.enter(Connection, of("2001:db8::2")));
        // One address of IPv4, however it is written.
        for peer in ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"] {
            assert!(addresses.enter(Connection, of(peer)));
        }
        assert!(!addresses.enter(Connection, of("192.0.2.1")));
        assert!(addresses.enter(Connection, of("192.0.2.2")));
    }

    #[test]
    fn the_machine_itself_proxies_and_unix_sockets_are_not_counted() {
        let addresses = addresses(1, 1);
        for peer in ["127.3.2.1", "::1", "10.0.0.9", "::ffff:10.0.0.9", "0.0.0.0"] {
            for _ in 0..5 {
                assert!(addresses.enter(Connection, of(peer)), "{peer}");
                assert!(addresses.keeps_pace(of(peer), Instant::ZERO), "{peer}");
            }
            addresses.leave(Connection, of(peer));
        }
        assert!(
            super::tests::addresses(0, 0).enter(Connection, v4(1)),
            "no bound"
        );
    }

    #[test]
    fn who_is_one_of_many_is_never_taken_for_another() {
        let addresses = addresses(1, 0);
        let many = || (0..1 << 18).map(|n| v4((16 << 24) + n * 977));
        let enter = |peer: &SocketAddr| addresses.enter(Connection, *peer);
        assert_eq!(many().filter(|peer| !enter(peer)).count(), 0);
        assert_eq!(many().filter(enter).count(), 0, "each has one");
        let tally = &addresses.counts.as_ref().unwrap().connections;
        many().for_each(|peer| addresses.leave(Connection, peer));
        assert!(many().all(|peer| tally.counts.of(addresses.hash(peer.ip())).next().is_none()));
    }

    #[test]
    fn who_finds_no_slot_is_refused() {
        let one = AddressHash::new(7, Ipv4Addr::LOCALHOST.into());
        let tally = Tally::new();
        tally.counts.occupy_slots_of(one);
        assert!(!tally.enter(one, 2));
        tally.counts.vacate_slots_of(one);
        assert!(tally.enter(one, 2) && tally.enter(one, 2) && !tally.enter(one, 2));
    }

    #[test]
    #[should_panic(expected = "nobody leaves who had not entered")]
    fn nobody_leaves_twice() {
        let addresses = addresses(3, 0);
        assert!(addresses.enter(Connection, v4(1)));
        (0..2).for_each(|_| addresses.leave(Connection, v4(1)));
    }

    #[test]
    fn shards_that_enter_and_leave_lose_nobody() {
        let addresses = addresses(3, 0);
        let peers = || (1..65).map(v4);
        let shard = || {
            for _ in 0..500 {
                let entered: Vec<_> = peers()
                    .filter(|peer| addresses.enter(Spark, *peer))
                    .collect();
                entered
                    .iter()
                    .for_each(|peer| addresses.leave(Spark, *peer));
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(shard))));
        for peer in peers() {
            let enter = || addresses.enter(Spark, peer);
            assert!(enter() && enter() && enter() && !enter(), "{peer}");
        }
    }

    #[test]
    fn all_shards_together_let_in_what_one_may_have() {
        let addresses = addresses(100, 0);
        let shard = || {
            (0..1_000)
                .filter(|_| addresses.enter(Connection, v4(9)))
                .count()
        };
        let admitted: usize = std::thread::scope(|scope| {
            let shards: Vec<_> = (0..4).map(|_| scope.spawn(shard)).collect();
            shards.into_iter().map(|shard| shard.join().unwrap()).sum()
        });
        assert!(admitted <= 100, "{admitted}");
        // Two that came at the same moment may have refused each other.
        while addresses.enter(Connection, v4(9)) {}
        (0..100).for_each(|_| addresses.leave(Connection, v4(9)));
        assert!(addresses.enter(Connection, v4(9)));
    }

    #[test]
    fn an_address_that_comes_too_fast_does_not_slow_down_others() {
        let addresses = addresses(0, 5);
        let one = of("2001:db8::1");
        let come = |peer, ms| addresses.keeps_pace(peer, Instant::from_ms(ms));
        let at_once = (0..100).filter(|_| come(one, 1_000)).count();
        assert_eq!(at_once, 5);
        let others = (0..100_000_u128).filter(|n| {
            let ip = Ipv6Addr::from_bits((0x2001_0db8_0001 + n) << 64);
            come(SocketAddr::new(ip.into(), 1), 1_000)
        });
        assert_eq!(others.count(), 100_000);
        let later = (1_000..11_000).filter(|ms| come(one, *ms)).count();
        assert!((49..=50).contains(&later), "{later}");
    }

    #[test]
    fn a_moment_is_known_until_it_has_passed() {
        let units = |at: Instant| (at.as_ns() / PACE_UNIT_NS) & AddressTable::<PACE_BITS>::LARGEST;
        let bit = |bit: u32| Instant::from_ns(PACE_UNIT_NS << bit);
        // Also where the number begins again, and where the clock does.
        for now in [
            Instant::ZERO,
            Instant::from_ms(5),
            bit(PACE_BITS),
            bit(PACE_BITS + 3),
        ] {
            for ahead_ms in [1, 999, 1_001, 1_999] {
                let then = now + Duration::from_millis(ahead_ms);
                assert_eq!(paid_until(units(then), now), then);
                assert_eq!(paid_until(units(now), then), then);
                let long_after = then + Duration::from_hours(24);
                assert_eq!(paid_until(units(then), long_after), long_after);
            }
        }
    }
}
