//! From one to many. A broadcast is framed once per wire format, kept in a log, and written to
//! every spark by a walk over all of them. Visits to all sparks, and the end of all of them, are
//! such walks, too. It knows neither sockets nor sessions: who is there, and what is done about
//! them, is a matter of the shard.
//!
//! | file | what it is |
//! |---|---|
//! | here | [`Fanout`]: the logs, and which walks are under way |
//! | [`log`] | the frames of one wire format |
//! | [`posts`] | which parts of the logs are for the members of rooms |
//! | [`cursor`] | how far a walk is, and what it may do in a turn |
//! | [`steps`] | visits that wait after each spark until they are told to go on |
//! | [`per_spark`] | messages that are not the same for every spark |
//! | [`ending`] | the end of all sparks, as fast as was asked for |
//! | [`scattered`] | the same, spread over a time and over the sparks |
//! | [`timing`] | how long broadcasts take until everybody was sent them |
//! | [`pings`] | frames of pings, shared by those who are pinged together |
//!
//! # Invariants
//! - A walk does a bounded amount of work per turn, and all of them go on in each turn.
//! - A walk reaches every spark that is there from its beginning to its end, once.
//! - What waits for walks is bounded: a shard whose logs are full, or that has too many visits to
//!   make, takes in nothing new.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use allspark_protocol::Instant;
use allspark_protocol::transformer::{Kind, Wire};

use smallvec::SmallVec;

use crate::limits::{LOG_BYTES_MAX, POSTS_MAX, ROOM_WALKS_PER_TURN, VISITS_MAX};
use crate::memory::{BlockPool, FrameClass, FrameTooLong, Slice, unshared};

mod cursor;
mod ending;
mod log;
mod per_spark;
mod pings;
mod posts;
mod scattered;
mod steps;
mod timing;

pub(crate) use cursor::{Budget, Cursor};
pub(crate) use per_spark::Message;
pub(crate) use posts::{Audience, Part, Parts, RoomWalk};
pub(crate) use scattered::{Found, Scattered};

use ending::Ending;
use log::Log;
use per_spark::PerSpark;
use pings::Pings;
use posts::Posts;
use steps::Steps;
use timing::Timing;

const HAS_ITS_LOG: &str = "each wire has its log";

const IS_BROUGHT: &str = "a walk brings a message to rooms";

/// The fan-out of one shard. `V` is a function that visits sparks, `S` one that takes its time.
pub(crate) struct Fanout<V, S> {
    /// Broadcasts, by wire format, and between them messages to large rooms.
    logs: Vec<Log>,
    /// For whom these are.
    posts: Posts,
    /// Frames that are queued at once, for the members of small rooms.
    frames: Vec<Log>,
    /// The walk that writes broadcasts, if one is under way.
    walk: Option<Cursor>,
    /// Where each log stood when it began: what every spark has got when it is done.
    targets: Vec<u64>,
    /// Every broadcast before these offsets has reached everybody. If no walk is under way, all
    /// broadcasts have.
    reached: Vec<u64>,
    /// The same for messages that are not the same for every spark.
    target_per_spark: u64,
    reached_per_spark: u64,
    /// Broadcasts have come since the walk began.
    again: bool,
    timing: Timing,
    /// Only the first one walks.
    visits: VecDeque<Visit<V>>,
    pub(crate) steps: Steps<S>,
    pub(crate) per_spark: PerSpark,
    pub(crate) ending: Option<Ending>,
    pub(crate) pings: Pings,
}

/// A visit to all sparks.
pub(crate) struct Visit<V> {
    pub(crate) cursor: Cursor,
    pub(crate) visitor: V,
    /// The first shard on which the visitor wants no more sparks sets it.
    pub(crate) stopped: Arc<AtomicBool>,
}

impl<V, S> Fanout<V, S> {
    pub(crate) fn new(wires: u8) -> Self {
        assert!(wires > 0, "a message has some form on its wire");
        Self {
            logs: (0..wires).map(|_| Log::default()).collect(),
            posts: Posts::default(),
            frames: (0..wires).map(|_| Log::default()).collect(),
            walk: None,
            targets: Vec::new(),
            reached: Vec::new(),
            target_per_spark: 0,
            reached_per_spark: 0,
            again: false,
            timing: Timing::default(),
            visits: VecDeque::new(),
            steps: Steps::default(),
            per_spark: PerSpark::default(),
            ending: None,
            pings: Pings::new(wires),
        }
    }

    fn log(&self, wire: Wire) -> &Log {
        &self.logs[usize::from(wire.0)]
    }

    /// The offset behind the newest broadcast: where a new spark begins.
    #[inline]
    pub(crate) fn head(&self, wire: Wire) -> u64 {
        self.log(wire).head()
    }

