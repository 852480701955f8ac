//! A page of a list, put together from the portions that shards give: each costs its shard a
//! bounded part of one turn.

use std::sync::Arc;

use allspark::{ListCursor, RequestHead, Response};

use super::answer;

/// Entries of a page, at most.
pub(super) const PAGE_MAX: usize = 1_000;

/// Entries of a page, unless a request says otherwise.
const PAGE_DEFAULT: usize = 100;

/// Portions that are asked for one page, at most: where nearly all places are empty, after a peak,
/// a page has fewer entries than it may.
const PORTIONS_MAX: usize = 64;

/// Is told a portion, and where the list goes on.
pub(super) type Told<R> = Box<dyn FnOnce(Vec<R>, Option<ListCursor>) + Send>;

/// Asks for a portion of so many at most.
type Ask<R> = Arc<dyn Fn(Option<ListCursor>, usize, Told<R>) + Send + Sync>;

/// What a request wants of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) limit: usize,
    pub(super) cursor: Option<ListCursor>,
}

impl Wanted {
    /// # Errors
    /// The query is wrong: what is answered.
    pub(super) fn read(head: &RequestHead<'_>) -> Result<Self, Response> {
        let query = head.query();
        let limit = match query.get("limit").map(|limit| limit.parse()) {
            None => PAGE_DEFAULT,
            Some(Ok(limit)) if limit <= PAGE_MAX => limit,
            Some(_) => {
                let message = format!("limit: 0 to {PAGE_MAX}");
                return Err(answer::error(400, "invalid", &message));
            }
        };
        let cursor = query.get("cursor").map(|cursor| cursor.parse());
        let cursor = cursor
            .transpose()
            .map_err(|error| answer::error(400, "invalid", &format!("cursor: {error}")))?;
        Ok(Self { limit, cursor })
    }
}

/// A page that is being put together.
pub(super) struct Gather<R> {
    entries: Vec<R>,
    limit: usize,
    portions: usize,
    ask: Ask<R>,
    done: Told<R>,
}

impl<R: Send + 'static> Gather<R> {
    /// Puts a page together by `ask`, and gives it to `done` with where the list goes on.
    pub(super) fn begin(
        wanted: Wanted,
        ask: impl Fn(Option<ListCursor>, usize, Told<R>) + Send + Sync + 'static,
        done: impl FnOnce(Vec<R>, Option<ListCursor>) + Send + 'static,
    ) {
        let gather = Self {
            entries: Vec::new(),
            limit: wanted.limit,
            portions: 0,
            ask: Arc::new(ask),
            done: Box::new(done),
        };
        match wanted.limit {
            0 => (gather.done)(Vec::new(), wanted.cursor),
            _ => gather.go_on(wanted.cursor),
        }
    }

    fn go_on(mut self, from: Option<ListCursor>) {
        let (ask, left) = (Arc::clone(&self.ask), self.limit - self.entries.len());
        let told = move |more: Vec<R>, next: Option<ListCursor>| {
            self.entries.extend(more);
            self.portions += 1;
            let may_go_on = self.entries.len() < self.limit && self.portions < PORTIONS_MAX;
            match next {
                Some(_) if may_go_on => self.go_on(next),
                next => (self.done)(self.entries, next),
            }
        };
        ask(from, left, Box::new(told));
    }
}
