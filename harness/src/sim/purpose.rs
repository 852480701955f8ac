//! What dice are for: each purpose has its own, so that one more roll for one of them changes
//! nothing for another.

use std::time::Duration;

use allspark_protocol::Dice;

/// What dice are for.
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
    /// Who is in which room, and what is written there.
    Rooms = 8,
    /// Whether connections are encrypted.
    Secrecy = 9,
    /// Which bounds servers have.
    Limits = 10,
}

impl Purpose {
    /// The dice that the seed of a run has for this.
    pub(super) fn dice(self, seed: u64) -> Dice {
        let mut seeds = Dice::new(seed);
        let own = (0..self as u64).fold(0, |_, _| seeds.roll());
        Dice::new(own)
    }
}

/// Uniform between both, in whole milliseconds, both included.
pub(super) fn between_ms(dice: &mut Dice, least: u64, most: u64) -> Duration {
    Duration::from_millis(least + dice.below(most - least + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_kept() {
        let mut dice = Dice::new(1);
        for _ in 0..1000 {
            let ms = between_ms(&mut dice, 5, 7).as_millis();
            assert!((5..=7).contains(&ms));
        }
    }

    #[test]
    fn each_purpose_has_its_own_dice() {
        let first = |purpose: Purpose| purpose.dice(9).roll();
        assert_ne!(first(Purpose::World), first(Purpose::Network));
        assert_eq!(first(Purpose::Faults), first(Purpose::Faults));
    }
}
