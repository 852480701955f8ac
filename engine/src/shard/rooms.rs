//! Sparks join and leave rooms, and messages to rooms find their sparks.
//!
//! A message to few is queued for each of them at once. One to many goes into the log between the
//! broadcasts, and walks over the rooms bring it: then whoever joins or leaves a room is first
//! brought up to date, so that it gets exactly what was written while it was in.

use std::rc::Rc;

use allspark_protocol::transformer::{Kind, Transformer};
use smallvec::SmallVec;

use super::core::Core;
use super::effects::Effect;
use crate::app::host::Extras;
use crate::app::target::{Publish, RoomEvent, Target};
use crate::fanout::{Audience, Budget, RoomWalk};
use crate::limits::{POST_ROOMS_MAX, ROOM_MEMBERS_AT_ONCE};
use crate::memory::{FrameTooLong, Key};
use crate::rooms::{ANY_ROOM, RoomError};

impl<T: Transformer> Core<T> {
    /// A spark joins a room.
    pub(super) fn join_here(&mut self, spark: Key, room: &str) -> Result<(), RoomError> {
        self.bring_up_to_date(spark);
        let joined = match self.is_open(spark) {
            true => self.rooms.join(spark.index, room),
            false => Err(RoomError::Ended),
        };
        match joined {
            Ok(Some(name)) => self.tell_room(spark, || RoomEvent::Joined(name)),
            Ok(None) => {}
            Err(error) => {
                self.tell_room(spark, || RoomEvent::Failed(error));
                return Err(error);
            }
        }
        Ok(())
    }

    /// A spark leaves a room.
    pub(super) fn leave_here(&mut self, spark: Key, room: &str) {
        self.bring_up_to_date(spark);
        if let Some(name) = self.rooms.leave(spark.index, room) {
            self.tell_room(spark, || RoomEvent::Left(name));
        }
    }

    /// A spark leaves all rooms.
    pub(super) fn leave_all_here(&mut self, spark: Key) {
        if self.rooms.is_empty() {
            return;
        }
        self.bring_up_to_date(spark);
        let names = self.rooms.leave_all(spark.index);
        if !names.is_empty() {
            self.tell_room(spark, || RoomEvent::LeftAll(names));
        }
    }

    /// Queues what was written to rooms before one of them is joined or left.
    fn bring_up_to_date(&mut self, spark: Key) {
        if self.fanout.heeds_rooms() {
            self.catch_up(spark);
        }
    }

    /// The application is told what happened, if it wants to know.
    fn tell_room(&mut self, spark: Key, event: impl FnOnce() -> RoomEvent) {
        let hears = |extras: &Extras| extras.hears_rooms;
        let state = self.sessions.get(spark).map(|slot| &slot.state);
        let extras = state.and_then(|state| state.extras.as_deref());
        if self.hears_rooms || extras.is_some_and(hears) {
            self.effects.push(Effect::Room(spark, event()));
        }
    }

    /// Writes a message to the sparks of this shard that are in one of these rooms. It is framed
    /// once for each wire format. Returns how many don't get it, because a frame can't hold it.
    pub(super) fn publish_here(&mut self, target: &Target, kind: Kind, payload: &[u8]) -> usize {
        if self.transforms.is_some() && self.waits_behind_rooms(target, kind, payload) {
            return 0;
        }
        self.publish_now(target, kind, payload)
    }

    /// The same, once nothing that was written before waits.
    pub(super) fn publish_now(&mut self, target: &Target, kind: Kind, payload: &[u8]) -> usize {
        let (refused, what) = match target.is_for_all {
            true => (
                self.broadcast_to_others(target, kind, payload),
                "a broadcast to others is longer than a frame can be; it was not sent",
            ),
            false => (
                self.publish_to_members(target, kind, payload),
                "a message to rooms is longer than a frame can be; it was not sent",
            ),
        };
        if refused > 0 {
            self.note_too_long(payload.len(), refused, what);
        }
        refused
    }

