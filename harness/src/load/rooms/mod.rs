//! Clients that are in rooms, and publish to rooms that they are in: each message must reach the
//! members of its room, and nobody else. Now and then a message goes to everyone or back to its
//! sender instead, if that is asked for; of one sender all of them keep their order.
//!
//! | module | what it knows |
//! |---|---|
//! | [`plan`] | which rooms there are, and who is in them |
//! | [`wire`] | how joining and publishing are put |
//!
//! # Invariants
//! - Nobody publishes before all joins are answered.
//! - A client publishes to its own rooms in turn, so that its message comes back to it as well.

pub(crate) mod plan;
mod wire;

use allspark_engine::io::Driver;
use allspark_protocol::Instant;
use serde::Serialize;

use super::conflation::Conflation;
use super::plan::Plan;
use super::runner::Runner;
use crate::auditor::{Fault, Receivers};
use crate::workload::message::{self, Stamp};
use crate::workload::senders::Senders;
use plan::RoomsPlan;
use wire::{Heard, Sort};

/// How long joins may take without any answer.
const JOINING_STALL: std::time::Duration = std::time::Duration::from_secs(10);

/// What a load of rooms consists of.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct RoomsReport {
    pub(crate) rooms: u32,
    pub(crate) memberships: u64,
    pub(crate) members_max: u32,
    /// One of so many messages was for everyone, and one for its sender alone; 0 for none.
    pub(crate) others_one_in: u32,
}

/// Who is in which room.
#[derive(Debug)]
pub(super) struct Rooms {
    plan: RoomsPlan,
    /// By room.
    members: Vec<Receivers>,
    /// Rooms of all clients, one client's behind the other's.
    rooms: Vec<u32>,
    /// By client, where its rooms begin; and where the last one's end.
    begins: Vec<u32>,
    /// By client, how many rooms it has not been told to be in.
    unanswered: Vec<u32>,
    waiting: u64,
    last_answer: Instant,
    everyone: Receivers,
    sort: Sort,
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Room(u32),
    Everyone,
    Sender,
}

impl Rooms {
    pub(super) fn new(rooms: RoomsPlan, load: &Plan) -> Self {
        let clients = load.clients;
        let all = (0..rooms.rooms).map(|room| rooms.members_of(room, clients));
        let members: Vec<Receivers> = all.collect();
        let mut begins = vec![0; clients as usize + 1];
        for client in members.iter().flat_map(|list| list.iter()) {
            begins[*client as usize + 1] += 1;
        }
        for client in 0..clients as usize {
            begins[client + 1] += begins[client];
        }
        let mut ends = begins.clone();
        let mut own = vec![0; *begins.last().expect("there is an end") as usize];
        for (room, list) in (0..).zip(&members) {
            for client in list.iter() {
                let end = &mut ends[*client as usize];
                own[*end as usize] = room;
                *end += 1;
            }
        }
        Self {
            plan: rooms,
            members,
            rooms: own,
            begins,
            unanswered: vec![0; clients as usize],
            waiting: 0,
            last_answer: Instant::ZERO,
            everyone: (0..clients).collect(),
            sort: match load.conflation {
                Some(_) => Sort::Latest,
                None => Sort::Plain,
            },
        }
    }

    /// Who hears the values of each key, one sender's keys behind the other's: a client has its
    /// keys in its own rooms in turn. Nobody, if it is in none.
    pub(super) fn receivers_of_keys(&self, senders: Senders, keys_each: u32) -> Vec<Receivers> {
        let of_key = |(sender, key): (u32, u32)| match self.room_of(senders.client_of(sender), key)
        {
            Some(room) => Receivers::clone(&self.members[room as usize]),
            None => Receivers::from([]),
        };
        let senders = 0..senders.count();
        let keys = senders.flat_map(|sender| (0..keys_each).map(move |key| (sender, key)));
        keys.map(of_key).collect()
    }

    /// One of the rooms of a client, in turn.
    fn room_of(&self, client: u32, turn: u32) -> Option<u32> {
        let own = self.rooms_of(client);
        let place = (turn as usize).checked_rem(own.len())?;
        Some(own[place])
    }

    pub(super) fn report(&self) -> RoomsReport {
        let sizes = self.members.iter().map(|list| list.len() as u32);
        RoomsReport {
            rooms: self.plan.rooms,
            memberships: self.rooms.len() as u64,
            members_max: sizes.max().unwrap_or(0),
            others_one_in: self.plan.others_one_in,
        }
    }

    fn rooms_of(&self, client: u32) -> &[u32] {
        let [begin, end] = [client, client + 1].map(|at| self.begins[at as usize] as usize);
        &self.rooms[begin..end]
    }

    /// Whom the next message of a client is for; nobody, if it is in no room.
    fn addressee(&self, client: u32, sequence: u32) -> Option<To> {
        let every = self.plan.others_one_in;
        if every > 0 && sequence % every == every - 1 {
            return Some(match (sequence / every) % 2 {
                0 => To::Sender,
                _ => To::Everyone,
            });
        }
        self.room_of(client, sequence).map(To::Room)
    }

