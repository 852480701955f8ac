//! What is said in rooms: clients join and leave them, and messages go to rooms, to all and to
//! single clients. The book of who is in which room is kept here, beside the servers' own.
//!
//! Two kinds of writers write. The world writes through handles, as another thread of an
//! application does, to all servers; each spark's handler writes through its own server, when its
//! client has said something. Of each writer order is judged over everything that it writes.

use allspark_engine::SparkHandle;
use allspark_protocol::Dice;
use serde::Serialize;

use super::app::{Heard, Wrote};
use super::plan::Sabotage;
use super::purpose::Purpose;
use super::world::World;
use crate::auditor::{Receivers, ValueKey};
use crate::workload::message::{self, Stamp};

/// The names that clients join when they come, and how many of a hundred do. The last one is a
/// pattern.
const NAMES: [(&str, u64); 7] = [
    ("all", 100),
    ("most", 80),
    ("some", 25),
    ("few", 3),
    ("sport:1", 10),
    ("sport:2", 10),
    (PATTERN, 5),
];

const PATTERN: &str = "sport:*";

/// What is written to. Nobody is ever in the last one.
pub(super) const ROOMS: [&str; 7] = [
    "all", "most", "some", "few", "sport:1", "sport:2", "deserted",
];

/// Keys of values, for each combination of rooms.
const KEYS: u64 = 3;

/// Values that are written in a row, at most.
const BURST_MAX: u64 = 8;

/// One client of so many says something whenever it is asked who does.
const SPEAKERS_ONE_IN: u32 = 200;

/// Questions that a client is asked in a row: some of them it does not answer, or twice.
const QUESTIONS: u32 = 8;

/// The sabotaged server does something to one of so many messages.
const SABOTAGED_ONE_IN: u32 = 4;

/// Who is in which room, and what was written.
pub(super) struct Rooms {
    dice: Dice,
    /// By client: which of the names it has joined, a bit each.
    joined: Vec<u8>,
    /// By client: its spark, and the server of that.
    sparks: Vec<Option<(SparkHandle, u16)>>,
    /// Those who connected and have joined nothing yet.
    newcomers: Vec<u32>,
    /// By client: questions that it was asked over its connection.
    asked: Vec<u64>,
    tally: RoomTally,
}

/// What was written, and who came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RoomTally {
    /// Messages to rooms, values not counted.
    pub(crate) to_rooms: u32,
    /// Values with a key.
    pub(crate) values: u32,
    /// Values that did not arrive at somebody because a newer one took their place.
    pub(crate) replaced: u64,
    /// Messages to all, and to single clients.
    pub(crate) others: u32,
    /// Messages that handlers wrote for their clients.
    pub(crate) by_handlers: u32,
    pub(crate) joins: u32,
    pub(crate) leaves: u32,
}

/// A message to rooms.
struct Target {
    rooms: Vec<usize>,
    except: Option<u32>,
    key: Option<u64>,
}

impl Rooms {
    pub(super) fn new(seed: u64, clients: u32) -> Self {
        Self {
            dice: Purpose::Rooms.dice(seed),
            joined: vec![0; clients as usize],
            sparks: vec![None; clients as usize],
            newcomers: Vec::new(),
            asked: vec![0; clients as usize],
            tally: RoomTally::default(),
        }
    }

    pub(super) fn tally(&self, replaced: u64) -> RoomTally {
        RoomTally {
            replaced,
            ..self.tally
        }
    }

    /// A client has a spark. It joins its rooms once everything that was heard until then has been
    /// dealt with.
    pub(super) fn connected(&mut self, number: u32, spark: SparkHandle, node: u16) {
        self.joined[number as usize] = 0;
        self.asked[number as usize] = 0;
        self.sparks[number as usize] = Some((spark, node));
        self.newcomers.push(number);
    }

