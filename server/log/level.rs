//! The least important events that are logged, which may change while the server runs.

use std::sync::Arc;

use tracing::level_filters::LevelFilter;

/// Says, and changes, what is logged. From any thread.
#[derive(Clone)]
pub(crate) struct LogLevel(Arc<dyn Fn(LevelFilter) -> bool + Send + Sync>);

impl LogLevel {
    pub(super) fn new(set: impl Fn(LevelFilter) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(set))
    }

    /// What is logged now.
    pub(crate) fn get() -> LevelFilter {
        LevelFilter::current()
    }

    /// From now on events of this level and above are logged. Returns false if the log is gone.
    pub(crate) fn set(&self, level: LevelFilter) -> bool {
        (self.0)(level)
    }
}
