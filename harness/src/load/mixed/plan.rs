//! How many clients do what in a mixed load, and for how long.

use std::str::FromStr;
use std::time::Duration;

use crate::auditor::HeartbeatRule;

/// What a mixed load is to do.
#[derive(Clone, Debug)]
pub(crate) struct MixedPlan {
    /// Who does what, and when, follows from it.
    pub(crate) seed: u64,
    /// How many clients do what.
    pub(crate) shares: Shares,
    /// How long a client leaves its connection alone, on average.
    pub(crate) calm: Duration,
    /// How long a client does not read, on average.
    pub(crate) stall: Duration,
    /// How long a client is away that vanished or left, on average.
    pub(crate) away: Duration,
}

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// It publishes to everyone.
    Publish,
    /// It sends messages that come back to it alone.
    Echo,
    /// The same, and now and then it does not read for a while.
    Stall,
    /// The same, and now and then it drops its connection without a goodbye and comes back.
    Vanish,
    /// The same, and now and then it says goodbye and comes back.
    Reconnect,
    /// It receives what others publish.
    Idle,
}

impl Share {
    /// All of them. Those that send come first, and of these those whose messages are for everyone.
    pub(crate) const ALL: [Self; 6] = [
        Self::Publish,
        Self::Echo,
        Self::Stall,
        Self::Vanish,
        Self::Reconnect,
        Self::Idle,
    ];

    /// The name on the command line and in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Echo => "echo",
            Self::Stall => "stall",
            Self::Vanish => "vanish",
            Self::Reconnect => "reconnect",
            Self::Idle => "idle",
        }
    }
}

/// How many clients do what, in proportion, in the order of [`Share::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares([u32; Share::ALL.len()]);

impl Default for Shares {
    fn default() -> Self {
        Self([2, 30, 10, 9, 9, 40])
    }
}

impl FromStr for Shares {
    type Err = String;

    /// Reads `idle=40,echo=30`. What is not named is done by nobody.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut shares = [0; Share::ALL.len()];
        for part in text.split(',') {
            let (name, share) = part
                .split_once('=')
                .ok_or_else(|| format!("{part:?} is no NAME=SHARE"))?;
            let position = Share::ALL.iter().position(|one| one.name() == name);
            let names = || Share::ALL.map(Share::name).join(", ");
            let position =
                position.ok_or_else(|| format!("nobody can {name:?}; use: {}", names()))?;
            let share: u16 = share
                .parse()
                .map_err(|_| format!("{part:?}: a share is a number up to {}", u16::MAX))?;
            shares[position] = share.into();
        }
        if shares.iter().all(|&share| share == 0) {
            return Err("somebody must do something".to_owned());
        }
        Ok(Self(shares))
    }
}

impl Shares {
    /// How many of so many clients do what, in the order of [`Share::ALL`]: what anybody does is
    /// done by one at least.
    pub(super) fn counts(self, clients: u32) -> [u32; Share::ALL.len()] {
        let sum: u64 = self.0.iter().map(|&share| u64::from(share)).sum();
        let count = |share: u32| (u64::from(share) * u64::from(clients) / sum) as u32;
        let mut counts = self.0.map(|share| count(share).max(share.min(1)));
        let mut missing = i64::from(clients) - counts.iter().map(|&n| i64::from(n)).sum::<i64>();
        // What rounding has left over goes to the largest, and is taken from it.
        while missing != 0 {
            let largest = (0..counts.len()).max_by_key(|&position| counts[position]);
            let largest = &mut counts[largest.expect("there are some")];
            let change = missing.max(1 - i64::from(*largest));
            *largest = u32::try_from(i64::from(*largest) + change).expect("one is left at least");
            missing -= change;
        }
        counts
    }

    fn kinds(self) -> usize {
        self.0.iter().filter(|&&share| share > 0).count()
    }
}

impl MixedPlan {
    /// How many of so many clients publish.
    pub(crate) fn publishers(&self, clients: u32) -> u32 {
        self.shares.counts(clients)[0]
    }

    /// Says in one sentence what cannot be done.
    pub(crate) fn check(&self, clients: u32) -> Result<(), String> {
        if (clients as usize) < self.shares.kinds() {
            return Err(format!(
                "{} kinds of clients need as many clients at least",
                self.shares.kinds()
            ));
        }
        if [self.calm, self.stall, self.away].contains(&Duration::ZERO) {
            return Err("calm, stall and away must be longer than nothing".to_owned());
        }
        Ok(())
    }

    /// The same, when it is known how often the server pings.
    pub(crate) fn check_stall(&self, heartbeat: Option<HeartbeatRule>) -> Result<(), String> {
        let stall_max = 2 * self.stall;
        match heartbeat {
            Some(rule) if stall_max > rule.interval => Err(format!(
                "who does not read does not answer pings: with one every {} ms --stall may be {} \
                 ms at most",
                rule.interval.as_millis(),
                rule.interval.as_millis() / 2
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_and_wrong_ones_named() {
        assert_eq!(
            "idle=40,echo=30,publish=2,stall=10,vanish=9,reconnect=9".parse(),
            Ok(Shares::default())
        );
        for wrong in ["", "idle", "idle=x", "sleep=1", "idle=0", "idle=-1"] {
            assert!(wrong.parse::<Shares>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn everybody_does_something_and_everything_is_done() {
        for clients in [6, 7, 10, 50, 100, 1_234_567] {
            let counts = Shares::default().counts(clients);
            assert_eq!(counts.iter().sum::<u32>(), clients);
            assert!(counts.iter().all(|&count| count > 0), "{counts:?}");
        }
        assert_eq!(Shares::default().counts(100), [2, 30, 10, 9, 9, 40]);
        let some: Shares = "echo=1,vanish=1".parse().unwrap();
        assert_eq!(some.counts(2), [0, 1, 0, 1, 0, 0]);
        assert_eq!(some.counts(5), [0, 2, 0, 3, 0, 0]);
    }
}
