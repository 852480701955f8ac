//! Numbers that the client halves need to be unforeseeable.

use std::fmt;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The key stream of ChaCha12 for a seed: whoever sees some of its numbers learns no other number,
/// nor the seed, except by trying all 2^64 seeds. So some may be sent in the clear (a nonce, a
/// name, a number that keeps caches away), and still nobody can foresee the others (masking keys,
/// RFC 6455, 10.3; further seeds).
///
/// A client may be one of very many, so this is no more than a seed and a place, and each call
/// makes a block anew. For many numbers there is [`Chance::fill`].
#[derive(Clone)]
pub struct Chance {
    seed: u64,
    /// Blocks that were used.
    blocks: u64,
}

impl Chance {
    /// The numbers of a seed, which must be random and used for nothing else.
    pub const fn new(seed: u64) -> Self {
        Self { seed, blocks: 0 }
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Fills up to 64 bytes at once, as many as a block has.
    ///
    /// # Panics
    /// If they are more.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        assert!(bytes.len() <= BLOCK_BYTES, "a block has no more bytes");
        let mut stream = ChaCha12Rng::seed_from_u64(self.seed);
        stream.set_word_pos(u128::from(self.blocks) * BLOCK_WORDS);
        stream.fill_bytes(bytes);
        self.blocks += 1;
    }
}

/// Bytes of a block of ChaCha.
const BLOCK_BYTES: usize = 64;

/// 32-bit words of a block.
const BLOCK_WORDS: u128 = BLOCK_BYTES as u128 / 4;

impl fmt::Debug for Chance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The seed stays secret.
        formatter.debug_struct("Chance").finish_non_exhaustive()
    }
}

/// Masking keys. Nobody who has seen those before, or the nonce of the handshake, may foresee the
/// next one (RFC 6455, 5.3 and 10.3).
#[derive(Clone, Debug)]
pub struct Masks {
    chance: Chance,
    block: [u8; BLOCK_BYTES],
    /// Bytes of the block that were used.
    used: u8,
}

impl Masks {
    /// The keys that follow in a stream.
    pub const fn new(chance: Chance) -> Self {
        Self {
            chance,
            block: [0; BLOCK_BYTES],
            used: BLOCK_BYTES as u8,
        }
    }

    /// The next key.
    pub fn next_key(&mut self) -> [u8; 4] {
        let rest = self.block.get(usize::from(self.used)..);
        let key = match rest.and_then(|rest| rest.first_chunk()) {
            Some(key) => *key,
            None => {
                self.chance.fill(&mut self.block);
                self.used = 0;
                let [a, b, c, d, ..] = self.block;
                [a, b, c, d]
            }
        };
        self.used += key.len() as u8;
        key
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_seed_is_a_stream_that_repeats_itself_only_for_the_same_seed() {
        let stream = |seed| {
            let mut chance = Chance::new(seed);
            std::iter::repeat_with(move || chance.number())
        };
        assert!(stream(1).take(100).eq(stream(1).take(100)));
        let seen: HashSet<u64> = (0..100).flat_map(|seed| stream(seed).take(100)).collect();
        assert_eq!(seen.len(), 100 * 100);
    }

    #[test]
    fn it_is_the_stream_of_chacha12() {
        let mut chance = Chance::new(7);
        let mut plain = ChaCha12Rng::seed_from_u64(7);
        for _ in 0..5 {
            let (mut block, mut expected) = ([0; BLOCK_BYTES], [0; BLOCK_BYTES]);
            chance.fill(&mut block);
            plain.fill_bytes(&mut expected);
            assert_eq!(block, expected);
        }
    }

    #[test]
    fn no_mask_comes_again_and_no_block_is_wasted() {
        let mut chance = Chance::new(7);
        let mut masks = Masks::new(chance.clone());
        let keys: Vec<[u8; 4]> = (0..1000).map(|_| masks.next_key()).collect();
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
        let blocks = (keys.len() * 4).div_ceil(BLOCK_BYTES);
        let mut stream = vec![0; blocks * BLOCK_BYTES];
        stream
            .chunks_mut(BLOCK_BYTES)
            .for_each(|block| chance.fill(block));
        assert!(stream.starts_with(keys.as_flattened()));
    }

    #[test]
    fn nothing_tells_the_seed() {
        assert_eq!(format!("{:?}", Chance::new(1234)), "Chance { .. }");
    }
}