    /// Whether all joins are answered, of those who are still there.
    pub(super) fn have_all_joined(&self) -> bool {
        self.waiting == 0
    }

    /// A client is gone: what it asked is not answered any more.
    pub(super) fn left(&mut self, client: u32) {
        let unanswered = std::mem::take(&mut self.unanswered[client as usize]);
        self.waiting -= u64::from(unanswered);
    }
}

impl<D: Driver> Runner<D> {
    /// A client that can speak joins its rooms.
    pub(super) fn join_rooms(&mut self, index: u32) {
        let Some(rooms) = &mut self.rooms else { return };
        rooms.last_answer = self.now;
        let joins: Vec<Vec<u8>> = rooms
            .rooms_of(index)
            .chunks(wire::NAMES_MAX)
            .map(|chunk| {
                let mut text = Vec::new();
                wire::join(rooms.sort, chunk, &mut text);
                text
            })
            .collect();
        let count = rooms.rooms_of(index).len();
        rooms.unanswered[index as usize] = count as u32;
        rooms.waiting += count as u64;
        for text in joins {
            self.say_message(index, &text);
        }
    }

    /// What a client heard, without what the convention puts around it, and its key; nothing, if it
    /// was an answer.
    pub(super) fn out_of_room<'t>(
        &mut self,
        index: u32,
        text: &'t [u8],
    ) -> Option<(&'t [u8], Option<&'t [u8]>)> {
        let Some(rooms) = &mut self.rooms else {
            return Some((text, None));
        };
        let heard = match wire::read(text) {
            None => return Some((text, None)),
            Some(Heard::Published(message, key)) => return Some((message, key)),
            Some(heard) => heard,
        };
        // A refusal is an answer as well.
        rooms.last_answer = self.now;
        let unanswered = &mut rooms.unanswered[index as usize];
        let was_asked = *unanswered > 0;
        *unanswered -= u32::from(was_asked);
        rooms.waiting -= u64::from(was_asked);
        let why = match heard {
            Heard::Refused(words) => format!("the server refused: {words}"),
            _ if was_asked => return None,
            _ => "the server says more than once that it joined a room".to_owned(),
        };
        self.auditor
            .note(Fault::Refused, || format!("client {index}: {why}"));
        None
    }

    /// Whether a message has the key that it was sent with.
    pub(super) fn has_right_key(&self, stamp: Stamp, key: Option<&[u8]>) -> bool {
        let keys = self.conflation.as_ref().map(Conflation::keys_each);
        match (keys, key) {
            (None, None) => true,
            (Some(keys), Some(key)) => wire::is_key(key, stamp.from, stamp.sequence % keys),
            _ => false,
        }
    }

    /// Puts the next value of a client together, if it is in a room, and tells the auditor.
    fn put_value(&mut self, index: u32, stamp: Stamp, keys: u32, out: &mut Vec<u8>) -> bool {
        let rooms = self.rooms.as_ref().expect("values are for rooms");
        let number = stamp.sequence % keys;
        let Some(room) = rooms.room_of(index, number) else {
            return false;
        };
        self.auditor.sent_value(stamp.from, stamp.sequence);
        wire::begin(Sort::Latest, room, out);
        message::encode(stamp, self.plan.message_bytes, out);
        wire::key(stamp.from, number, out);
        out.extend_from_slice(wire::END);
        true
    }

    /// Puts the next message of a client together, if it has anybody to say something to, and tells
    /// the auditor whom it is for.
    pub(super) fn put_for_room(&mut self, index: u32, stamp: Stamp, out: &mut Vec<u8>) -> bool {
        if let Some(conflation) = &self.conflation {
            return self.put_value(index, stamp, conflation.keys_each(), out);
        }
        let rooms = self.rooms.as_ref().expect("the scenario is rooms");
        let Some(to) = rooms.addressee(index, stamp.sequence) else {
            return false;
        };
        let number = (stamp.from, stamp.sequence);
        let message_bytes = self.plan.message_bytes;
        match to {
            To::Room(room) => {
                self.auditor
                    .sent_to(number, &rooms.members[room as usize], None);
                wire::begin(Sort::Plain, room, out);
                message::encode(stamp, message_bytes, out);
                out.extend_from_slice(wire::END);
            }
            To::Everyone => {
                self.auditor.sent_to(number, &rooms.everyone, None);
                message::encode_to_all(stamp, message_bytes, out);
            }
            To::Sender => {
                self.auditor.sent_to(number, &[index].into(), None);
                message::encode(stamp, message_bytes, out);
            }
        }
        true
    }

    /// If nobody was answered for long: who is not in its rooms by now never will be.
    pub(super) fn give_up_joining(&mut self) {
        let Some(rooms) = self.rooms.as_mut() else {
            return;
        };
        if self.now - rooms.last_answer <= JOINING_STALL {
            return;
        }
        for client in 0..rooms.unanswered.len() as u32 {
            if rooms.unanswered[client as usize] > 0 {
                rooms.left(client);
                self.auditor.note(Fault::Refused, || {
                    format!("client {client}: the server did not answer its join")
                });
            }
        }
    }
}
