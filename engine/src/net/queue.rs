//! What waits to be sent on one connection, or to be taken by the session of a polling client,
//! bounded in what it costs.
//!
//! What it costs is bytes, their frames' ends, and the structure of slices and blocks. Blocks of
//! broadcasts are shared by many queues; each counts its part as if it were alone.
//!
//! # Invariants
//! - Bytes leave in the order in which they were written.
//! - A frame of which a part was sent is never dropped; nor is one that is not a message.
//! - A message is refused or something older dropped only when the queue is not empty: a single
//!   message larger than the bound still passes.
//! - What lies in a receive buffer leaves in the turn in which it was queued, or is copied
//!   ([`SendQueue::own`]).
//! - While something waits, it keeps alive at most a few times the memory that is counted, and one
//!   block of broadcasts more.

use std::collections::VecDeque;
use std::rc::Rc;

use super::keyed::Keyed;
use crate::config::SendPolicy;
use crate::memory::{Block, BlockPool, FrameClass, FrameTooLong, Mark, Slice, unshared};

/// Bytes up to which everything that waits is put together for one send.
const GATHER_BYTES_MAX: usize = 64 * 1024;

/// Slices of one send, at most: as many as the kernel takes (`IOV_MAX`).
const BATCH_SLICES_MAX: usize = 1024;

/// Bytes up to which a slice is copied behind others: a copy costs less than a slice does.
const SHORT_BYTES_MAX: usize = 512;

/// Bytes of a block beyond which another one is begun.
const CHUNK_BYTES: usize = 64 * 1024;

/// What a slice costs beside its bytes: its place in a list that grows by doubling, and a block.
const SLICE_COST: usize = 2 * size_of::<Slice>() + size_of::<Block>() + 2 * size_of::<usize>();

/// What the end of a frame costs.
const FRAME_COST: usize = size_of::<u32>();

/// Slices for which an empty queue keeps memory.
const SLICES_KEPT_MAX: usize = 16;

/// How many times its bytes a slice may keep alive before it is worth a copy.
const PINNED_TIMES_MAX: usize = 4;

/// Frames of one connection that wait to be sent.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    /// The rest of a frame whose beginning was sent; it was at the front when others were dropped.
    partial: Option<Slice>,
    /// Frames that come next, as they were not dropped when older and newer ones were.
    kept: Option<Rc<Block>>,
    slices: VecDeque<Slice>,
    /// Frames written since the last slice, still growing.
    open: Option<Rc<Block>>,
    /// How far `open` was written before its last frame, if a later one may take its place.
    latest: Option<Mark>,
    /// Where messages with keys wait, while the kernel takes nothing.
    keyed: Option<Box<Keyed>>,
    /// How many slices were taken from the front, less those that were put there.
    taken: i64,
    /// An answer waits that serves all questions before it.
    has_id: bool,
    /// The kernel refused something, or nobody has asked for what waits: it may stay for long.
    waits: bool,
    bytes: usize,
    frames: usize,
    exempt_bytes: usize,
    /// What the shard counts for this queue.
    counted: usize,
}

/// What became of an attempt to queue frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Queued; so many older messages were dropped for it.
    Queued { dropped: usize },
    /// Queued in the place of an older value.
    Replaced,
    /// Not queued: the policy drops the newest messages.
    Dropped,
    /// Not queued: the policy is to end the spark.
    Overflow,
}

/// What a queue may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(crate) cost_max: usize,
    pub(crate) policy: SendPolicy,
}

/// What one send carries.
#[derive(Debug)]
pub(crate) enum Batch {
    One(Slice),
    Many(Vec<Slice>),
}

