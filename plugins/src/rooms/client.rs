//! What is kept with a client that asks for rooms. One that never does has nothing of it.

use super::rate::Rate;

pub(super) struct Client {
    pub(super) joins: Rate,
    pub(super) publishes: Rate,
    /// Bytes that its rooms were charged.
    pub(super) charged: usize,
}

impl Client {
    pub(super) const fn new() -> Self {
        Self {
            joins: Rate::new(),
            publishes: Rate::new(),
            charged: 0,
        }
    }
}
