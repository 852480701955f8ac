//! What one connection of a broadcast has to send next: broadcasts, and answers of its own.
//!
//! A connection that listens is read by one task and written by another, because on most reactors
//! a read that was begun can't be put aside. The [`Mailbox`] is what the first says to the second.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use crate::audience::{Audience, Place};

/// Bytes of answers that may wait for a peer that does not read: some hundred pongs.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// What a connection of a broadcast has to send.
#[derive(Debug)]
pub struct Feed {
    audience: Rc<Audience>,
    place: Place,
    mailbox: Rc<Mailbox>,
}

/// The reading side's end of a feed. Dropping it ends the feed once everything is sent.
#[derive(Debug)]
pub(crate) struct Answers(Rc<Mailbox>);

#[derive(Debug, Default)]
struct Mailbox {
    answers: RefCell<Vec<u8>>,
    is_over: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Feed {
    /// Joins the audience.
    pub(crate) fn new(audience: Rc<Audience>) -> (Self, Answers) {
        let mailbox = Rc::new(Mailbox::default());
        let feed = Self {
            place: audience.join(),
            audience,
            mailbox: Rc::clone(&mailbox),
        };
        (feed, Answers(mailbox))
    }

    /// Everything that waits to be sent, as soon as there is something. `None` when nothing more
    /// comes, because the connection has ended or fell too far behind: then it is to be shut down.
    pub async fn next(&mut self) -> Option<Bytes> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Ok(broadcasts) = self.audience.take(&mut self.place) else {
            return Poll::Ready(None);
        };
        let answers = self.mailbox.answers.take();
        match (broadcasts.is_empty(), answers.is_empty()) {
            (false, true) => Poll::Ready(Some(broadcasts)),
            (true, false) => Poll::Ready(Some(Bytes::from(answers))),
            (false, false) => Poll::Ready(Some(joined(&broadcasts, &answers))),
            (true, true) if self.mailbox.is_over.get() => Poll::Ready(None),
            (true, true) => {
                self.audience.wake(&mut self.place, context.waker());
                let waker = context.waker().clone();
                self.mailbox.waker.replace(Some(waker));
                Poll::Pending
            }
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.audience.leave(&self.place);
    }
}

impl Answers {
    /// Has this sent after what was broadcast before. Returns false if too much waits already.
    #[must_use]
    pub(crate) fn push(&self, bytes: &[u8]) -> bool {
        let mut answers = self.0.answers.borrow_mut();
        if answers.len() + bytes.len() > ANSWER_BYTES_MAX {
            return false;
        }
        answers.extend_from_slice(bytes);
        drop(answers);
        self.0.wake();
        true
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.0.is_over.set(true);
        self.0.wake();
    }
}

impl Mailbox {
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

fn joined(first: &[u8], second: &[u8]) -> Bytes {
    let mut both = BytesMut::with_capacity(first.len() + second.len());
    both.extend_from_slice(first);
    both.extend_from_slice(second);
    both.freeze()
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{block_on, poll_once};

    use super::*;

    fn next(feed: &mut Feed) -> Option<Option<Bytes>> {
        block_on(poll_once(feed.next()))
    }

    fn text(text: &'static str) -> Option<Option<Bytes>> {
        Some(Some(Bytes::from_static(text.as_bytes())))
    }

    #[test]
    fn answers_follow_the_broadcasts_before_them_in_one_piece() {
        let audience = Rc::new(Audience::default());
        let (mut feed, answers) = Feed::new(Rc::clone(&audience));
        assert_eq!(next(&mut feed), None);
        audience.publish(|open| open.extend_from_slice(b"one "));
        assert!(answers.push(b"pong"));
        assert_eq!(next(&mut feed), text("one pong"));
        assert!(answers.push(b"pong"));
        assert_eq!(next(&mut feed), text("pong"));
        assert_eq!(next(&mut feed), None);
    }

    #[test]
    fn the_end_comes_after_everything_else() {
        let audience = Rc::new(Audience::default());
        let (mut feed, answers) = Feed::new(Rc::clone(&audience));
        audience.publish(|open| open.extend_from_slice(b"last "));
        assert!(answers.push(b"close"));
        drop(answers);
        assert_eq!(next(&mut feed), text("last close"));
        assert_eq!(next(&mut feed), Some(None));
    }

    #[test]
    fn a_peer_that_does_not_read_can_not_make_answers_pile_up() {
        let (_feed, answers) = Feed::new(Rc::default());
        assert!(answers.push(&[0; ANSWER_BYTES_MAX]));
        assert!(!answers.push(&[0]));
    }
}
