//! Walks over all sparks: broadcasts, visits, and the end of everybody ([`super::ending`]). Each
//! turn does a bounded part of every walk that is under way.
//!
//! Sparks that a walk with broadcasts reaches later get everything that was broadcast meanwhile in
//! the same send; if it was already past some, another walk follows.

use std::sync::atomic::Ordering;

use allspark_protocol::transformer::{Kind, Transformer};
use smallvec::SmallVec;

use super::core::Core;
use crate::app;
use crate::app::host::Visitor;
use crate::app::target::Target;
use crate::fanout::{Audience, Budget, Part, Visit};
use crate::guard;
use crate::lines::Line;
use crate::memory::Key;
use crate::rooms::EVERYBODY;

impl<T: Transformer> Core<T> {
    /// Frames a message once for each wire format; the next walk sends it to every spark. Returns
    /// how many don't get it, because a frame can't hold it, which is counted and logged.
    pub(super) fn broadcast_here(&mut self, kind: Kind, payload: &[u8]) -> usize {
        if self.transforms.is_some() && self.waits_behind(None, kind, payload) {
            return 0;
        }
        self.frame_broadcast(kind, payload)
    }

    /// The same, once nothing that was written before waits.
    pub(super) fn frame_broadcast(&mut self, kind: Kind, payload: &[u8]) -> usize {
        if self.sessions.is_empty() {
            return 0;
        }
        self.counters().broadcasts.add(1);
        if self.broadcast_per_spark(kind, payload) {
            return 0;
        }
        let refused = self.log_for_all(kind, payload);
        if refused > 0 {
            let what = "a broadcast is longer than a frame can be; it was not sent";
            self.note_too_long(payload.len(), refused, what);
        }
        refused
    }

