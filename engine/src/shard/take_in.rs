//! Messages of clients go through transforms, and those behind one that takes its time wait
//! ([`super::intake`]).

use std::sync::Arc;

use allspark_protocol::transformer::{Kind, Transformer};

use super::core::Core;
use super::effects::Effect;
use super::intake::Rest;
use crate::app::host::{Host, Transforms};
use crate::app::{self, Body, Fate, Incoming, Packet, Transformed};
use crate::guard;
use crate::memory::Key;

impl<T: Transformer> Core<T> {
    /// A message of a client, for which there are transforms.
    #[cold]
    pub(super) fn transform_incoming(
        &mut self,
        transforms: &Arc<Transforms>,
        spark: Key,
        kind: Kind,
        payload: &[u8],
    ) {
        if let Some((cost, is_full)) = self.intake.keep(spark, kind, payload) {
            return self.untaken(spark, cost, is_full);
        }
        let body = Body::new(self.options.parser, kind, payload);
        self.go_through(transforms, spark, &mut Packet::new(body), 0);
    }

    /// A message goes through the transforms, from this one on, and to the application.
    fn go_through(
        &mut self,
        transforms: &Arc<Transforms>,
        spark: Key,
        packet: &mut Packet<'_>,
        first: usize,
    ) {
        let number = self.intake.next_number();
        match app::incoming(self, spark, packet, transforms, first, number) {
            Incoming::Data => match packet.inner() {
                Some(inner) => app::deliver_inner(self, spark, &inner, packet.data()),
                None => app::data(self, spark, packet.data()),
            },
            Incoming::Nothing => {}
            Incoming::Waits(next) => {
                let transforms = Arc::clone(transforms);
                self.intake.wait(spark, number, Rest { transforms, next });
            }
        }
    }

    /// A transform has taken its time, and says what becomes of its message.
    pub(super) fn transformed(
        &mut self,
        spark: Key,
        number: u64,
        (body, transformed): (Body<'static>, Transformed),
    ) {
        let Some(Rest { transforms, next }) = self.intake.answered(spark, number) else {
            return;
        };
        if self.is_open(spark) {
            let mut packet = Packet::new(body);
            let outcome = packet.outcome(transformed, |_| unreachable!("a ticket does not wait"));
            match outcome {
                Ok(Fate::Next) => self.go_through(&transforms, spark, &mut packet, next),
                Ok(Fate::Drop | Fate::Later) => {}
                Err(error) => self.report(spark, error),
            }
        }
        // The plugin whose functions these are may have been removed meanwhile.
        guard::drop_value(transforms);
        self.effects.push(Effect::Intake(spark));
    }

    /// Goes on with the next message that waited, after everything that came of the one before.
    pub(super) fn take_in_next(&mut self, spark: Key) {
        if let Some(transforms) = self.transforms.clone()
            && let Some((kind, payload)) = self.intake.next(spark)
        {
            let body = Body::new(self.options.parser, kind, &payload);
            self.go_through(&transforms, spark, &mut Packet::new(body), 0);
            self.effects.push(Effect::Intake(spark));
        } else if !self.intake.is_waiting(spark) && self.intake.forget(spark) {
            self.end_untaken(spark);
        }
    }

    /// A spark has ended: nothing of it waits.
    pub(super) fn forget_intake(&mut self, spark: Key) {
        if !self.intake.is_empty() {
            self.intake.forget(spark);
        }
    }
}
