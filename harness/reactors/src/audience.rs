//! What was broadcast, for as long as somebody has yet to take it.
//!
//! Everything that is published before anybody asks becomes one batch, which all share: so many
//! broadcasts in one turn of a reactor cost one write per connection.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::task::Waker;

use bytes::{Bytes, BytesMut};

/// Bytes that are kept for those who fall behind, as many as AllSpark keeps. Beyond that the
/// oldest are dropped, and with them the connections that had not taken them.
pub const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The frames that all connections of a broadcast are to be sent.
#[derive(Debug, Default)]
pub struct Audience {
    state: RefCell<State>,
}

/// How far a listener has come.
#[derive(Debug)]
pub struct Place {
    /// The number of the batch that it takes next.
    next: u64,
    /// The number of wake-ups at which its waker was kept, if it was.
    asked_at: Option<u64>,
}

/// A listener fell so far behind that something it had to be sent is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind;

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Batch>,
    /// The number of the batch at the front, counted from the first one ever.
    first: u64,
    /// Frames that nobody has asked for yet.
    open: Vec<u8>,
    kept_bytes: usize,
    listeners: usize,
    waiting: Vec<Waker>,
    wake_ups: u64,
}

#[derive(Debug)]
struct Batch {
    bytes: Bytes,
    /// Listeners that have not taken it.
    awaited_by: usize,
}

impl Audience {
    /// A new listener, which is sent what is published from now on.
    pub fn join(&self) -> Place {
        let mut state = self.state.borrow_mut();
        state.seal();
        state.listeners += 1;
        Place {
            next: state.end(),
            asked_at: None,
        }
    }

    /// A listener that takes nothing any more.
    pub fn leave(&self, place: &Place) {
        let mut state = self.state.borrow_mut();
        state.seal();
        state.release_from(place.next);
        state.listeners -= 1;
    }

    /// Publishes the frame that `frame` appends, and wakes those who wait.
    pub fn publish(&self, frame: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state.borrow_mut();
        frame(&mut state.open);
        if state.open.len() > KEPT_BYTES_MAX {
            state.seal();
        }
        if state.waiting.is_empty() {
            return;
        }
        state.wake_ups += 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Takes everything that this listener has to be sent; nothing if it has it all.
    ///
    /// # Errors
    /// If some of it was dropped.
    pub fn take(&self, place: &mut Place) -> Result<Bytes, Behind> {
        let mut state = self.state.borrow_mut();
        state.seal();
        let skipped = place.next.checked_sub(state.first).ok_or(Behind)?;
        let bytes = merged(state.batches.range(skipped as usize..));
        state.release_from(place.next);
        place.next = state.end();
        Ok(bytes)
    }

    /// Wakes `waker` once something is published. A listener is always waited for by one task.
    pub fn wake(&self, place: &mut Place, waker: &Waker) {
        let mut state = self.state.borrow_mut();
        if place.asked_at.replace(state.wake_ups) != Some(state.wake_ups) {
            state.waiting.push(waker.clone());
        }
    }
}

impl State {
    /// The number that the next batch gets.
    fn end(&self) -> u64 {
        self.first + self.batches.len() as u64
    }

    /// Makes a batch of what nobody has asked for yet, and drops what is too old.
    fn seal(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let bytes = Bytes::from(std::mem::take(&mut self.open));
        if self.listeners > 0 {
            self.kept_bytes += bytes.len();
            self.batches.push_back(Batch {
                bytes,
                awaited_by: self.listeners,
            });
        }
        while self.kept_bytes > KEPT_BYTES_MAX {
            self.drop_first();
        }
    }

