//! What reaches the thread of the dashboard. Nobody who sends waits.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use allspark::{SparkHandle, SparkId};

use super::bounds::INBOX_MAX;
use super::census::Census;
use super::chronicle::{Note, Notes, What};
use super::rooms::Portion;
use super::sessions::Session;
use super::words::{Asked, FoundRow, SparkRow};
use crate::durations::Durations;

/// What it is told.
#[derive(Debug)]
pub(super) enum Event {
    /// A dashboard is there.
    Opened(SparkHandle, Session),
    /// It is gone.
    Closed(SparkId),
    /// It asks something.
    Asked(SparkId, Asked),
    /// A census is done.
    Counted(Census),
    /// A portion of the list of rooms, by the number of the list.
    Listed(u64, Portion),
    /// A search is done, which this dashboard has asked for with this number.
    Searched(SparkId, u64, Vec<FoundRow>),
    /// What a spark that is shown is like now; `None` if it is not there any more.
    Seen(SparkId, Option<Box<SparkRow>>),
    /// What a dashboard has asked for, with this number, was done or not.
    Done(SparkId, u64, Result<String, String>),
    /// Many notes wait.
    Notes,
}

/// The sending end, and what shards write into without a word.
pub(super) struct Inbox {
    sender: SyncSender<Event>,
    pub(super) notes: Notes,
    pub(super) trips: Durations,
}

impl Inbox {
    pub(super) fn new() -> (Self, Receiver<Event>) {
        let (sender, receiver) = sync_channel(INBOX_MAX);
        let inbox = Self {
            sender,
            notes: Notes::new(),
            trips: Durations::default(),
        };
        (inbox, receiver)
    }

    /// Sends something, unless too much waits. Returns whether it did.
    pub(super) fn send(&self, event: Event) -> bool {
        self.sender.try_send(event).is_ok()
    }

    /// Notes what happened to a spark.
    pub(super) fn note(&self, spark: SparkId, at: u64, what: What) {
        if self.notes.push(Note { spark, at, what }) {
            self.send(Event::Notes);
        }
    }
}
