//! What the thread of the registry is told: by shards, which never wait, and by the application.
//!
//! # Invariants
//! - What one thread tells is heard in its order, so a spark goes after it has come.
//! - At most `changes_max` changes wait. Once one is lost, the thread is told to look anew: it
//!   forgets what waits before it looks, so that nobody who has gone is written again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use allspark_engine::Next;

use super::batch::Id;
use crate::omega::Answer;

/// Questions that wait for Redis.
const QUESTIONS_MAX: usize = 1024;

/// Something that the thread is told.
pub(super) enum Event {
    /// A spark has come, or gone.
    Spark(Id, bool),
    Question(Question),
    /// Unregister and end; then tell.
    Stop(Sender<()>),
}

/// Something that the application asks of the registry.
pub(super) enum Question {
    Servers(Answer<Vec<String>>),
    Owners(Vec<String>, Answer<Vec<Option<String>>>),
}

impl Question {
    pub(super) fn fail(self, reason: &str) {
        match self {
            Self::Servers(answer) => answer(Err(reason.to_owned())),
            Self::Owners(_, answer) => answer(Err(reason.to_owned())),
        }
    }
}

/// The side of shards and of the application.
pub(super) struct Inbox {
    events: Sender<Event>,
    changes: AtomicUsize,
    changes_max: usize,
    questions: AtomicUsize,
    /// Whether changes are written at all now. They are not while Redis is away.
    is_open: AtomicBool,
    /// A change was lost.
    has_lost: AtomicBool,
    /// Visits to all sparks that wait for changes to be written.
    visits: Mutex<Vec<Next>>,
}

impl Inbox {
    /// An inbox that is closed, and where the thread hears of events.
    pub(super) fn new(changes_max: usize) -> (Self, Receiver<Event>) {
        let (events, heard) = channel();
        let inbox = Self {
            events,
            changes: AtomicUsize::new(0),
            changes_max,
            questions: AtomicUsize::new(0),
            is_open: AtomicBool::new(false),
            has_lost: AtomicBool::new(false),
            visits: Mutex::default(),
        };
        (inbox, heard)
    }

    /// A spark has come, or gone.
    pub(super) fn tell(&self, id: impl FnOnce() -> Id, has_come: bool) {
        if !self.is_open.load(Ordering::Acquire) {
            return;
        }
        if self.changes.fetch_add(1, Ordering::AcqRel) >= self.changes_max {
            self.changes.fetch_sub(1, Ordering::AcqRel);
            self.has_lost.store(true, Ordering::Release);
            return;
        }
        self.send(Event::Spark(id(), has_come));
    }

    /// A visit has come to a spark, and goes on as soon as there is room.
    pub(super) fn visit(&self, id: Id, next: Next) {
        if !self.is_open.load(Ordering::Acquire) {
            return next.stop();
        }
        self.tell(|| id, true);
        if self.changes.load(Ordering::Acquire) < self.changes_max.div_ceil(2) {
            next.forward();
            return;
        }
        self.visits().push(next);
        // The thread may have written everything in between.
        if self.changes.load(Ordering::Acquire) == 0 {
            self.go_on();
        }
    }

    /// Has visits go on that wait.
    fn go_on(&self) {
        let visits = std::mem::take(&mut *self.visits());
        visits.into_iter().for_each(Next::forward);
    }

    fn visits(&self) -> std::sync::MutexGuard<'_, Vec<Next>> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks something. If too much is asked already, the answer is that.
    pub(super) fn ask(&self, question: Question) {
        if self.questions.fetch_add(1, Ordering::AcqRel) >= QUESTIONS_MAX {
            self.questions.fetch_sub(1, Ordering::AcqRel);
            question.fail("too many questions wait for Redis");
        } else if let Err(unsent) = self.events.send(Event::Question(question))
            && let Event::Question(question) = unsent.0
        {
            question.fail("the server has ended");
        }
    }

    pub(super) fn send(&self, event: Event) {
        drop(self.events.send(event));
    }

    // The side of the thread.

    /// The thread has heard of something.
    pub(super) fn heard(&self, event: &Event) {
        match event {
            Event::Spark(..) => drop(self.changes.fetch_sub(1, Ordering::AcqRel)),
            Event::Question(_) => drop(self.questions.fetch_sub(1, Ordering::AcqRel)),
            Event::Stop(_) => {}
        }
    }

    /// The thread has written what it has heard of.
    pub(super) fn written(&self) {
        if self.changes.load(Ordering::Acquire) < self.changes_max.div_ceil(2) {
            self.go_on();
        }
    }

    /// From now on changes are told, and none that is told from now on is lost without a word.
    pub(super) fn open(&self) {
        self.has_lost.store(false, Ordering::Release);
        self.is_open.store(true, Ordering::Release);
    }

    /// Redis is away. A visit ends, as nobody would hear of its sparks.
    pub(super) fn close(&self) {
        self.is_open.store(false, Ordering::Release);
        let visits = std::mem::take(&mut *self.visits());
        visits.into_iter().for_each(Next::stop);
    }

    pub(super) fn has_lost(&self) -> bool {
        self.has_lost.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Id {
        Id::Given(number.to_string().into())
    }

    #[test]
    fn changes_are_bounded_and_a_loss_is_told() {
        let (inbox, heard) = Inbox::new(3);
        inbox.tell(|| panic!("nobody looks while it is closed"), true);
        inbox.open();
        for number in 0..3 {
            inbox.tell(|| id(number), true);
        }
        assert!(!inbox.has_lost());
        inbox.tell(|| panic!("there is no room"), false);
        assert!(inbox.has_lost());
        let event = heard.try_recv().unwrap();
        inbox.heard(&event);
        inbox.open();
        inbox.tell(|| id(7), false);
        assert!(!inbox.has_lost());
        assert_eq!(heard.try_iter().count(), 3);
    }

    #[test]
    fn questions_are_bounded_and_always_answered() {
        let (inbox, heard) = Inbox::new(1);
        let (told, answers) = channel();
        let ask = || {
            let told = told.clone();
            inbox.ask(Question::Servers(Box::new(move |answer| {
                told.send(answer).unwrap();
            })));
        };
        for _ in 0..QUESTIONS_MAX {
            ask();
        }
        assert!(answers.try_recv().is_err());
        ask();
        assert!(answers.try_recv().unwrap().is_err());
        inbox.heard(&heard.try_recv().unwrap());
        drop(heard);
        ask();
        assert!(answers.try_recv().unwrap().unwrap_err().contains("ended"));
    }
}
