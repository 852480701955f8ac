//! A small number for each of many addresses: for all shards together, without a lock, in memory
//! that follows how many there are.
//!
//! A **slot** is one atomic word: the **tag** of an address, which is a part of its hash, and the
//! address's number. It is free while the word is 0, or whenever its number means nothing any more.
//! An address may have a slot in either of two **buckets** of eight, which its hash chooses, and
//! takes one in the emptier of them, so buckets fill evenly. (Y. Azar, A. Broder, A. Karlin,
//! E. Upfal: Balanced Allocations.) If both are full, there is another **level** of buckets, four
//! times as large, up to the last.
//!
//! Nobody outside knows the key of the hash, so nobody can choose whom he shares buckets with. Two
//! addresses share a number only if their tags are the same and they meet in a bucket.
//!
//! An address has two slots if two shards gave it one at the same moment. They count together.

use std::hash::{DefaultHasher, Hasher};
use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::{ADDRESS_LEVELS, ADDRESS_SLOTS_FIRST};
use crate::memory::AtomicWords;

/// Slots of a bucket: a cache line.
const BUCKET: usize = 8;

/// An address, as a hash by a key that nobody outside knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressHash {
    /// Its upper bits are the tag.
    tag: u64,
    /// Each half chooses a bucket.
    buckets: u64,
}

/// Numbers of so many bits, by address.
#[derive(Debug)]
pub(super) struct AddressTable<const BITS: u32> {
    /// Made one after the other, each when the one before has no slot for somebody.
    levels: [OnceLock<AtomicWords>; ADDRESS_LEVELS],
}

/// A slot, and what somebody saw in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot<'t, const BITS: u32> {
    word: &'t AtomicU64,
    seen: u64,
    tag: u64,
}

impl<const BITS: u32> AddressTable<BITS> {
    /// The largest number.
    pub(super) const LARGEST: u64 = (1 << BITS) - 1;

    pub(super) fn new() -> Self {
        Self {
            levels: [const { OnceLock::new() }; ADDRESS_LEVELS],
        }
    }

    /// The slots that an address has: none or one, hardly ever more.
    pub(super) fn of(&self, address: AddressHash) -> impl Iterator<Item = Slot<'_, BITS>> {
        let levels = self.levels.iter().map_while(OnceLock::get);
        levels
            .flat_map(move |level| buckets(level, address))
            .flatten()
            .map(move |word| Slot::look(word, address))
            .filter(|slot| slot.seen & !Self::LARGEST == slot.tag && slot.number() > 0)
    }

    /// A slot that the address may have. There is none if both of its buckets are full at the last
    /// level.
    pub(super) fn free(
        &self,
        address: AddressHash,
        is_free: impl Fn(u64) -> bool,
    ) -> Option<Slot<'_, BITS>> {
        (0..ADDRESS_LEVELS).find_map(|number| {
            let slots = ADDRESS_SLOTS_FIRST << (2 * number);
            let level = self.levels[number].get_or_init(|| AtomicWords::new(slots));
            let [one, other] = buckets(level, address).map(|bucket| {
                let slots = bucket.iter().map(|word| Slot::look(word, address));
                let mut free = slots.filter(|slot| is_free(slot.number()));
                let first = free.next();
                (first, free.count())
            });
            if other.1 > one.1 {
                other.0
            } else {
                one.0.or(other.0)
            }
        })
    }
}

impl AddressHash {
    /// Of IPv6 the upper 64 bits count.
    pub(super) fn new(key: u64, ip: IpAddr) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(key);
        match ip.to_canonical() {
            IpAddr::V4(ip) => hasher.write_u32(ip.to_bits()),
            IpAddr::V6(ip) => hasher.write_u64((ip.to_bits() >> 64) as u64),
        }
        let tag = hasher.finish();
        hasher.write_u8(0);
        let buckets = hasher.finish();
        Self { tag, buckets }
    }
}

/// The two buckets of an address, never the same one twice.
fn buckets(level: &[AtomicU64], address: AddressHash) -> [&[AtomicU64]; 2] {
    let bucket_of = |bits: u64| bits as usize & (level.len() / BUCKET - 1);
    let one = bucket_of(address.buckets);
    let other = bucket_of(address.buckets >> 32);
    let other = if other == one { one ^ 1 } else { other };
    [one, other].map(|bucket| &level[bucket * BUCKET..][..BUCKET])
}

