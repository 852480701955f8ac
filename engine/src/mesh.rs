//! The way between threads: one bounded lock-free queue into each shard.
//!
//! # Invariants
//! - Commands of one thread for one shard are carried out in the order in which they were sent.
//! - A command that was accepted is carried out unless the shard has ended.
//! - A thread of the application waits when a queue is full. A shard never waits for another one:
//!   it keeps the command and reads nothing from its own connections until it got rid of it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::Kind;
use crossbeam_utils::Backoff;

use crate::guard;
use crate::io::Waker;
use crate::primus::Destroy;
use crate::shard::Parcel;
use crate::spark::{EndOptions, Spark};
use crate::stats::Counters;

mod bounded;

use bounded::{BoundedQueue, Weigh};

/// Is called with every spark; `false` stops it.
pub(crate) type Visitor = Arc<dyn Fn(&mut Spark<'_>) -> bool + Send + Sync>;

/// Is called with a spark, or with nothing if it has ended.
pub(crate) type Finder = Box<dyn FnOnce(Option<&mut Spark<'_>>) + Send>;

/// What a shard can be asked to do.
pub(crate) enum Command {
    /// Write an encoded message to every spark.
    Broadcast { kind: Kind, payload: Arc<[u8]> },
    /// Write an encoded message to one spark.
    Write {
        id: SparkId,
        kind: Kind,
        payload: Arc<[u8]>,
    },
    /// End one spark.
    End { id: SparkId, options: EndOptions },
    /// Call a function with every spark.
    Visit {
        visitor: Visitor,
        stopped: Arc<AtomicBool>,
    },
    /// Call a function with one spark, or without it.
    Find { id: SparkId, finder: Finder },
    /// Take over a connection with a request for a session of that shard.
    Arrive(Box<Parcel>),
    /// End all sparks and the shard.
    Destroy(Destroy),
    /// Look which functions of the application every spark goes through from now on.
    Listeners,
}

impl Weigh for Command {
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Broadcast { payload, .. } | Self::Write { payload, .. } => payload.len(),
                Self::Arrive(parcel) => parcel.bytes(),
                Self::End { .. }
                | Self::Visit { .. }
                | Self::Find { .. }
                | Self::Destroy(_)
                | Self::Listeners => 0,
            }
    }
}

/// The queue into one shard.
struct Inbox {
    commands: BoundedQueue<Command>,
    /// Set when the shard's driver exists.
    waker: OnceLock<Waker>,
    /// Set when the shard has ended: commands are accepted and forgotten.
    ended: AtomicBool,
    counters: Counters,
}

impl Inbox {
    fn new() -> Self {
        Self {
            commands: BoundedQueue::new(),
            waker: OnceLock::new(),
            ended: AtomicBool::new(false),
            counters: Counters::default(),
        }
    }

    /// Gives the command back when the queue is full.
    fn try_send(&self, command: Command) -> Result<(), Command> {
        if self.ended.load(Ordering::Acquire) {
            return Ok(());
        }
        self.commands.push(command)?;
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
        Ok(())
    }
}

/// The queues into all shards of a server.
pub(crate) struct Mesh {
    inboxes: Box<[Inbox]>,
    /// A shard has failed, so all others have to end. It is no command, because inboxes may be full
    /// and a shard that fails waits for nobody.
    failing: AtomicBool,
}

thread_local! {
    /// What handlers running on this thread sent through handles. `None` outside of shards.
    static OUTGOING: RefCell<Option<Outgoing>> = const { RefCell::new(None) };
}

struct Outgoing {
    mesh: *const Mesh,
    commands: VecDeque<(u16, Command)>,
}

impl Mesh {
    pub(crate) fn new(shards: usize) -> Arc<Self> {
        Arc::new(Self {
            inboxes: (0..shards).map(|_| Inbox::new()).collect(),
            failing: AtomicBool::new(false),
        })
    }

    pub(crate) fn shards(&self) -> u16 {
        u16::try_from(self.inboxes.len()).expect("far fewer shards")
    }

    pub(crate) fn counters(&self, shard: u16) -> &Counters {
        &self.inboxes[usize::from(shard)].counters
    }

