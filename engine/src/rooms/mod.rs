//! Rooms: named sets of sparks that are written to at once. It knows who is in which room, and
//! which rooms a message is for. It knows sparks by the index of their slot, and neither sessions
//! nor sockets nor messages: what is written to a room, and when, is a matter of the fan-out.
//!
//! | file | what it is |
//! |---|---|
//! | here | [`Rooms`]: rooms by name, and their members |
//! | [`members`] | the rooms of each spark |
//! | [`patterns`] | rooms whose names have a `*` |
//! | [`options`] | bounds, and what can go wrong |
//!
//! # Invariants
//! - A room exists as long as somebody is in it. One without members costs nothing.
//! - Who is in a room stands in its list once, and knows where.
//! - A list of members is walked from its end: who leaves is replaced by the last one, so whoever
//!   stays is reached.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::memory::{Arena, GiveBack, Key};

mod members;
mod options;
mod patterns;

pub use options::{RoomError, RoomOptions};

use members::{Joined, Members};
use patterns::Patterns;
pub use patterns::room_matches;

/// In the place of a room: every spark that is in a room.
pub(crate) const ANY_ROOM: u32 = u32::MAX;

/// In the place of a room: every spark, whether it is in a room or not.
pub(crate) const EVERYBODY: u32 = u32::MAX - 1;

const ONE_ROOM: &str = "a name is that of one room";

/// The rooms of one shard.
pub(crate) struct Rooms {
    options: RoomOptions,
    rooms: Arena<Room>,
    names: HashMap<Rc<str>, u32>,
    patterns: Patterns,
    members: Members,
    /// Rooms that everybody is to leave. They have no name any more.
    emptied: VecDeque<Key>,
}

struct Room {
    name: Rc<str>,
    /// Sparks, in no order.
    members: Vec<u32>,
    /// It is found by its name.
    is_named: bool,
}

impl Rooms {
    pub(crate) fn new(options: RoomOptions) -> Self {
        Self {
            options,
            rooms: Arena::default(),
            names: HashMap::new(),
            patterns: Patterns::default(),
            members: Members::default(),
            emptied: VecDeque::new(),
        }
    }

    /// Has these bounds count from now on. Whoever is in more rooms stays there.
    pub(crate) fn set_options(&mut self, options: RoomOptions) {
        assert!(
            options.wildcard == self.options.wildcard,
            "a pattern stays one"
        );
        self.options = options;
    }

    /// Whether nobody is in any room.
    pub(crate) fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// A spark joins a room. Returns its name, unless it is in it already.
    ///
    /// # Errors
    /// A bound was reached. Nothing has changed.
    pub(crate) fn join(&mut self, spark: u32, name: &str) -> Result<Option<Rc<str>>, RoomError> {
        let known = self.names.get(name).copied();
        if known.is_some_and(|room| self.members.find(spark, room).is_some()) {
            return Ok(None);
        }
        let max = self.options.per_spark_max;
        if self.members.joined(spark).len() >= max {
            return Err(RoomError::TooMany { max });
        }
        let index = match known {
            Some(room) => room,
            None => self.open(name)?,
        };
        let room = self.rooms.at_mut(index).expect("it is known by its name");
        if room.members.len() == room.members.capacity() && room.members.len() < 4 {
            // Most rooms are small.
            room.members.reserve_exact(room.members.len().max(1));
        }
        let place = room.members.len() as u32;
        room.members.push(spark);
        let name = Rc::clone(&room.name);
        self.members.add(spark, Joined { room: index, place });
        Ok(Some(name))
    }

    /// A room for its first member.
    fn open(&mut self, name: &str) -> Result<u32, RoomError> {
        let max = self.options.name_bytes_max;
        if name.len() > max {
            return Err(RoomError::NameTooLong { max });
        }
        let is_pattern = self.is_pattern(name);
        if is_pattern && !self.patterns.has_room(name) {
            let max = crate::limits::PATTERNS_PER_PREFIX_MAX;
            return Err(RoomError::TooManyPatterns { max });
        }
        let name: Rc<str> = name.into();
        let key = self.rooms.insert(Room {
            name: Rc::clone(&name),
            members: Vec::new(),
            is_named: true,
        });
        if is_pattern {
            self.patterns.insert(&name, key.index);
        }
        let before = self.names.insert(name, key.index);
        assert!(before.is_none(), "{ONE_ROOM}");
        Ok(key.index)
    }

    fn is_pattern(&self, name: &str) -> bool {
        self.options.wildcard && name.contains('*')
    }

