//! What futures ask of their shard. A future has no access to the shard while it runs; what it asks
//! for lies here, and the shard carries it out once the poll, or the handler, has returned.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use super::executor::Executor;
use crate::guard;

/// Calls that wait, in the order in which they were asked for.
pub(crate) struct Desk<C> {
    executor: Executor,
    calls: RefCell<VecDeque<C>>,
    /// Tells the shard of one call, in one order with whatever else is asked of it.
    tell: Box<dyn Fn()>,
    /// Bytes that were received and wait for futures.
    held_bytes: Cell<usize>,
    is_closed: Cell<bool>,
}

impl<C> Desk<C> {
    pub(crate) fn new(executor: Executor, tell: impl Fn() + 'static) -> Self {
        Self {
            executor,
            calls: RefCell::default(),
            tell: Box::new(tell),
            held_bytes: Cell::new(0),
            is_closed: Cell::new(false),
        }
    }

    pub(crate) fn executor(&self) -> &Executor {
        &self.executor
    }

    /// Asks for a call. It is dropped if the shard ends before.
    pub(crate) fn ask(&self, call: C) {
        if self.is_closed.get() {
            return guard::drop_value(call);
        }
        self.calls.borrow_mut().push_back(call);
        (self.tell)();
    }

    /// Takes the call that the shard was told of.
    pub(crate) fn next(&self) -> Option<C> {
        self.calls.borrow_mut().pop_front()
    }

    /// So many bytes more wait for futures than before, or fewer.
    pub(crate) fn hold(&self, before: usize, after: usize) {
        self.held_bytes.set(self.held_bytes.get() - before + after);
    }

    /// Bytes that wait for futures.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes.get()
    }

    /// The shard has ended.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        let calls = self.calls.take();
        calls.into_iter().for_each(guard::drop_value);
    }
}
