//! Batches: what other threads ask for together ([`crate::Batch`]) is done in one turn, or in as
//! few as may be.

use std::sync::Arc;

use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::rooms::RoomCommand;
use super::unfinished::Unfinished;
use crate::app::EndReason;
use crate::app::act::{Act, Acts, Deed};
use crate::limits::BATCH_WORK_PER_TURN;

/// What the end of a spark counts as: its session says goodbye, and the application is told.
const END_WORK: usize = 16;

impl<T: Transformer> Core<T> {
    /// Goes on with a batch that was not done in an earlier turn. Returns whether it is done.
    pub(super) fn go_on_with_batch(&mut self) -> bool {
        let Some(mut batch) = self.batch.take() else {
            return true;
        };
        self.upkeep.has_worked = true;
        let is_done = self.do_acts(&mut batch, BATCH_WORK_PER_TURN);
        if !is_done {
            self.batch = Some(batch);
        }
        self.settle();
        is_done
    }

    /// Does all of a batch, which a handler of this shard asked for.
    pub(super) fn do_at_once(&mut self, acts: &Arc<Acts>) {
        self.do_acts(&mut Unfinished::new(Arc::clone(acts)), usize::MAX);
    }

    /// Returns whether it is done: not if it would be more work than that.
    fn do_acts(&mut self, batch: &mut Unfinished, work_max: usize) -> bool {
        let acts = Arc::clone(&batch.acts);
        let mut left = work_max;
        while let Some(act) = acts.list.get(batch.act) {
            if left == 0 {
                return false;
            }
            match act {
                Act::Each { sparks, deed } => {
                    while let Some(spark) = sparks.get(batch.spark) {
                        if left == 0 {
                            return false;
                        }
                        left = left.saturating_sub(self.do_deed(*spark, deed));
                        batch.spark += 1;
                    }
                }
                act => {
                    let before = self.room_lists.queued;
                    self.do_act(act);
                    let queued = self.room_lists.queued.wrapping_sub(before);
                    left = left.saturating_sub(queued + act.names());
                }
            }
            (batch.act, batch.spark) = (batch.act + 1, 0);
        }
        true
    }

    fn do_act(&mut self, act: &Act) {
        match act {
            // Who does not get it is counted and logged.
            Act::Broadcast { kind, payload } => drop(self.broadcast_here(*kind, payload)),
            Act::BroadcastLater(awaited) => self.write_later(None, Arc::clone(awaited)),
            Act::Publish(publish) => self.carry_out_in_rooms(RoomCommand::Publish(publish)),
            Act::PublishLater(publish) => {
                let (target, awaited) = (Arc::clone(&publish.target), Arc::clone(&publish.awaited));
                self.publish_later(target, awaited);
            }
            Act::Each { .. } => unreachable!("it is done spark by spark"),
        }
    }

    /// Returns how much work it was.
    fn do_deed(&mut self, spark: SparkId, deed: &Deed) -> usize {
        // Of other shards' sparks none is found here, as the ids differ.
        let Some(spark) = self.find_open(spark) else {
            return 1;
        };
        match deed {
            Deed::Write { kind, payload } => self.write_to(spark, *kind, payload),
            Deed::WriteLater(awaited) => self.write_later(Some(spark), Arc::clone(awaited)),
            Deed::Join(rooms) => {
                self.carry_out_in_rooms(RoomCommand::Join(spark, rooms));
                return 1 + rooms.len();
            }
            Deed::Leave(rooms) => {
                let left = self.rooms.count_of(spark.index);
                self.carry_out_in_rooms(RoomCommand::Leave(spark, rooms.as_deref()));
                return 1 + rooms.as_ref().map_or(left, Vec::len);
            }
            Deed::End(options) => {
                let left = self.rooms.count_of(spark.index);
                self.end(spark, options.reconnect, EndReason::Application);
                return END_WORK + left;
            }
        }
        1
    }
}