    /// A spark leaves a room. Returns its name, unless the spark is not in it.
    pub(crate) fn leave(&mut self, spark: u32, name: &str) -> Option<Rc<str>> {
        let room = *self.names.get(name)?;
        self.members.find(spark, room)?;
        Some(self.remove(spark, room))
    }

    /// A spark leaves all rooms. Returns the names of those that were left.
    pub(crate) fn leave_all(&mut self, spark: u32) -> Vec<Rc<str>> {
        let rooms: Vec<u32> = self.members.joined(spark).iter().map(|j| j.room).collect();
        let names: Vec<Rc<str>> = self.rooms_of(spark).cloned().collect();
        for room in rooms {
            self.remove(spark, room);
        }
        assert!(self.count_of(spark) == 0, "who leaves all is in none");
        names
    }

    /// Takes a member out of a room, and the room away if it was the last one.
    fn remove(&mut self, spark: u32, index: u32) -> Rc<str> {
        let place = self.members.remove(spark, index);
        let place = place.expect("the caller knows that it is in the room");
        let room = self.rooms.at_mut(index).expect("a room with a member");
        let name = Rc::clone(&room.name);
        let list = &mut room.members;
        let left = list.swap_remove(place as usize);
        assert!(left == spark, "who is in a room knows where it stands");
        if let Some(moved) = list.get(place as usize) {
            self.members.moved(*moved, index, place);
        } else if list.is_empty() {
            self.close(index);
        }
        if let Some(room) = self.rooms.at_mut(index)
            && room.members.len() < room.members.capacity() / 4
        {
            room.members.shrink_to(2 * room.members.len());
        }
        name
    }

    fn close(&mut self, index: u32) {
        let key = self.rooms.key_at(index);
        let room = key.and_then(|key| self.rooms.remove(key));
        let room = room.expect("the caller has it");
        if room.is_named {
            self.unname(&room.name, index);
        }
    }

    fn unname(&mut self, name: &Rc<str>, index: u32) {
        let room = self.names.remove(name);
        assert!(room == Some(index), "{ONE_ROOM}");
        if self.is_pattern(name) {
            self.patterns.remove(name, index);
        }
    }

    /// The names of the rooms that a spark is in.
    pub(crate) fn rooms_of(&self, spark: u32) -> impl Iterator<Item = &Rc<str>> {
        let joined = self.members.joined(spark).iter();
        let rooms = joined.filter_map(|joined| self.room(joined.room));
        rooms.filter(|room| room.is_named).map(|room| &room.name)
    }

    /// In how many rooms a spark is.
    pub(crate) fn count_of(&self, spark: u32) -> usize {
        self.members.joined(spark).len()
    }

