//! Messages to rooms that are too large to be written to at once. Their frames lie in the logs,
//! between those of broadcasts. This file knows whom they are for. So one offset tells what a spark
//! still has to get, and direct writes, broadcasts and messages to rooms keep their order: whoever
//! is written to gets first what is in the log for it, and who joins or leaves a room does so, too.
//!
//! A walk over the members of a room brings what is for them. Whoever is in none of the rooms is
//! not visited; its offset stays behind what is forgotten, as nothing there was for it.
//!
//! # Invariants
//! - Messages for the same rooms that come behind each other are one entry, until a walk begins.
//! - A message is kept until a walk over each of its rooms, which began after it, is done.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use allspark_protocol::transformer::Wire;
use smallvec::SmallVec;

use crate::memory::Slice;

/// What a spark has to get, in order.
pub(crate) type Parts = SmallVec<[Part; 2]>;

/// A part of that.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Of the log.
    Log(Range<u64>),
    /// A message with a key, which lies apart, so that a newer one can take its place.
    Latest(Slice),
}

impl Part {
    /// Whether it is the last one of a log that ends there.
    pub(crate) fn reaches(&self, head: u64) -> bool {
        match self {
            Self::Log(part) => part.end == head,
            Self::Latest(_) => true,
        }
    }
}

/// Where a message lies in the log of each wire format.
pub(super) type Spans = SmallVec<[Range<u64>; 4]>;

/// The frames of a message with a key, by wire format.
pub(super) type Frames = Box<[Option<Slice>]>;

/// For whom a message to rooms is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audience {
    /// Rooms, in order: whoever is in one of them.
    pub(crate) rooms: SmallVec<[u32; 2]>,
    /// But not these sparks, by the indexes of their slots, in order.
    pub(crate) except: SmallVec<[u32; 1]>,
}

impl Audience {
    /// What it costs.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + 4 * (self.rooms.len() + self.except.len())
    }
}

/// One message, or several behind each other.
#[derive(Debug)]
struct Post {
    audience: Audience,
    number: u64,
    spans: Spans,
    /// What lies there, if it has a key.
    latest: Option<Latest>,
    /// Nothing lies in the logs: it is one of the messages that are not the same for every spark,
    /// by this number.
    per_spark: Option<u64>,
    /// Rooms whose members have not all got it.
    left: SmallVec<[u32; 2]>,
    /// A walk is under way that brings it.
    has_begun: bool,
}

#[derive(Debug)]
struct Latest {
    key: Rc<str>,
    frames: Frames,
}

/// A walk over the members of one room.
#[derive(Debug)]
pub(crate) struct RoomWalk {
    pub(crate) room: u32,
    /// How far it is, as the room has it.
    pub(crate) place: usize,
    /// Messages before this number reach every member; `None` before it begins.
    covers: Option<u64>,
}

/// Messages to rooms that not everybody has got yet.
#[derive(Debug, Default)]
pub(super) struct Posts {
    posts: VecDeque<Post>,
    /// How many there were so far.
    count: u64,
    /// Those that take turns. A room is walked over once at a time.
    walks: VecDeque<RoomWalk>,
}

impl Posts {
    pub(super) fn is_empty(&self) -> bool {
        self.posts.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.posts.len()
    }

    pub(super) fn walks(&self) -> usize {
        self.walks.len()
    }

    /// Adds a message that lies there in the logs. `walked` are the rooms to walk over.
    pub(super) fn add(&mut self, audience: Audience, walked: SmallVec<[u32; 2]>, spans: Spans) {
        if let Some(last) = self.posts.back_mut()
            && !last.has_begun
            && last.latest.is_none()
            && last.audience == audience
            && is_behind(&last.spans, &spans)
        {
            for (span, more) in last.spans.iter_mut().zip(spans) {
                span.end = more.end;
            }
            return;
        }
        self.push(audience, walked, spans, None, None);
    }

    /// Adds a message that is not the same for every spark. It lies elsewhere, by this number, and
    /// its audience with it.
    pub(super) fn add_per_spark(
        &mut self,
        number: u64,
        walked: SmallVec<[u32; 2]>,
        heads: impl Iterator<Item = u64>,
    ) {
        let spans = heads.map(|head| head..head).collect();
        self.push(Audience::default(), walked, spans, None, Some(number));
    }

    /// The same for a message with a key, which takes the place of an older one for the same rooms:
    /// whoever has not got that gets this one instead.
    pub(super) fn add_latest(
        &mut self,
        audience: Audience,
        walked: SmallVec<[u32; 2]>,
        spans: Spans,
        key: Rc<str>,
        frames: Frames,
    ) {
        assert!(frames.len() == spans.len(), "each wire has a frame or none");
        self.posts.retain(|post| {
            let latest = post.latest.as_ref();
            latest.is_none_or(|latest| latest.key != key) || post.audience != audience
        });
        let latest = Some(Latest { key, frames });
        self.push(audience, walked, spans, latest, None);
    }

