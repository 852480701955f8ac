//! The keys of the API: a list that an operator keeps.
//!
//! Each line is a key, or `sha256:` and the digest of one in hexadecimal digits, so that the file
//! gives nobody away; behind it may stand what it may be used for, and behind that whose it is.
//! Empty lines and those with `#` in front mean nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use super::pace::Pace;
use super::replays::Replays;
use super::scope::{NoScopes, Scopes};
use crate::digests::{self, Digest, Places, SECRET_BYTES_MIN, Wrong};

/// Keys that a list may have.
const KEYS_MAX: usize = 1_000;

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// Whose it is, for the log.
    pub(super) name: Box<str>,
    pub(super) scopes: Scopes,
    /// What is kept of it when the list is read anew.
    pub(super) state: Arc<State>,
}

/// What a key has used.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) pace: Pace,
    /// Touched by the thread of the API alone.
    pub(super) replays: Mutex<Replays>,
}

/// All of them.
pub(super) struct Keys {
    places: Places,
    keys: HashMap<Digest, Arc<Key>>,
}

/// A list that can't be used. Lines are counted from 1; none is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeysError {
    #[error("line {0}: a key has at least {SECRET_BYTES_MIN} bytes, or it can be guessed")]
    Short(usize),
    #[error("line {0}: behind sha256: there are not 64 hexadecimal digits")]
    Digest(usize),
    #[error("line {0}: {NoScopes}; whose the key is stands behind them")]
    Scopes(usize),
    #[error("line {0}: this key stands in an earlier line already")]
    Twice(usize),
    #[error("there are more than {KEYS_MAX} keys in it")]
    Many,
    #[error("there is no key in it")]
    Empty,
}

impl Keys {
    /// Reads a list. What keys that were there `before` have used stays used.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub(super) fn read(text: &str, before: Option<&Self>) -> Result<Self, KeysError> {
        let places = before.map_or_else(Places::new, |before| before.places.clone());
        let mut keys = Self {
            places,
            keys: HashMap::new(),
        };
        for (index, line) in text.lines().enumerate() {
            let (number, line) = (index + 1, line.trim());
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (place, scopes, name) = keys.parse(line, number)?;
            let old = before.and_then(|before| before.keys.get(&place));
            let key = Key {
                name: match name {
                    "" => format!("line {number}").into(),
                    name => name.into(),
                },
                scopes,
                state: old.map_or_else(Arc::default, |old| Arc::clone(&old.state)),
            };
            if keys.keys.insert(place, Arc::new(key)).is_some() {
                return Err(KeysError::Twice(number));
            }
            if keys.keys.len() > KEYS_MAX {
                return Err(KeysError::Many);
            }
        }
        match keys.keys.is_empty() {
            true => Err(KeysError::Empty),
            false => Ok(keys),
        }
    }

    fn parse<'l>(
        &self,
        line: &'l str,
        number: usize,
    ) -> Result<(Digest, Scopes, &'l str), KeysError> {
        let words = |text: &'l str| {
            let (first, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
            (first, rest.trim())
        };
        let (key, rest) = words(line);
        let digest = digests::of_word(key).map_err(|wrong| match wrong {
            Wrong::Short => KeysError::Short(number),
            Wrong::Digest => KeysError::Digest(number),
        })?;
        let (scopes, name) = words(rest);
        let scopes = match scopes {
            "" => Scopes::EVERY,
            scopes => scopes
                .parse()
                .map_err(|NoScopes| KeysError::Scopes(number))?,
        };
        Ok((self.places.of(&digest), scopes, name))
    }

    /// The key that this is, if it is one.
    pub(super) fn find(&self, key: &str) -> Option<&Arc<Key>> {
        self.keys.get(&self.places.of(&digests::of_secret(key)))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::scope::Scope;
    use super::*;

    const LIST: &str = "# of the shop\n\n  0123456789abcdef0 publish,read  the shop\n\
        fedcba9876543210\n\
        sha256:9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08\tread\n";

    #[test]
    fn a_key_is_known_by_itself_or_by_its_digest() {
        let keys = Keys::read(LIST, None).unwrap();
        assert_eq!(keys.len(), 3);
        let found = |key| {
            let key = keys.find(key)?;
            Some((key.name.to_string(), key.scopes.to_string()))
        };
        let some = |name: &str, scopes: &str| Some((name.to_owned(), scopes.to_owned()));
        assert_eq!(found("0123456789abcdef0"), some("the shop", "publish,read"));
        let every = "publish,read,manage";
        assert_eq!(found("fedcba9876543210"), some("line 4", every));
        assert_eq!(found("test"), some("line 5", "read"));
        let wrong = ["", "0123456789abcdef", "0123456789abcdef0 ", "publish,read"];
        for wrong in wrong {
            assert_eq!(found(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{keys:?}"), "Keys(3)");
    }

    #[test]
    fn a_list_that_is_wrong_is_refused_without_a_word_of_it() {
        let many: String = (0..=KEYS_MAX)
            .map(|number| format!("0123456789abcdef{number}\n"))
            .collect();
        for (text, expected) in [
            ("", KeysError::Empty),
            ("# only a remark", KeysError::Empty),
            ("\nshort", KeysError::Short(2)),
            ("sha256:12", KeysError::Digest(1)),
            ("0123456789abcdef all", KeysError::Scopes(1)),
            ("0123456789abcdef a\n", KeysError::Scopes(1)),
            (
                "0123456789abcdef\n0123456789abcdef read",
                KeysError::Twice(2),
            ),
            (&many, KeysError::Many),
        ] {
            let error = Keys::read(text, None).unwrap_err();
            assert_eq!(error, expected);
            assert!(!error.to_string().contains("0123456789abcdef"));
        }
    }

    #[test]
    fn what_a_key_has_used_stays_used_when_the_list_is_read_anew() {
        let first = Keys::read("0123456789abcdef read", None).unwrap();
        let text = "fedcba9876543210\n0123456789abcdef publish";
        let second = Keys::read(text, Some(&first)).unwrap();
        let [old, new] = [&first, &second].map(|keys| keys.find("0123456789abcdef").unwrap());
        assert!(Arc::ptr_eq(&old.state, &new.state));
        assert!(new.scopes.has(Scope::Publish) && !new.scopes.has(Scope::Read));
        let other = second.find("fedcba9876543210").unwrap();
        assert!(!Arc::ptr_eq(&old.state, &other.state));
    }
}
