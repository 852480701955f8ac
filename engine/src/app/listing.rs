//! Lists of sparks, of the members of a room, and of rooms, in portions: each costs one shard a
//! bounded part of one turn, and nothing is kept between two of them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::handle::Handle;
use super::host::{Command, ListOf, Listing};
use super::spark::Spark;
use super::tally::{Tallied, Tally};
use crate::limits::LIST_MAX;

/// Where a list goes on. As text it can be given to somebody else and read back; one that is made
/// up is somewhere in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListCursor {
    shard: u16,
    place: u64,
}

impl ListCursor {
    /// Where every list begins.
    const FIRST: Self = Self { shard: 0, place: 0 };
}

/// A text that is no [`ListCursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not where a list goes on")]
pub struct NotACursor;

impl fmt::Display for ListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.shard, self.place)
    }
}

impl FromStr for ListCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (shard, place) = text.split_once('-').ok_or(NotACursor)?;
        Ok(Self {
            shard: shard.parse().map_err(|_| NotACursor)?,
            place: place.parse().map_err(|_| NotACursor)?,
        })
    }
}

/// A room and how many sparks are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomSize {
    /// Its name.
    pub name: String,
    /// Of all shards.
    pub sparks: usize,
}

impl Handle {
    /// Calls `each` with at most `max` sparks of one shard, and then `answer` with what it has said
    /// and where the list goes on: `None` at its end. A portion may be empty although the list goes
    /// on, and has at most 1,000 sparks. Both are called on a shard and must not block.
    ///
    /// Whoever is there from the first portion to the last is in the list once; who comes or goes
    /// meanwhile may be in it or not. If the shard has ended nothing is called.
    pub fn list_sparks<R: 'static>(
        &self,
        from: Option<ListCursor>,
        max: usize,
        each: impl Fn(&mut Spark<'_>) -> R + Send + 'static,
        answer: impl FnOnce(Vec<R>, Option<ListCursor>) + Send + 'static,
    ) {
        self.list(ListOf::Sparks, from, max, each, answer);
    }

    /// The same for those who are in the room of this name. Here a `*` is no pattern.
    pub fn list_members<R: 'static>(
        &self,
        room: &str,
        from: Option<ListCursor>,
        max: usize,
        each: impl Fn(&mut Spark<'_>) -> R + Send + 'static,
        answer: impl FnOnce(Vec<R>, Option<ListCursor>) + Send + 'static,
    ) {
        self.list(ListOf::Members(room.into()), from, max, each, answer);
    }

    /// Calls `answer` with at most `max` rooms and with where the list goes on, as
    /// [`Handle::list_sparks`] does. A room that is there from the first portion to the last, and
    /// has members of the same shards all the time, is in the list once.
    pub fn list_rooms(
        &self,
        from: Option<ListCursor>,
        max: usize,
        answer: impl FnOnce(Vec<RoomSize>, Option<ListCursor>) + Send + 'static,
    ) {
        let from = from.unwrap_or(ListCursor::FIRST);
        let (shard, primus) = (from.shard, self.clone());
        let Some(send) = self.listing(ListOf::Rooms, from, max) else {
            return answer(Vec::new(), None);
        };
        send(Box::new(move |_, portion| {
            let next = primus.after(from, portion.next);
            let counted = Tally::new(portion.names, move |rooms| {
                // One that a shard before this one has, too, was listed there.
                let rooms = rooms
                    .into_iter()
                    .filter(|room| room.first_shard == Some(shard));
                answer(rooms.map(RoomSize::from).collect(), next);
            });
            primus.tally(counted);
        }));
    }

    /// Calls `answer` with how many sparks are in each room of these names. Here a `*` is no
    /// pattern. It is called on a shard once all of them have answered, and must not block.
    pub fn count_rooms<N: Into<Box<str>>>(
        &self,
        names: impl IntoIterator<Item = N>,
        answer: impl FnOnce(Vec<RoomSize>) + Send + 'static,
    ) {
        let names = names.into_iter().map(Into::into).collect();
        self.tally(Tally::new(names, |rooms| {
            answer(rooms.into_iter().map(RoomSize::from).collect());
        }));
    }

    fn tally(&self, tally: Tally) {
        let tally = Arc::new(tally);
        self.send_to_all(|| Command::Tally(Arc::clone(&tally)));
    }

    fn list<R: 'static>(
        &self,
        of: ListOf,
        from: Option<ListCursor>,
        max: usize,
        each: impl Fn(&mut Spark<'_>) -> R + Send + 'static,
        answer: impl FnOnce(Vec<R>, Option<ListCursor>) + Send + 'static,
    ) {
        let (primus, from) = (self.clone(), from.unwrap_or(ListCursor::FIRST));
        let Some(send) = self.listing(of, from, max) else {
            return answer(Vec::new(), None);
        };
        send(Box::new(move |host, portion| {
            let sparks = portion.sparks.into_iter();
            let said = sparks.map(|key| each(&mut Spark::new(host, key))).collect();
            answer(said, primus.after(from, portion.next));
        }));
    }

    /// Sends a question to the shard of a cursor; `None` if there is no such shard.
    fn listing(
        &self,
        of: ListOf,
        from: ListCursor,
        max: usize,
    ) -> Option<impl FnOnce(super::host::OnPortion) + '_> {
        (from.shard < self.shards()).then_some(move |call| {
            let listing = Listing {
                of,
                from: from.place,
                max: max.min(LIST_MAX),
                call,
            };
            self.send_to_shard(from.shard, Command::List(Box::new(listing)));
        })
    }

    /// What follows a portion: a place on the same shard, or where the list of the next one begins.
    fn after(&self, from: ListCursor, next: Option<u64>) -> Option<ListCursor> {
        let shard = from.shard + u16::from(next.is_none());
        let place = next.unwrap_or(0);
        (shard < self.shards()).then_some(ListCursor { shard, place })
    }
}

impl From<Tallied> for RoomSize {
    fn from(room: Tallied) -> Self {
        Self {
            name: room.name.into(),
            sparks: room.sparks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_text() {
        let cursor = ListCursor {
            shard: 3,
            place: u64::MAX,
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "-", "1", "1-", "-1", "65536-1", "1-x", "1-2-3"] {
            assert_eq!(wrong.parse::<ListCursor>(), Err(NotACursor), "{wrong}");
        }
    }
}
