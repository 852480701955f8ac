//! Messages go through the transforms that know the spark, and those behind one that takes its time
//! are held back ([`super::held_back`]).
//!
//! These transforms are called where a message would be put into the queue of its spark, so what a
//! spark is to be written comes here in its order, whether it was written to this spark, to all or
//! to rooms. What is held back is therefore one list per spark. Messages of Primus itself pass it.

use std::sync::Arc;

use allspark_protocol::transformer::{Kind, Transformer};

use super::core::Core;
use super::effects::Effect;
use super::held_back::{Course, Message, Next, Payload};
use crate::app::host::{Host, Transforms};
use crate::app::{self, Body, EndReason, Fate, OfSpark, Packet};
use crate::guard;
use crate::limits::SPARKS_PER_TURN;
use crate::memory::Key;
use crate::net::{Bound, TooMuch};

impl<T: Transformer> Core<T> {
    /// Has a message that is written to an open spark go through the transforms that know it,
    /// behind those that are held back.
    #[cold]
    pub(super) fn write_per_spark<P>(
        &mut self,
        transforms: &Arc<Transforms>,
        spark: Key,
        kind: Kind,
        payload: P,
    ) where
        P: AsRef<[u8]> + Into<Payload>,
    {
        if !self.is_open(spark) {
            return;
        }
        if self.held_back.has(spark) {
            let payload = payload.into();
            return self.hold_back(spark, Message { kind, payload });
        }
        let body = Body::new(self.options.parser, kind, payload.as_ref());
        self.go_through_per_spark(spark, transforms, &mut Packet::new(body), 0);
    }

    /// A message goes through these transforms, from this one on, and into the queue of its spark.
    fn go_through_per_spark(
        &mut self,
        spark: Key,
        transforms: &Arc<Transforms>,
        packet: &mut Packet<'_>,
        first: usize,
    ) {
        let number = self.held_back.next_number();
        let outcome =
            guard::call(|| app::outgoing_per_spark(self, spark, transforms, packet, first, number));
        match outcome {
            Ok(Ok(OfSpark::Message)) => {
                let (kind, payload) = packet.encoded();
                self.write_message(spark, kind, payload);
            }
            Ok(Ok(OfSpark::Nothing)) => {}
            Ok(Ok(OfSpark::Waits { next, bytes })) => {
                let course = Course {
                    number,
                    transforms: Arc::clone(transforms),
                    next,
                    bytes,
                };
                self.held_back.ask(spark, course);
                self.held_back_more(spark);
            }
            Ok(Err(error)) => self.effects.push(Effect::Error(spark, error)),
            Err(panicked) => {
                self.tell_panic(&panicked, "a transform panicked; the spark ends");
                self.end_behind(spark);
            }
        }
    }

    /// Ends a spark, without what was broadcast and not written to it yet.
    fn end_behind(&mut self, spark: Key) {
        if self.set_closed(spark) {
            self.effects.push(Effect::End {
                spark,
                reconnect: true,
                reason: EndReason::Panicked,
            });
        }
    }

    /// Holds a message back, within the bound of a send queue and by its policy.
    fn hold_back(&mut self, spark: Key, message: Message) {
        let bound = Bound {
            cost_max: self.options.send_queue_bytes_max.size(),
            policy: self.options.send_policy,
        };
        match self.held_back.keep(spark, message, bound) {
            Ok(dropped) => {
                self.counters().messages_dropped.add(dropped as u64);
                self.held_back_more(spark);
            }
            Err(TooMuch) if bound.policy.ends_spark() => self.overflow(spark),
            Err(TooMuch) => self.counters().messages_dropped.add(1),
        }
    }

    /// More is held back for a spark than before. Its client may not be listened to from now on.
    fn held_back_more(&mut self, spark: Key) {
        let (cost, is_full) = self.held_back.grown(spark);
        self.untaken(spark, cost, is_full);
    }

    /// Writes what transforms that know the spark have taken their time for, and what was held back
    /// behind it: so much per turn as a walk does.
    pub(super) fn write_released(&mut self) {
        if !self.held_back.has_ready() {
            return;
        }
        let mut left = SPARKS_PER_TURN;
        while left > 0
            && let Some(spark) = self.held_back.take_ready()
        {
            self.release(spark, &mut left);
        }
        self.settle();
    }

    /// Goes on with what is held back for a spark, until a transform takes its time again.
    fn release(&mut self, spark: Key, left: &mut usize) {
        while self.is_open(spark) {
            if *left == 0 {
                return self.held_back.put_ready(spark);
            }
            let Some(next) = self.held_back.next(spark) else {
                break;
            };
            *left -= 1;
            match next {
                Next::Answered(course, answer) => self.go_on_per_spark(spark, course, *answer),
                Next::Message(message) => {
                    self.write_next(spark, message.kind, message.payload.as_ref());
                }
            }
        }
        if self.is_open(spark) && self.held_back.is_done(spark) {
            self.forget_held_back(spark);
            if !self.drains.is_empty() {
                self.drained(spark);
            }
        }
    }

    /// A message whose transform has taken its time goes through the others.
    fn go_on_per_spark(&mut self, spark: Key, course: Course, (body, transformed): app::Answer) {
        let mut packet = Packet::new(body);
        let outcome = packet.outcome(transformed, |_| unreachable!("a ticket does not wait"));
        match outcome {
            Ok(Fate::Next) => {
                let Course {
                    transforms, next, ..
                } = &course;
                self.go_through_per_spark(spark, transforms, &mut packet, *next);
            }
            Ok(Fate::Drop | Fate::Later) => {}
            Err(error) => self.report(spark, error),
        }
        // The plugin whose functions these are may have been removed meanwhile.
        guard::drop_value(course);
    }

    /// A message that was held back has its turn.
    fn write_next(&mut self, spark: Key, kind: Kind, payload: &[u8]) {
        let Some(transforms) = self.transforms.clone() else {
            return self.write_message(spark, kind, payload);
        };
        let body = Body::new(self.options.parser, kind, payload);
        self.go_through_per_spark(spark, &transforms, &mut Packet::new(body), 0);
    }

    /// Nothing is held back for a spark any more, or it has ended.
    pub(super) fn forget_held_back(&mut self, spark: Key) {
        if self.held_back.has(spark) && self.held_back.forget(spark) {
            self.end_untaken(spark);
        }
    }
}
