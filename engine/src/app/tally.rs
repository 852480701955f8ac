//! How many sparks are in rooms, counted over all shards.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Is told the answer.
type Answer = Box<dyn FnOnce(Vec<Tallied>) + Send>;

/// Asks every shard how many sparks it has in rooms. The last one that lets go of it answers, so
/// there is an answer even if a shard has ended.
pub(crate) struct Tally {
    rooms: Box<[Counted]>,
    answer: Mutex<Option<Answer>>,
}

struct Counted {
    name: Box<str>,
    sparks: AtomicUsize,
    first_shard: AtomicU32,
}

/// One room, once all shards have answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tallied {
    pub(crate) name: Box<str>,
    pub(crate) sparks: usize,
    /// The first shard that has somebody in it.
    pub(crate) first_shard: Option<u16>,
}

impl Tally {
    pub(crate) fn new(
        names: Vec<Box<str>>,
        answer: impl FnOnce(Vec<Tallied>) + Send + 'static,
    ) -> Self {
        let rooms = names.into_iter().map(|name| Counted {
            name,
            sparks: AtomicUsize::new(0),
            first_shard: AtomicU32::new(u32::MAX),
        });
        Self {
            rooms: rooms.collect(),
            answer: Mutex::new(Some(Box::new(answer))),
        }
    }

    /// Bytes that it takes while it waits.
    pub(crate) fn bytes(&self) -> usize {
        let rooms = self.rooms.iter();
        rooms
            .map(|room| size_of::<Counted>() + room.name.len())
            .sum()
    }

    /// A shard says how many sparks it has in the room of a name.
    pub(crate) fn count(&self, shard: u16, len: impl Fn(&str) -> usize) {
        for room in &self.rooms {
            let sparks = len(&room.name);
            if sparks > 0 {
                room.sparks.fetch_add(sparks, Ordering::Relaxed);
                let shard = u32::from(shard);
                room.first_shard.fetch_min(shard, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let rooms = std::mem::take(&mut self.rooms).into_iter();
        let rooms = rooms.map(|room| Tallied {
            name: room.name,
            sparks: room.sparks.into_inner(),
            first_shard: u16::try_from(room.first_shard.into_inner()).ok(),
        });
        let answer = self.answer.get_mut();
        if let Some(answer) = answer.unwrap_or_else(PoisonError::into_inner).take() {
            answer(rooms.collect());
        }
    }
}
