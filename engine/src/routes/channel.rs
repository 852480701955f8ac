//! The way of a body between a shard and another thread, or a task: to the shard that sends it to a
//! client, or from the shard that gets it of one. The shard never waits: what lies between the two
//! is a queue without locks, and a waker for each side.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crossbeam_queue::SegQueue;
use futures_util::task::AtomicWaker;

use super::pull::{Pull, Pulled};

/// What a part costs beside its bytes: its place in the queue.
const PART_COST: usize = 2 * size_of::<Vec<u8>>();

/// More is to come.
const OPEN: u8 = 0;
/// The body is complete.
const FINISHED: u8 = 1;
/// The sender was dropped before that.
const BROKEN: u8 = 2;
/// Nobody takes anything any more.
const GONE: u8 = 3;

/// What both ends share.
struct Channel {
    parts: SegQueue<Vec<u8>>,
    /// What waits costs so much.
    cost: AtomicUsize,
    cost_max: usize,
    /// One of the states above. From `OPEN` it changes once.
    state: AtomicU8,
    /// Woken when something comes.
    receiver: AtomicWaker,
    /// Woken when there is room.
    sender: AtomicWaker,
}

/// Sends a body from any thread, or from a task. Dropped before [`BodySender::finish`], it ends the
/// client's connection in the middle of the body.
pub struct BodySender(Arc<Channel>);

/// A part of a body was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// As much waits already as may. The part comes back.
    #[error("the client reads more slowly than the body comes")]
    Full(Vec<u8>),
    /// The client is gone, or the server has ended.
    #[error("nobody takes the body any more")]
    Gone,
}

/// The body of a request was not sent whole: its client is gone, or has sent what can't be read, or
/// too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body ends in the middle")]
pub struct BodyBroken;

/// Takes a body as it comes ([`RouteRequest::stream`](super::RouteRequest::stream)), on any thread
/// or in a task. Dropped, it has the rest of the body thrown away. It can be pulled, too: then it
/// is the body of an answer.
pub struct BodyReceiver(Arc<Channel>);

/// A channel for at most so many bytes.
pub(crate) fn new(bytes_max: usize) -> (BodySender, BodyReceiver) {
    let channel = Arc::new(Channel {
        parts: SegQueue::new(),
        cost: AtomicUsize::new(0),
        cost_max: bytes_max,
        state: AtomicU8::new(OPEN),
        receiver: AtomicWaker::new(),
        sender: AtomicWaker::new(),
    });
    (BodySender(Arc::clone(&channel)), BodyReceiver(channel))
}

impl Channel {
    fn is_gone(&self) -> bool {
        self.state.load(Ordering::SeqCst) == GONE
    }

    /// Whether a part of so many bytes fits. One that is longer than the bound passes alone.
    fn has_room(&self, bytes: usize) -> bool {
        let cost = self.cost.load(Ordering::SeqCst);
        cost == 0 || cost.saturating_add(bytes + PART_COST) <= self.cost_max
    }

    /// So much of what waited was taken.
    fn free(&self, cost: usize) {
        if cost > 0 {
            self.cost.fetch_sub(cost, Ordering::SeqCst);
            self.sender.wake();
        }
    }

    /// Leaves the state `OPEN`. Returns whether it was that.
    fn leave_open(&self, state: u8) -> bool {
        let (success, failure) = (Ordering::SeqCst, Ordering::SeqCst);
        self.state
            .compare_exchange(OPEN, state, success, failure)
            .is_ok()
    }
}

impl BodySender {
    /// Sends a part, if it fits.
    ///
    /// # Errors
    /// It does not fit now, or nobody takes it.
    pub fn try_send(&mut self, part: impl Into<Vec<u8>>) -> Result<(), BodyError> {
        let (channel, part) = (&self.0, part.into());
        if channel.is_gone() {
            return Err(BodyError::Gone);
        }
        if part.is_empty() {
            return Ok(());
        }
        if !channel.has_room(part.len()) {
            return Err(BodyError::Full(part));
        }
        channel
            .cost
            .fetch_add(part.len() + PART_COST, Ordering::SeqCst);
        channel.parts.push(part);
        channel.receiver.wake();
        Ok(())
    }

