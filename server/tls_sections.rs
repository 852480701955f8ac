//! Further configurations of TLS, by the names by which listeners ask for them.
//!
//! A word is `NAME={..}`, whose options are those of the section `[tls]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use allspark::tls::{Tls, TlsError, TlsOptions};
use allspark::{OptionError, TlsAcceptor};
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
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    #[cfg(test)]
    pub(crate) fn options(&self, name: &str) -> &TlsOptions {
        &self.0[name]
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

/// TLS that listeners speak: the server's own, and that of sections.
pub(crate) struct StartedTls {
    own: Option<Arc<Tls>>,
    named: BTreeMap<String, Tls>,
}

impl StartedTls {
    /// Starts that of sections.
    ///
    /// # Errors
    /// The section that can't be used, and why.
    pub(crate) fn start(sections: &TlsSections, own: Option<&Arc<Tls>>) -> Result<Self, String> {
        let start = |(name, options): (&String, &TlsOptions)| {
            let started = Tls::start(options.clone());
            let started = started.map_err(|error| format!("[tls.{name}]: {error}"));
            Ok((name.clone(), started?))
        };
        Ok(Self {
            own: own.cloned(),
            named: sections
                .0
                .iter()
                .map(start)
                .collect::<Result<_, String>>()?,
        })
    }

    pub(crate) fn own(&self) -> Option<TlsAcceptor> {
        self.own.as_ref().map(|tls| tls.acceptor())
    }

    pub(crate) fn find(&self, name: &str) -> Option<TlsAcceptor> {
        self.named.get(name).map(Tls::acceptor)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_none() && self.named.is_empty()
    }

    /// Has all of them read their files anew. Returns the names of their certificates.
    ///
    /// # Errors
    /// Those whose files can't be used, and why. They stay as they were.
    pub(crate) fn reload(&self) -> Result<Vec<String>, String> {
        let own = self.own.as_deref();
        let (mut names, mut refused) = (Vec::new(), Vec::new());
        for tls in own.into_iter().chain(self.named.values()) {
            match tls.reload() {
                Ok(of_one) => names.extend(of_one),
                Err(error) => refused.push(format!("{}: {error}", error.option())),
            }
        }
        match refused.is_empty() {
            true => Ok(names),
            false => Err(refused.join("; ")),
        }
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
