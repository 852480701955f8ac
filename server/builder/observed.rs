//! Who is told of what a server does.

use std::sync::Arc;

use allspark_engine::Access;

use super::Builder;

impl Builder {
    /// Calls `tell` with each request that was answered, for an access log: on the thread of its
    /// shard, so it must not wait. Default: nobody is told, and nothing is kept of requests.
    #[must_use]
    pub fn on_answered(mut self, tell: impl Fn(&Access<'_>) + Send + Sync + 'static) -> Self {
        self.engine.on_answered = Some(Arc::new(tell));
        self
    }
}