    fn publish_to_members(&mut self, target: &Target, kind: Kind, payload: &[u8]) -> usize {
        let mut found = std::mem::take(&mut self.room_lists.found);
        let names = target.rooms.iter().map(|name| &**name);
        self.rooms.find(names, &mut found);
        let members = found.iter().map(|room| self.rooms.len(*room));
        let members = members.fold(0, usize::saturating_add);
        let refused = if members == 0 {
            0
        } else {
            self.counters().room_broadcasts.add(1);
            let except = self.indexes_of(target);
            let key = target.scope();
            let differs = self.transforms.is_some() && self.per_spark().is_some();
            let is_plain = except.is_empty() && key.is_none() && !differs;
            match (members <= ROOM_MEMBERS_AT_ONCE, differs) {
                _ if is_plain && self.has_everybody(&found) => self.log_for_all(kind, payload),
                (true, false) => {
                    self.write_to_members(&found, &except, key.as_ref(), kind, payload)
                }
                (true, true) => self.write_transformed_to_members(&found, &except, kind, payload),
                (false, false) => {
                    let others = members - self.members_among(&except, &found);
                    // The log knows how many sparks of the shard use a wire format, not of the
                    // rooms.
                    self.post(&found, except, key, kind, payload).min(others)
                }
                (false, true) => self.post_per_spark(&found, except, kind, payload),
            }
        };
        self.room_lists.found = found;
        refused
    }

    /// How many of these sparks are in one of these rooms.
    fn members_among(&self, sparks: &[u32], rooms: &[u32]) -> usize {
        let members = sparks.iter().filter(|s| self.rooms.is_in_one(**s, rooms));
        members.count()
    }

    /// Whether every spark of this shard is in one of these rooms: then a message to them is a
    /// broadcast. Whoever joins or leaves later changes nothing, as it does not change who was
    /// there when the message was written.
    fn has_everybody(&self, found: &[u32]) -> bool {
        let sparks = self.sessions.len();
        found.iter().any(|room| self.rooms.len(*room) == sparks)
    }

    /// The places of those who are not written to, in order and each once.
    pub(super) fn indexes_of(&self, target: &Target) -> SmallVec<[u32; 1]> {
        let sparks = target.except.iter().filter_map(|id| self.find_open(*id));
        let mut indexes: SmallVec<[u32; 1]> = sparks.map(|spark| spark.index).collect();
        indexes.sort_unstable();
        indexes.dedup();
        indexes
    }

    /// The members of rooms, each once. The list is put back.
    pub(super) fn take_members(&mut self, found: &[u32]) -> Vec<u32> {
        let mut members = std::mem::take(&mut self.room_lists.members);
        for room in found {
            let mut place = self.rooms.end(*room);
            let next = || self.rooms.next_member(*room, &mut place);
            members.extend(std::iter::from_fn(next));
        }
        if found.len() > 1 {
            members.sort_unstable();
            members.dedup();
        }
        members
    }

    /// Writes a message to each member by itself, as transforms make another one of it for each.
    /// They are few.
    #[cold]
    fn write_transformed_to_members(
        &mut self,
        found: &[u32],
        except: &[u32],
        kind: Kind,
        payload: &[u8],
    ) -> usize {
        let mut members = self.take_members(found);
        self.room_lists.queued += members.len();
        for index in members.drain(..) {
            if except.binary_search(&index).is_err()
                && let Some(spark) = self.sessions.key_at(index)
            {
                self.write_past_transforms(spark, kind, payload);
            }
        }
        self.room_lists.members = members;
        0
    }

    /// Queues a message for the members of rooms, who are few.
    fn write_to_members(
        &mut self,
        found: &[u32],
        except: &[u32],
        key: Option<&Rc<str>>,
        kind: Kind,
        payload: &[u8],
    ) -> usize {
        let mut members = self.take_members(found);
        self.room_lists.queued += members.len();
        let mut refused = 0;
        for index in members.drain(..) {
            if except.binary_search(&index).is_err()
                && let Some(spark) = self.sessions.key_at(index)
                && self.write_shared(spark, key, kind, payload).is_err()
            {
                refused += 1;
            }
        }
        self.room_lists.members = members;
        self.room_lists.frames.fill(None);
        refused
    }

    /// Queues a message whose frame is shared with others.
    fn write_shared(
        &mut self,
        spark: Key,
        key: Option<&Rc<str>>,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), FrameTooLong> {
        let Some(target) = self.catch_up(spark) else {
            return Ok(());
        };
        let Some(slot) = self.sessions.get(spark).filter(|slot| slot.is_open()) else {
            return Ok(());
        };
        let wire = slot.state.wire;
        let frame = match self.room_lists.frames[usize::from(wire.0)].clone() {
            Some(frame) => frame,
            None => {
                let (_, transformer) = self.sessions.by_wire_with_transformer();
                let blocks = &mut self.net.buffers.blocks;
                let frame = self.fanout.frame(wire, key, blocks, |out| {
                    transformer.frame(wire, kind, payload, out);
                });
                self.room_lists.frames[usize::from(wire.0)] = Some(frame.clone());
                frame
            }
        };
        self.queue_shared(spark, target, frame?);
        Ok(())
    }

