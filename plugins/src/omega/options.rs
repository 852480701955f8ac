//! How the plugin is set up.

use std::fmt;

use allspark_engine::PluginError;
use serde::Deserialize;

/// The name and the password that everybody can read in the documents of npm's plugin.
const KNOWN: (&str, &str) = ("omega", "supreme");

/// Options of [`OmegaSupreme`](super::OmegaSupreme), with the names and defaults of npm's plugin
/// where it has them.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct OmegaOptions {
    /// The method of requests. Default `PUT`.
    pub method: String,
    /// The path of requests, here and on other servers: one that begins with Primus's pathname.
    /// Default `/primus/omega/supreme`.
    pub url: String,
    /// The name that requests must show. Default `omega`.
    pub username: String,
    /// The password that requests must show. Default `supreme`.
    pub password: String,
    /// Whether the name and the password may be the defaults, which everybody knows: whoever
    /// reaches the server could then write to every spark. Default false.
    #[serde(alias = "allowDefaultCredentials")]
    pub allow_default_credentials: bool,
    /// To how many other servers messages are passed on at a time, from 1 to 1,024. Default 20.
    pub concurrently: usize,
    /// Bytes of a request's body. A longer one gets 413. Default 10 MiB, as any other message.
    #[serde(alias = "bodyBytesMax")]
    pub body_bytes_max: usize,
    /// Milliseconds that another server may take for its answer, all in all. Default 10,000.
    #[serde(alias = "forwardTimeout")]
    pub forward_timeout: u64,
    /// Whether requests may name rooms (`rooms`, `except`), and, with metroplex, whether messages
    /// for sparks of other servers, and for all, are passed on:
    /// `omega-supreme-rooms-middleware`. Default false.
    pub rooms: bool,
}

impl Default for OmegaOptions {
    fn default() -> Self {
        Self {
            method: "PUT".to_owned(),
            url: "/primus/omega/supreme".to_owned(),
            username: KNOWN.0.to_owned(),
            password: KNOWN.1.to_owned(),
            allow_default_credentials: false,
            concurrently: 20,
            body_bytes_max: 10 * 1024 * 1024,
            forward_timeout: 10_000,
            rooms: false,
        }
    }
}

impl OmegaOptions {
    /// # Errors
    /// Which option is wrong, and why.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        self.check_credentials().and_then(|()| self.check_values())
    }

    /// Judges what is wrong wherever the plugin is added.
    ///
    /// # Errors
    /// [`PluginError::Option`].
    pub(crate) fn judged(self) -> Result<Self, PluginError> {
        match self.check_values() {
            Ok(()) => Ok(self),
            Err(wrong) => Err(wrong_option(wrong)),
        }
    }

    fn check_credentials(&self) -> Result<(), (&'static str, &'static str)> {
        let is_known = (self.username.as_str(), self.password.as_str()) == KNOWN;
        if is_known && !self.allow_default_credentials {
            let why = "everybody knows the name and the password that omega-supreme has by \
                       default, and could write to every spark: set username and password, or \
                       allow-default-credentials";
            return Err(("password", why));
        }
        Ok(())
    }

    fn check_values(&self) -> Result<(), (&'static str, &'static str)> {
        if self.username.contains(':') {
            return Err(("username", "it can't have a colon (RFC 7617)"));
        }
        if !self.url.starts_with('/') || self.url.contains(['?', '#', ' ', ':']) {
            return Err(("url", "it is no path such as /primus/omega/supreme"));
        }
        if self.method.is_empty() || !self.method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(("method", "it is none"));
        }
        if !(1..=1024).contains(&self.concurrently) {
            return Err(("concurrently", "it is from 1 to 1024"));
        }
        match self.forward_timeout {
            0 => Err(("forward-timeout", "it is at least one millisecond")),
            _ => Ok(()),
        }
    }
}

/// An option that is wrong, and why.
pub(crate) fn wrong_option((option, reason): (&str, &str)) -> PluginError {
    PluginError::Option {
        option: option.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Without the password.
impl fmt::Debug for OmegaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OmegaOptions")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("username", &self.username)
            .field("concurrently", &self.concurrently)
            .field("body_bytes_max", &self.body_bytes_max)
            .field("forward_timeout", &self.forward_timeout)
            .field("rooms", &self.rooms)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_knows_is_refused_unless_it_is_wanted() {
        let mut options = OmegaOptions::default();
        assert_eq!(options.check().unwrap_err().0, "password");
        options.allow_default_credentials = true;
        assert_eq!(options.check(), Ok(()));
        let own = OmegaOptions {
            password: "own".to_owned(),
            ..OmegaOptions::default()
        };
        assert_eq!(own.check(), Ok(()));
        assert!(!format!("{own:?}").contains("own\""), "{own:?}");
    }

    #[test]
    fn what_can_not_work_is_refused() {
        let good = OmegaOptions {
            password: "own".to_owned(),
            ..OmegaOptions::default()
        };
        for bad in [
            OmegaOptions {
                url: "omega".to_owned(),
                ..good.clone()
            },
            OmegaOptions {
                url: "/omega?x".to_owned(),
                ..good.clone()
            },
            OmegaOptions {
                method: "P T".to_owned(),
                ..good.clone()
            },
            OmegaOptions {
                username: "a:b".to_owned(),
                ..good.clone()
            },
            OmegaOptions {
                concurrently: 0,
                ..good.clone()
            },
            OmegaOptions {
                forward_timeout: 0,
                ..good
            },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
