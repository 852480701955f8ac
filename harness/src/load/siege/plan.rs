//! Who attacks, how many of them, and what a server must keep meanwhile.

use std::str::FromStr;

use super::attack::Attack;
use crate::workload::Scenario;

/// By how much the honest clients' p99 may grow under attack.
pub(crate) const P99_FACTOR: f64 = 2.0;

/// Attackers of all kinds together.
const ATTACKERS_MAX: u32 = 1_000_000;

/// What is to be done to a server beside an honest load.
#[derive(Clone, Debug)]
pub(crate) struct SiegePlan {
    pub(crate) attackers: Attackers,
    /// What the server may hold for its peers, if that is known.
    pub(crate) memory_max: Option<u64>,
    /// By how much the honest clients' p99 may grow; 0 if that is not judged.
    pub(crate) p99_factor: f64,
}

/// Kinds of attackers and how many there are of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attackers(pub(crate) Vec<(Attack, u32)>);

impl Attackers {
    /// How many there are in all.
    pub(crate) fn count(&self) -> u32 {
        let counts = self.0.iter().map(|&(_, count)| count);
        counts.fold(0, u32::saturating_add)
    }
}

impl FromStr for Attackers {
    type Err = String;

    /// Reads `slow-heads=5000,flood`: without a number there are as many as the kind has by
    /// default; `all` are all kinds.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut attackers = Vec::new();
        for word in text.split(',') {
            let (name, count) = match word.split_once('=') {
                None => (word, None),
                Some((name, count)) => (name, Some(read_count(name, count)?)),
            };
            let kinds: Vec<Attack> = match name {
                "all" => Attack::ALL.to_vec(),
                _ => vec![Attack::find(name)?],
            };
            for kind in kinds {
                if attackers.iter().any(|&(known, _)| known == kind) {
                    return Err(format!("{} is named twice", kind.name()));
                }
                attackers.push((kind, count.unwrap_or(kind.count_by_default())));
            }
        }
        Ok(Self(attackers))
    }
}

fn read_count(name: &str, count: &str) -> Result<u32, String> {
    match count.parse() {
        Ok(count @ 1..=ATTACKERS_MAX) => Ok(count),
        _ => Err(format!("{name} needs a number from 1 to {ATTACKERS_MAX}")),
    }
}

impl SiegePlan {
    /// Says in one sentence what cannot be done.
    pub(crate) fn check(&self, scenario: Scenario) -> Result<(), String> {
        let suits = [Scenario::Echo, Scenario::Broadcast, Scenario::Churn];
        if !suits.contains(&scenario) {
            let name = scenario.name();
            return Err(format!(
                "who attacks does so beside the scenario echo, broadcast or churn, not {name}"
            ));
        }
        if self.attackers.count() > ATTACKERS_MAX {
            return Err(format!("there may be {ATTACKERS_MAX} attackers at most"));
        }
        if !self.p99_factor.is_finite() || self.p99_factor < 0.0 {
            return Err("a factor of p99 is a number that is not negative".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_with_or_without_a_number() {
        let read = |text: &str| Attackers::from_str(text);
        assert_eq!(
            read("slow-heads=7,flood").unwrap().0,
            [(Attack::SlowHeads, 7), (Attack::Flood, 5_000)]
        );
        let all = read("all=2").unwrap();
        assert_eq!(all.0.len(), Attack::ALL.len());
        assert_eq!(all.count(), 2 * Attack::ALL.len() as u32);
        for wrong in [
            "",
            "slow",
            "flood=0",
            "flood=x",
            "flood,flood=1",
            "all,flood",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
