//! Sparks whose `connection` event is not over, because a listener is `async`. Their data waits.

use allspark_protocol::transformer::{Kind, Transformer};

use super::core::Core;
use super::effects::Effect;
use crate::app::host::Host;
use crate::app::{self, Data, Decoded};
use crate::memory::Key;

impl<T: Transformer> Core<T> {
    /// Hands data to the application, unless the spark is opening.
    #[inline]
    pub(super) fn hand_on(&mut self, spark: Key, data: Data<'_>) {
        if self.openings.is_empty() || !self.keep_early(spark, data.kind(), data.encoded()) {
            app::data(self, spark, data);
        }
    }

    /// Keeps data of a spark that is opening. Returns whether it is.
    fn keep_early(&mut self, spark: Key, kind: Kind, payload: &[u8]) -> bool {
        let Some((cost, is_full)) = self.openings.keep(spark, kind, payload) else {
            return false;
        };
        self.untaken(spark, cost, is_full);
        true
    }

    /// A `connection` listener that others waited for is done.
    pub(super) fn listener_done(&mut self, spark: Key, result: Result<(), String>) {
        match result {
            Ok(()) if self.is_open(spark) => app::go_on_opening(self, spark),
            Ok(()) => {}
            Err(why) => self.listener_failed(spark, why),
        }
    }

    /// Hands on the oldest data that came while a spark was opening, and the next one after
    /// everything that comes of it.
    pub(super) fn hand_on_early(&mut self, spark: Key) {
        match self.openings.next(spark) {
            Some((kind, payload)) => {
                let (parser, decoded) = (self.server.options.parser, Decoded::default());
                app::data(self, spark, Data::new(parser, kind, &payload, &decoded));
                self.effects.push(Effect::Early(spark));
            }
            None if self.openings.forget(spark) => self.end_untaken(spark),
            None => {}
        }
    }
}