    fn push(
        &mut self,
        audience: Audience,
        walked: SmallVec<[u32; 2]>,
        spans: Spans,
        latest: Option<Latest>,
        per_spark: Option<u64>,
    ) {
        let last = self.posts.back();
        assert!(
            last.is_none_or(|last| last.spans.len() == spans.len()),
            "a message lies somewhere in the log of each wire"
        );
        walked.iter().for_each(|room| self.want_walk(*room));
        self.posts.push_back(Post {
            audience,
            number: self.count,
            spans,
            latest,
            per_spark,
            left: walked,
            has_begun: false,
        });
        self.count += 1;
    }

    /// Takes the walk whose turn it is. `end` says where one over a room begins.
    pub(super) fn take_walk(&mut self, end: impl FnOnce(u32) -> usize) -> Option<RoomWalk> {
        let mut walk = self.walks.pop_front()?;
        if walk.covers.is_none() {
            walk.place = end(walk.room);
            walk.covers = Some(self.count);
            for post in &mut self.posts {
                post.has_begun |= post.left.contains(&walk.room);
            }
        }
        Some(walk)
    }

    /// It goes on when others had their turn.
    pub(super) fn put_walk(&mut self, walk: RoomWalk) {
        assert!(walk.covers.is_some(), "only a walk that was taken goes on");
        self.walks.push_back(walk);
    }

    /// It has reached every member.
    pub(super) fn end_walk(&mut self, walk: &RoomWalk) {
        let covers = walk.covers.expect("it has begun");
        let mut again = false;
        for post in &mut self.posts {
            if post.number < covers {
                post.left.retain(|room| *room != walk.room);
            } else {
                again |= post.left.contains(&walk.room);
            }
        }
        if again {
            self.want_walk(walk.room);
        }
    }

    fn want_walk(&mut self, room: u32) {
        if self.walks.iter().all(|walk| walk.room != room) {
            self.walks.push_back(RoomWalk::new(room));
        }
    }

    /// Where the oldest message begins that somebody has not got, in the log of a wire format.
    pub(super) fn needed_from(&self, wire: Wire) -> Option<u64> {
        let mut posts = self.posts.iter();
        let first = posts.find(|post| !post.left.is_empty())?;
        Some(first.spans[usize::from(wire.0)].start)
    }

    /// The oldest message that somebody has not got, of those that differ from spark to spark.
    pub(super) fn needed_per_spark(&self) -> Option<u64> {
        let mut posts = self.posts.iter().filter(|post| !post.left.is_empty());
        posts.find_map(|post| post.per_spark)
    }

    /// Forgets messages that lie before what the logs still know.
    pub(super) fn forget(&mut self, is_forgotten: impl Fn(Wire, u64) -> bool) {
        while let Some(post) = self.posts.front()
            && post.left.is_empty()
            && (0..)
                .zip(&post.spans)
                .all(|(wire, span)| is_forgotten(Wire(wire), span.end))
        {
            self.posts.pop_front();
        }
        if self.posts.is_empty() && self.walks.is_empty() {
            // They are rare, so no room is kept for them.
            (self.posts, self.walks) = (VecDeque::new(), VecDeque::new());
        }
    }

    /// The pieces of this part of a log that are for a spark.
    pub(super) fn due(
        &self,
        wire: Wire,
        part: Range<u64>,
        mut is_for: impl FnMut(&Audience) -> bool,
    ) -> Parts {
        let (wire, mut from) = (usize::from(wire.0), part.start);
        let mut due = Parts::new();
        let first = self
            .posts
            .partition_point(|post| post.spans[wire].end <= from);
        for post in self.posts.range(first..) {
            let span = &post.spans[wire];
            if span.is_empty() {
                continue;
            }
            let is_for_it = is_for(&post.audience);
            if is_for_it && post.latest.is_none() {
                continue;
            }
            if from < span.start {
                due.push(Part::Log(from..span.start));
            }
            if is_for_it && let Some(latest) = &post.latest {
                due.extend(latest.frames[wire].clone().map(Part::Latest));
            }
            from = span.end;
        }
        if from < part.end {
            due.push(Part::Log(from..part.end));
        }
        due
    }
}

impl RoomWalk {
    fn new(room: u32) -> Self {
        Self {
            room,
            place: 0,
            covers: None,
        }
    }
}

