//! An answer that a future of the same thread waits for.

use std::cell::RefCell;
use std::task::{Context, Poll, Waker};

/// See above.
pub(super) struct Answer<R>(RefCell<State<R>>);

enum State<R> {
    Waits(Option<Waker>),
    Given(R),
    Taken,
}

impl<R> Default for Answer<R> {
    fn default() -> Self {
        Self(RefCell::new(State::Waits(None)))
    }
}

impl<R> Answer<R> {
    pub(super) fn give(&self, answer: R) {
        let before = self.0.replace(State::Given(answer));
        if let State::Waits(Some(waker)) = before {
            crate::guard::wake(waker);
        }
    }

    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<R> {
        let waits = State::Waits(Some(context.waker().clone()));
        match self.0.replace(State::Taken) {
            State::Given(answer) => Poll::Ready(answer),
            State::Waits(_) => {
                self.0.replace(waits);
                Poll::Pending
            }
            State::Taken => panic!("an answer is taken once"),
        }
    }
}
