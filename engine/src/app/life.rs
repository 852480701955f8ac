//! What a spark shares with the futures that hold it: whether it has ended, who waits for its data,
//! and how much may still be written to it. Only sparks that a future asked for have this.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::headers::KeptRequest;
use super::inbox::Inbox;

/// See above.
pub(crate) struct Life {
    pub(crate) peer: SocketAddr,
    /// What is known of the request that opened the spark.
    pub(crate) request: KeptRequest,
    has_ended: Cell<bool>,
    inboxes: RefCell<Vec<Rc<Inbox>>>,
    /// Bytes that may be written before it matters whether the client reads.
    credit: Cell<usize>,
    /// Whether the shard was asked for more of it.
    is_asked: Cell<bool>,
    /// Who waits for it.
    writers: RefCell<Vec<Waker>>,
}

/// Whether a future may write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MayWrite {
    Yes,
    /// The spark has ended.
    Never,
    /// It is woken. Whether the shard has to be asked.
    Later {
        must_ask: bool,
    },
}

impl Life {
    pub(crate) fn new(peer: SocketAddr, request: KeptRequest) -> Self {
        Self {
            peer,
            request,
            has_ended: Cell::new(false),
            inboxes: RefCell::default(),
            credit: Cell::new(0),
            is_asked: Cell::new(false),
            writers: RefCell::default(),
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.get()
    }

    /// A stream takes data of the spark.
    pub(crate) fn add_inbox(&self, inbox: Rc<Inbox>) {
        self.inboxes.borrow_mut().push(inbox);
    }

    /// A stream takes no more data of the spark.
    pub(crate) fn remove_inbox(&self, inbox: &Rc<Inbox>) {
        let mut inboxes = self.inboxes.borrow_mut();
        inboxes.retain(|other| !Rc::ptr_eq(other, inbox));
    }

    /// Whether somebody may write now, or who is to be woken when it may.
    pub(crate) fn may_write(&self, context: &Context<'_>) -> MayWrite {
        if self.has_ended.get() {
            return MayWrite::Never;
        }
        if self.credit.get() > 0 {
            return MayWrite::Yes;
        }
        let waker = context.waker().clone();
        let mut writers = self.writers.borrow_mut();
        // A future that is polled without being woken must not make the list longer.
        let old = match writers.iter_mut().find(|other| other.will_wake(&waker)) {
            Some(known) => std::mem::replace(known, waker),
            None => {
                writers.push(waker.clone());
                waker
            }
        };
        drop((writers, old));
        MayWrite::Later {
            must_ask: !self.is_asked.replace(true),
        }
    }

    /// So many bytes are written.
    pub(crate) fn wrote(&self, bytes: usize) {
        // An empty message costs something, too.
        let left = self.credit.get().saturating_sub(bytes.max(1));
        self.credit.set(left);
    }

    /// Little waits for the client: so many bytes may be written.
    pub(crate) fn give_credit(&self, bytes: usize) {
        self.credit.set(bytes);
        self.is_asked.set(false);
        self.wake_writers();
    }

    /// The spark has ended: streams end once their data is taken, and nobody waits any more.
    pub(crate) fn end(&self) {
        self.has_ended.set(true);
        for inbox in self.inboxes.take() {
            inbox.end();
        }
        self.wake_writers();
    }

    fn wake_writers(&self) {
        self.writers.take().into_iter().for_each(crate::guard::wake);
    }
}

/// As a future polls it.
impl MayWrite {
    pub(crate) fn poll(&self) -> Poll<bool> {
        match self {
            Self::Yes => Poll::Ready(true),
            Self::Never => Poll::Ready(false),
            Self::Later { .. } => Poll::Pending,
        }
    }
}