    /// Where what a spark at offset `seen` may still have to get begins, if there is something.
    #[inline]
    pub(crate) fn due_from(&self, wire: Wire, seen: u64) -> Option<u64> {
        self.log(wire).due_from(seen)
    }

    /// Whether parts of the logs are not for everybody.
    #[inline]
    pub(crate) fn has_posts(&self) -> bool {
        !self.posts.is_empty()
    }

    /// Whether it matters to a message that is under way who is in which room.
    pub(crate) fn heeds_rooms(&self) -> bool {
        !self.posts.is_empty() || !self.per_spark.is_empty()
    }

    /// What a spark has to get of what lies behind this offset.
    pub(crate) fn due(
        &self,
        wire: Wire,
        from: u64,
        is_for: impl FnMut(&Audience) -> bool,
    ) -> Parts {
        self.posts.due(wire, from..self.head(wire), is_for)
    }

    /// Takes the first piece of a part.
    pub(crate) fn take_first(&self, wire: Wire, part: &mut Part) -> Option<Slice> {
        match part {
            Part::Log(range) => self.log(wire).take_first(range),
            Part::Latest(frame) => {
                let frame = frame.clone();
                *part = Part::Log(0..0);
                Some(frame)
            }
        }
    }

    /// The whole of a part that ends where the log does, if it is not too much for one send.
    #[inline]
    pub(crate) fn whole(
        &mut self,
        wire: Wire,
        part: Part,
        blocks: &mut BlockPool,
    ) -> Option<Slice> {
        match part {
            Part::Log(range) => self.piece_since(wire, range.start, blocks),
            Part::Latest(frame) => Some(frame),
        }
    }

    /// All that lies behind an offset that is due, if it is not too much for one send.
    #[inline]
    pub(crate) fn piece_since(
        &mut self,
        wire: Wire,
        seen: u64,
        blocks: &mut BlockPool,
    ) -> Option<Slice> {
        self.logs[usize::from(wire.0)].piece_since(seen, blocks)
    }

    /// Frames a broadcast for each wire format that `sparks` of this shard use. Returns how many
    /// sparks will not get it, because their frame can't hold it.
    pub(crate) fn broadcast(
        &mut self,
        sparks: &[usize],
        blocks: &mut BlockPool,
        frame: impl FnMut(Wire, &mut Vec<u8>),
    ) -> usize {
        self.begin_reaching();
        let refused = self.append(sparks, blocks, frame);
        self.walk_soon();
        refused
    }

    /// The same for those of all sparks whom an audience has.
    pub(crate) fn broadcast_to(
        &mut self,
        audience: Audience,
        sparks: &[usize],
        blocks: &mut BlockPool,
        frame: impl FnMut(Wire, &mut Vec<u8>),
    ) -> usize {
        self.begin_reaching();
        // The walk over everybody brings it.
        let refused = self.add_post(audience, SmallVec::new(), None, sparks, blocks, frame);
        self.walk_soon();
        refused
    }

    /// So far every broadcast has reached everybody, unless a walk is under way.
    fn begin_reaching(&mut self) {
        if self.walk.is_none() {
            self.reached.clear();
            self.reached.extend(self.logs.iter().map(Log::head));
            self.reached_per_spark = self.per_spark.head();
        }
    }

    /// As [`Fanout::broadcast`], for the members of rooms. Those in `walked` together have every
    /// member.
    pub(crate) fn post(
        &mut self,
        audience: Audience,
        walked: SmallVec<[u32; 2]>,
        key: Option<Rc<str>>,
        sparks: &[usize],
        blocks: &mut BlockPool,
        frame: impl FnMut(Wire, &mut Vec<u8>),
    ) -> usize {
        assert!(!walked.is_empty(), "{IS_BROUGHT}");
        self.add_post(audience, walked, key, sparks, blocks, frame)
    }

    fn add_post(
        &mut self,
        audience: Audience,
        walked: SmallVec<[u32; 2]>,
        key: Option<Rc<str>>,
        sparks: &[usize],
        blocks: &mut BlockPool,
        frame: impl FnMut(Wire, &mut Vec<u8>),
    ) -> usize {
        assert!(!audience.rooms.is_empty(), "a message to rooms has some");
        let starts: SmallVec<[u64; 4]> = self.logs.iter().map(Log::head).collect();
        let (refused, frames) = match &key {
            Some(key) => self.set_apart(key, sparks, blocks, frame),
            None => (self.append(sparks, blocks, frame), Box::default()),
        };
        let ends = self.logs.iter().map(Log::head);
        let spans = starts.into_iter().zip(ends).map(|(start, end)| start..end);
        match key {
            Some(key) => self
                .posts
                .add_latest(audience, walked, spans.collect(), key, frames),
            None => self.posts.add(audience, walked, spans.collect()),
        }
        refused
    }

