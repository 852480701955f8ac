//! Portions of lists: of sparks, of the members of a room, and of rooms. Each is made in one turn
//! and looks at a bounded number of places.

use std::sync::Arc;

use allspark_protocol::transformer::Transformer;

use super::core::Core;
use crate::app::host::{ListOf, Listing, Portion};
use crate::app::tally::Tally;
use crate::guard;
use crate::limits::WALK_VISITS_PER_TURN;

impl<T: Transformer> Core<T> {
    /// Makes a portion of a list.
    pub(super) fn list(&mut self, listing: Listing) {
        let Listing {
            of,
            from,
            max,
            call,
        } = listing;
        let portion = match of {
            ListOf::Sparks => self.some_sparks(from, max),
            ListOf::Members(room) => self.some_members(&room, from, max),
            ListOf::Rooms => self.some_rooms(from, max),
        };
        if let Err(panicked) = guard::call(|| call(self, portion)) {
            self.tell_panic(&panicked, "a function of a list panicked");
        }
    }

    fn some_sparks(&self, from: u64, max: usize) -> Portion {
        let mut portion = Portion::default();
        let mut index = u32::try_from(from).ok();
        for _ in 0..WALK_VISITS_PER_TURN {
            let Some(spark) = index.and_then(|index| self.sessions.next_from(index)) else {
                return portion;
            };
            if portion.sparks.len() == max {
                break;
            }
            if self.is_open(spark) {
                portion.sparks.push(spark);
            }
            index = spark.index.checked_add(1);
        }
        portion.next = index.map(u64::from);
        portion
    }

    fn some_members(&self, room: &str, from: u64, max: usize) -> Portion {
        let mut portion = Portion::default();
        let Some(room) = self.rooms.named(room) else {
            return portion;
        };
        let Ok(from) = u32::try_from(from) else {
            return portion;
        };
        let (members, next) = self
            .rooms
            .some_members(room, from, max, WALK_VISITS_PER_TURN);
        let sparks = members
            .into_iter()
            .filter_map(|index| self.sessions.key_at(index));
        portion
            .sparks
            .extend(sparks.filter(|spark| self.is_open(*spark)));
        portion.next = next.map(u64::from);
        portion
    }

    fn some_rooms(&self, from: u64, max: usize) -> Portion {
        let mut portion = Portion::default();
        let mut index = u32::try_from(from).ok();
        for _ in 0..WALK_VISITS_PER_TURN {
            let Some((room, name)) = index.and_then(|index| self.rooms.next_from(index)) else {
                return portion;
            };
            if portion.names.len() == max {
                break;
            }
            portion.names.extend(name.map(|name| Box::from(&**name)));
            index = room.checked_add(1);
        }
        portion.next = index.map(u64::from);
        portion
    }

    /// Says how many sparks of this shard are in rooms.
    pub(super) fn tally(&self, tally: Arc<Tally>) {
        let rooms = &self.rooms;
        let len = |name: &str| rooms.named(name).map_or(0, |room| rooms.len(room));
        tally.count(self.shard, len);
        // The last shard to let go of it calls the application.
        self.guard_alone(|| drop(tally));
    }
}
