//! primus-analytics: clients tell Google Analytics, if their page has it, how their connections
//! fare and which events they send. There is nothing to do for a server.
//!
//! The options are the client's: `new Primus(url, { analytics: { category, app, events } })`, where
//! `events` gives an event another name, or `false` to keep it.

use allspark_engine::{ClientPlugin, Plugin};
use serde::Deserialize;

/// The plugin primus-analytics.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Analytics {}

impl Analytics {
    /// Its name.
    pub const NAME: &'static str = "analytics";

    /// The plugin.
    pub const fn new() -> Self {
        Self {}
    }
}

impl Plugin for Analytics {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn client(&self) -> ClientPlugin {
        include_str!("client.js").into()
    }
}
