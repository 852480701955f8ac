//! What happened to sparks: shards note it, one thread keeps it.
//!
//! # Invariants
//! - A shard never waits: what finds no room is counted and left out.
//! - What is kept is bounded in sparks, in events of a spark, and in characters of an event.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use allspark::SparkId;
use crossbeam_queue::ArrayQueue;

use super::bounds::{EVENTS_PER_LIFE_MAX, FOUND_MAX, NOTES_MAX, TEXT_CHARS_MAX};
use super::census::names;
use super::words::{EventRow, FoundRow};

/// Something that happened to a spark.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) spark: SparkId,
    /// Milliseconds since the Unix epoch.
    pub(super) at: u64,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Connected(SocketAddr),
    Joined(Box<str>),
    Left(Box<str>),
    LeftAll(usize),
    Failed(Box<str>),
    Ended(Box<str>),
    /// An operator has done something to it.
    Operator(Box<str>),
}

/// On the way from the shards.
pub(super) struct Notes {
    queue: ArrayQueue<Note>,
    lost: AtomicU64,
}

impl Notes {
    pub(super) fn new() -> Self {
        Self {
            queue: ArrayQueue::new(NOTES_MAX),
            lost: AtomicU64::new(0),
        }
    }

    /// Notes something. Returns whether somebody should take what is there soon.
    pub(super) fn push(&self, note: Note) -> bool {
        if self.queue.push(note).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        self.queue.len() == NOTES_MAX / 2
    }

    /// The next one.
    pub(super) fn pop(&self) -> Option<Note> {
        self.queue.pop()
    }

    /// How many were left out.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// The beginning of a text of a client.
pub(super) fn shortened(text: &str) -> Box<str> {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

/// What is known of a spark that connected while it was listened to.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) address: SocketAddr,
    pub(super) opened_ms: u64,
    pub(super) ended_ms: Option<u64>,
    events: VecDeque<(u64, What)>,
    pub(super) left_out: u64,
}

/// What is kept.
pub(super) struct Chronicle {
    lives: HashMap<SparkId, Life>,
    /// Those that are there, and those that have ended, in the order in which they did that.
    open: VecDeque<SparkId>,
    ended: VecDeque<SparkId>,
    lives_max: usize,
}

impl Chronicle {
    pub(super) fn new(lives_max: usize) -> Self {
        Self {
            lives: HashMap::new(),
            open: VecDeque::new(),
            ended: VecDeque::new(),
            lives_max,
        }
    }

    /// Keeps a note.
    pub(super) fn keep(&mut self, note: Note) {
        let Note { spark, at, what } = note;
        if let What::Connected(address) = what {
            return self.begin(spark, at, address);
        }
        let Some(life) = self.lives.get_mut(&spark) else {
            return;
        };
        if matches!(what, What::Ended(_)) && life.ended_ms.is_none() {
            life.ended_ms = Some(at);
            self.ended.push_back(spark);
        }
        life.add(at, what);
    }

    fn begin(&mut self, spark: SparkId, at: u64, address: SocketAddr) {
        if self.lives_max == 0 {
            return;
        }
        while self.lives.len() >= self.lives_max {
            self.forget_one();
        }
        let mut life = Life {
            address,
            opened_ms: at,
            ended_ms: None,
            events: VecDeque::new(),
            left_out: 0,
        };
        life.add(at, What::Connected(address));
        if self.lives.insert(spark, life).is_none() {
            self.open.push_back(spark);
        }
        // Those that have ended are in both lists until they are passed here.
        if self.open.len() > 2 * self.lives_max {
            let lives = &self.lives;
            let is_open = |spark: &SparkId| lives.get(spark).is_some_and(|l| l.ended_ms.is_none());
            self.open.retain(is_open);
        }
    }

    /// One that has ended, the oldest, or if none has, the one that is there longest.
    fn forget_one(&mut self) {
        let oldest = self.ended.pop_front().or_else(|| self.open.pop_front());
        match oldest {
            Some(spark) => drop(self.lives.remove(&spark)),
            None => self.lives.clear(),
        }
    }

    /// What is known of a spark.
    pub(super) fn life(&self, spark: SparkId) -> Option<&Life> {
        self.lives.get(&spark)
    }

    /// Sparks that have ended and have this text in their id or their address, the last ones first.
    pub(super) fn ended(&self, text: &str) -> Vec<FoundRow> {
        let ended = self.ended.iter().rev();
        let found = ended.filter_map(|spark| {
            let address = self.lives.get(spark)?.address.to_string();
            let by = names(spark, &address, text)?;
            Some(FoundRow {
                id: spark.to_string(),
                address,
                by,
                ended: true,
            })
        });
        found.take(FOUND_MAX).collect()
    }
}

impl Life {
    fn add(&mut self, at: u64, what: What) {
        // How it began is always known.
        if self.events.len() == EVENTS_PER_LIFE_MAX {
            self.events.remove(1);
            self.left_out += 1;
        }
        self.events.push_back((at, what));
    }

