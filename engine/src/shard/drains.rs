//! Futures that wait until little is left to be sent to a spark.

use allspark_protocol::transformer::Transformer;

use super::core::Core;
use crate::app::host::{Host, OnDrained};
use crate::memory::Key;

impl<T: Transformer> Core<T> {
    /// Calls a function now, or once little waits to be sent to this spark.
    pub(super) fn await_drained(&mut self, spark: Key, call: OnDrained) {
        if !self.is_open(spark) || self.is_drained(spark) {
            call();
        } else {
            self.drains.add(spark, call);
        }
    }

    fn is_drained(&self, spark: Key) -> bool {
        let waiting_bytes = self.send_queue_bytes(spark) + self.held_back.cost(spark);
        waiting_bytes <= self.net.rules().drained_bytes()
    }

    /// Something was sent to the spark of this connection.
    pub(super) fn drained_connection(&mut self, connection: Key) {
        if let Some(connection) = self.net.get(connection)
            && let Some(spark) = connection.owner.spark()
        {
            self.drained(spark);
        }
    }

    /// Something was sent to a spark.
    pub(super) fn drained(&mut self, spark: Key) {
        if self.drains.has(spark) && self.sessions.get(spark).is_some() && self.is_drained(spark) {
            let calls = self.drains.take(spark);
            calls.into_iter().for_each(|call| call());
        }
    }
}