    /// As [`Fanout::append`], but the frames lie apart, and the logs have gaps in their place.
    fn set_apart(
        &mut self,
        key: &Rc<str>,
        sparks: &[usize],
        blocks: &mut BlockPool,
        mut frame: impl FnMut(Wire, &mut Vec<u8>),
    ) -> (usize, Box<[Option<Slice>]>) {
        assert!(sparks.len() == self.logs.len(), "{HAS_ITS_LOG}");
        let mut refused = 0;
        let logs = (0..).zip(self.logs.iter_mut().zip(sparks));
        let frames = logs.map(|(wire, (log, sparks))| {
            if *sparks == 0 {
                return None;
            }
            match frame_apart(key, blocks, |out| frame(Wire(wire), out)) {
                Ok(frame) => {
                    log.skip(frame.len() as u64);
                    Some(frame)
                }
                Err(FrameTooLong) => {
                    refused += sparks;
                    None
                }
            }
        });
        let frames = frames.collect();
        (refused, frames)
    }

    /// Frames a message for each wire format that is in use. Returns how many sparks use one whose
    /// frame can't hold it.
    fn append(
        &mut self,
        sparks: &[usize],
        blocks: &mut BlockPool,
        mut frame: impl FnMut(Wire, &mut Vec<u8>),
    ) -> usize {
        assert!(sparks.len() == self.logs.len(), "{HAS_ITS_LOG}");
        let mut refused = 0;
        for (wire, (log, sparks)) in (0..).zip(self.logs.iter_mut().zip(sparks)) {
            if *sparks > 0 {
                let appended = log.append(blocks, |out| frame(Wire(wire), out));
                refused += if appended.is_err() { *sparks } else { 0 };
            }
        }
        refused
    }

    /// Keeps a broadcast that the walk has to bring to each spark in another form, or to each of an
    /// audience.
    pub(crate) fn broadcast_per_spark(
        &mut self,
        kind: Kind,
        payload: Arc<[u8]>,
        audience: Option<Audience>,
    ) {
        self.begin_reaching();
        self.per_spark.push(kind, payload, audience);
        self.walk_soon();
    }

    /// As [`Fanout::broadcast_per_spark`], for the members of rooms, as with [`Fanout::post`].
    pub(crate) fn post_per_spark(
        &mut self,
        audience: Audience,
        walked: SmallVec<[u32; 2]>,
        kind: Kind,
        payload: Arc<[u8]>,
    ) {
        assert!(!walked.is_empty(), "{IS_BROUGHT}");
        let heads = self.logs.iter().map(Log::head);
        self.posts
            .add_per_spark(self.per_spark.head(), walked, heads);
        self.per_spark.push(kind, payload, Some(audience));
    }

    fn walk_soon(&mut self) {
        if self.walk.is_none() {
            self.timing.begin_walk();
            self.start_walk();
        } else if !std::mem::replace(&mut self.again, true) {
            self.timing.came_behind();
        }
    }

    /// A turn begins.
    #[inline]
    pub(crate) fn begin_turn(&mut self, now: Instant) {
        self.timing.begin_turn(now);
    }

    /// When the first broadcast came of those that everybody was sent by a walk that ended in the
    /// last turn.
    #[inline]
    pub(crate) fn take_reached(&mut self) -> Option<Instant> {
        self.timing.take_reached()
    }

