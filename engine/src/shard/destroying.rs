//! How far the end of a server is.

use std::time::Duration;

use allspark_protocol::Instant;

use crate::app::Destroy;
use crate::fanout::Cursor;
use crate::limits::END_TIMEOUT_MS;

/// What a shard knows of the end of its server.
#[derive(Debug, Default)]
pub(crate) struct Destroying {
    /// Destroys that wait for their time, the next one last.
    planned: Vec<(Instant, Destroy)>,
    /// The last one that has begun: nobody new is served.
    begun: Option<Destroy>,
    /// When a shard that closes stops waiting for its peers. Set once all sparks were ended.
    deadline: Option<Instant>,
    /// How far the closing of connections without a request is, once it has begun.
    pub(super) idle: Option<Cursor>,
    pub(super) has_closed_idle: bool,
}

impl Destroying {
    /// Plans a destroy. Each begins at its time. Of two with the same time the one that was planned
    /// first begins first.
    pub(super) fn plan(&mut self, options: Destroy, now: Instant) {
        let at = now + Duration::from_millis(options.timeout_ms);
        let place = self.planned.partition_point(|(other, _)| *other > at);
        self.planned.insert(place, (at, options));
    }

    /// Takes the next one whose time has come, which begins.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Destroy> {
        let (_, options) = self.planned.pop_if(|(at, _)| *at <= now)?;
        // What closes does not open again.
        let closes = self.closes() || options.close;
        let options = Destroy {
            close: closes,
            ..options
        };
        self.begun = Some(options);
        Some(options)
    }

    /// How the server ends. If nobody has asked for it, a shard has failed.
    pub(super) fn options(&self) -> Destroy {
        self.begun.unwrap_or(Destroy {
            reconnect: true,
            ..Destroy::default()
        })
    }

    /// All sparks were ended.
    pub(super) fn ended_all(&mut self, now: Instant) {
        if self.closes() {
            let deadline = now + Duration::from_millis(END_TIMEOUT_MS);
            // A further destroy gives nobody more time.
            self.deadline.get_or_insert(deadline);
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
        let planned = self.planned.last().map(|(at, _)| *at);
        [planned, self.deadline].into_iter().flatten().min()
    }

    /// Whether all sparks were ended, and every connection is closed or has had its time.
    pub(super) fn is_over(&self, now: Instant, has_connections: bool) -> bool {
        self.deadline
            .is_some_and(|deadline| !has_connections || deadline <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_ms(ms)
    }

    fn after(timeout_ms: u64, close: bool) -> Destroy {
        Destroy {
            timeout_ms,
            close,
            ..Destroy::default()
        }
    }

    #[test]
    fn each_begins_at_its_time() {
        let mut destroying = Destroying::default();
        destroying.plan(after(1_000, true), ms(0));
        destroying.plan(after(10, false), ms(0));
        destroying.plan(after(5, false), ms(5));
        assert_eq!(destroying.next_deadline(), Some(ms(10)));
        assert!(destroying.begin(ms(9)).is_none() && !destroying.has_begun());
        assert_eq!(destroying.begin(ms(10)), Some(after(10, false)));
        assert_eq!(destroying.begin(ms(10)), Some(after(5, false)));
        assert!(destroying.begin(ms(999)).is_none() && !destroying.closes());
        assert_eq!(destroying.begin(ms(1_000)), Some(after(1_000, true)));
        destroying.plan(after(0, false), ms(1_000));
        assert!(destroying.begin(ms(1_000)).is_some());
        assert!(destroying.closes(), "what closes does not open again");
    }

    #[test]
    fn another_one_gives_nobody_more_time() {
        let mut destroying = Destroying::default();
        destroying.plan(after(0, true), ms(0));
        assert!(destroying.begin(ms(0)).is_some());
        destroying.ended_all(ms(0));
        destroying.ended_all(ms(5_000));
        assert!(destroying.is_over(ms(END_TIMEOUT_MS), true));
    }
}
