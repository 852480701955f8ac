//! What an operator says about the dashboard.

use std::path::PathBuf;

use allspark::auth::Secret;
use allspark_protocol::options::{self, Bounded};
use serde::{Deserialize, Deserializer};

use super::bounds::{LIVES_DEFAULT, LIVES_HIGHEST, SESSION_HOURS_DEFAULT, SESSION_HOURS_HIGHEST};
use crate::listen::Listen;

/// The dashboard. There is one as soon as somebody can log in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AdminSettings {
    /// Users, one per line: a name, a colon, and the hash of the password.
    #[serde(deserialize_with = "path")]
    pub(crate) users_file: Option<PathBuf>,
    /// Tokens, one per line, or `sha256:` and the digest of one, and behind it who has it.
    #[serde(deserialize_with = "path")]
    pub(crate) tokens_file: Option<PathBuf>,
    /// The lines of such a file.
    pub(crate) tokens: Option<Secret>,
    /// An address of its own, instead of where other operators' routes are.
    #[serde(deserialize_with = "listen")]
    pub(crate) listen: Option<Listen>,
    /// Hours after which one has to log in again.
    pub(crate) session_hours: Bounded<1, SESSION_HOURS_HIGHEST>,
    /// Sparks whose history is kept.
    pub(crate) history: Bounded<0, LIVES_HIGHEST>,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self {
            users_file: None,
            tokens_file: None,
            tokens: None,
            listen: None,
            session_hours: Bounded::of(SESSION_HOURS_DEFAULT),
            history: Bounded::of(LIVES_DEFAULT),
        }
    }
}

impl AdminSettings {
    /// Whether there is a dashboard.
    pub(crate) fn is_on(&self) -> bool {
        self.users_file.is_some() || self.tokens_file.is_some() || self.tokens.is_some()
    }

    /// Judges what can be judged only when everything is known.
    ///
    /// # Errors
    /// The name of an option, and what is wrong with it.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.listen.is_some() && !self.is_on() {
            let reason = "nobody could log in: write --admin-users-file or --admin-tokens-file";
            return Err(("admin-listen", reason.to_owned()));
        }
        if self.tokens_file.is_some() && self.tokens.is_some() {
            let reason = "tokens are given by --admin-tokens-file already";
            return Err(("admin-tokens", reason.to_owned()));
        }
        Ok(())
    }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    options::read(deserializer, |text| match text {
        path if path.is_empty() || path.contains(char::is_control) => Err("it names no file"),
        path => Ok(Some(PathBuf::from(path))),
    })
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Listen>, D::Error> {
    options::deserialize(deserializer).map(Some)
}