    /// Sends a part, as soon as it fits. For tasks, on any executor.
    ///
    /// # Errors
    /// [`BodyError::Gone`].
    pub async fn send(&mut self, part: impl Into<Vec<u8>>) -> Result<(), BodyError> {
        let mut waiting = part.into();
        poll_fn(|context| {
            // Before it looks, so that it does not miss the room that comes meanwhile.
            self.0.sender.register(context.waker());
            match self.try_send(std::mem::take(&mut waiting)) {
                Err(BodyError::Full(part)) => {
                    waiting = part;
                    Poll::Pending
                }
                sent => Poll::Ready(sent),
            }
        })
        .await
    }

    /// The same, for a thread that may wait. On a shard's thread it would wait for itself: there
    /// [`BodySender::try_send`] is to be used.
    ///
    /// # Errors
    /// As [`BodySender::send`].
    pub fn blocking_send(&mut self, part: impl Into<Vec<u8>>) -> Result<(), BodyError> {
        wait_for(self.send(part))
    }

    /// Sends a part that has come already, whatever the bound. Who does so asks before more comes
    /// ([`BodySender::has_room`]).
    pub(crate) fn push(&mut self, part: Vec<u8>) {
        let channel = &self.0;
        if !part.is_empty() && !channel.is_gone() {
            let cost = part.len() + PART_COST;
            channel.cost.fetch_add(cost, Ordering::SeqCst);
            channel.parts.push(part);
            channel.receiver.wake();
        }
    }

    /// What waits costs so much; nothing, if nobody takes it.
    pub(crate) fn cost(&self) -> usize {
        match self.0.is_gone() {
            true => 0,
            false => self.0.cost.load(Ordering::SeqCst),
        }
    }

    /// Whether less waits than may.
    pub(crate) fn has_room(&self) -> bool {
        self.cost() < self.0.cost_max
    }

    /// Has `waker` woken when something was taken.
    pub(crate) fn when_taken(&self, waker: &Waker) {
        self.0.sender.register(waker);
    }

    /// Whether the client is gone, so that what is still to be sent is of no use.
    pub fn is_gone(&self) -> bool {
        self.0.is_gone()
    }

    /// Returns once the client is gone, for who has nothing to send.
    pub async fn gone(&mut self) {
        poll_fn(|context| {
            // Before it looks, so that it does not miss what happens meanwhile.
            self.0.sender.register(context.waker());
            match self.is_gone() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    /// Ends the body: everything was sent.
    pub fn finish(self) {
        self.end(FINISHED);
    }

    fn end(&self, state: u8) {
        if self.0.leave_open(state) {
            self.0.receiver.wake();
        }
    }
}

impl Drop for BodySender {
    fn drop(&mut self) {
        self.end(BROKEN);
    }
}

impl fmt::Debug for BodySender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodySender")
            .field("is_gone", &self.is_gone())
            .finish_non_exhaustive()
    }
}

/// Wakes a thread that waits for room.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl BodyReceiver {
    /// One whose body has come.
    pub(crate) fn whole(body: Vec<u8>) -> Self {
        let (mut sender, receiver) = new(0);
        sender.push(body);
        sender.finish();
        receiver
    }

    /// Takes the next part, if one is there; nothing at the end. Who is told to wait is woken.
    pub fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Vec<u8>, BodyBroken>>> {
        let channel = &self.0;
        // Before it looks, so that it does not miss what comes meanwhile.
        channel.receiver.register(context.waker());
        // What was sent before the end comes before it.
        let state = channel.state.load(Ordering::SeqCst);
        if let Some(part) = channel.parts.pop() {
            channel.free(part.len() + PART_COST);
            return Poll::Ready(Some(Ok(part)));
        }
        match state {
            FINISHED => Poll::Ready(None),
            BROKEN => Poll::Ready(Some(Err(BodyBroken))),
            _ => Poll::Pending,
        }
    }

    /// The next part, as soon as it is there; nothing at the end.
    ///
    /// # Errors
    /// [`BodyBroken`], again and again.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, BodyBroken>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The same, for a thread that may wait. On a shard's thread it would wait for itself.
    ///
    /// # Errors
    /// As [`BodyReceiver::next`].
    pub fn blocking_next(&mut self) -> Option<Result<Vec<u8>, BodyBroken>> {
        wait_for(self.next())
    }
}

