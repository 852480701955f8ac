//! The name of a spark. It looks like the 21-character nanoid that Primus makes, but the engine
//! can read its owner back, so that a look-up needs no map and a request of a polling transport
//! that lands on the wrong shard is handed to the right one.
//!
//! From the top: 82 random bits, then 12 bits of shard and 32 bits of index, which are masked by a
//! keyed function of the random bits. The mask only keeps ids from showing how the server is
//! built; nobody can guess an id because of the random bits.

use std::fmt;
use std::str::FromStr;

use crate::dice::Dice;

/// Characters of an id as text.
pub const SPARK_ID_CHARS: usize = 21;

/// Bits of [`IdParts::shard`].
pub const SHARD_BITS: u32 = 12;

/// Bits of [`IdParts::random`].
pub const RANDOM_BITS: u32 = 82;

const INDEX_BITS: u32 = 32;
const OWNER_BITS: u32 = SHARD_BITS + INDEX_BITS;
const BITS_PER_CHAR: usize = 6;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// The value of every byte as a character of an id, or [`NO_CHAR`].
const VALUES: [u8; 256] = values();
const NO_CHAR: u8 = 0xff;

const _: () = assert!((RANDOM_BITS + OWNER_BITS) as usize == SPARK_ID_CHARS * BITS_PER_CHAR);

/// The name of a spark: 126 bits, 21 characters of `A-Z a-z 0-9 - _` as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SparkId(u128);

/// What an id is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdParts {
    /// The shard that owns the spark, below 2^12.
    pub shard: u16,
    /// The place of the spark in its shard.
    pub index: u32,
    /// Below 2^82, from a source that nobody outside can predict.
    pub random: u128,
}

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a spark id: an id has 21 characters of A-Z, a-z, 0-9, - and _")]
pub struct NotASparkId;

impl SparkId {
    /// Makes the id of a spark. `key` is the server's secret: one number for all shards of a
    /// process, drawn at start.
    ///
    /// # Panics
    /// If the shard does not fit [`SHARD_BITS`]. Random bits above [`RANDOM_BITS`] are left out.
    pub const fn new(parts: IdParts, key: u64) -> Self {
        assert!((parts.shard as u32) >> SHARD_BITS == 0);
        let random = parts.random & ((1 << RANDOM_BITS) - 1);
        let owner = (parts.shard as u64) << INDEX_BITS | parts.index as u64;
        Self(random << OWNER_BITS | (owner ^ owner_mask(random, key)) as u128)
    }

    /// Reads an id back. An id that this server did not make gives parts that mean nothing, so
    /// the spark found with them counts only if its own id is the same.
    pub const fn parts(self, key: u64) -> IdParts {
        let random = self.0 >> OWNER_BITS;
        let masked = (self.0 & ((1 << OWNER_BITS) - 1)) as u64;
        let owner = masked ^ owner_mask(random, key);
        IdParts {
            shard: (owner >> INDEX_BITS) as u16,
            index: owner as u32,
            random,
        }
    }

    /// Writes the id as text into `buffer`, without allocating.
    pub fn encode(self, buffer: &mut [u8; SPARK_ID_CHARS]) -> &str {
        let mut rest = self.0;
        for char in buffer.iter_mut().rev() {
            *char = ALPHABET[(rest & 0x3f) as usize];
            rest >>= BITS_PER_CHAR;
        }
        str::from_utf8(buffer).expect("the alphabet is ASCII")
    }
}

impl fmt::Display for SparkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.encode(&mut [0; SPARK_ID_CHARS]))
    }
}

impl fmt::Debug for SparkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SparkId({self})")
    }
}

impl FromStr for SparkId {
    type Err = NotASparkId;

    fn from_str(text: &str) -> Result<Self, NotASparkId> {
        if text.len() != SPARK_ID_CHARS {
            return Err(NotASparkId);
        }
        let mut bits = 0;
        for byte in text.bytes() {
            let value = VALUES[usize::from(byte)];
            if value == NO_CHAR {
                return Err(NotASparkId);
            }
            bits = bits << BITS_PER_CHAR | u128::from(value);
        }
        Ok(Self(bits))
    }
}

/// A number of [`OWNER_BITS`] that changes completely with every bit of `random` and of `key`:
/// both halves of `random` go through the finisher of a well-tried 64-bit mixer.
const fn owner_mask(random: u128, key: u64) -> u64 {
    let low = mix(random as u64 ^ key);
    let high = mix(low ^ (random >> 64) as u64 ^ key.rotate_left(32));
    high >> (u64::BITS - OWNER_BITS)
}

/// The mixer of [`Dice`]: bijective, every output bit depends on every input bit. It is not made
/// for secrets. It need not be: it hides how the server is built, and who computes the key from
/// many ids learns that. An id can't be guessed because of its random bits, which come from a
/// generator for secrets.
const fn mix(number: u64) -> u64 {
    Dice::new(number).roll()
}

const fn values() -> [u8; 256] {
    let mut values = [NO_CHAR; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: u64 = 0x0123_4567_89ab_cdef;

    fn id(shard: u16, index: u32, random: u128) -> SparkId {
        let parts = IdParts {
            shard,
            index,
            random,
        };
        SparkId::new(parts, KEY)
    }

    proptest! {
        #[test]
        fn the_parts_come_back(
            shard in 0..1u16 << SHARD_BITS,
            index: u32,
            random in 0..1u128 << RANDOM_BITS,
            key: u64,
        ) {
            let parts = IdParts { shard, index, random };
            let id = SparkId::new(parts, key);
            prop_assert_eq!(id.parts(key), parts);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn every_text_of_the_alphabet_is_an_id(text in "[A-Za-z0-9_-]{21}") {
            let id: SparkId = text.parse().unwrap();
            prop_assert_eq!(id.to_string(), text);
            prop_assert!(u32::from(id.parts(KEY).shard) < 1 << SHARD_BITS);
        }
    }

    #[test]
    fn other_texts_are_not() {
        let good = id(1, 2, 3).to_string();
        assert_eq!(good.len(), SPARK_ID_CHARS);
        for bad in [
            "",
            &good[1..],
            &format!("{good}A"),
            "AAAAAAAAAAAAAAAAAAAA+",
            "éAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(bad.parse::<SparkId>(), Err(NotASparkId), "{bad}");
        }
    }

    #[test]
    fn neighbours_share_no_visible_owner() {
        // Same shard, same index, random parts that differ in one bit: about half of the bits of
        // the owner must differ, on average over all bits.
        let changed: u32 = (0..RANDOM_BITS)
            .map(|bit| {
                let difference = id(3, 77, 0).0 ^ id(3, 77, 1 << bit).0;
                (difference & ((1 << OWNER_BITS) - 1)).count_ones()
            })
            .sum();
        let mean = f64::from(changed) / f64::from(RANDOM_BITS);
        assert!((19.0..25.0).contains(&mean), "{mean} of {OWNER_BITS} bits");
    }

    #[test]
    fn another_key_reads_another_owner() {
        let made = id(3, 77, 12345);
        assert_ne!(made.parts(KEY ^ 1).index, 77);
        assert_eq!(made.parts(KEY ^ 1).random, 12345);
    }

    #[test]
    fn random_bits_beyond_the_field_are_left_out() {
        assert_eq!(id(0, 0, u128::MAX), id(0, 0, (1 << RANDOM_BITS) - 1));
    }
}
