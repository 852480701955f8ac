//! What goes wrong with an application, in the log: it does so as often as there are clients.

use std::sync::Arc;

use allspark_engine::Throttle;

/// One line per second.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings(Arc<Throttle>);

impl Warnings {
    pub(super) fn warn(&self, what: &str) {
        if let Some(line) = self.0.admit() {
            tracing::warn!(unlogged = line.unlogged, "hooks: {what}");
        }
    }
}
