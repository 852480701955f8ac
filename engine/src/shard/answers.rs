//! Says who is in rooms. Of a large room that takes a while, so it is found out in portions, beside
//! all walks: one question after the other.

use std::collections::VecDeque;
use std::sync::Arc;

use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::Transformer;
use smallvec::SmallVec;

use super::core::Core;
use super::questions::{Asked, Of};
use crate::app::target::Question;
use crate::fanout::Budget;
use crate::limits::ROOM_MEMBERS_AT_ONCE;
use crate::rooms::ANY_ROOM;

impl<T: Transformer> Core<T> {
    /// Answers who is in rooms, or begins to look.
    pub(super) fn answer_question(&mut self, question: Arc<Question>) {
        let names = question.rooms.iter();
        let mut found: SmallVec<[u32; 2]> =
            names.filter_map(|name| self.rooms.named(name)).collect();
        if question.rooms.is_empty() {
            found.push(ANY_ROOM);
        }
        let members = found.iter().map(|room| self.rooms.len(*room)).sum();
        question.count(members);
        if question.wants_ids && members > ROOM_MEMBERS_AT_ONCE {
            return self.look_into(question, &found);
        }
        if question.wants_ids {
            question.add(self.members_now(&found));
        }
        // The last shard to let go of it calls the application.
        self.guard_alone(|| drop(question));
    }

    /// The members of rooms, who are few.
    fn members_now(&mut self, found: &[u32]) -> Vec<SparkId> {
        let mut members = self.take_members(found);
        let ids = members.iter().filter_map(|index| self.id_at(*index));
        let ids = ids.collect();
        members.clear();
        self.room_lists.members = members;
        ids
    }

    fn id_at(&self, index: u32) -> Option<SparkId> {
        let slot = self.sessions.get(self.sessions.key_at(index)?)?;
        Some(slot.state.id)
    }

    fn look_into(&mut self, question: Arc<Question>, found: &[u32]) {
        let of = found.iter().filter_map(|room| match *room {
            ANY_ROOM => Some(Of::AnyRoom),
            room => Some(Of::Room(self.rooms.key(room)?)),
        });
        let asked = Asked::new(question, of.collect());
        self.questions.open.push_back(asked);
    }

    /// Goes on with questions that are open.
    pub(super) fn answer_questions(&mut self, mut budget: Budget) {
        while let Some(mut asked) = self.questions.open.pop_front() {
            if !self.go_on_looking(&mut asked, &mut budget) {
                return self.questions.open.push_front(asked);
            }
            asked.question.add(asked.found);
            self.guard_alone(|| drop(asked.question));
            self.settle();
        }
        // They are rare, so no room is kept for them.
        self.questions.open = VecDeque::new();
    }

    /// Returns whether everybody was looked at.
    fn go_on_looking(&self, asked: &mut Asked, budget: &mut Budget) -> bool {
        while let Some(of) = asked.left.last().copied() {
            if let Some(room) = self.room_of(of)
                && !self.look_at_members(room, asked, budget)
            {
                return false;
            }
            asked.left.pop();
            asked.place = None;
        }
        true
    }

    /// The room, if it is still there.
    fn room_of(&self, of: Of) -> Option<u32> {
        match of {
            Of::AnyRoom => Some(ANY_ROOM),
            Of::Room(key) => self.rooms.is_named(key).then_some(key.index),
        }
    }

    fn look_at_members(&self, room: u32, asked: &mut Asked, budget: &mut Budget) -> bool {
        let mut place = asked.place.unwrap_or_else(|| self.rooms.end(room));
        while budget.look() {
            let Some(index) = self.rooms.next_member(room, &mut place) else {
                return true;
            };
            if asked.is_new(index) {
                asked.found.extend(self.id_at(index));
            }
        }
        asked.place = Some(place);
        false
    }
}
