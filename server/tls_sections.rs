//! Further configurations of TLS, by the names by which listeners ask for them.
//!
//! A word is `NAME={..}`, whose options are those of the section `[tls]`.

use std::collections::BTreeMap;

use allspark::OptionError;
use allspark::tls::{TlsError, TlsOptions};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::said::Said;

/// The option that holds them.
pub(crate) const SETTING: &str = "tls-sections";

/// What only the binary is told about TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct OwnTls {
    pub(crate) sections: TlsSections,
}

/// Options by the name of their section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsSections(BTreeMap<String, TlsOptions>);

impl TlsSections {
    /// The options of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&TlsOptions> {
        self.0.get(name)
    }

    /// Whether each of them can be used.
    ///
    /// # Errors
    /// What is wrong and where, in one line.
    pub(crate) fn check(&self, said: &Said) -> Result<(), String> {
        for (name, options) in &self.0 {
            let place = said.place(SETTING, &format!("{name}="));
            let checked = match options.is_on() {
                true => options.check(),
                false => Err(TlsError::no_certificate()),
            };
            checked.map_err(|error| {
                let option = error.option().trim_start_matches("tls-").to_owned();
                let reason = OptionError::from(error).to_string();
                format!("{place}.{option}: {}", reason.escape_debug())
            })?;
        }
        Ok(())
    }
}

/// One of them.
struct Word(String, TlsOptions);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (name, options) = text
            .split_once('=')
            .filter(|(name, options)| !name.is_empty() && options.starts_with('{'))
            .ok_or_else(|| D::Error::custom("write NAME={\"cert\":\"FILE\",\"key\":\"FILE\"}"))?;
        let options = serde_json::from_str(options).map_err(D::Error::custom)?;
        Ok(Self(name.to_owned(), options))
    }
}

impl<'de> Deserialize<'de> for TlsSections {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<Word>::deserialize(deserializer)?;
        let named = words.into_iter().map(|Word(name, options)| (name, options));
        Ok(Self(named.collect()))
    }
}
