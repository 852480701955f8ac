//! How the plugin is set up.

use std::fmt;

use allspark_engine::PluginError;
use redis::IntoConnectionInfo;
use serde::Deserialize;

use crate::omega::wrong_option;

/// Options of [`Metroplex`](super::Metroplex), with the names and defaults of npm's plugin where it
/// has them. All servers of a fleet need the same `namespace`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MetroplexOptions {
    /// Where Redis is: `redis://[name][:password@]host[:port][/database]`, or
    /// `redis+unix:///path/of/its/socket`. Default `redis://localhost:6379`.
    pub redis: String,
    /// How all keys begin, without the colon behind it. Default `metroplex`.
    pub namespace: String,
    /// Milliseconds for which this server counts as alive once it has said so, at most a day. The
    /// others forget a server that has not said so again by then. Default 300,000.
    pub interval: u64,
    /// Milliseconds that Redis may take for a command: this server says so much before `interval`
    /// is over that it is alive, and a command that takes longer has failed. Default 2,000.
    pub latency: u64,
    /// Where other servers reach this one, `http://host:port`. Default: the address on which it
    /// listens; if that is none of one interface, the address from which this machine reaches
    /// others.
    pub address: Option<String>,
    /// Sparks that may have come and gone since Redis has last answered. With more, all that are
    /// here are written anew once it answers. Default 65,536.
    #[serde(alias = "changesMax")]
    pub changes_max: usize,
}

impl Default for MetroplexOptions {
    fn default() -> Self {
        Self {
            redis: "redis://localhost:6379".to_owned(),
            namespace: "metroplex".to_owned(),
            interval: 5 * 60 * 1000,
            latency: 2000,
            address: None,
            changes_max: 65_536,
        }
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl MetroplexOptions {
    /// Judges the values.
    ///
    /// # Errors
    /// [`PluginError::Option`].
    pub(crate) fn judged(self) -> Result<Self, PluginError> {
        match self.check() {
            Ok(()) => Ok(self),
            Err(wrong) => Err(wrong_option(wrong)),
        }
    }

    /// # Errors
    /// Which option is wrong, and why; without the URL of Redis, which may hold a password.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.redis.as_str().into_connection_info().is_err() {
            return Err(("redis", "it is no URL such as redis://localhost:6379"));
        }
        if self.redis.starts_with("rediss:") || self.redis.starts_with("valkeys:") {
            return Err(("redis", "TLS to Redis is not supported"));
        }
        if self.namespace.is_empty() {
            return Err(("namespace", "it is empty"));
        }
        if self.latency == 0 {
            return Err(("latency", "it is at least one millisecond"));
        }
        if self.interval <= self.latency || self.interval > DAY_MS {
            return Err(("interval", "it is longer than latency, and at most a day"));
        }
        let is_url = |address: &str| {
            let rest = address.strip_prefix("http://");
            let rest = rest.or_else(|| address.strip_prefix("https://"));
            rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        };
        match self.address.as_deref() {
            Some(address) if !is_url(address) => {
                Err(("address", "it is no URL such as http://10.0.0.1:8080"))
            }
            _ if self.changes_max == 0 => Err(("changes-max", "it is at least 1")),
            _ => Ok(()),
        }
    }
}

/// Without the URL of Redis, which may hold a password.
impl fmt::Debug for MetroplexOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetroplexOptions")
            .field("namespace", &self.namespace)
            .field("interval", &self.interval)
            .field("latency", &self.latency)
            .field("address", &self.address)
            .field("changes_max", &self.changes_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_work_is_refused() {
        let good = MetroplexOptions::default();
        assert_eq!(good.check(), Ok(()));
        let with = |change: fn(&mut MetroplexOptions)| {
            let mut options = good.clone();
            change(&mut options);
            options.check()
        };
        assert_eq!(
            with(|options| options.redis = "redis+unix:///tmp/x".to_owned()),
            Ok(())
        );
        assert_eq!(
            with(|options| options.address = Some("http://a:1".to_owned())),
            Ok(())
        );
        for bad in [
            with(|options| options.redis = "localhost".to_owned()),
            with(|options| options.redis = "rediss://localhost".to_owned()),
            with(|options| options.namespace.clear()),
            with(|options| options.interval = options.latency),
            with(|options| options.latency = 0),
            with(|options| options.address = Some("10.0.0.1:80".to_owned())),
            with(|options| options.changes_max = 0),
        ] {
            assert!(bad.is_err());
        }
        let secret = MetroplexOptions {
            redis: "redis://:hush@localhost".to_owned(),
            ..good
        };
        assert!(!format!("{secret:?}").contains("hush"));
    }
}
