//! How often somebody may try to log in.
//!
//! A guess costs its guesser, and, of a password by a stranger, all strangers together. Neither
//! keeps the operator out: a browser that has logged in before, whoever sits at the machine, and
//! who has a token do not pay for strangers.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::bounds::{GUESSERS_MAX, GUESSES_OF_STRANGERS, GUESSES_PER_ADDRESS, GUESSES_PER_BROWSER};

/// The name of a browser that has logged in before.
pub(super) type BrowserId = [u8; 16];

/// Who guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guesser {
    /// A browser that has logged in before, from wherever it comes now.
    Browser(BrowserId),
    /// Somebody at this address.
    Address(IpAddr),
}

/// What is guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    /// It takes time to judge.
    Password,
    /// It does not, and is too long to be guessed.
    Token,
}

impl Guesser {
    /// Who comes from this address, with this name of a browser if it has one.
    pub(super) fn new(address: SocketAddr, browser: Option<BrowserId>) -> Self {
        match browser {
            Some(browser) => Self::Browser(browser),
            None => Self::Address(network(address.ip().to_canonical())),
        }
    }

    fn is_stranger(self) -> bool {
        matches!(self, Self::Address(address) if !address.is_loopback())
    }
}

/// Whoever has an address of IPv6 has all those that begin like it.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) if !address.is_loopback() => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            Ipv6Addr::from(network).into()
        }
        address => address,
    }
}

/// All guesses. Times are since anything that stands still.
pub(super) struct Guesses {
    addresses: Table<IpAddr>,
    browsers: Table<BrowserId>,
    strangers: Duration,
}

impl Guesses {
    pub(super) fn new() -> Self {
        Self {
            addresses: Table::new(GUESSES_PER_ADDRESS),
            browsers: Table::new(GUESSES_PER_BROWSER),
            strangers: Duration::ZERO,
        }
    }

    /// Somebody guesses.
    ///
    /// # Errors
    /// How long it has to wait. Then nothing is judged, or a right guess would tell itself from a
    /// wrong one.
    pub(super) fn admit(
        &mut self,
        from: Guesser,
        what: Guess,
        now: Duration,
    ) -> Result<(), Duration> {
        let counts_for_all = what == Guess::Password && from.is_stranger();
        if counts_for_all {
            wait_of(self.strangers, GUESSES_OF_STRANGERS, now)?;
        }
        match from {
            Guesser::Browser(browser) => self.browsers.pay(browser, now)?,
            Guesser::Address(address) => self.addresses.pay(address, now)?,
        }
        if counts_for_all {
            self.strangers = self.strangers.max(now) + GUESSES_OF_STRANGERS.1;
        }
        Ok(())
    }

    /// The guess was right, so the ones before were mistakes.
    pub(super) fn forgive(&mut self, from: Guesser) {
        match from {
            Guesser::Browser(browser) => self.browsers.paid_until.remove(&browser),
            Guesser::Address(address) => self.addresses.paid_until.remove(&address),
        };
    }
}

/// Until when each of some guessers has paid.
struct Table<K> {
    pace: (u32, Duration),
    paid_until: HashMap<K, Duration>,
    /// What those share for whom there is no room.
    others: Duration,
    /// When those were taken out last who owe nothing: it takes a while, so not each time.
    tidied: Duration,
}

/// How often that is done at the most.
const TIDY_EVERY: Duration = Duration::from_secs(1);

impl<K: Eq + Hash> Table<K> {
    fn new(pace: (u32, Duration)) -> Self {
        Self {
            pace,
            paid_until: HashMap::new(),
            others: Duration::ZERO,
            tidied: Duration::ZERO,
        }
    }