    /// The number of the next question over a client's connection.
    pub(super) fn next_question(&mut self, client: u32) -> u64 {
        let asked = &mut self.asked[client as usize];
        *asked += 1;
        *asked
    }

    fn join(&mut self, number: u32, name: usize) {
        let bit = 1 << name;
        let joined = &mut self.joined[number as usize];
        if *joined & bit == 0
            && let Some((spark, _)) = &self.sparks[number as usize]
        {
            *joined |= bit;
            self.tally.joins += 1;
            spark.join(NAMES[name].0);
        }
    }

    /// Whether a client is in one of these rooms of a server.
    fn is_in(&self, number: u32, rooms: u8, node: Option<u16>) -> bool {
        let at = |(_, home): &(SparkHandle, u16)| node.is_none_or(|node| node == *home);
        let spark = self.sparks[number as usize].as_ref();
        self.joined[number as usize] & rooms != 0 && spark.is_some_and(at)
    }
}

/// Which names lead to a room, a bit each.
fn names_of(room: usize) -> u8 {
    let is_of = |name: &str| {
        let is_pattern = name == PATTERN && ROOMS[room].starts_with("sport:");
        name == ROOMS[room] || is_pattern
    };
    let names = NAMES.iter().enumerate();
    let bits = names.map(|(place, (name, _))| u8::from(is_of(name)) << place);
    bits.fold(0, |all, bit| all | bit)
}

impl World {
    /// Who has just connected joins rooms.
    pub(super) fn join_rooms(&mut self) {
        for number in std::mem::take(&mut self.rooms.newcomers) {
            for (name, (_, share)) in NAMES.iter().enumerate() {
                if self.rooms.dice.below(100) < *share && self.auditor.is_live(number) {
                    self.rooms.join(number, name);
                }
            }
        }
    }

    /// Somebody says something, somebody comes or goes.
    pub(super) fn say_in_rooms(&mut self) {
        for _ in 0..=self.rooms.dice.below(3) {
            let room = self.rooms.dice.below(ROOMS.len() as u64) as usize;
            let client = self.rooms.dice.below(u64::from(self.plan.clients)) as u32;
            match self.rooms.dice.below(10) {
                0..3 => self.publish(&Target::new(room)),
                3 => {
                    let mut target = Target::new(room);
                    target.rooms.push((room + 1) % ROOMS.len());
                    target.except = Some(client);
                    self.publish(&target);
                }
                4 => self.write_to_all(),
                5 => self.write_to_one(client),
                6 | 7 => self.publish_values(room, client),
                8 => self.come_or_go(client, room),
                _ => self.come_or_go_together(client, room),
            }
            // Ends that are due after this moment come after it.
            self.settle();
        }
        for _ in 0..self.plan.clients.div_ceil(SPEAKERS_ONE_IN) {
            let number = self.traffic.below(u64::from(self.plan.clients)) as u32;
            self.echo(number);
            let other = self.traffic.below(u64::from(self.plan.clients)) as u32;
            self.ask_questions(other);
        }
    }

    /// A few questions in a row: of many clients nobody is asked often.
    fn ask_questions(&mut self, client: u32) {
        let spark = self.rooms.sparks[client as usize].clone();
        if let Some((spark, node)) = spark.filter(|_| self.auditor.is_live(client)) {
            for _ in 0..QUESTIONS {
                self.ask(client, &spark, node);
            }
        }
    }

    /// Values in a row: a client that reads slowly gets the newest. Some of them are not for
    /// somebody.
    fn publish_values(&mut self, room: usize, client: u32) {
        let count = 1 + self.rooms.dice.below(BURST_MAX);
        for _ in 0..count {
            let target = Target {
                rooms: vec![room],
                except: self.rooms.dice.once_in(4).then_some(client),
                key: Some(self.rooms.dice.below(KEYS)),
            };
            self.publish(&target);
        }
    }

