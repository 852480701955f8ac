//! Switches on that everything that happens to a spark is logged.

use std::time::Duration;

use super::handle::Handle;
use super::host::Command;
use super::trace_target::{TraceOrder, TraceTarget};

impl Handle {
    /// Logs what happens to a spark, or to all sparks of an address, for so long: connection,
    /// messages in both directions with their sizes, heartbeats, what waits, errors, and the end
    /// with its reason. What messages say is not logged. Lines are at the level `info`, with the
    /// target `allspark::traced`; of each shard at most 1,000 per second, and at most 1,000 sparks
    /// and 64 addresses at a time.
    pub fn trace(&self, target: TraceTarget, lasts: Duration) {
        let lasts = Some(lasts);
        self.send_to_all(|| Command::Trace(TraceOrder { target, lasts }));
        if let TraceTarget::Address(address) = target {
            self.for_each(move |spark| {
                spark.trace_if_of(address);
                true
            });
        }
    }

    /// No longer does so.
    pub fn untrace(&self, target: TraceTarget) {
        let lasts = None;
        self.send_to_all(|| Command::Trace(TraceOrder { target, lasts }));
    }
}
