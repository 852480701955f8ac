//! Numbers that look like chance: for jitter, simulations, tests and benches.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). The
/// same seed gives the same numbers, each after a few instructions, from eight bytes of state.
///
/// **Never use it for what nobody may foresee.** Whoever sees one number can compute the state from
/// it, and so all numbers before and after. Masks, handshake keys, names and nonces come from a
/// generator for secrets: in clients `allspark_transformers::Chance`, in the engine ChaCha12 seeded
/// by the kernel.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The dice of a seed. Any seed is as good as any other.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number: all 2^64 come equally often.
    #[inline]
    pub const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if there is none.
    #[inline]
    pub const fn below(&mut self, end: u64) -> u64 {
        // The upper half of the product. Some numbers come more often than others, by less than one
        // time in 2^64 / `end`, which no run could show.
        ((self.roll() as u128 * end as u128) >> 64) as u64
    }

    /// The same for places in a slice.
    #[inline]
    pub const fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// True once in so many times.
    #[inline]
    pub const fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Bytes without any pattern, for tests and benches.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        std::iter::repeat_with(|| (self.roll() >> 56) as u8)
            .take(len)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the reference implementation (`splitmix64.c` of Vigna) for the seed
    /// 1234567.
    #[test]
    fn it_is_splitmix64() {
        let mut dice = Dice::new(1_234_567);
        for expected in [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ] {
            assert_eq!(dice.roll(), expected);
        }
    }

    #[test]
    fn numbers_below_an_end_come_equally_often() {
        let mut dice = Dice::new(7);
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            counts[dice.index(10)] += 1;
        }
        // Ten times the standard deviation, which is 95.
        assert!(
            counts.iter().all(|count| count.abs_diff(10_000) < 950),
            "{counts:?}"
        );
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.below(1), 0);
        assert!(Dice::new(1).once_in(1));
        let times = (0..100_000).filter(|_| dice.once_in(100)).count();
        assert!(times.abs_diff(1000) < 320, "{times}");
    }

    #[test]
    fn bytes_are_those_asked_for() {
        let bytes = Dice::new(3).bytes(10_000);
        assert_eq!(bytes.len(), 10_000);
        assert!((0..=255).all(|byte| bytes.contains(&byte)));
    }
}