impl<'t, const BITS: u32> Slot<'t, BITS> {
    fn look(word: &'t AtomicU64, address: AddressHash) -> Self {
        Self {
            word,
            // Who enters writes one slot and reads others: of two, one must see the other.
            seen: word.load(Ordering::SeqCst),
            tag: address.tag & !AddressTable::<BITS>::LARGEST,
        }
    }

    /// What was in it.
    pub(super) fn number(&self) -> u64 {
        self.seen & AddressTable::<BITS>::LARGEST
    }

    /// Has it hold another number for the address; with 0 it is free. Returns whether nobody else
    /// has written to it since it was seen.
    pub(super) fn set(self, number: u64) -> bool {
        assert!(number <= AddressTable::<BITS>::LARGEST, "it has room");
        let word = if number == 0 { 0 } else { self.tag | number };
        self.word
            .compare_exchange(self.seen, word, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    impl<const BITS: u32> AddressTable<BITS> {
        /// Has all slots that the address may have belong to others.
        pub(in super::super) fn occupy_slots_of(&self, address: AddressHash) {
            let other = AddressHash {
                tag: !address.tag,
                ..address
            };
            while let Some(slot) = self.free(address, |number| number == 0) {
                let tag = Slot::<BITS>::look(slot.word, other).tag;
                assert!(Slot { tag, ..slot }.set(1));
            }
        }

        /// Empties all slots that the address may have.
        pub(in super::super) fn vacate_slots_of(&self, address: AddressHash) {
            while let Some(slot) = self.free(address, |number| number != 0) {
                assert!(slot.set(0));
            }
        }
    }

    fn hash(n: u64) -> AddressHash {
        AddressHash::new(7, Ipv4Addr::from_bits(n as u32).into())
    }

    fn levels<const BITS: u32>(table: &AddressTable<BITS>) -> usize {
        table.levels.iter().map_while(OnceLock::get).count()
    }

    #[test]
    fn memory_follows_how_many_there_are() {
        let table = AddressTable::<24>::new();
        let enter = |n| {
            table
                .free(hash(n), |number| number == 0)
                .unwrap()
                .set(n + 1)
        };
        assert_eq!(levels(&table), 0);
        let first = ADDRESS_SLOTS_FIRST as u64;
        assert!((0..first / 2).all(enter));
        assert_eq!(levels(&table), 1, "half of the slots");
        assert!((first / 2..first * 3).all(enter));
        assert_eq!(levels(&table), 2, "three of five times as many");
        for n in 0..first * 3 {
            let mut slots = table.of(hash(n));
            assert_eq!(slots.next().unwrap().number(), n + 1);
            assert!(slots.next().is_none());
        }
        assert!((0..first * 3).all(|n| table.of(hash(n)).all(|slot| slot.set(0))));
        assert!((0..first * 3).all(|n| table.of(hash(n)).next().is_none()));
        assert!((0..first * 3).all(enter));
        assert_eq!(levels(&table), 2, "slots are used again");
    }

    #[test]
    fn an_address_without_a_slot_is_told_so() {
        let table = AddressTable::<24>::new();
        let enter = || {
            table
                .free(hash(1), |number| number == 0)
                .map(|slot| slot.set(1))
        };
        assert_eq!(
            (0..1_000).map_while(|_| enter()).count(),
            2 * BUCKET * ADDRESS_LEVELS
        );
        assert_eq!(enter(), None);
        // What a slot holds may mean nothing any more.
        assert!(table.free(hash(1), |number| number == 1).unwrap().set(2));
    }

    #[test]
    fn who_was_faster_is_seen() {
        let table = AddressTable::<24>::new();
        let free = || table.free(hash(1), |number| number == 0).unwrap();
        let (one, other) = (free(), free());
        assert!(one.set(1));
        assert!(!other.set(1));
        let (one, other) = (
            table.of(hash(1)).next().unwrap(),
            table.of(hash(1)).next().unwrap(),
        );
        assert!(one.set(2) && !other.set(0));
    }
}
