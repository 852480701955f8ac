//! Sparks whose application takes less than their clients send: a future does not take the data of
//! a stream, a `connection` listener takes its time, or too many futures run. Whoever they belong
//! to is not listened to until there is room.
//!
//! # Invariants
//! - As long as nobody is here, it costs a comparison per message.
//! - What waits for a spark is taken up once its last reason is gone, or once the spark has ended.

use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::waiting::Waiting;
use crate::memory::Key;

impl<T: Transformer> Core<T> {
    /// There is a reason, or one more, why nothing may be handed to a spark.
    pub(super) fn begin_untaken(&mut self, spark: Key) {
        if self.is_open(spark) {
            self.untaken.begin(spark);
        }
    }

    /// One of them is gone.
    pub(super) fn end_untaken(&mut self, spark: Key) {
        if let Some(waiting) = self.untaken.end(spark) {
            self.take_up_untaken(spark, waiting);
        }
    }

    /// All of them are.
    pub(super) fn forget_untaken(&mut self, spark: Key) {
        if let Some(waiting) = self.untaken.take(spark) {
            self.take_up_untaken(spark, waiting);
        }
    }

    fn take_up_untaken(&mut self, spark: Key, waiting: Waiting) {
        for connection in waiting.connections {
            self.backlog.unpark(connection);
        }
        if waiting.proceeds {
            self.sessions.proceed_again(spark);
        }
    }
}
