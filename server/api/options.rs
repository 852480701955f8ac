//! What an operator says about the API.

use std::path::{Path, PathBuf};

use allspark::auth::Secret;
use allspark_protocol::options::{self, Bounded};
use serde::{Deserialize, Deserializer};

use super::keys::Keys;
use crate::file_bytes;

/// Where it is.
pub(crate) const PATH: &str = "/api/v1";

/// Bytes of a file of keys, at the most.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Bytes that the body of a request may have, unless somebody says otherwise: a thousand messages
/// of a thousand bytes.
pub(crate) const BODY_BYTES_DEFAULT: u64 = 1024 * 1024;

/// What that may be set to.
pub(crate) const BODY_BYTES_LEAST: u64 = 1024;
pub(crate) const BODY_BYTES_HIGHEST: u64 = 16 * 1024 * 1024;

/// What a key may be bounded to, in commands per second.
pub(crate) const RATE_HIGHEST: u64 = 1_000_000_000;

/// The API. It is on as soon as there is a key.
///
/// Serde reads them by the names of the command line without `api-`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ApiOptions {
    /// A file of keys.
    #[serde(deserialize_with = "path")]
    pub(crate) keys_file: Option<PathBuf>,
    /// Keys, as such a file has them.
    pub(crate) keys: Option<Secret>,
    /// Bytes of the body of a request.
    pub(crate) body_max: Bounded<BODY_BYTES_LEAST, BODY_BYTES_HIGHEST>,
    /// Commands per second of one key; 0 is any number.
    pub(crate) rate: Bounded<0, RATE_HIGHEST>,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            keys_file: None,
            keys: None,
            body_max: Bounded::of(BODY_BYTES_DEFAULT),
            rate: Bounded::of(0),
        }
    }
}

impl ApiOptions {
    /// Whether there is an API.
    pub(crate) fn is_on(&self) -> bool {
        self.keys_file.is_some() || self.keys.is_some()
    }

    /// Judges what can be judged only when everything is known.
    ///
    /// # Errors
    /// The option that is wrong, and why.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        match self.is_on() {
            true => self.read_keys(None).map(drop),
            false => Ok(()),
        }
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// The option whose keys can't be used, and why; nothing of them is quoted.
    pub(super) fn read_keys(&self, before: Option<&Keys>) -> Result<Keys, (&'static str, String)> {
        let (option, text) = match (&self.keys_file, &self.keys) {
            (Some(_), Some(_)) => {
                let reason = "api-keys-file is there, too: write only one of them";
                return Err(("api-keys", reason.to_owned()));
            }
            (Some(path), None) => {
                let text = read(path).map_err(|reason| ("api-keys-file", reason))?;
                ("api-keys-file", text)
            }
            (None, keys) => {
                let text = keys.as_ref().map_or("", Secret::expose);
                ("api-keys", text.to_owned())
            }
        };
        let keys = Keys::read(&text, before);
        keys.map_err(|error| match &self.keys_file {
            Some(path) => (option, format!("{}: {error}", path.display())),
            None => (option, error.to_string()),
        })
    }
}

fn read(path: &Path) -> Result<String, String> {
    let bytes = file_bytes::read(path, FILE_BYTES_MAX);
    let text = bytes.and_then(|bytes| {
        let text = String::from_utf8(bytes);
        text.map_err(|_| "it is not UTF-8".to_owned())
    });
    text.map_err(|reason| format!("{}: {reason}", path.display()))
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    options::read(deserializer, |text| match text {
        path if path.is_empty() || path.contains(char::is_control) => Err("it names no file"),
        path => Ok(Some(PathBuf::from(path))),
    })
}
