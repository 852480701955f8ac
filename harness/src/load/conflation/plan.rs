//! Values that are published, and who reads them slowly.

use std::time::Duration;

use crate::load::rooms::plan::{Members, RoomsPlan};

/// Pairs of a key and of a client that hears its values: the auditor remembers four bytes for each.
const PAIRS_MAX: u64 = 1 << 27;

/// What a load of values is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConflationPlan {
    /// Keys of each publisher.
    pub(crate) keys: u32,
    /// Clients that read slowly. None of them publishes.
    pub(crate) slow: u32,
    /// How long such a client does not read, and how long it reads then.
    pub(crate) stall: Duration,
}

impl ConflationPlan {
    /// Says in one sentence what cannot be done.
    pub(crate) fn check(
        &self,
        clients: u32,
        publishers: u32,
        rooms: &RoomsPlan,
    ) -> Result<(), String> {
        if self.keys == 0 || self.stall.is_zero() {
            return Err("a load of values needs keys, and a stall that takes time".to_owned());
        }
        if u64::from(self.slow) + u64::from(publishers) > u64::from(clients) {
            return Err(
                "who reads slowly does not publish: there are not enough clients for both"
                    .to_owned(),
            );
        }
        let most = match rooms.members {
            Members::All => clients,
            Members::Between(_, most) => most,
        };
        let keys = u64::from(self.keys) * u64::from(publishers);
        match keys.saturating_mul(u64::from(most)) <= PAIRS_MAX {
            true => Ok(()),
            false => Err(format!(
                "publishers times keys times members of a room may be {PAIRS_MAX} at most, for the \
                 auditor's memory"
            )),
        }
    }

    /// Who reads slowly, of those who do not publish.
    pub(super) fn slow_ones(&self, others: &[u32]) -> Vec<u32> {
        let place = |number: u32| u64::from(number) * others.len() as u64 / u64::from(self.slow);
        let places = (0..self.slow).map(|number| others[place(number) as usize]);
        places.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_slowly_is_spread_over_those_who_do_not_publish() {
        let mut plan = ConflationPlan {
            keys: 10,
            slow: 2,
            stall: Duration::from_secs(1),
        };
        let rooms = RoomsPlan {
            rooms: 1,
            members: Members::All,
            others_one_in: 0,
        };
        assert_eq!(plan.slow_ones(&[1, 2, 5, 7]), [1, 5]);
        assert_eq!(plan.check(4, 2, &rooms), Ok(()));
        assert!(plan.check(3, 2, &rooms).is_err());
        plan.keys = 1 << 26;
        assert!(plan.check(4, 2, &rooms).is_err());
        plan.keys = 0;
        assert!(plan.check(4, 2, &rooms).is_err());
    }
}
