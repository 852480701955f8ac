//! What is said about rooms between shards: messages to them, and questions about them.

use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::Kind;

use super::awaited::Awaited;
use crate::rooms::RoomError;

/// Names of rooms, each by itself.
pub(crate) type Names = Vec<Box<str>>;

/// To whom a message to rooms goes: whoever is in one of them. Without a room, whoever is in any,
/// or everybody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    pub(crate) rooms: Names,
    /// Whoever is there, whatever the rooms.
    pub(crate) is_for_all: bool,
    pub(crate) except: Vec<SparkId>,
    /// Only the newest message with this key matters.
    pub(crate) latest: Option<Box<str>>,
}

impl Target {
    /// What it costs.
    pub(crate) fn bytes(&self) -> usize {
        let names = self.rooms.iter().map(|name| name.len() + 16);
        let except = self.except.len() * size_of::<SparkId>();
        let key = self.latest.as_ref().map_or(0, |key| key.len());
        names.sum::<usize>() + except + key
    }

    /// The key among those of all rooms.
    pub(crate) fn scope(&self) -> Option<Rc<str>> {
        let key = self.latest.as_deref()?;
        // No name has a space.
        let mut scope = self.rooms.join(" ");
        scope.push_str("  ");
        scope.push_str(key);
        Some(scope.into())
    }
}

/// An encoded message to rooms.
#[derive(Debug)]
pub(crate) struct Publish {
    pub(crate) target: Target,
    pub(crate) kind: Kind,
    pub(crate) payload: Arc<[u8]>,
}

impl Publish {
    pub(crate) fn bytes(&self) -> usize {
        self.payload.len() + self.target.bytes()
    }
}

/// The same, while its transforms take their time.
#[derive(Debug)]
pub(crate) struct AwaitedPublish {
    pub(crate) target: Arc<Target>,
    pub(crate) awaited: Arc<Awaited>,
}

impl AwaitedPublish {
    pub(crate) fn bytes(&self) -> usize {
        self.awaited.bytes + self.target.bytes()
    }
}

type Answer = Box<dyn FnOnce(Vec<SparkId>, usize) + Send>;

/// Asks every shard who is in rooms. The last one that lets go of it answers, so there is an answer
/// even if a shard has ended.
pub(crate) struct Question {
    pub(crate) rooms: Names,
    /// Whether it is asked who they are, not only how many.
    pub(crate) wants_ids: bool,
    found: Mutex<Vec<SparkId>>,
    count: AtomicUsize,
    answer: Mutex<Option<Answer>>,
}

impl Question {
    pub(crate) fn new(
        rooms: Names,
        wants_ids: bool,
        answer: impl FnOnce(Vec<SparkId>, usize) + Send + 'static,
    ) -> Self {
        Self {
            rooms,
            wants_ids,
            found: Mutex::default(),
            count: AtomicUsize::new(0),
            answer: Mutex::new(Some(Box::new(answer))),
        }
    }

    /// A shard has these.
    pub(crate) fn add(&self, mut ids: Vec<SparkId>) {
        let found = self.found.lock();
        let mut found = found.unwrap_or_else(PoisonError::into_inner);
        match found.is_empty() {
            true => *found = ids,
            false => found.append(&mut ids),
        }
    }

    /// A shard has so many.
    pub(crate) fn count(&self, sparks: usize) {
        self.count.fetch_add(sparks, Ordering::Relaxed);
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let found = self.found.get_mut();
        let found = std::mem::take(found.unwrap_or_else(PoisonError::into_inner));
        let answer = self.answer.get_mut();
        if let Some(answer) = answer.unwrap_or_else(PoisonError::into_inner).take() {
            answer(found, *self.count.get_mut());
        }
    }
}

/// Something happened to a spark in rooms.
#[derive(Debug)]
pub(crate) enum RoomEvent {
    Joined(Rc<str>),
    Left(Rc<str>),
    LeftAll(Vec<Rc<str>>),
    Failed(RoomError),
}
