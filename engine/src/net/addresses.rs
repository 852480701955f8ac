//! How many there are of one address, and how fast they come: for all shards together, without a
//! lock, in memory that does not grow, whoever comes.
//!
//! An address has a place in each of two rows of counters, by a hash whose key nobody outside
//! knows, and shares both with others. The smaller counter is what it counts as: never less than
//! its own, and more only if others meet it in both rows. (G. Cormode, S. Muthukrishnan: An
//! Improved Data Stream Summary: The Count-Min Sketch and its Applications.)
//!
//! Of IPv6 the upper 64 bits count: a customer has as many addresses below them as it likes.

use std::hash::{DefaultHasher, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use allspark_protocol::Instant;
use allspark_protocol::http::TrustedProxies;

use super::pace::Pace;
use crate::config::{Admission, LiveOptions, Options, PerAddress, PerSecond};
use crate::limits::{
    ACCEPT_BURST_MS, ADDRESS_PACE_PLACES, ADDRESS_PLACES_LEAST, ADDRESS_PLACES_MOST,
};
use crate::memory::Counters;

/// Rows of counters.
const ROWS: usize = 2;

/// Connections by the addresses of their peers, sparks by those of their clients, and how fast
/// connections come.
#[derive(Debug)]
pub(crate) struct Addresses {
    exempt: [TrustedProxies; 2],
    key: u64,
    /// Nobody is bounded without them.
    counts: Option<Counts>,
    /// New connections per second of one address; 0 for any number.
    accepts_per_s: AtomicU64,
    /// Made when there is a bound for the first time.
    paces: OnceLock<Paces>,
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
    connections: Counters<AtomicU32>,
    sparks: Counters<AtomicU32>,
}

#[derive(Debug)]
struct Paces {
    /// Until when everything is paid, as nanoseconds.
    paid: Counters<AtomicU64>,
}

impl Addresses {
    /// Those of a server with these options. The `key` is known to nobody outside.
    pub(crate) fn new(options: &Options, key: u64) -> Self {
        let Admission {
            per_address,
            exempt,
            accepts_per_s_of_address,
            ..
        } = &options.admission;
        let row = places(options.connections_max.size());
        let counts = (per_address.get() > 0).then(|| Counts {
            max: AtomicU32::new(max_of(*per_address)),
            connections: Counters::new(ROWS * row),
            sparks: Counters::new(ROWS * row),
        });
        let addresses = Self {
            exempt: [exempt.clone(), options.trusted_proxies.clone()],
            key,
            counts,
            accepts_per_s: AtomicU64::new(0),
            paces: OnceLock::new(),
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
        if accepts_per_s.get() > 0 {
            self.paces.get_or_init(|| Paces {
                paid: Counters::new(ROWS * ADDRESS_PACE_PLACES),
            });
        }
        self.accepts_per_s
            .store(accepts_per_s.get(), Ordering::Relaxed);
    }

    /// Whether an address is counted at all. Unix sockets have none.
    pub(crate) fn counts(&self, peer: SocketAddr) -> bool {
        let ip = peer.ip();
        let is_exempt = || self.exempt.iter().any(|networks| networks.trusts(ip));
        self.counts.is_some() && !ip.is_unspecified() && !is_exempt()
    }

    /// One more of an address, unless it has as many as it may.
    pub(crate) fn enter(&self, what: Counted, peer: SocketAddr) -> bool {
        let Some((counts, places)) = self.places_in(what, peer) else {
            return true;
        };
        // First counted and then looked at, so that of two shards one sees the other.
        let cells = counts.cells(what);
        let count = places.map(|place| cells[place].fetch_add(1, Ordering::Relaxed) + 1);
        let max = counts.max.load(Ordering::Relaxed);
        let is_admitted = count.iter().any(|count| *count <= max);
        if !is_admitted {
            counts.take_back(what, places);
        }
        is_admitted
    }

    /// One less, which had entered.
    pub(crate) fn leave(&self, what: Counted, peer: SocketAddr) {
        if let Some((counts, places)) = self.places_in(what, peer) {
            counts.take_back(what, places);
        }
    }

    /// Whether a connection of this address does not come faster than it may. If it does not, it is
    /// paid for.
    pub(crate) fn keeps_pace(&self, peer: SocketAddr, now: Instant) -> bool {
        let per_s = self.accepts_per_s.load(Ordering::Relaxed);
        let Some(paces) = self.paces.get().filter(|_| per_s > 0) else {
            return true;
        };
        let ip = peer.ip();
        if ip.is_unspecified() || self.exempt.iter().any(|networks| networks.trusts(ip)) {
            return true;
        }
        let pace = Pace::new(per_s, ACCEPT_BURST_MS);
        paces.pay(pace, self.places(ip, ADDRESS_PACE_PLACES), now)
    }

    fn places_in(&self, what: Counted, peer: SocketAddr) -> Option<(&Counts, [usize; ROWS])> {
        let counts = self.counts.as_ref().filter(|_| self.counts(peer))?;
        let row = counts.cells(what).len() / ROWS;
        Some((counts, self.places(peer.ip(), row)))
    }

    /// The place of an address in each row. A row has a power of two of places.
    fn places(&self, ip: IpAddr, row: usize) -> [usize; ROWS] {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.key);
        match ip.to_canonical() {
            IpAddr::V4(ip) => hasher.write_u32(ip.to_bits()),
            IpAddr::V6(ip) => hasher.write_u64((ip.to_bits() >> 64) as u64),
        }
        let hash = hasher.finish();
        let place = |bits: u64| bits as usize & (row - 1);
        [place(hash), row + place(hash >> 32)]
    }
}

impl Counts {
    fn cells(&self, what: Counted) -> &[AtomicU32] {
        match what {
            Counted::Connection => &self.connections,
            Counted::Spark => &self.sparks,
        }
    }

    fn take_back(&self, what: Counted, places: [usize; ROWS]) {
        for place in places {
            let before = self.cells(what)[place].fetch_sub(1, Ordering::Relaxed);
            assert!(before > 0, "nobody leaves who had not entered");
        }
    }
}

impl Paces {
    /// Two shards at the same moment may let in one too many.
    fn pay(&self, pace: Pace, places: [usize; ROWS], now: Instant) -> bool {
        let moments = places.map(|place| self.paid[place].load(Ordering::Relaxed));
        let paid = Instant::from_ns(moments.into_iter().min().unwrap_or(0));
        if !pace.admits(paid, now, 1) {
            return false;
        }
        let paid = pace.pay(paid, now, 1);
        for place in places {
            self.paid[place].fetch_max(paid.as_ns(), Ordering::Relaxed);
        }
        true
    }
}

/// No number is a bound.
fn max_of(per_address: PerAddress) -> u32 {
    match per_address.get() {
        0 => u32::MAX,
        max => u32::try_from(max).unwrap_or(u32::MAX),
    }
}

/// How many places a row has, for so many connections.
fn places(connections_max: usize) -> usize {
    let wanted = (connections_max / 8).clamp(ADDRESS_PLACES_LEAST, ADDRESS_PLACES_MOST);
    wanted.next_power_of_two()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

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
    fn who_is_one_of_many_is_hardly_ever_taken_for_another() {
        let addresses = addresses(64, 0);
        let refused = (0..1 << 18).filter(|n| !addresses.enter(Connection, v4(n * 977 + 1)));
        assert_eq!(refused.count(), 0, "a quarter of a million addresses");
        (0..1 << 18).for_each(|n| addresses.leave(Connection, v4(n * 977 + 1)));
        let counts = addresses.counts.as_ref().unwrap();
        assert!(
            counts
                .connections
                .iter()
                .all(|cell| cell.load(Ordering::Relaxed) == 0)
        );
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
        let others = (0..10_000_u128).filter(|n| {
            let ip = Ipv6Addr::from_bits((0x2001_0db8_0001 + n) << 64);
            come(SocketAddr::new(ip.into(), 1), 1_000)
        });
        assert_eq!(others.count(), 10_000);
        let later = (1_000..11_000).filter(|ms| come(one, *ms)).count();
        assert!((49..=50).contains(&later), "{later}");
    }
}
