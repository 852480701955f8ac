//! What is kept of one spark.

use allspark_protocol::Instant;
use allspark_protocol::transformer::Context;

use super::carried::Carried;
use super::carrier::carrier_of;
use crate::app::ReadyState;
use crate::app::host::SparkState;

/// One spark with the session of its transformer.
pub(crate) struct Slot<S> {
    pub(crate) state: SparkState,
    pub(crate) session: S,
    /// What it has if it is not bound to one connection.
    pub(crate) carried: Option<Box<Carried>>,
}

impl<S> Slot<S> {
    /// Whether its session outlives connections.
    pub(crate) fn is_carried(&self) -> bool {
        self.carried.is_some()
    }

    /// Whether it has not ended.
    pub(crate) fn is_open(&self) -> bool {
        self.state.ready == ReadyState::Open
    }

    pub(super) fn context(&self, now: Instant) -> Context {
        Context {
            now,
            id: self.state.id,
            stream: self.state.stream.map(carrier_of),
        }
    }
}