    fn pay(&mut self, who: K, now: Duration) -> Result<(), Duration> {
        if self.paid_until.len() >= GUESSERS_MAX && now >= self.tidied + TIDY_EVERY {
            self.tidied = now;
            self.paid_until.retain(|_, until| *until > now);
        }
        let has_room = self.paid_until.len() < GUESSERS_MAX;
        let until = match has_room || self.paid_until.contains_key(&who) {
            true => self.paid_until.entry(who).or_default(),
            false => &mut self.others,
        };
        wait_of(*until, self.pace, now)?;
        *until = (*until).max(now) + self.pace.1;
        Ok(())
    }
}

/// How long who has paid until then must wait.
fn wait_of(
    until: Duration,
    (burst, every): (u32, Duration),
    now: Duration,
) -> Result<(), Duration> {
    let debt = until.saturating_sub(now);
    match debt.checked_sub(every * (burst - 1)) {
        None | Some(Duration::ZERO) => Ok(()),
        Some(wait) => Err(wait),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Guesser {
        Guesser::new(SocketAddr::new(text.parse().unwrap(), 1), None)
    }

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_address_has_some_guesses_and_then_one_at_a_time() {
        let (mut guesses, ann) = (Guesses::new(), address("192.0.2.1"));
        for _ in 0..5 {
            assert_eq!(guesses.admit(ann, Guess::Password, s(0)), Ok(()));
        }
        assert_eq!(guesses.admit(ann, Guess::Token, s(0)), Err(s(12)));
        assert_eq!(guesses.admit(ann, Guess::Token, s(11)), Err(s(1)));
        assert_eq!(guesses.admit(ann, Guess::Token, s(12)), Ok(()));
        assert_eq!(guesses.admit(ann, Guess::Token, s(12)), Err(s(12)));
        guesses.forgive(ann);
        assert_eq!(guesses.admit(ann, Guess::Token, s(12)), Ok(()));
    }

    #[test]
    fn all_addresses_of_a_network_are_one_and_so_are_both_forms_of_one() {
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert!(!address("::1").is_stranger());
        assert!(!address("127.0.0.1").is_stranger());
        assert!(address("192.0.2.1").is_stranger());
    }

    /// From a new address each time, all at once.
    fn flood(guesses: &mut Guesses, now: Duration) -> usize {
        let strangers = (0..10_000u32).map(|n| {
            let address = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
            Guesser::new(SocketAddr::new(address, 1), None)
        });
        let admitted = strangers.filter(|who| guesses.admit(*who, Guess::Password, now).is_ok());
        admitted.count()
    }

    #[test]
    fn strangers_together_keep_each_other_out_and_nobody_else() {
        let mut guesses = Guesses::new();
        assert_eq!(flood(&mut guesses, s(0)), 20);
        assert_eq!(flood(&mut guesses, s(3)), 6);
        let bob = address("198.51.100.7");
        assert!(guesses.admit(bob, Guess::Password, s(3)).is_err());
        assert_eq!(guesses.admit(bob, Guess::Token, s(3)), Ok(()));
        assert_eq!(guesses.admit(address("::1"), Guess::Password, s(3)), Ok(()));
        let known = Guesser::new(SocketAddr::from(([10, 0, 0, 1], 1)), Some([7; 16]));
        assert_eq!(guesses.admit(known, Guess::Password, s(3)), Ok(()));
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_memory_and_gets_few_guesses() {
        let mut guesses = Guesses::new();
        let mut admitted = 0;
        for n in 0..20_000u32 {
            let who = Guesser::Address(IpAddr::from((0x0a00_0000 + n).to_be_bytes()));
            admitted += usize::from(guesses.admit(who, Guess::Token, s(1)).is_ok());
        }
        assert_eq!(admitted, GUESSERS_MAX + 5);
        assert_eq!(guesses.addresses.paid_until.len(), GUESSERS_MAX);
        // Whoever is counted goes on being counted, and what is past makes room.
        assert!(
            guesses
                .admit(address("192.0.2.1"), Guess::Token, s(1))
                .is_err()
        );
        assert_eq!(
            guesses.admit(address("192.0.2.1"), Guess::Token, s(100)),
            Ok(())
        );
    }
}