    /// Puts a message for many into the log, from which walks over the rooms bring it. Returns how
    /// many may not get it: all sparks whose wire format is one that can't hold it.
    fn post(
        &mut self,
        found: &[u32],
        except: SmallVec<[u32; 1]>,
        key: Option<Rc<str>>,
        kind: Kind,
        payload: &[u8],
    ) -> usize {
        let audience = Audience {
            rooms: found.into(),
            except: except.clone(),
        };
        let (fanout, blocks) = (&mut self.fanout, &mut self.net.buffers.blocks);
        self.sessions
            .by_wire_without(&except, |sparks, transformer| {
                let frame = |wire, out: &mut Vec<u8>| transformer.frame(wire, kind, payload, out);
                fanout.post(audience, walked(found), key, sparks, blocks, frame)
            })
    }

    /// The same with one of which transforms make another one for each spark.
    #[cold]
    fn post_per_spark(
        &mut self,
        found: &[u32],
        except: SmallVec<[u32; 1]>,
        kind: Kind,
        payload: &[u8],
    ) -> usize {
        let audience = Audience {
            rooms: found.into(),
            except,
        };
        self.fanout
            .post_per_spark(audience, walked(found), kind, payload.into());
        0
    }

    /// Goes on with walks over rooms.
    pub(super) fn walk_rooms(&mut self, walks: usize, timers_are_late: bool) {
        for _ in 0..self.fanout.room_walks() {
            let rooms = &self.rooms;
            let Some(mut walk) = self.fanout.take_room_walk(|room| rooms.end(room)) else {
                return;
            };
            let budget = Budget::new(walks, timers_are_late);
            if self.go_on_walking(&mut walk, budget) {
                let blocks = &mut self.net.buffers.blocks;
                self.fanout.end_room_walk(&walk, blocks);
            } else {
                self.fanout.put_room_walk(walk);
            }
        }
    }

    /// Returns whether every member was reached.
    fn go_on_walking(&mut self, walk: &mut RoomWalk, mut budget: Budget) -> bool {
        while budget.look() {
            let Some(index) = self.rooms.next_member(walk.room, &mut walk.place) else {
                return true;
            };
            if let Some(spark) = self.sessions.key_at(index) {
                self.bring(spark, &mut budget);
            }
        }
        false
    }

    /// Has those leave who are in rooms that were emptied.
    pub(super) fn leave_emptied(&mut self, mut budget: Budget) {
        while self.rooms.is_emptying()
            && budget.look()
            && let Some((index, room)) = self.rooms.next_to_leave()
        {
            let spark = self.sessions.key_at(index);
            if let Some(spark) = spark {
                self.bring_up_to_date(spark);
            }
            let name = self.rooms.leave_emptied(index, room);
            if let Some(spark) = spark {
                self.tell_room(spark, || RoomEvent::Left(name));
            }
            budget.work(0);
        }
    }

    /// Carries out a command about rooms.
    pub(super) fn carry_out_in_rooms(&mut self, command: RoomCommand<'_>) {
        match command {
            RoomCommand::Publish(publish) => {
                // Whoever wrote it is elsewhere by now. Who does not get it is counted and logged.
                let Publish {
                    target,
                    kind,
                    payload,
                } = publish;
                self.publish_here(target, *kind, payload);
            }
            RoomCommand::Join(spark, rooms) => {
                for room in rooms {
                    if self.join_here(spark, room).is_err() {
                        return;
                    }
                }
            }
            RoomCommand::Leave(spark, Some(rooms)) => {
                rooms.iter().for_each(|room| self.leave_here(spark, room));
            }
            RoomCommand::Leave(spark, None) => self.leave_all_here(spark),
            RoomCommand::Empty(rooms) => rooms.iter().for_each(|room| self.rooms.empty(room)),
        }
    }
}

/// The rooms that are walked over for a message to these.
fn walked(found: &[u32]) -> SmallVec<[u32; 2]> {
    match found.len() {
        ..=POST_ROOMS_MAX => found.into(),
        _ => SmallVec::from_slice(&[ANY_ROOM]),
    }
}

/// What can be asked of the rooms of a shard without a call of the application.
pub(super) enum RoomCommand<'a> {
    Publish(&'a Publish),
    Join(Key, &'a [Box<str>]),
    Leave(Key, Option<&'a [Box<str>]>),
    Empty(&'a [Box<str>]),
}
