//! What a key may be used for.

use std::fmt;
use std::str::FromStr;

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// To publish.
    Publish,
    /// To look: sparks, rooms, statistics.
    Read,
    /// To end sparks, and to have them join and leave rooms.
    Manage,
}

/// Scopes that a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scopes(u8);

impl Scope {
    pub(crate) const ALL: [Self; 3] = [Self::Publish, Self::Read, Self::Manage];

    /// Its name in a file of keys.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Read => "read",
            Self::Manage => "manage",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Scopes {
    /// All of them.
    pub(crate) const EVERY: Self = Self(0b111);

    pub(crate) const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }
}

/// A text that names no scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scopes are publish, read and manage, with commas between them")]
pub(crate) struct NoScopes;

impl FromStr for Scopes {
    type Err = NoScopes;

    fn from_str(text: &str) -> Result<Self, NoScopes> {
        let mut scopes = Self(0);
        for name in text.split(',') {
            let scope = Scope::ALL.iter().find(|scope| scope.name() == name);
            scopes.0 |= scope.ok_or(NoScopes)?.bit();
        }
        Ok(scopes)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Scope::ALL.iter().filter(|scope| self.has(**scope));
        let names: Vec<&str> = names.map(|scope| scope.name()).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_named() {
        let scopes: Scopes = "read,publish".parse().unwrap();
        assert!(scopes.has(Scope::Read) && scopes.has(Scope::Publish));
        assert!(!scopes.has(Scope::Manage));
        assert_eq!(scopes.to_string(), "publish,read");
        assert_eq!("publish,read,manage".parse(), Ok(Scopes::EVERY));
        for wrong in ["", ",", "all", "read,", "Read", "read publish"] {
            assert_eq!(wrong.parse::<Scopes>(), Err(NoScopes), "{wrong}");
        }
    }
}
