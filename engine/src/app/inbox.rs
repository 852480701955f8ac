//! Data of a spark that waits for a future. What it costs is bounded: beyond that the spark's
//! connection is not listened to.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use super::owned::OwnedData;
use crate::limits::UNTAKEN_COST_MAX;

const IS_COUNTED: &str = "what waits costs what was counted for it";

/// Data in the order in which it came.
#[derive(Default)]
pub(crate) struct Inbox(RefCell<Queue>);

#[derive(Default)]
struct Queue {
    data: VecDeque<OwnedData>,
    cost: usize,
    /// The shard was told that it is too much.
    is_full: bool,
    has_ended: bool,
    /// The reader is gone: what is put in is dropped.
    is_closed: bool,
    waker: Option<Waker>,
}

/// What putting something in, or taking something out, has changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) cost_before: usize,
    pub(crate) cost: usize,
    /// It has become full by that, or has room again.
    pub(crate) is_turned: bool,
}

impl Inbox {
    /// Puts data in and wakes who waits for it. `None` if nobody takes it.
    pub(crate) fn push(&self, data: impl FnOnce() -> OwnedData) -> Option<Changed> {
        let mut queue = self.0.borrow_mut();
        if queue.is_closed || queue.has_ended {
            return None;
        }
        let data = data();
        let cost_before = queue.cost;
        queue.cost += data.cost();
        queue.data.push_back(data);
        let is_turned = !queue.is_full && queue.cost >= UNTAKEN_COST_MAX;
        queue.is_full |= is_turned;
        let (cost, waker) = (queue.cost, queue.waker.take());
        drop(queue);
        waker.into_iter().for_each(crate::guard::wake);
        Some(Changed {
            cost_before,
            cost,
            is_turned,
        })
    }

    /// Takes data out.
    pub(crate) fn poll_pop(&self, context: &Context<'_>) -> Poll<Option<(OwnedData, Changed)>> {
        let mut queue = self.0.borrow_mut();
        if let Some(data) = queue.data.pop_front() {
            let (cost_before, cost) = (queue.cost, data.cost());
            assert!(cost <= cost_before, "{IS_COUNTED}");
            queue.cost -= cost;
            if queue.data.is_empty() {
                assert!(queue.cost == 0, "{IS_COUNTED}");
                // A peak must not stay.
                queue.data = VecDeque::new();
            }
            let is_turned = queue.is_full && queue.cost <= UNTAKEN_COST_MAX / 2;
            queue.is_full &= !is_turned;
            let cost = queue.cost;
            let changed = Changed {
                cost_before,
                cost,
                is_turned,
            };
            return Poll::Ready(Some((data, changed)));
        }
        if queue.has_ended || queue.is_closed {
            return Poll::Ready(None);
        }
        drop(queue);
        let waker = context.waker().clone();
        let old = self.0.borrow_mut().waker.replace(waker);
        drop(old);
        Poll::Pending
    }

    /// No more comes.
    pub(crate) fn end(&self) {
        let mut queue = self.0.borrow_mut();
        queue.has_ended = true;
        let waker = queue.waker.take();
        drop(queue);
        waker.into_iter().for_each(crate::guard::wake);
    }

    /// Nobody takes anything any more: what waits is dropped.
    pub(crate) fn close(&self) -> Changed {
        let mut queue = self.0.borrow_mut();
        queue.is_closed = true;
        let data = std::mem::take(&mut queue.data);
        let cost_before = std::mem::take(&mut queue.cost);
        let is_turned = std::mem::take(&mut queue.is_full);
        let waker = queue.waker.take();
        drop(queue);
        drop((data, waker));
        Changed {
            cost_before,
            cost: 0,
            is_turned,
        }
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::parser::ParserKind;
    use allspark_protocol::transformer::Kind;

    use super::super::data::{Data, Decoded};
    use super::*;

    fn data(bytes: usize) -> OwnedData {
        let (bytes, decoded) = (vec![7; bytes], Decoded::default());
        OwnedData::new(Data::new(ParserKind::Raw, Kind::Binary, &bytes, &decoded))
    }

    fn pop(inbox: &Inbox) -> Option<(OwnedData, Changed)> {
        match inbox.poll_pop(&Context::from_waker(Waker::noop())) {
            Poll::Ready(popped) => popped,
            Poll::Pending => panic!("something waits"),
        }
    }

    #[test]
    fn is_full_once_and_has_room_again_when_half_is_taken() {
        let inbox = Inbox::default();
        let one = data(1000).cost();
        let mut count = 0;
        while !inbox.push(|| data(1000)).unwrap().is_turned {
            count += 1;
            assert!(count < 1000);
        }
        assert_eq!(count, UNTAKEN_COST_MAX.div_ceil(one) - 1);
        assert!(
            !inbox.push(|| data(1000)).unwrap().is_turned,
            "it is full already"
        );
        let mut taken = 0;
        while !pop(&inbox).unwrap().1.is_turned {
            taken += 1;
        }
        assert!((count + 2 - taken - 1) * one <= UNTAKEN_COST_MAX / 2);
        inbox.end();
        assert!(inbox.push(|| data(1)).is_none());
        let mut left = 0;
        while let Some((_, changed)) = pop(&inbox) {
            assert!(!changed.is_turned);
            left += 1;
        }
        assert_eq!(
            left + taken + 1,
            count + 2,
            "what came before the end is taken"
        );
    }

    #[test]
    fn nothing_is_kept_for_nobody() {
        let inbox = Inbox::default();
        inbox.push(|| data(UNTAKEN_COST_MAX)).unwrap();
        let closed = inbox.close();
        assert!(closed.is_turned && closed.cost == 0 && closed.cost_before > UNTAKEN_COST_MAX);
        assert_eq!(inbox.push(|| data(1)), None);
        assert!(!inbox.close().is_turned);
    }
}