    fn come_or_go(&mut self, client: u32, room: usize) {
        let Some((spark, _)) = self.rooms.sparks[client as usize].clone() else {
            return;
        };
        if !self.auditor.is_live(client) {
            return;
        }
        let bit = 1 << room;
        if self.rooms.joined[client as usize] & bit == 0 {
            return self.rooms.join(client, room);
        }
        self.rooms.tally.leaves += 1;
        self.rooms.joined[client as usize] &= !bit;
        if self.plan.sabotage != Some(Sabotage::KeepsMembers) {
            spark.leave(NAMES[room].0);
        }
    }

    /// A client leaves all its rooms, or everybody leaves one.
    fn come_or_go_together(&mut self, client: u32, room: usize) {
        if self.rooms.dice.once_in(2) {
            let spark = self.rooms.sparks[client as usize].clone();
            if let Some((spark, _)) = spark.filter(|_| self.auditor.is_live(client)) {
                self.rooms.joined[client as usize] = 0;
                self.rooms.tally.leaves += 1;
                spark.leave_all();
            }
            return;
        }
        let name = NAMES[room].0;
        self.nodes.each(|primus| primus.room(name).empty());
        for number in 0..self.plan.clients {
            let bit = 1 << room;
            let joined = &mut self.rooms.joined[number as usize];
            self.rooms.tally.leaves += u32::from(*joined & bit != 0);
            *joined &= !bit;
        }
        self.settle();
        // Half of them come back at once, so that the room does not stay empty.
        for number in (0..self.plan.clients).step_by(2) {
            if self.auditor.is_live(number) {
                self.rooms.join(number, room);
            }
        }
    }

    /// The world writes a message to rooms.
    fn publish(&mut self, target: &Target) {
        let rooms = target.rooms.iter().map(|room| names_of(*room));
        let rooms = rooms.fold(0, |all, names| all | names);
        let receivers = self.receivers(rooms, None, target.except);
        let text = self.next_of_world(&receivers, target.value_key());
        match target.key {
            Some(_) => self.rooms.tally.values += 1,
            None => self.rooms.tally.to_rooms += 1,
        }
        let is_chosen = self.broadcasts.is_multiple_of(SABOTAGED_ONE_IN);
        match self.plan.sabotage.filter(|_| is_chosen) {
            Some(sabotage) => self.betray_room(sabotage, target, &receivers, &text),
            None => self.write_to_rooms(target, &text),
        }
    }

    fn write_to_rooms(&mut self, target: &Target, text: &[u8]) {
        let value = self.plan.wording.value(text);
        let names: Vec<&str> = target.rooms.iter().map(|room| ROOMS[*room]).collect();
        let except = target.except.and_then(|client| {
            let spark = self.rooms.sparks[client as usize].as_ref();
            spark.map(|(spark, _)| spark.id())
        });
        self.nodes.each(|primus| {
            let mut room = primus.room(&names).except(except);
            if let Some(key) = target.key {
                room = room.latest(key);
            }
            room.write(&value).expect("the server runs");
        });
    }

    /// A message to rooms goes another way than it should.
    fn betray_room(
        &mut self,
        sabotage: Sabotage,
        target: &Target,
        receivers: &Receivers,
        text: &[u8],
    ) {
        let first = receivers.first().copied();
        match sabotage {
            Sabotage::ForgetsAMember if target.key.is_none() => {
                let except = target.except.or(first);
                let rooms = target.rooms.clone();
                let key = None;
                self.write_to_rooms(&Target { rooms, except, key }, text);
            }
            Sabotage::Overtakes if target.key.is_none() => {
                if let Some(first) = first {
                    self.write_to_one(first);
                }
                self.write_to_rooms(target, text);
            }
            _ => {
                self.write_to_rooms(target, text);
                self.write_more(sabotage, target, receivers, text);
            }
        }
    }

