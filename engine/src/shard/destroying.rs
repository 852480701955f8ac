//! How far the end of a server is.

use std::time::Duration;

use allspark_protocol::Instant;

use crate::app::Destroy;
use crate::fanout::Cursor;
use crate::limits::END_TIMEOUT_MS;

/// What a shard knows of the end of its server.
#[derive(Debug, Default)]
pub(crate) struct Destroying {
    /// A destroy that waits for its time.
    planned: Option<(Instant, Destroy)>,
    /// The one that has begun: nobody new is served.
    begun: Option<Destroy>,
    /// When a shard that closes stops waiting for its peers. Set once all sparks were ended.
    deadline: Option<Instant>,
    /// How far the closing of connections without a request is, once it has begun.
    pub(super) idle: Option<Cursor>,
    pub(super) has_closed_idle: bool,
}

impl Destroying {
    /// Plans a destroy, in the place of one that was planned before.
    pub(super) fn plan(&mut self, options: Destroy, now: Instant) {
        let at = now + Duration::from_millis(options.timeout_ms);
        self.planned = Some((at, options));
    }

    /// Takes the one whose time has come, which begins.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Destroy> {
        let (at, options) = self.planned?;
        if at > now {
            return None;
        }
        self.planned = None;
        // What closes does not open again.
        let closes = self.closes() || options.close;
        let options = Destroy {
            close: closes,
            ..options
        };
        self.begun = Some(options);
        Some(options)
    }

    /// All sparks were ended.
    pub(super) fn ended_all(&mut self, now: Instant) {
        if self.closes() {
            self.deadline = Some(now + Duration::from_millis(END_TIMEOUT_MS));
        }
    }

    /// Whether nobody new is served.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Whether the shard ends, too.
    pub(super) fn closes(&self) -> bool {
        self.begun.is_some_and(|options| options.close)
    }

    /// A shard that was away gives its peers time anew.
    pub(super) fn put_off(&mut self, now: Instant, judge_from: Instant) {
        if let Some(deadline) = &mut self.deadline
            && *deadline <= now
        {
            *deadline = judge_from.max(*deadline);
        }
    }

    /// When something is to be done.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let planned = self.planned.map(|(at, _)| at);
        [planned, self.deadline].into_iter().flatten().min()
    }

    /// Whether all sparks were ended, and every connection is closed or has had its time.
    pub(super) fn is_over(&self, now: Instant, has_connections: bool) -> bool {
        self.deadline
            .is_some_and(|deadline| !has_connections || deadline <= now)
    }
}
