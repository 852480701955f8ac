//! Which walk over all sparks is made next: one at a time, with a rest after each.

use std::collections::VecDeque;
use std::time::Instant;

use allspark::SparkId;

use super::bounds::{DASHBOARDS_MAX, WALK_EVERY, WALK_REST_FACTOR, WALK_TIMEOUT};

/// A walk that is to be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Census,
    /// A list of all rooms, with its number.
    Rooms {
        number: u64,
    },
    /// What a dashboard looks for, with the number of its question.
    Search {
        from: SparkId,
        n: u64,
        text: String,
    },
}

/// What is under way, and what waits.
pub(super) struct Walks {
    /// When the one began that is under way.
    begun: Option<Instant>,
    /// What is looked for, if it is a search.
    looked_for: String,
    next_census: Instant,
    /// Rooms are listed after each census.
    lists_rooms: bool,
    lists: u64,
    /// At most one of each dashboard: who asks again has changed its mind.
    searches: VecDeque<(SparkId, u64, String)>,
}

impl Walks {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            begun: None,
            looked_for: String::new(),
            next_census: now,
            lists_rooms: false,
            lists: 0,
            searches: VecDeque::new(),
        }
    }

    /// A dashboard looks for something.
    pub(super) fn ask(&mut self, from: SparkId, n: u64, text: String) {
        self.forget(from);
        if self.searches.len() < DASHBOARDS_MAX {
            self.searches.push_back((from, n, text));
        }
    }

    /// A dashboard is gone.
    pub(super) fn forget(&mut self, dashboard: SparkId) {
        self.searches.retain(|(from, ..)| *from != dashboard);
    }

    /// Somebody has come who has seen nothing yet.
    pub(super) fn soon(&mut self, now: Instant) {
        self.next_census = self.next_census.min(now + WALK_EVERY);
    }

    /// The walk that begins now, if one may: a search as soon as the walk before it is done.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        if self.begun.is_some_and(|begun| now < begun + WALK_TIMEOUT) {
            return None;
        }
        if let Some((from, n, text)) = self.searches.pop_front() {
            self.begun = Some(now);
            self.looked_for.clone_from(&text);
            return Some(Due::Search { from, n, text });
        }
        if self.lists_rooms {
            self.begun = Some(now);
            self.lists_rooms = false;
            self.lists += 1;
            return Some(Due::Rooms { number: self.lists });
        }
        if now < self.next_census {
            return None;
        }
        self.begun = Some(now);
        Some(Due::Census)
    }

    /// Whether a list of rooms is still waited for.
    pub(super) fn is_listing(&self, number: u64) -> bool {
        self.begun.is_some() && self.lists == number
    }

    /// A census is done.
    pub(super) fn counted(&mut self, now: Instant) {
        self.rest(now);
        self.lists_rooms = true;
    }

    /// A list of rooms is done.
    pub(super) fn listed(&mut self, now: Instant) {
        self.rest(now);
    }

    fn rest(&mut self, now: Instant) {
        let took = self.begun.take().map(|begun| now - begun);
        let rest = took.unwrap_or_default() * WALK_REST_FACTOR;
        self.next_census = self.next_census.max(now + rest.max(WALK_EVERY));
    }

    /// A search is done: for what.
    pub(super) fn searched(&mut self, now: Instant) -> String {
        let took = self.begun.take().map(|begun| now - begun);
        self.next_census = self.next_census.max(now + took.unwrap_or_default());
        std::mem::take(&mut self.looked_for)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id(number: u128) -> SparkId {
        format!("{number:0>21}").parse().unwrap()
    }

    #[test]
    fn one_walk_at_a_time_and_a_rest_that_grows_with_it() {
        let now = Instant::now();
        let s = |seconds| now + Duration::from_secs(seconds);
        let mut walks = Walks::new(now);
        assert_eq!(walks.due(now), Some(Due::Census));
        assert_eq!(walks.due(s(2)), None);
        walks.counted(s(2));
        // Rooms are listed at once, and then it rests for ten times as long as it took.
        assert_eq!(walks.due(s(2)), Some(Due::Rooms { number: 1 }));
        assert!(walks.is_listing(1) && !walks.is_listing(0));
        walks.listed(s(2));
        assert_eq!(walks.due(s(21)), None);
        assert_eq!(walks.due(s(22)), Some(Due::Census));
        // A shard that stands still keeps nobody from the next one for ever.
        assert_eq!(walks.due(s(51)), None);
        assert_eq!(walks.due(s(52)), Some(Due::Census));
    }

    #[test]
    fn a_search_comes_first_and_a_dashboard_has_one() {
        let now = Instant::now();
        let mut walks = Walks::new(now);
        walks.ask(id(1), 1, "a".to_owned());
        walks.ask(id(2), 1, "b".to_owned());
        walks.ask(id(1), 2, "c".to_owned());
        walks.ask(id(3), 1, "d".to_owned());
        walks.forget(id(3));
        let search = |number, n, text: &str| Due::Search {
            from: id(number),
            n,
            text: text.to_owned(),
        };
        assert_eq!(walks.due(now), Some(search(2, 1, "b")));
        assert_eq!(walks.due(now), None);
        assert_eq!(walks.searched(now), "b");
        assert_eq!(walks.due(now), Some(search(1, 2, "c")));
        walks.searched(now);
        assert_eq!(walks.due(now), Some(Due::Census));
    }
}