    /// Sends a command, waiting while the queue is full. On a thread of this server's shards it
    /// never waits: the shard carries the command on when the handler that runs now has returned.
    pub(crate) fn send(&self, shard: u16, command: Command) {
        let Some(mut command) = self.keep_on_shard(shard, command) else {
            return;
        };
        let backoff = Backoff::new();
        while let Err(refused) = self.inboxes[usize::from(shard)].try_send(command) {
            command = refused;
            if backoff.is_completed() {
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
            backoff.snooze();
        }
    }

    /// Keeps the command for the shard whose thread this is; gives it back on any other thread.
    fn keep_on_shard(&self, shard: u16, command: Command) -> Option<Command> {
        OUTGOING.with_borrow_mut(|outgoing| match outgoing {
            Some(outgoing) if std::ptr::eq(outgoing.mesh, self) => {
                outgoing.commands.push_back((shard, command));
                None
            }
            _ => Some(command),
        })
    }

    /// Sends a command without waiting; gives it back when the queue is full.
    pub(crate) fn try_send(&self, shard: u16, command: Command) -> Result<(), Command> {
        self.inboxes[usize::from(shard)].try_send(command)
    }

    /// Takes the next command for a shard. Only that shard calls it.
    pub(crate) fn receive(&self, shard: u16) -> Option<Command> {
        self.inboxes[usize::from(shard)].commands.pop()
    }

    /// Bytes of all commands that wait for any shard.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = |inbox: &Inbox| inbox.commands.bytes();
        self.inboxes.iter().map(bytes).sum()
    }

    pub(crate) fn has_commands(&self, shard: u16) -> bool {
        !self.inboxes[usize::from(shard)].commands.is_empty()
    }

    /// Has every shard end, with reconnect.
    pub(crate) fn fail(&self) {
        self.failing.store(true, Ordering::SeqCst);
        for inbox in &self.inboxes {
            if let Some(waker) = inbox.waker.get() {
                waker.wake();
            }
        }
    }

    /// Whether a shard has failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Makes the shard reachable while it sleeps.
    pub(crate) fn set_waker(&self, shard: u16, waker: Waker) {
        // A shard sets it once, when it starts.
        let _ = self.inboxes[usize::from(shard)].waker.set(waker);
    }

    /// The shard takes no further command; nobody waits for it any more.
    pub(crate) fn end(&self, shard: u16) {
        self.inboxes[usize::from(shard)]
            .ended
            .store(true, Ordering::Release);
        while let Some(command) = self.receive(shard) {
            guard::drop_value(command);
        }
    }
}

/// From now on, what this thread sends through handles of `mesh` is kept for [`take_outgoing`].
pub(crate) fn enter_shard(mesh: &Mesh) {
    OUTGOING.set(Some(Outgoing {
        mesh,
        commands: VecDeque::new(),
    }));
}

/// Undoes [`enter_shard`].
pub(crate) fn leave_shard() {
    let outgoing = OUTGOING.take();
    // Usually there is nothing in it.
    if outgoing.as_ref().is_some_and(|o| !o.commands.is_empty()) {
        guard::drop_value(outgoing);
    }
}

/// Whether a handler on this thread sent something that was not carried out yet.
pub(crate) fn has_outgoing() -> bool {
    OUTGOING.with_borrow(|outgoing| outgoing.as_ref().is_some_and(|o| !o.commands.is_empty()))
}

/// Takes the oldest command that a handler on this thread sent.
pub(crate) fn take_outgoing() -> Option<(u16, Command)> {
    OUTGOING.with_borrow_mut(|outgoing| outgoing.as_mut()?.commands.pop_front())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{INBOX_BYTES_MAX, INBOX_COMMANDS_MAX};

    fn broadcast(bytes: usize) -> Command {
        Command::Broadcast {
            kind: Kind::Text,
            payload: vec![0; bytes].into(),
        }
    }

    #[test]
    fn is_bounded_in_bytes() {
        let mesh = Mesh::new(1);
        assert!(
            mesh.try_send(0, broadcast(INBOX_BYTES_MAX + 1)).is_ok(),
            "alone it passes"
        );
        assert!(mesh.try_send(0, broadcast(1)).is_err());
        assert!(mesh.receive(0).is_some());
        assert!(mesh.try_send(0, broadcast(1)).is_ok());
    }

    #[test]
    fn a_shard_never_waits_for_itself() {
        let mesh = Mesh::new(2);
        enter_shard(&mesh);
        for _ in 0..=INBOX_COMMANDS_MAX {
            mesh.send(1, broadcast(0));
        }
        assert!(has_outgoing());
        assert!(matches!(
            take_outgoing(),
            Some((1, Command::Broadcast { .. }))
        ));
        leave_shard();
        assert!(!mesh.has_commands(1));
    }

    #[test]
    fn nobody_waits_for_a_shard_that_has_ended() {
        let mesh = Mesh::new(1);
        mesh.end(0);
        for _ in 0..=INBOX_COMMANDS_MAX {
            mesh.send(0, broadcast(0));
        }
        assert!(!mesh.has_commands(0));
    }
}
