//! Sparks whose `connection` event is not over, because a listener is `async`. Their data waits.

use allspark_protocol::transformer::{Kind, Transformer};

use super::core::Core;
use super::effects::Effect;
use crate::app::host::Host;
use crate::app::{self, Data, Decoded};
use crate::memory::Key;

impl<T: Transformer> Core<T> {
    /// Hands a message to the transforms, or to the application.
    #[inline]
    pub(super) fn hand_on(&mut self, spark: Key, kind: Kind, payload: &[u8]) {
        match self.transforms.clone() {
            None => {
                let decoded = Decoded::default();
                let parser = self.options.parser;
                app::data(self, spark, Data::new(parser, kind, payload, &decoded));
            }
            Some(transforms) => self.transform_incoming(&transforms, spark, kind, payload),
        }
    }

    /// The same while some sparks are opening: what theirs have sent is kept.
    #[cold]
    pub(super) fn hand_on_or_keep(&mut self, spark: Key, kind: Kind, payload: &[u8]) {
        match self.openings.keep(spark, kind, payload) {
            Some((cost, is_full)) => self.untaken(spark, cost, is_full),
            None => self.hand_on(spark, kind, payload),
        }
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
                self.hand_on(spark, kind, &payload);
                self.effects.push(Effect::Early(spark));
            }
            None if self.openings.forget(spark) => self.end_untaken(spark),
            None => {}
        }
    }
}