    /// A listener that was to take the batches from this number on has them, or is gone.
    fn release_from(&mut self, next: u64) {
        let skipped = next.saturating_sub(self.first) as usize;
        for batch in self.batches.range_mut(skipped..) {
            batch.awaited_by -= 1;
        }
        while self.batches.front().is_some_and(|b| b.awaited_by == 0) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(batch) = self.batches.pop_front() {
            self.kept_bytes -= batch.bytes.len();
            self.first += 1;
        }
    }
}

/// The bytes of all these batches; those of a single one are shared.
fn merged<'b>(mut batches: impl ExactSizeIterator<Item = &'b Batch> + Clone) -> Bytes {
    if batches.len() <= 1 {
        return batches.next().map_or_else(Bytes::new, |b| b.bytes.clone());
    }
    let length = batches.clone().map(|batch| batch.bytes.len()).sum();
    let mut all = BytesMut::with_capacity(length);
    for batch in batches {
        all.extend_from_slice(&batch.bytes);
    }
    all.freeze()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    fn publish(audience: &Audience, text: &str) {
        audience.publish(|open| open.extend_from_slice(text.as_bytes()));
    }

    fn kept(audience: &Audience) -> (usize, usize) {
        let state = audience.state.borrow();
        (state.batches.len(), state.kept_bytes)
    }

    #[test]
    fn what_is_published_together_is_one_batch_that_all_share() {
        let audience = Audience::default();
        let (mut a, mut b) = (audience.join(), audience.join());
        publish(&audience, "one");
        publish(&audience, "two");
        let (first, second) = (audience.take(&mut a), audience.take(&mut b));
        assert_eq!(first.as_deref(), Ok(&b"onetwo"[..]));
        assert_eq!(first.unwrap().as_ptr(), second.unwrap().as_ptr());
        assert_eq!(audience.take(&mut a), Ok(Bytes::new()));
        assert_eq!(kept(&audience), (0, 0));
    }

    #[test]
    fn who_is_slower_gets_everything_in_order_and_once() {
        let audience = Audience::default();
        let (mut fast, mut slow) = (audience.join(), audience.join());
        for text in ["a", "b", "c"] {
            publish(&audience, text);
            assert_eq!(audience.take(&mut fast).as_deref(), Ok(text.as_bytes()));
        }
        assert_eq!(kept(&audience), (3, 3));
        assert_eq!(audience.take(&mut slow).as_deref(), Ok(&b"abc"[..]));
        assert_eq!(audience.take(&mut slow), Ok(Bytes::new()));
        assert_eq!(kept(&audience), (0, 0));
    }

    #[test]
    fn who_joins_gets_what_comes_after_and_who_leaves_holds_nothing() {
        let audience = Audience::default();
        let early = audience.join();
        publish(&audience, "before");
        let mut late = audience.join();
        publish(&audience, "after");
        assert_eq!(audience.take(&mut late).as_deref(), Ok(&b"after"[..]));
        assert_eq!(kept(&audience).0, 2);
        audience.leave(&early);
        assert_eq!(kept(&audience), (0, 0));
        audience.leave(&late);
        publish(&audience, "to nobody");
        audience.join();
        assert_eq!(kept(&audience), (0, 0));
    }

    #[test]
    fn who_falls_too_far_behind_is_told_and_what_is_kept_has_a_bound() {
        let audience = Audience::default();
        let (mut fast, mut slow) = (audience.join(), audience.join());
        let megabyte = "x".repeat(1 << 20);
        for _ in 0..40 {
            publish(&audience, &megabyte);
            assert_eq!(audience.take(&mut fast).map(|b| b.len()), Ok(1 << 20));
            assert!(kept(&audience).1 <= KEPT_BYTES_MAX);
        }
        assert_eq!(audience.take(&mut slow), Err(Behind));
        audience.leave(&slow);
        publish(&audience, "on");
        assert_eq!(audience.take(&mut fast).as_deref(), Ok(&b"on"[..]));
        assert_eq!(kept(&audience), (0, 0));
    }

    #[test]
    fn one_wake_up_per_listener_however_often_it_asked() {
        #[derive(Default)]
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let audience = Audience::default();
        let mut place = audience.join();
        for round in 1..=3 {
            audience.wake(&mut place, &waker);
            audience.wake(&mut place, &waker);
            publish(&audience, "a");
            publish(&audience, "b");
            assert_eq!(count.0.load(Ordering::Relaxed), round);
        }
    }
}