impl SendQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What they cost.
    pub(crate) fn cost(&self) -> usize {
        let own = [&self.kept, &self.open].into_iter().flatten().count();
        let slices = self.slices.len() + own + usize::from(self.partial.is_some());
        let keyed = self.keyed.as_ref().map_or(0, |keyed| keyed.cost());
        self.bytes + self.frames * FRAME_COST + slices * SLICE_COST + keyed
    }

    /// Bytes of frames that wait and that no policy bounds.
    pub(crate) fn exempt_bytes(&self) -> usize {
        let own = [&self.kept, &self.open].into_iter().flatten();
        self.exempt_bytes + own.map(|block| block.exempt_bytes()).sum::<usize>()
    }

    /// Whether an answer waits that answers everything that was asked before.
    pub(crate) fn has_id(&self) -> bool {
        self.has_id
    }

    /// Such an answer was just written.
    pub(crate) fn set_has_id(&mut self) {
        self.has_id = true;
    }

    /// What is written from now on may stay for long, so it is not to waste memory.
    pub(crate) fn set_waits(&mut self) {
        self.waits = true;
    }

    /// Writes one frame at the end, whatever the bound.
    pub(crate) fn write(
        &mut self,
        pool: &mut BlockPool,
        class: FrameClass,
        frame: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), FrameTooLong> {
        let written = self.append(pool, class, frame).map(|mark| {
            // A frame without bytes does not count: it would end where the one before it ends.
            if self
                .open
                .as_ref()
                .is_some_and(|open| open.len() == mark.bytes())
            {
                self.take_back(mark);
            }
        });
        self.count(pool);
        written
    }

    /// As [`SendQueue::write`], for a frame that takes the place of the last one if that has the
    /// same first byte, was written like this and nothing came after it.
    pub(crate) fn write_latest(&mut self, pool: &mut BlockPool, frame: &[u8]) {
        if let (Some(mark), Some(open)) = (self.latest, &mut self.open)
            && open.bytes()[mark.bytes()..].first() == frame.first()
        {
            self.bytes -= open.len() - mark.bytes();
            self.frames -= 1;
            unshared(open).cut(mark);
        }
        let write = |out: &mut Vec<u8>| out.extend_from_slice(frame);
        self.latest = self.append(pool, FrameClass::Exempt, write).ok();
        self.count(pool);
    }

    /// Writes one message within the bound. What counts is the frame, not what it was made from.
    pub(crate) fn write_message(
        &mut self,
        pool: &mut BlockPool,
        bound: Bound,
        frame: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Admission, FrameTooLong> {
        let passes = self.is_empty();
        let mark = self.append(pool, FrameClass::Message, frame)?;
        let admission = if passes || self.cost() <= bound.cost_max {
            Admission::Queued { dropped: 0 }
        } else if let Some(refusal) = refusal(bound.policy) {
            self.take_back(mark);
            self.compact_ends(pool);
            refusal
        } else {
            let newest = self.split_newest(mark, pool);
            let dropped = self.drop_for(&newest, bound, pool);
            self.push_back(newest, pool);
            Admission::Queued { dropped }
        };
        self.count(pool);
        Ok(admission)
    }

    /// Puts shared messages at the end, within the bound.
    pub(crate) fn push_messages(
        &mut self,
        slice: Slice,
        bound: Bound,
        pool: &mut BlockPool,
    ) -> Admission {
        let admission = if self.is_empty() || self.cost_with(&slice) <= bound.cost_max {
            self.push_back(slice, pool);
            Admission::Queued { dropped: 0 }
        } else if let Some(refusal) = refusal(bound.policy) {
            let admission = match refusal {
                Admission::Dropped => self.push_fitting(slice, bound, pool),
                _ => refusal,
            };
            self.compact_ends(pool);
            admission
        } else {
            self.seal(pool);
            let dropped = self.drop_for(&slice, bound, pool);
            self.push_back(slice, pool);
            Admission::Queued { dropped }
        };
        self.count(pool);
        admission
    }

    /// Puts a shared message with a key at the end, within the bound, or in the place of an older
    /// one with the same key that waits, because the client reads slowly.
    pub(crate) fn push_latest(
        &mut self,
        slice: Slice,
        bound: Bound,
        pool: &mut BlockPool,
    ) -> Admission {
        let older = self.place_of(&slice);
        if let Some(place) = older
            && let older = &self.slices[place]
            && (slice.len() <= older.len()
                || self.cost() + slice.len() - older.len() <= bound.cost_max)
        {
            self.bytes = self.bytes + slice.len() - older.len();
            self.slices[place] = slice;
            self.count(pool);
            return Admission::Replaced;
        }
        let key = slice.key().filter(|_| self.waits).cloned();
        let admission = self.push_messages(slice, bound, pool);
        if let (Some(key), Admission::Queued { .. }) = (key, admission) {
            let number = self.taken + self.slices.len() as i64 - 1;
            let keyed = self.keyed.get_or_insert_default();
            keyed.insert(key, number, self.taken..number + 1);
            self.count(pool);
        }
        admission
    }

    /// Where an older message with the same key waits.
    fn place_of(&self, newer: &Slice) -> Option<usize> {
        let number = self.keyed.as_ref()?.get(newer.key()?)?;
        let place = usize::try_from(number - self.taken).ok()?;
        let is_same = self.slices.get(place)?.key() == newer.key();
        is_same.then_some(place)
    }

    /// Puts shared frames at the end, whatever the bound.
    pub(crate) fn push(&mut self, slice: Slice, pool: &mut BlockPool) {
        self.push_back(slice, pool);
        self.count(pool);
    }

    /// Puts back what the kernel did not take.
    pub(crate) fn push_front(&mut self, rest: Slice, pool: &mut BlockPool) {
        self.unkeep(pool);
        self.waits = true;
        // Nobody copies what many share. Of its own blocks a queue gets used ones, whose size is
        // that of earlier messages.
        let rest = if rest.is_common() {
            rest
        } else {
            rest.compacted(2, pool)
        };
        self.add(&rest);
        self.put_front(rest);
        if let Some(key) = self.slices.front().and_then(Slice::key) {
            // What comes behind it, and was found to wait already, is newer.
            let (key, first) = (Rc::clone(key), self.taken);
            let keyed = self.keyed.get_or_insert_default();
            keyed.insert_older(key, first);
        }
        self.count(pool);
    }

    /// Copies what lies in a receive buffer, as it waits longer than this turn.
    pub(crate) fn own(&mut self, pool: &mut BlockPool) {
        for slice in &mut self.slices {
            if slice.is_frozen() {
                *slice = slice.clone().compacted(0, pool);
            }
        }
    }

    /// Takes what the next send shall carry: everything, as far as one send can.
    pub(crate) fn next(&mut self, pool: &mut BlockPool) -> Option<Batch> {
        self.unkeep(pool);
        self.seal(pool);
        (self.has_id, self.waits) = (false, false);
        let batch = match self.slices.len() {
            0 => return None,
            1 => Batch::One(self.pop_front()?),
            // A message with a key stays in a slice of its own, as it may come back.
            _ if self.bytes <= GATHER_BYTES_MAX && self.keyed.is_none() => {
                match self.gather(pool) {
                    Some(gathered) => Batch::One(gathered),
                    None => Batch::Many(self.take_slices()),
                }
            }
            _ => Batch::Many(self.take_slices()),
        };
        if self.slices.is_empty() {
            self.keyed = None;
        }
        self.count(pool);
        Some(batch)
    }

    /// Takes the oldest frame. Not for a queue of which the kernel took a part.
    pub(crate) fn next_frame(&mut self, pool: &mut BlockPool) -> Option<Slice> {
        self.unkeep(pool);
        self.seal(pool);
        self.has_id = false;
        let mut slice = self.pop_front()?;
        let (len, _) = slice.first_frame().expect("no slice in the queue is empty");
        let frame = slice.split_front(len);
        self.return_front(slice);
        self.count(pool);
        Some(frame)
    }

    /// Drops everything, so that the queue can be used again.
    pub(crate) fn clear(&mut self, pool: &mut BlockPool) {
        self.seal(pool);
        pool.count_waiting(self.counted, 0);
        let mut slices = std::mem::take(&mut self.slices);
        slices.clear();
        slices.shrink_to(SLICES_KEPT_MAX);
        *self = Self {
            slices,
            ..Self::default()
        };
    }

    /// Writes a frame and says how far the open block was written before.
    fn append(
        &mut self,
        pool: &mut BlockPool,
        class: FrameClass,
        frame: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Mark, FrameTooLong> {
        self.latest = None;
        if self.open.as_ref().is_some_and(|o| o.len() >= CHUNK_BYTES) {
            self.seal(pool);
        }
        let waits = self.waits;
        let open = self.open.get_or_insert_with(|| match waits {
            true => pool.take_small(),
            false => pool.take(),
        });
        let block = unshared(open);
        let mark = block.mark();
        frame(block.writer());
        block.end_frame(class)?;
        self.bytes += block.len() - mark.bytes();
        self.frames += 1;
        Ok(mark)
    }

    /// Puts as many messages of a slice at the end as the bound has room for.
    fn push_fitting(&mut self, mut slice: Slice, bound: Bound, pool: &mut BlockPool) -> Admission {
        let messages = slice.frames();
        let mut structure = FRAME_COST + self.structure_cost(&slice);
        while let Some((len, _)) = slice.first_frame()
            && self.cost() + len + structure <= bound.cost_max
        {
            self.push_back(slice.split_front(len), pool);
            structure = FRAME_COST;
        }
        match slice.frames() {
            dropped if dropped < messages => Admission::Queued { dropped },
            _ => Admission::Dropped,
        }
    }

    /// Takes the frame back that was just written.
    fn take_back(&mut self, mark: Mark) {
        let block = unshared(self.open.as_mut().expect("it was just written to"));
        self.bytes -= block.len() - mark.bytes();
        self.frames -= 1;
        block.cut(mark);
    }

    /// Takes the frame out that was just written; what was written before becomes a slice.
    fn split_newest(&mut self, mark: Mark, pool: &mut BlockPool) -> Slice {
        let open = self.open.take().expect("it was just written to");
        let newest = Slice::new(&open, mark.bytes()..open.len());
        self.bytes -= newest.len();
        self.frames -= 1;
        if mark.bytes() > 0 {
            let older = Slice::new(&open, 0..mark.bytes());
            self.exempt_bytes += older.exempt_bytes();
            self.compact_last(pool);
            self.slices.push_back(older);
        }
        pool.give_back(open);
        newest
    }

    /// Drops older messages so that `newest` fits, as the policy says. Returns how many.
    fn drop_for(&mut self, newest: &Slice, bound: Bound, pool: &mut BlockPool) -> usize {
        let newest_cost = self.cost_with(newest) - self.cost();
        let cost_max = match bound.policy {
            SendPolicy::KeepLatest => 0,
            _ => bound.cost_max.saturating_sub(newest_cost),
        };
        let mut dropped = 0;
        while self.cost() > cost_max
            && let Some(mut slice) = self.pop_front()
        {
            let (len, kept) = slice.first_frame().expect("no slice in the queue is empty");
            let frame = slice.split_front(len);
            self.return_front(slice);
            if !frame.starts_its_frame() {
                self.add(&frame);
                self.partial = Some(frame.compacted(PINNED_TIMES_MAX, pool));
            } else if kept {
                self.keep(&frame, pool);
            } else {
                dropped += 1;
            }
        }
        dropped
    }

    /// A frame stays although older and newer ones are dropped. It is copied, or it would keep
    /// their memory alive.
    fn keep(&mut self, frame: &Slice, pool: &mut BlockPool) {
        let kept = self.kept.get_or_insert_with(|| pool.take_small());
        let block = unshared(kept);
        // Frames that are kept are counted and bounded, far below what a block can hold.
        if block.append(frame).is_ok() {
            self.bytes += frame.len();
            self.frames += frame.frames();
        }
    }

    /// The frames that were kept apart go to the front again.
    fn unkeep(&mut self, pool: &mut BlockPool) {
        if let Some(kept) = self.kept.take() {
            let slice = Slice::new(&kept, 0..kept.len());
            self.exempt_bytes += slice.exempt_bytes();
            self.put_front(slice);
            pool.give_back(kept);
        }
        if let Some(partial) = self.partial.take() {
            self.put_front(partial);
        }
    }

    fn put_front(&mut self, slice: Slice) {
        self.slices.push_front(slice);
        self.taken -= 1;
    }

    /// Everything that waits in one block, if that can hold it.
    fn gather(&mut self, pool: &mut BlockPool) -> Option<Slice> {
        let mut gathered = pool.take();
        let block = unshared(&mut gathered);
        for slice in &self.slices {
            block.append(slice).ok()?;
        }
        let slice = Slice::new(&gathered, 0..gathered.len());
        pool.give_back(gathered);
        self.taken += self.slices.len() as i64;
        self.slices.clear();
        (self.bytes, self.frames, self.exempt_bytes) = (0, 0, 0);
        Some(slice)
    }

    fn take_slices(&mut self) -> Vec<Slice> {
        let count = self.slices.len().min(BATCH_SLICES_MAX);
        let slices = (0..count).filter_map(|_| self.pop_front()).collect();
        if self.slices.is_empty() {
            self.slices.shrink_to(SLICES_KEPT_MAX);
        }
        slices
    }

    /// Turns what was written into a slice.
    fn seal(&mut self, pool: &mut BlockPool) {
        self.latest = None;
        let Some(mut open) = self.open.take() else {
            return;
        };
        if !open.is_empty() {
            if self.waits && open.capacity() > 2 * open.len() {
                unshared(&mut open).shrink();
            }
            let slice = Slice::new(&open, 0..open.len());
            self.exempt_bytes += slice.exempt_bytes();
            self.compact_last(pool);
            self.slices.push_back(slice);
        }
        pool.give_back(open);
    }

    /// Puts a slice at the end. It makes the last one longer if it lies right behind it. What is
    /// short is copied behind what is short: a send of one piece needs nothing put together.
    fn push_back(&mut self, slice: Slice, pool: &mut BlockPool) {
        if slice.is_empty() {
            return;
        }
        self.add(&slice);
        if self.slices.is_empty() && self.open.is_none() {
            return self.slices.push_back(slice);
        }
        let Err(slice) = self.lengthen_last(slice) else {
            return;
        };
        if self.is_copied(&slice) {
            return self.copy_back(&slice, pool);
        }
        self.seal(pool);
        self.compact_last(pool);
        self.slices.push_back(slice);
    }

    fn lengthen_last(&mut self, slice: Slice) -> Result<(), Slice> {
        match self.slices.back_mut() {
            Some(last) if self.open.is_none() => last.extend(slice),
            _ => Err(slice),
        }
    }

    /// Whether a slice at the end is copied behind what waits: into the open block, or, with a
    /// short one before it, into a new one.
    fn is_copied(&self, slice: &Slice) -> bool {
        let is_last_short = || self.slices.back().is_some_and(is_short);
        is_short(slice) && (self.open.is_some() || is_last_short())
    }

    /// What everything costs with this slice at the end.
    fn cost_with(&self, slice: &Slice) -> usize {
        let frames_cost = slice.len() + slice.frames() * FRAME_COST;
        self.cost() + frames_cost + self.structure_cost(slice)
    }

    /// What a slice at the end costs beside its frames.
    fn structure_cost(&self, slice: &Slice) -> usize {
        match self.is_copied(slice) {
            true => 0,
            false => SLICE_COST,
        }
    }

    /// Copies a short slice, which is counted, into the open block. If that is a new one, the slice
    /// before it, a short one, goes there first.
    fn copy_back(&mut self, slice: &Slice, pool: &mut BlockPool) {
        self.latest = None;
        let before = match self.open {
            Some(_) => None,
            None => self.slices.pop_back(),
        };
        let waits = self.waits;
        let open = self.open.get_or_insert_with(|| match waits {
            true => pool.take_small(),
            false => pool.take(),
        });
        let block = unshared(open);
        for slice in before.iter().chain([slice]) {
            let appended = block.append(slice);
            assert!(appended.is_ok(), "a block holds more than it is given");
            // The block counts them itself.
            self.exempt_bytes -= slice.exempt_bytes();
        }
        if block.len() >= CHUNK_BYTES {
            self.seal(pool);
        }
    }

    /// The queue takes in nothing more for now, so its ends keep alive what they do.
    fn compact_ends(&mut self, pool: &mut BlockPool) {
        self.compact_last(pool);
        if self.waits
            && let Some(first) = self.slices.pop_front()
        {
            self.slices
                .push_front(first.compacted(PINNED_TIMES_MAX, pool));
        }
    }

    fn compact_last(&mut self, pool: &mut BlockPool) {
        if self.waits
            && let Some(last) = self.slices.pop_back()
        {
            self.slices
                .push_back(last.compacted(PINNED_TIMES_MAX, pool));
        }
    }

    fn pop_front(&mut self) -> Option<Slice> {
        let slice = self.slices.pop_front()?;
        self.taken += 1;
        self.bytes -= slice.len();
        self.frames -= slice.frames();
        self.exempt_bytes -= slice.exempt_bytes();
        Some(slice)
    }

    fn return_front(&mut self, rest: Slice) {
        if !rest.is_empty() {
            self.add(&rest);
            self.put_front(rest);
        }
    }

    fn add(&mut self, slice: &Slice) {
        self.bytes += slice.len();
        self.frames += slice.frames();
        self.exempt_bytes += slice.exempt_bytes();
    }

    /// Tells the shard what this queue costs now.
    fn count(&mut self, pool: &mut BlockPool) {
        let cost = self.cost();
        pool.count_waiting(self.counted, cost);
        self.counted = cost;
    }
}

/// Whether it is worth a copy to have fewer slices. A message with a key stays in one of its own.
fn is_short(slice: &Slice) -> bool {
    slice.len() <= SHORT_BYTES_MAX && slice.starts_its_frame() && slice.key().is_none()
}

/// How a policy refuses a message, if it does.
fn refusal(policy: SendPolicy) -> Option<Admission> {
    match policy {
        SendPolicy::Disconnect => Some(Admission::Overflow),
        SendPolicy::DropNewest => Some(Admission::Dropped),
        SendPolicy::DropOldest | SendPolicy::KeepLatest => None,
    }
}

#[cfg(test)]
mod latest_tests;
#[cfg(test)]
mod tests;