    /// What happened, the first first.
    pub(super) fn events(&self) -> Vec<EventRow> {
        let rows = self.events.iter().map(|(at, what)| {
            let (what, text) = what.words();
            EventRow {
                at: *at,
                what,
                text,
            }
        });
        rows.collect()
    }
}

impl What {
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::Connected(address) => ("connected", format!("from {address}")),
            Self::Joined(room) => ("joined", room.to_string()),
            Self::Left(room) => ("left", room.to_string()),
            Self::LeftAll(rooms) => ("left", format!("{rooms} rooms at once")),
            Self::Failed(error) => ("error", error.to_string()),
            Self::Ended(reason) => ("ended", reason.to_string()),
            Self::Operator(act) => ("operator", act.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> SparkId {
        format!("{number:0>21}").parse().unwrap()
    }

    fn note(spark: u128, at: u64, what: What) -> Note {
        let spark = id(spark);
        Note { spark, at, what }
    }

    fn connected() -> What {
        What::Connected(SocketAddr::from(([192, 0, 2, 1], 7)))
    }

    #[test]
    fn a_life_is_kept_from_beginning_to_end() {
        let mut chronicle = Chronicle::new(2);
        chronicle.keep(note(1, 10, connected()));
        chronicle.keep(note(1, 11, What::Joined("news".into())));
        chronicle.keep(note(1, 12, What::Ended("closed".into())));
        chronicle.keep(note(9, 12, What::Ended("unknown".into())));
        let life = chronicle.life(id(1)).unwrap();
        assert_eq!((life.opened_ms, life.ended_ms), (10, Some(12)));
        let events: Vec<_> = life.events().into_iter().map(|e| (e.at, e.what)).collect();
        assert_eq!(events, [(10, "connected"), (11, "joined"), (12, "ended")]);
        assert_eq!(chronicle.ended("192.0.2").len(), 1);
        assert!(chronicle.ended("198").is_empty());
        assert!(chronicle.life(id(9)).is_none());
    }

    #[test]
    fn who_has_ended_is_forgotten_first_and_nothing_grows() {
        let mut chronicle = Chronicle::new(3);
        for spark in 1..=3 {
            chronicle.keep(note(spark, 1, connected()));
        }
        chronicle.keep(note(2, 2, What::Ended("".into())));
        chronicle.keep(note(4, 3, connected()));
        let known = |chronicle: &Chronicle| -> Vec<u128> {
            (1..=5)
                .filter(|n| chronicle.life(id(*n)).is_some())
                .collect()
        };
        assert_eq!(known(&chronicle), [1, 3, 4]);
        chronicle.keep(note(5, 4, connected()));
        assert_eq!(known(&chronicle), [3, 4, 5]);
        for spark in 10..10_000 {
            chronicle.keep(note(spark, 5, connected()));
            chronicle.keep(note(spark, 6, What::Ended("".into())));
        }
        assert_eq!(chronicle.lives.len(), 3);
        assert!(chronicle.open.len() <= 7 && chronicle.ended.len() <= 3);
    }

    #[test]
    fn of_many_events_the_first_and_the_last_are_kept() {
        let mut chronicle = Chronicle::new(1);
        chronicle.keep(note(1, 0, connected()));
        for at in 1..1_000 {
            chronicle.keep(note(1, at, What::Joined("a".into())));
        }
        let life = chronicle.life(id(1)).unwrap();
        let events = life.events();
        assert_eq!(events.len(), EVENTS_PER_LIFE_MAX);
        assert_eq!(
            (events[0].what, events.last().unwrap().at),
            ("connected", 999)
        );
        assert_eq!(life.left_out, 1_000 - EVENTS_PER_LIFE_MAX as u64);
    }

    #[test]
    fn nobody_waits_for_room_and_what_had_none_is_counted() {
        let notes = Notes::new();
        let urgent = (0..NOTES_MAX + 5).filter(|_| notes.push(note(1, 0, connected())));
        assert_eq!(urgent.count(), 1);
        assert_eq!(notes.lost(), 5);
        assert_eq!(std::iter::from_fn(|| notes.pop()).count(), NOTES_MAX);
    }

    #[test]
    fn a_long_text_is_shortened_between_characters() {
        assert_eq!(&*shortened("äö"), "äö");
        let long = "ä".repeat(TEXT_CHARS_MAX + 1);
        assert_eq!(shortened(&long).chars().count(), TEXT_CHARS_MAX + 1);
        assert!(shortened(&long).ends_with('…'));
    }
}