    /// Counts the sparks that do not get a message because no frame can hold it, and says so.
    pub(super) fn note_too_long(&self, bytes: usize, sparks: usize, what: &'static str) {
        if let Some(line) = self.may_log(Line::TooLong) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::error!(shard, bytes, sparks, unlogged, "{what}");
        }
        self.counters().messages_dropped.add(sparks as u64);
    }

    /// Puts a message into the log, framed once for each wire format; the next walk over all sparks
    /// sends it. Returns how many don't get it, because a frame can't hold it.
    pub(super) fn log_for_all(&mut self, kind: Kind, payload: &[u8]) -> usize {
        let (sparks, transformer) = self.sessions.by_wire_with_transformer();
        let blocks = &mut self.net.buffers.blocks;
        self.fanout.broadcast(sparks, blocks, |wire, out| {
            transformer.frame(wire, kind, payload, out);
        })
    }

    /// A broadcast to all sparks but some: a part of the log that is not for these. Returns how
    /// many don't get it, because a frame can't hold it.
    pub(super) fn broadcast_to_others(
        &mut self,
        target: &Target,
        kind: Kind,
        payload: &[u8],
    ) -> usize {
        if self.sessions.is_empty() {
            return 0;
        }
        self.counters().broadcasts.add(1);
        let audience = Audience {
            rooms: SmallVec::from_slice(&[EVERYBODY]),
            except: self.indexes_of(target),
        };
        if self.transforms.is_some() && self.per_spark().is_some() {
            self.fanout
                .broadcast_per_spark(kind, payload.into(), Some(audience));
            return 0;
        }
        let except = audience.except.clone();
        let (fanout, blocks) = (&mut self.fanout, &mut self.net.buffers.blocks);
        self.sessions
            .by_wire_without(&except, |sparks, transformer| {
                let frame = |wire, out: &mut Vec<u8>| transformer.frame(wire, kind, payload, out);
                fanout.broadcast_to(audience, sparks, blocks, frame)
            })
    }

    /// Goes on with all walks.
    pub(super) fn fan_out(&mut self, timers_are_late: bool) {
        let walks = self.fanout.walks()
            + usize::from(self.rooms.is_emptying())
            + usize::from(self.questions.has_some());
        if walks > 0 {
            self.walk_rooms(walks, timers_are_late);
            self.leave_emptied(Budget::new(walks, timers_are_late));
            self.answer_questions(Budget::new(walks, timers_are_late));
            self.walk(Budget::new(walks, timers_are_late));
            self.visit(Budget::new(walks, timers_are_late));
            self.step(Budget::new(walks, timers_are_late));
            self.end_sparks(Budget::new(walks, timers_are_late));
        }
        self.close_idle();
    }

    fn walk(&mut self, mut budget: Budget) {
        while let Some(cursor) = self.fanout.walk()
            && budget.look()
        {
            let Some(spark) = cursor.advance(|from| self.sessions.next_from(from)) else {
                return self.fanout.end_walk(&mut self.net.buffers.blocks);
            };
            self.bring(spark, &mut budget);
        }
    }

    /// A walk brings a spark what it has not seen.
    pub(super) fn bring(&mut self, spark: Key, budget: &mut Budget) {
        if let Some(offered_bytes) = self.send_broadcast(spark) {
            budget.work(offered_bytes);
        }
        if !self.fanout.per_spark.is_empty() {
            self.bring_per_spark(spark, budget);
        }
    }

    /// The same where each spark gets another message.
    #[cold]
    fn bring_per_spark(&mut self, spark: Key, budget: &mut Budget) {
        let (written, looked_at) = self.catch_up_per_spark(spark);
        (0..written).for_each(|_| budget.work(0));
        budget.look_longer(looked_at);
    }

    /// Sends a spark what it has not seen, if there is something. Returns how many bytes the kernel
    /// is offered at once.
    pub(super) fn send_broadcast(&mut self, spark: Key) -> Option<usize> {
        let slot = self.sessions.get_mut(spark)?;
        let wire = slot.state.wire;
        let from = self.fanout.due_from(wire, slot.state.seen)?;
        if !slot.is_open() {
            return None;
        }
        let (stream, head) = (slot.state.stream, self.fanout.head(wire));
        let piece = match self.fanout.has_posts() {
            false => Some(Part::Log(from..head)),
            true => {
                let mut due = self.due(spark, wire, from);
                if due.is_empty() {
                    self.sessions.get_mut(spark)?.state.seen = head;
                    return None;
                }
                // Frames that lie apart are put together in its queue.
                due.pop()
                    .filter(|last| due.is_empty() && last.reaches(head))
            }
        };
        if let (Some(key), Some(piece)) = (stream, piece) {
            // The usual case: nothing else waits, and everybody shares the bytes.
            let fanout = &mut self.fanout;
            let piece = |blocks: &mut _| fanout.whole(wire, piece, blocks);
            if let Some(offered_bytes) = self.net.send_now(key, piece) {
                self.sessions.get_mut(spark)?.state.seen = head;
                if self.traced.is_some() {
                    self.trace_out(spark, offered_bytes, "broadcast out");
                }
                return Some(offered_bytes);
            }
        }
        self.catch_up_log(spark);
        Some(0)
    }

    fn visit(&mut self, mut budget: Budget) {
        while let Some(mut visit) = self.fanout.take_visit() {
            let is_done = self.go_on_visiting(&mut visit, &mut budget);
            if !is_done {
                return self.fanout.put_visit(visit);
            }
            guard::drop_value(visit.visitor);
        }
    }

    /// Returns whether everybody was visited, or the visitor wants no more.
    fn go_on_visiting(&mut self, visit: &mut Visit<Visitor>, budget: &mut Budget) -> bool {
        while budget.look() {
            let is_stopped = visit.stopped.load(Ordering::Relaxed);
            let next = visit.cursor.advance(|from| self.sessions.next_from(from));
            let Some(spark) = next.filter(|_| !is_stopped) else {
                return true;
            };
            if self.is_open(spark) {
                budget.work(0);
                if !app::visit(self, spark, &visit.visitor) {
                    visit.stopped.store(true, Ordering::Relaxed);
                }
                self.settle();
            }
        }
        false
    }

    /// Goes on with visits whose visitors take their time, those of them that need not wait.
    fn step(&mut self, mut budget: Budget) {
        while budget.look()
            && let Some((walk, step)) = self.fanout.steps.take_ready()
        {
            let sessions = &self.sessions;
            let next = self.fanout.steps.advance(
                walk,
                |from| sessions.next_from(from),
                |index| sessions.key_at(index),
            );
            let Some(spark) = next.filter(|_| !step.leg.is_stopped()) else {
                self.fanout.steps.end(walk);
                guard::drop_value(step);
                continue;
            };
            if self.is_open(spark) {
                budget.work(0);
                app::step(self, spark, &step.visitor, walk);
                self.settle();
            } else {
                self.fanout.steps.go_on(walk);
            }
            self.fanout.steps.put(walk, step);
        }
    }
}
