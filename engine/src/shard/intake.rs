//! Messages of clients go through transforms. While one takes its time, what its client sends waits
//! behind it, so that messages keep their order; other clients do not wait.
//!
//! # Invariants
//! - Nobody is here for whom no transform takes its time.
//! - What waits for one spark is bounded by the bound of its send queue.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use allspark_protocol::transformer::{Kind, Transformer};

use super::core::Core;
use super::effects::Effect;
use super::reason::EndReason;
use crate::app::host::{Host, Transforms};
use crate::app::{self, Body, Fate, Incoming, Packet, SparkError, Transformed};
use crate::memory::Key;

/// A spark for one of whose messages a transform takes its time.
#[derive(Default)]
struct Waiting {
    /// The number by which the answer is known, and the transform behind the one that gives it.
    /// `None` once it was given.
    answer: Option<(u64, usize)>,
    /// What its client sent since.
    messages: VecDeque<(Kind, Box<[u8]>)>,
    cost: usize,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Intake {
    waiting: HashMap<Key, Waiting>,
    /// How many answers were waited for so far.
    number: u64,
}

impl Intake {
    /// Keeps a message behind one that waits. Returns what all of them cost, or `None` if none
    /// waits.
    fn keep(&mut self, spark: Key, kind: Kind, payload: &[u8]) -> Option<usize> {
        let waiting = self.waiting.get_mut(&spark)?;
        waiting.cost += cost(payload);
        waiting.messages.push_back((kind, payload.into()));
        Some(waiting.cost)
    }

    /// An answer is waited for. Returns its number, which is none before.
    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// An answer has come. Returns which transform is next, if it was waited for.
    fn answered(&mut self, spark: Key, number: u64) -> Option<usize> {
        let waiting = self.waiting.get_mut(&spark)?;
        let (_, next) = waiting
            .answer
            .take_if(|(expected, _)| *expected == number)?;
        Some(next)
    }

    /// The oldest message of a spark whose transforms do not take their time any more. Without one
    /// the spark is forgotten.
    fn next(&mut self, spark: Key) -> Option<(Kind, Box<[u8]>)> {
        let waiting = self.waiting.get_mut(&spark)?;
        if waiting.answer.is_some() {
            return None;
        }
        let message = waiting.messages.pop_front();
        match &message {
            Some((_, payload)) => waiting.cost -= cost(payload),
            None => drop(self.waiting.remove(&spark)),
        }
        message
    }
}

/// What a message costs that waits.
fn cost(payload: &[u8]) -> usize {
    size_of::<(Kind, Box<[u8]>)>() + payload.len()
}

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
        if let Some(cost) = self.intake.keep(spark, kind, payload) {
            if cost > self.server.options.send_queue_bytes_max.max(payload.len()) {
                self.end_of_patience(spark);
            }
            return;
        }
        let body = Body::new(self.server.options.parser, kind, payload);
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
            Incoming::Data => {
                let (kind, payload) = packet.encoded();
                self.hand_on(spark, kind, payload);
            }
            Incoming::Nothing => {}
            Incoming::Waits(next) => {
                let waiting = self.intake.waiting.entry(spark).or_default();
                waiting.answer = Some((number, next));
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
        let Some(next) = self.intake.answered(spark, number) else {
            return;
        };
        if let Some(transforms) = self.transforms.clone()
            && self.is_open(spark)
        {
            let mut packet = Packet::new(body);
            let outcome = packet.outcome(transformed, |_| unreachable!("a ticket does not wait"));
            match outcome {
                Ok(Fate::Next) => self.go_through(&transforms, spark, &mut packet, next),
                Ok(Fate::Drop | Fate::Later) => {}
                Err(error) => self.report(spark, error),
            }
        }
        self.effects.push(Effect::Intake(spark));
    }

    /// Goes on with the next message that waited, after everything that came of the one before.
    pub(super) fn take_in_next(&mut self, spark: Key) {
        let Some(transforms) = self.transforms.clone() else {
            return;
        };
        while let Some((kind, payload)) = self.intake.next(spark) {
            if self.is_open(spark) {
                let body = Body::new(self.server.options.parser, kind, &payload);
                self.go_through(&transforms, spark, &mut Packet::new(body), 0);
                return self.effects.push(Effect::Intake(spark));
            }
        }
    }

    /// A client sends more than may wait for the transforms of the application.
    fn end_of_patience(&mut self, spark: Key) {
        let reason = "it sends more than may wait for a transform";
        self.effects
            .push(Effect::Error(spark, SparkError::Violation(reason)));
        self.end(spark, true, EndReason::Violation);
    }

    /// A spark has ended: nothing of it waits.
    pub(super) fn forget_intake(&mut self, spark: Key) {
        if !self.intake.waiting.is_empty() {
            self.intake.waiting.remove(&spark);
        }
    }
}
