//! What is said about the metrics.

use allspark_protocol::options;
use serde::Deserialize;

/// Where they are asked for.
pub(super) const PATH: &str = "/metrics";

/// The section `[metrics]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct MetricsOptions {
    /// Whether they are told.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub(super) enabled: bool,
}

impl MetricsOptions {
    /// Whether something is served that Primus's pathname does not hide.
    ///
    /// # Errors
    /// It hides the metrics.
    pub(crate) fn check(&self, pathname: &str) -> Result<(), String> {
        match self.enabled && PATH.starts_with(pathname) {
            true => Err(format!(
                "{pathname} would hide {PATH}: write another one, or --metrics-enabled=false"
            )),
            false => Ok(()),
        }
    }
}
