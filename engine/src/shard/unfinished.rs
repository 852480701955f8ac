//! A batch of another thread that was not done in one turn.

use std::sync::Arc;

use crate::app::act::Acts;

/// A batch, and how far it is.
pub(crate) struct Unfinished {
    pub(super) acts: Arc<Acts>,
    pub(super) act: usize,
    /// The next spark of that act.
    pub(super) spark: usize,
}

impl Unfinished {
    pub(super) fn new(acts: Arc<Acts>) -> Self {
        Self {
            acts,
            act: 0,
            spark: 0,
        }
    }
}