    /// Bytes that the rooms of a spark cost if nobody else is in them: the room, its name and the
    /// entry of that, what the spark knows of it, and its list of members.
    pub(crate) fn cost_of(&self, spark: u32) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();
        const MEMBER: usize = 2 * size_of::<Joined>() + size_of::<u32>();
        const ROOM: usize = size_of::<Room>() + 2 * size_of::<(Rc<str>, u32)>() + COUNTS + MEMBER;
        self.rooms_of(spark).map(|name| ROOM + name.len()).sum()
    }

    /// Whether a spark is in the room of this name.
    pub(crate) fn is_in(&self, spark: u32, name: &str) -> bool {
        let room = self.names.get(name);
        room.is_some_and(|room| self.members.find(spark, *room).is_some())
    }

    /// Whether a spark is in one of these rooms, which are in order.
    pub(crate) fn is_in_one(&self, spark: u32, rooms: &[u32]) -> bool {
        let joined = self.members.joined(spark);
        match rooms {
            [EVERYBODY] => return true,
            [ANY_ROOM] => return !joined.is_empty(),
            _ => {}
        }
        if joined.len() < rooms.len() {
            return joined.iter().any(|j| rooms.binary_search(&j.room).is_ok());
        }
        let is_joined = |room: &u32| joined.binary_search_by_key(room, |j| j.room).is_ok();
        rooms.iter().any(is_joined)
    }

    fn room(&self, index: u32) -> Option<&Room> {
        self.rooms.get(self.rooms.key_at(index)?)
    }

    /// Fills a list with the rooms that a message to these names is for, patterns among them, in
    /// order and each once. Without a name it is for all.
    pub(crate) fn find<'n>(&self, names: impl IntoIterator<Item = &'n str>, found: &mut Vec<u32>) {
        found.clear();
        let mut is_for_all = true;
        for name in names {
            is_for_all = false;
            found.extend(self.names.get(name));
            self.patterns.find(name, |room| found.push(room));
        }
        if is_for_all && !self.is_empty() {
            found.push(ANY_ROOM);
        }
        found.sort_unstable();
        found.dedup();
    }

    /// The room of this name, if somebody is in it.
    pub(crate) fn named(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The first room from this place on, and its name if it has one.
    pub(crate) fn next_from(&self, index: u32) -> Option<(u32, Option<&Rc<str>>)> {
        let key = self.rooms.next_from(index)?;
        let room = self.rooms.get(key)?;
        Some((key.index, room.is_named.then_some(&room.name)))
    }

    /// What stays the same room for as long as it is there.
    pub(crate) fn key(&self, room: u32) -> Option<Key> {
        self.rooms.key_at(room)
    }

    /// Whether a room is there, and nobody was told to leave it.
    pub(crate) fn is_named(&self, room: Key) -> bool {
        self.rooms.get(room).is_some_and(|room| room.is_named)
    }

    /// How many sparks are in a room.
    pub(crate) fn len(&self, room: u32) -> usize {
        match room {
            ANY_ROOM => self.members.len(),
            room => self.room(room).map_or(0, |room| room.members.len()),
        }
    }

    /// The next member of a room, for who walks over all of them with a `place` that begins at
    /// [`Rooms::end`].
    #[inline]
    pub(crate) fn next_member(&self, room: u32, place: &mut usize) -> Option<u32> {
        if room == ANY_ROOM {
            let spark = self.members.next_from(u32::try_from(*place).ok()?)?;
            *place = spark as usize + 1;
            return Some(spark);
        }
        let members = &self.room(room)?.members;
        *place = (*place).min(members.len()).checked_sub(1)?;
        Some(members[*place])
    }

    /// Some members of a room, as they lie among all sparks, from this one on: at most `max`, and
    /// as many as are found by looking at so many sparks. Returns where the others begin, if there
    /// may be any. Whoever stays is found once, whoever leaves meanwhile.
    pub(crate) fn some_members(
        &self,
        room: u32,
        from: u32,
        max: usize,
        looks_max: usize,
    ) -> (Vec<u32>, Option<u32>) {
        let Some(members) = self.room(room).map(|room| &room.members) else {
            return (Vec::new(), None);
        };
        if members.len() <= looks_max {
            let rest = members.iter().filter(|spark| **spark >= from);
            let mut rest: Vec<u32> = rest.copied().collect();
            rest.sort_unstable();
            let next = rest.get(max).copied();
            rest.truncate(max);
            return (rest, next);
        }
        let (mut found, mut next) = (Vec::new(), from);
        for _ in 0..looks_max {
            let Some(spark) = self.members.next_from(next) else {
                return (found, None);
            };
            next = spark;
            if found.len() == max {
                break;
            }
            if self.members.find(spark, room).is_some() {
                found.push(spark);
            }
            next = spark.saturating_add(1);
        }
        (found, Some(next))
    }

    /// Where a walk with [`Rooms::next_member`] begins.
    pub(crate) fn end(&self, room: u32) -> usize {
        match room {
            ANY_ROOM => 0,
            room => self.len(room),
        }
    }

    /// Everybody is to leave the room of this name: from now on nobody finds it, and who joins one
    /// of this name is in another.
    pub(crate) fn empty(&mut self, name: &str) {
        let Some(index) = self.names.get(name).copied() else {
            return;
        };
        let room = self.rooms.at_mut(index).expect("it has a name");
        assert!(room.is_named, "{ONE_ROOM}");
        room.is_named = false;
        let name = Rc::clone(&room.name);
        self.unname(&name, index);
        self.emptied.extend(self.rooms.key_at(index));
    }

    /// Whether somebody has to leave a room that was emptied.
    pub(crate) fn is_emptying(&self) -> bool {
        !self.emptied.is_empty()
    }

    /// The next one that has to.
    pub(crate) fn next_to_leave(&mut self) -> Option<(u32, Key)> {
        while let Some(key) = self.emptied.front() {
            if let Some(room) = self.rooms.get(*key) {
                let last = room.members.last().expect("a room has a member");
                return Some((*last, *key));
            }
            self.emptied.pop_front();
        }
        self.emptied = VecDeque::new();
        None
    }

    /// It leaves.
    pub(crate) fn leave_emptied(&mut self, spark: u32, room: Key) -> Rc<str> {
        assert!(
            self.rooms.get(room).is_some_and(|room| !room.is_named),
            "only a room that was emptied is left like this"
        );
        self.remove(spark, room.index)
    }

    pub(crate) fn give_back(&mut self) {
        self.names.give_back();
    }
}

#[cfg(test)]
mod tests;
