//! How far the end of a server is.

use std::time::Duration;

use allspark_protocol::Instant;

use crate::app::{Destroy, Drain};
use crate::fanout::Cursor;
use crate::limits::END_TIMEOUT_MS;

/// How a server is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Destroy(Destroy),
    Drain(Drain),
}

impl Order {
    /// What the application is told, and what counts for those who are left.
    fn as_destroy(self) -> Destroy {
        match self {
            Self::Destroy(options) => options,
            Self::Drain(options) => Destroy {
                reconnect: true,
                timeout_ms: options.delay_ms,
                ..Destroy::default()
            },
        }
    }
}

/// What a shard knows of the end of its server.
#[derive(Debug, Default)]
pub(crate) struct Destroying {
    /// Destroys that wait for their time, the next one last.
    planned: Vec<(Instant, Order)>,
    /// The last one that has begun: nobody new is served.
    begun: Option<Order>,
    /// A drain has begun, and until then whoever comes is served.
    serves_until: Option<Instant>,
    /// When a shard that closes stops waiting for its peers. Set once all sparks were ended.
    deadline: Option<Instant>,
    /// How far the closing of connections without a request is, once it has begun.
    pub(super) idle: Option<Cursor>,
    pub(super) has_closed_idle: bool,
}

impl Destroying {
    /// Plans an end. Each begins at its time. Of two with the same time the one that was planned
    /// first begins first.
    pub(super) fn plan(&mut self, order: Order, now: Instant) {
        let at = now + Duration::from_millis(order.as_destroy().timeout_ms);
        let place = self.planned.partition_point(|(other, _)| *other > at);
        self.planned.insert(place, (at, order));
    }

    /// Takes the next one whose time has come, which begins.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Order> {
        let (_, mut order) = self.planned.pop_if(|(at, _)| *at <= now)?;
        self.serves_until = None;
        match &mut order {
            // What closes does not open again.
            Order::Destroy(options) => options.close |= self.closes(),
            Order::Drain(options) => {
                self.serves_until = Some(now + Duration::from_millis(options.linger_ms));
            }
        }
        self.begun = Some(order);
        Some(order)
    }

    /// How the server ends. If nobody has asked for it, a shard has failed.
    pub(super) fn options(&self) -> Destroy {
        let of_a_failure = Destroy {
            reconnect: true,
            ..Destroy::default()
        };
        self.begun.map_or(of_a_failure, Order::as_destroy)
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

    /// Whether a destroy has begun, after which there is no Primus any more.
    pub(super) fn is_destroyed(&self) -> bool {
        self.has_begun() && !self.drains()
    }

    /// Whether a drain has begun.
    pub(super) fn drains(&self) -> bool {
        self.serves_until.is_some()
    }

    /// Whether nobody new is served on a connection that becomes his own. While a server drains
    /// such a client is served for as long as others are: it would only have to come again.
    pub(super) fn refuses_streams(&self) -> bool {
        self.is_destroyed() || (self.has_begun() && self.deadline.is_some())
    }

    /// Whether nobody new is served on a connection for requests. A client that was told to
    /// reconnect may have kept one, on which it would come again and again.
    pub(super) fn refuses_sessions(&self, now: Instant) -> bool {
        self.has_begun() && self.serves_until.is_none_or(|until| until <= now)
    }

    /// Whether the shard ends, too.
    pub(super) fn closes(&self) -> bool {
        self.begun.is_some_and(|order| order.as_destroy().close)
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

    fn plan(destroying: &mut Destroying, options: Destroy, now: Instant) {
        destroying.plan(Order::Destroy(options), now);
    }

    fn begin(destroying: &mut Destroying, now: Instant) -> Option<Destroy> {
        destroying.begin(now).map(Order::as_destroy)
    }

    #[test]
    fn each_begins_at_its_time() {
        let mut destroying = Destroying::default();
        plan(&mut destroying, after(1_000, true), ms(0));
        plan(&mut destroying, after(10, false), ms(0));
        plan(&mut destroying, after(5, false), ms(5));
        assert_eq!(destroying.next_deadline(), Some(ms(10)));
        assert!(begin(&mut destroying, ms(9)).is_none() && !destroying.has_begun());
        assert_eq!(begin(&mut destroying, ms(10)), Some(after(10, false)));
        assert_eq!(begin(&mut destroying, ms(10)), Some(after(5, false)));
        assert!(begin(&mut destroying, ms(999)).is_none() && !destroying.closes());
        assert_eq!(begin(&mut destroying, ms(1_000)), Some(after(1_000, true)));
        plan(&mut destroying, after(0, false), ms(1_000));
        assert!(begin(&mut destroying, ms(1_000)).is_some());
        assert!(destroying.closes(), "what closes does not open again");
    }

    #[test]
    fn another_one_gives_nobody_more_time() {
        let mut destroying = Destroying::default();
        plan(&mut destroying, after(0, true), ms(0));
        assert!(begin(&mut destroying, ms(0)).is_some());
        destroying.ended_all(ms(0));
        destroying.ended_all(ms(5_000));
        assert!(destroying.is_over(ms(END_TIMEOUT_MS), true));
    }

    #[test]
    fn who_comes_while_a_server_drains_is_served_if_he_will_not_come_again() {
        let mut destroying = Destroying::default();
        let drain = Drain {
            delay_ms: 100,
            linger_ms: 50,
            ..Drain::default()
        };
        destroying.plan(Order::Drain(drain), ms(0));
        assert!(destroying.begin(ms(99)).is_none() && !destroying.drains());
        assert_eq!(destroying.begin(ms(100)), Some(Order::Drain(drain)));
        assert!(destroying.closes() && destroying.options().reconnect);
        assert!(!destroying.refuses_streams() && !destroying.refuses_sessions(ms(149)));
        assert!(!destroying.refuses_streams() && destroying.refuses_sessions(ms(150)));
        destroying.ended_all(ms(900));
        assert!(destroying.refuses_streams());
        plan(&mut destroying, after(0, false), ms(1_000));
        assert!(begin(&mut destroying, ms(1_000)).is_some_and(|options| options.close));
        assert!(!destroying.drains() && destroying.refuses_streams());
    }
}