impl Pull for BodyReceiver {
    fn pull(&mut self, context: &mut Context<'_>, room: usize, out: &mut Vec<u8>) -> Poll<Pulled> {
        let channel = &self.0;
        // Before it looks, so that it does not miss what comes meanwhile.
        channel.receiver.register(context.waker());
        // What was sent before the end comes before it.
        let state = channel.state.load(Ordering::SeqCst);
        let mut freed = 0;
        while out.len() < room
            && let Some(part) = channel.parts.pop()
        {
            freed += part.len() + PART_COST;
            out.extend_from_slice(&part);
        }
        channel.free(freed);
        match state {
            _ if !channel.parts.is_empty() => Poll::Ready(Pulled::More),
            FINISHED => Poll::Ready(Pulled::End),
            BROKEN => Poll::Ready(Pulled::Broken),
            _ => Poll::Pending,
        }
    }
}

impl Drop for BodyReceiver {
    fn drop(&mut self) {
        // Whatever it was: nothing is taken any more.
        self.0.state.store(GONE, Ordering::SeqCst);
        self.0.sender.wake();
    }
}

impl fmt::Debug for BodyReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyReceiver").finish_non_exhaustive()
    }
}

/// Polls a future on a thread that may wait.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn pull(receiver: &mut impl Pull, room: usize) -> (Poll<Pulled>, String) {
        let mut out = Vec::new();
        let mut context = Context::from_waker(Waker::noop());
        let pulled = receiver.pull(&mut context, room, &mut out);
        (pulled, String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_waits_is_bounded_and_a_longer_part_passes_alone() {
        let (mut sender, mut receiver) = new(PART_COST + 4);
        sender.try_send("a longer part").unwrap();
        sender.try_send("").unwrap();
        assert_eq!(sender.try_send("x"), Err(BodyError::Full(b"x".to_vec())));
        let taken = pull(&mut receiver, 100);
        assert_eq!(taken, (Poll::Pending, "a longer part".to_owned()));
        sender.try_send("1234").unwrap();
        assert_eq!(sender.try_send("5"), Err(BodyError::Full(b"5".to_vec())));
    }

    #[test]
    fn parts_come_in_order_up_to_the_room_and_then_the_end() {
        let (mut sender, mut receiver) = new(1000);
        for part in ["ab", "cd", "ef"] {
            sender.try_send(part).unwrap();
        }
        sender.finish();
        let more = Poll::Ready(Pulled::More);
        assert_eq!(pull(&mut receiver, 3), (more, "abcd".to_owned()));
        let end = Poll::Ready(Pulled::End);
        assert_eq!(pull(&mut receiver, 3), (end, "ef".to_owned()));
    }

    #[test]
    fn each_side_learns_that_the_other_one_is_gone() {
        let (mut sender, mut receiver) = new(1000);
        sender.try_send("ab").unwrap();
        drop(sender);
        let broken = Poll::Ready(Pulled::Broken);
        assert_eq!(pull(&mut receiver, 9), (broken, "ab".to_owned()));
        let (mut sender, receiver) = new(1000);
        assert!(!sender.is_gone());
        drop(receiver);
        assert!(sender.is_gone());
        assert_eq!(sender.try_send("x"), Err(BodyError::Gone));
        assert_eq!(sender.blocking_send("x"), Err(BodyError::Gone));
    }

    #[test]
    fn a_thread_that_waits_for_room_is_woken_by_room_and_by_the_end() {
        let (mut sender, receiver) = new(PART_COST);
        let receiver = Mutex::new(Some(receiver));
        thread::scope(|scope| {
            let sending = scope.spawn(move || {
                (0..1000).for_each(|_| sender.blocking_send("x").unwrap());
                // There is room for one more, and then for nothing, until the other end is gone.
                while sender.blocking_send("x").is_ok() {}
            });
            let mut taken = 0;
            while taken < 1000 {
                let mut receiver = receiver.lock().unwrap();
                taken += pull(receiver.as_mut().unwrap(), 9).1.len();
                thread::yield_now();
            }
            *receiver.lock().unwrap() = None;
            sending.join().unwrap();
        });
    }
}