    /// Frames a message that is queued for some sparks at once.
    ///
    /// # Errors
    /// The frame can't hold it.
    pub(crate) fn frame(
        &mut self,
        wire: Wire,
        key: Option<&Rc<str>>,
        blocks: &mut BlockPool,
        frame: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Slice, FrameTooLong> {
        if let Some(key) = key {
            return frame_apart(key, blocks, frame);
        }
        let log = &mut self.frames[usize::from(wire.0)];
        log.append(blocks, frame)?;
        let newest = log.newest().expect("it was just appended");
        log.forget_before(log.head(), blocks);
        Ok(newest)
    }

    fn start_walk(&mut self) {
        self.walk = Some(Cursor::default());
        self.again = false;
        self.targets.clear();
        self.targets.extend(self.logs.iter().map(Log::head));
        self.target_per_spark = self.per_spark.head();
    }

    /// Whether a shard has to take in nothing new, because broadcasts or visits come faster than
    /// walks carry them out.
    pub(crate) fn is_full(&self) -> bool {
        let is_full = |log: &Log| log.kept_bytes() > LOG_BYTES_MAX;
        self.visits.len() > VISITS_MAX
            || self.posts.len() > POSTS_MAX
            || self.logs.iter().any(is_full)
            || self.per_spark.is_full()
    }

    /// The cursor of the walk that writes broadcasts.
    pub(crate) fn walk(&mut self) -> Option<&mut Cursor> {
        self.walk.as_mut()
    }

    /// That walk has reached everybody.
    pub(crate) fn end_walk(&mut self, blocks: &mut BlockPool) {
        assert!(self.walk.take().is_some(), "only a walk ends");
        self.reached.clone_from(&self.targets);
        self.reached_per_spark = self.target_per_spark;
        self.timing.end_walk();
        if self.again {
            self.start_walk();
        }
        self.forget(blocks);
    }

    /// Forgets what has reached everybody whom it is for.
    fn forget(&mut self, blocks: &mut BlockPool) {
        let reached = match self.walk {
            Some(_) => self.reached_per_spark,
            None => self.per_spark.head(),
        };
        let needed = self.posts.needed_per_spark().unwrap_or(reached);
        self.per_spark.forget_before(needed.min(reached));
        for (wire, log) in self.logs.iter_mut().enumerate() {
            let reached = match self.walk {
                Some(_) => self.reached[wire],
                None => log.head(),
            };
            let needed = self.posts.needed_from(Wire(wire as u8));
            log.forget_before(needed.map_or(reached, |needed| needed.min(reached)), blocks);
        }
        let logs = &self.logs;
        self.posts
            .forget(|wire, end| logs[usize::from(wire.0)].is_forgotten(end));
    }

    /// Takes the walk over a room whose turn it is. It is put back, or ended.
    pub(crate) fn take_room_walk(&mut self, end: impl FnOnce(u32) -> usize) -> Option<RoomWalk> {
        self.posts.take_walk(end)
    }

    pub(crate) fn put_room_walk(&mut self, walk: RoomWalk) {
        self.posts.put_walk(walk);
    }

    /// It has reached every member.
    pub(crate) fn end_room_walk(&mut self, walk: &RoomWalk, blocks: &mut BlockPool) {
        self.posts.end_walk(walk);
        self.forget(blocks);
    }

    /// How many of them go on in one turn.
    pub(crate) fn room_walks(&self) -> usize {
        self.posts.walks().min(ROOM_WALKS_PER_TURN)
    }

    /// Adds a visit behind those that wait.
    pub(crate) fn add_visit(&mut self, visitor: V, stopped: Arc<AtomicBool>) {
        self.visits.push_back(Visit {
            cursor: Cursor::default(),
            visitor,
            stopped,
        });
    }

    /// Takes the visit that walks. It is put back unless it is done.
    pub(crate) fn take_visit(&mut self) -> Option<Visit<V>> {
        let visit = self.visits.pop_front();
        if visit.is_none() {
            // Visits are rare, so no room is kept for them.
            self.visits = VecDeque::new();
        }
        visit
    }

    pub(crate) fn put_visit(&mut self, visit: Visit<V>) {
        self.visits.push_front(visit);
    }

    /// Ends all sparks, in the place of a walk that did the same.
    pub(crate) fn end_all(
        &mut self,
        reconnect: bool,
        sparks_per_s: Option<NonZeroU32>,
        now: Instant,
    ) {
        self.ending = Some(Ending::new(reconnect, sparks_per_s, now));
    }

    /// The same, spread.
    pub(crate) fn end_scattered(&mut self, scattered: Scattered) {
        self.ending = Some(Ending::scattered(scattered));
    }

    /// How many walks are under way.
    pub(crate) fn walks(&self) -> usize {
        let visits = usize::from(!self.visits.is_empty());
        let ending = usize::from(self.ending.is_some());
        let steps = usize::from(self.steps.has_ready());
        usize::from(self.walk.is_some()) + visits + steps + ending + self.room_walks()
    }

    /// Whether a walk would go on in the next turn.
    pub(crate) fn has_work(&self, now: Instant) -> bool {
        let ends = |ending: &Ending| ending.waits_until(now).is_none();
        self.walk.is_some()
            || self.posts.walks() > 0
            || !self.visits.is_empty()
            || self.steps.has_ready()
            || self.ending.as_ref().is_some_and(ends)
    }

    /// When a walk goes on that waits for its time.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        self.ending.as_ref()?.waits_until(now)
    }
}

/// A frame with a key, in a block of its own.
fn frame_apart(
    key: &Rc<str>,
    blocks: &mut BlockPool,
    frame: impl FnOnce(&mut Vec<u8>),
) -> Result<Slice, FrameTooLong> {
    let mut block = blocks.take_small();
    let writable = unshared(&mut block);
    frame(writable.writer());
    writable.end_frame(FrameClass::Message)?;
    if writable.capacity() > 2 * writable.len() {
        writable.shrink();
    }
    writable.set_common();
    writable.set_key(Rc::clone(key));
    let frame = Slice::new(&block, 0..block.len());
    blocks.give_back(block);
    Ok(frame)
}

#[cfg(test)]
mod tests;