/// Whether these parts of the logs lie right behind those.
fn is_behind(first: &[Range<u64>], second: &[Range<u64>]) -> bool {
    let mut pairs = first.iter().zip(second);
    pairs.all(|(first, second)| first.end == second.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRE: Wire = Wire(0);

    fn audience(rooms: &[u32]) -> Audience {
        Audience {
            rooms: rooms.into(),
            except: SmallVec::new(),
        }
    }

    /// A message that lies there.
    fn add(posts: &mut Posts, rooms: &[u32], span: Range<u64>) {
        posts.add(audience(rooms), rooms.into(), SmallVec::from_iter([span]));
    }

    fn due(posts: &Posts, part: Range<u64>, room: u32) -> Vec<Range<u64>> {
        let due = posts.due(WIRE, part, |audience| audience.rooms.contains(&room));
        let range = |part: Part| match part {
            Part::Log(range) => range,
            // As many bytes as it has, far away.
            Part::Latest(frame) => 1_000..1_000 + frame.len() as u64,
        };
        due.into_iter().map(range).collect()
    }

    fn add_latest(posts: &mut Posts, rooms: &[u32], key: &str, span: Range<u64>) {
        let frame = Slice::copy_of(&[0; 100][..(span.end - span.start) as usize]);
        posts.add_latest(
            audience(rooms),
            rooms.into(),
            SmallVec::from_iter([span]),
            key.into(),
            Box::new([Some(frame)]),
        );
    }

    #[test]
    fn a_newer_value_takes_the_place_of_an_older_one_for_the_same_rooms() {
        let mut posts = Posts::default();
        add_latest(&mut posts, &[1], "a", 0..10);
        add_latest(&mut posts, &[1], "b", 10..21);
        add(&mut posts, &[2], 21..30);
        assert_eq!(due(&posts, 0..30, 1), [1_000..1_010, 1_000..1_011]);
        add_latest(&mut posts, &[1], "a", 30..42);
        assert_eq!(posts.len(), 3);
        // The place of the older one is empty: a log has nothing there.
        assert_eq!(due(&posts, 0..42, 1), [0..10, 1_000..1_011, 1_000..1_012]);
        assert_eq!(due(&posts, 0..42, 2), [0..10, 21..30]);
        add_latest(&mut posts, &[2], "a", 42..50);
        assert_eq!(posts.len(), 4, "it is for other rooms");
    }

    #[test]
    fn a_spark_gets_what_is_for_its_rooms_and_for_all() {
        let mut posts = Posts::default();
        add(&mut posts, &[1], 10..20);
        // For all: 20..30.
        add(&mut posts, &[2], 30..40);
        add(&mut posts, &[1, 2], 40..50);
        assert_eq!(due(&posts, 0..60, 1), [0..30, 40..60]);
        assert_eq!(due(&posts, 0..60, 2), [0..10, 20..60]);
        assert_eq!(due(&posts, 0..60, 3), [0..10, 20..30, 50..60]);
        assert_eq!(due(&posts, 40..50, 3), []);
        assert_eq!(due(&posts, 25..45, 1), [25..30, 40..45]);
    }

    #[test]
    fn messages_behind_each_other_are_one_until_a_walk_begins() {
        let mut posts = Posts::default();
        add(&mut posts, &[1], 0..10);
        add(&mut posts, &[1], 10..20);
        assert_eq!(posts.len(), 1);
        add(&mut posts, &[1], 30..40);
        assert_eq!(posts.len(), 2, "a broadcast lies between");
        let walk = posts.take_walk(|_| 7).unwrap();
        assert_eq!((walk.room, walk.place), (1, 7));
        add(&mut posts, &[1], 40..50);
        add(&mut posts, &[1], 50..60);
        assert_eq!(posts.len(), 3, "the walk has passed some members");
    }

    #[test]
    fn one_that_lies_elsewhere_is_walked_for_and_takes_nothing_of_the_log() {
        let mut posts = Posts::default();
        add(&mut posts, &[1], 0..10);
        let mut add_per_spark = |number, rooms: &[u32]| {
            posts.add_per_spark(number, rooms.into(), std::iter::once(10));
        };
        add_per_spark(4, &[1, 2]);
        add_per_spark(5, &[2]);
        assert_eq!(due(&posts, 0..20, 3), vec![10..20; 1]);
        assert_eq!(posts.needed_per_spark(), Some(4));
        for _ in 0..2 {
            let walk = posts.take_walk(|_| 7).unwrap();
            posts.end_walk(&walk);
        }
        assert_eq!(posts.needed_per_spark(), None);
        posts.forget(|_, end| end <= 10);
        assert!(posts.is_empty());
    }

    #[test]
    fn one_is_kept_until_walks_that_began_after_it_are_done() {
        let mut posts = Posts::default();
        add(&mut posts, &[1, 2], 0..10);
        let first = posts.take_walk(|_| 7).unwrap();
        add(&mut posts, &[1], 10..20);
        posts.end_walk(&first);
        assert_eq!(
            posts.needed_from(WIRE),
            Some(0),
            "room 2 was not walked over"
        );
        let second = posts.take_walk(|_| 7).unwrap();
        assert_eq!((first.room, second.room), (1, 2));
        posts.end_walk(&second);
        assert_eq!(posts.needed_from(WIRE), Some(10));
        posts.forget(|_, end| end <= 10);
        assert_eq!((posts.len(), posts.walks()), (1, 1));
        let again = posts.take_walk(|_| 7).unwrap();
        assert_eq!(again.room, 1);
        posts.end_walk(&again);
        assert_eq!((posts.needed_from(WIRE), posts.walks()), (None, 0));
        posts.forget(|_, end| end <= 20);
        assert!(posts.is_empty());
    }
}
