//! Whether the server's own count of its sparks is what it should be.

use std::time::Duration;

use allspark_engine::io::Driver;

use crate::auditor::Fault;
use crate::load::phase::{COUNT_INTERVAL, Phase};
use crate::load::runner::Runner;

/// How long a server may keep sparks of WebSockets whose ends it could see.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may keep sessions that nobody asks for any more: engine.io waits for a pong, 25 s
/// and 20 s, sockjs and browserchannel less.
const SESSION_PATIENCE: Duration = Duration::from_secs(90);

impl<D: Driver> Runner<D> {
    /// Asks the server how many sparks it has, if it says so: now all clients should be there, or,
    /// at the end, none.
    pub(in crate::load) fn begin_counting(&mut self, is_end: bool) {
        let sparks = self.mixed.as_ref().and_then(|mixed| mixed.sparks_before());
        if sparks.is_none() {
            return self.end_counting(is_end);
        }
        let patience = match self.plan.dialect.is_plain_websocket() {
            true => PATIENCE,
            false => SESSION_PATIENCE,
        };
        self.phase = Phase::Counting {
            is_end,
            next: self.now,
            until: self.now + patience,
        };
    }

    /// Asks once.
    pub(in crate::load) fn count(&mut self, is_end: bool, is_last: bool) {
        let Some(mixed) = &mut self.mixed else { return };
        let before = mixed.sparks_before().unwrap_or_default();
        let here = u64::from(self.auditor.live_count());
        let count = mixed.count_sparks(&self.plan.target, is_end);
        if count == Ok(before + here) {
            return self.end_counting(is_end);
        }
        if !is_last {
            if let Phase::Counting { next, .. } = &mut self.phase {
                *next = self.now + COUNT_INTERVAL;
            }
            return;
        }
        let fault = if is_end {
            Fault::Leaked
        } else {
            Fault::Miscounted
        };
        self.auditor.note(fault, || match count {
            Err(why) => format!("the server does not say any more how many sparks it has: {why}"),
            Ok(count) => format!(
                "the server has {count} sparks; {before} were there before, and {here} clients are \
                 connected"
            ),
        });
        self.end_counting(is_end);
    }

    fn end_counting(&mut self, is_end: bool) {
        if is_end {
            self.phase = Phase::Done;
        } else {
            self.begin_leaving();
        }
    }
}