    /// A message to rooms goes where it should, and then something follows that should not.
    fn write_more(
        &mut self,
        sabotage: Sabotage,
        target: &Target,
        receivers: &Receivers,
        text: &[u8],
    ) {
        let mut others = (0..self.plan.clients).filter(|number| {
            self.auditor.is_live(*number) && receivers.binary_search(number).is_err()
        });
        let to = match sabotage {
            Sabotage::WritesToMembersTwice if target.key.is_none() => receivers.first().copied(),
            Sabotage::WritesToStrangers => others.next(),
            Sabotage::GoesBackwards if target.key.is_some() => {
                let newer = Target {
                    rooms: target.rooms.clone(),
                    ..*target
                };
                self.publish(&newer);
                receivers.first().copied()
            }
            _ => None,
        };
        let spark = to.and_then(|to| self.rooms.sparks[to as usize].as_ref());
        if let Some((spark, _)) = spark {
            let value = self.plan.wording.value(text);
            spark.write(&value).expect("a text can be encoded");
        }
    }

    /// The world writes a message to everyone.
    fn write_to_all(&mut self) {
        let everyone = (0..self.plan.clients).filter(|number| self.auditor.is_live(*number));
        let text = self.next_of_world(&everyone.collect(), None);
        self.rooms.tally.others += 1;
        self.nodes.broadcast(&text);
    }

    /// The world writes a message to one client.
    fn write_to_one(&mut self, client: u32) {
        let spark = self.rooms.sparks[client as usize].clone();
        let Some((spark, _)) = spark.filter(|_| self.auditor.is_live(client)) else {
            return;
        };
        let text = self.next_of_world(&[client].into(), None);
        let value = self.plan.wording.value(&text);
        self.rooms.tally.others += 1;
        spark.write(&value).expect("a text can be encoded");
    }

    /// The world's next message, for these.
    fn next_of_world(&mut self, receivers: &Receivers, key: Option<ValueKey>) -> Vec<u8> {
        let stamp = Stamp {
            from: self.plan.clients,
            sequence: self.broadcasts,
            sent_ns: self.now().as_ns(),
        };
        self.broadcasts += 1;
        self.auditor
            .sent_to((stamp.from, stamp.sequence), receivers, key);
        let mut text = Vec::new();
        message::encode(stamp, self.plan.message_bytes, &mut text);
        text
    }

    /// A handler has written a message.
    pub(super) fn handler_wrote(&mut self, heard: &Heard, wrote: Wrote) {
        let own = self.owner(heard.end);
        let receivers = match wrote.room {
            Some(room) => {
                let except = own.filter(|_| wrote.is_for_others);
                self.receivers(names_of(room), Some(heard.node), except)
            }
            None => own.into_iter().collect(),
        };
        self.rooms.tally.by_handlers += 1;
        self.auditor
            .sent_to((wrote.stamp.from, wrote.stamp.sequence), &receivers, None);
    }

    /// Who is in one of these rooms of a server, or of any.
    fn receivers(&self, rooms: u8, node: Option<u16>, except: Option<u32>) -> Receivers {
        let is_meant = |number: &u32| {
            self.auditor.is_live(*number)
                && Some(*number) != except
                && self.rooms.is_in(*number, rooms, node)
        };
        (0..self.plan.clients).filter(is_meant).collect()
    }
}

impl Target {
    fn new(room: usize) -> Self {
        Self {
            rooms: vec![room],
            except: None,
            key: None,
        }
    }

    /// How the auditor calls its key: keys count among those for the same rooms.
    fn value_key(&self) -> Option<ValueKey> {
        let rooms = self.rooms.iter();
        let rooms = rooms.fold(0, |all, room| all * (ROOMS.len() as u64 + 1) + *room as u64);
        self.key.map(|key| ValueKey((rooms * KEYS + key) as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_leads_to_what_it_matches() {
        assert_eq!(names_of(0), 0b1);
        assert_eq!(names_of(4), 0b101_0000);
        assert_eq!(names_of(5), 0b110_0000);
        assert_eq!(names_of(6), 0);
    }
}
