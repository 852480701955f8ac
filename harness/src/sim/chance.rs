//! Chance that can be repeated: each purpose draws from a stream of its own, so that one more draw
//! for one purpose changes nothing for another.

use std::time::Duration;

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

/// What a stream is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// How the world is made.
    World = 1,
    /// Which clients connect where, and over what.
    Network = 2,
    /// Who says what.
    Traffic = 3,
    /// What goes wrong.
    Faults = 4,
    /// What the clients draw.
    Clients = 5,
    /// What the servers draw.
    Nodes = 6,
    /// What strangers do.
    Villains = 7,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of one purpose.
    pub(super) fn of(seed: u64, purpose: Purpose) -> Self {
        let mut chance = Self(seed);
        let salt = (0..purpose as u64).fold(0, |_, _| chance.next());
        Self(salt)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in 0 to 1, 1 excluded.
    #[cfg(test)]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform below `end`; 0 if there is nothing below it.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // The product of 64 and 64 bits; the bias is far below what any run could show.
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// Uniform between both, in whole milliseconds, both included.
    pub(super) fn between_ms(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most - least + 1))
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_kept() {
        let mut chance = Chance::new(1);
        for _ in 0..1000 {
            assert!(chance.below(3) < 3);
            let ms = chance.between_ms(5, 7).as_millis();
            assert!((5..=7).contains(&ms));
        }
        assert_eq!(chance.below(0), 0);
    }

    #[test]
    fn each_purpose_has_its_own_stream() {
        let first = |purpose| Chance::of(9, purpose).next();
        assert_ne!(first(Purpose::World), first(Purpose::Network));
        assert_eq!(first(Purpose::Faults), first(Purpose::Faults));
    }
}
