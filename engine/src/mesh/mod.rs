//! The way between threads: one bounded lock-free queue into each shard.
//!
//! # Invariants
//! - Commands of one thread for one shard are carried out in the order in which they were sent.
//! - A command that was accepted is carried out unless the shard has ended.
//! - A thread of the application waits when a queue is full. A shard never waits for another one:
//!   it keeps the command and reads nothing from its own connections until it got rid of it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use crossbeam_utils::Backoff;

use crate::distribution::Recorders;
use crate::guard;
use crate::io::Waker;
use crate::stats::Counters;

mod address;
mod bounded;
mod outbox;
mod parcel;

pub(crate) use address::{Address, NameHash};
use bounded::BoundedQueue;
pub(crate) use bounded::Weigh;
pub(crate) use outbox::Outbox;
pub(crate) use parcel::{Cargo, Parcel};

/// The queue into one shard.
struct Inbox<C> {
    commands: BoundedQueue<C>,
    /// Set when the shard's driver exists.
    waker: OnceLock<Waker>,
    /// Set when the shard has ended: commands are accepted and forgotten.
    ended: AtomicBool,
    sent: Sent<C>,
    counters: Counters,
    recorders: Recorders,
    /// The thread of the shard, as the kernel numbers it; 0 while it does not serve.
    thread: AtomicU32,
}

impl<C: Weigh> Inbox<C> {
    fn new() -> Self {
        Self {
            commands: BoundedQueue::new(),
            waker: OnceLock::new(),
            ended: AtomicBool::new(false),
            sent: Sent::new(),
            counters: Counters::default(),
            recorders: Recorders::default(),
            thread: AtomicU32::new(0),
        }
    }

    /// Gives the command back when the queue is full.
    fn try_send(&self, command: C) -> Result<(), C> {
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
pub(crate) struct Mesh<C> {
    inboxes: Box<[Inbox<C>]>,
    /// A shard has failed, so all others have to end. It is no command, because inboxes may be full
    /// and a shard that fails waits for nobody.
    failing: AtomicBool,
}

thread_local! {
    /// The mesh and the shard whose turn this thread is in, if any: who runs here must not wait.
    static TURN: Cell<Option<(usize, u16)>> = const { Cell::new(None) };
}

impl<C: Weigh> Mesh<C> {
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

    pub(crate) fn recorders(&self, shard: u16) -> &Recorders {
        &self.inboxes[usize::from(shard)].recorders
    }

    /// Sends a command, waiting while the queue is full. From a handler on one of this server's
    /// shards it never waits: the shard carries the command on, see [`Mesh::take_sent`].
    pub(crate) fn send(&self, shard: u16, mut command: C) {
        if let Some(sender) = self.shard_of_this_thread() {
            return self.inboxes[usize::from(sender)]
                .sent
                .push((shard, command));
        }
        let backoff = Backoff::new();
        while let Err(refused) = self.try_send(shard, command) {
            command = refused;
            if backoff.is_completed() {
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
            backoff.snooze();
        }
    }

    /// Sends a command without waiting; gives it back when the queue is full.
    pub(crate) fn try_send(&self, shard: u16, command: C) -> Result<(), C> {
        self.inboxes[usize::from(shard)].try_send(command)
    }

    /// A turn of a shard begins on this thread: its handlers may send.
    pub(crate) fn enter(&self, shard: u16) {
        TURN.set(Some((self.address(), shard)));
    }

    /// The turn is over.
    pub(crate) fn leave(&self) {
        TURN.set(None);
    }

    /// Whether a handler of this shard has sent a command that nobody has taken.
    #[inline]
    pub(crate) fn has_sent(&self, shard: u16) -> bool {
        !self.inboxes[usize::from(shard)].sent.is_empty()
    }

    /// Takes the oldest command that a handler of this shard sent, and the shard it is for.
    pub(crate) fn take_sent(&self, shard: u16) -> Option<(u16, C)> {
        self.inboxes[usize::from(shard)].sent.pop()
    }

    fn shard_of_this_thread(&self) -> Option<u16> {
        let (mesh, shard) = TURN.get()?;
        (mesh == self.address()).then_some(shard)
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Takes the next command for a shard. Only that shard calls it.
    pub(crate) fn receive(&self, shard: u16) -> Option<C> {
        self.inboxes[usize::from(shard)].commands.pop()
    }

    /// Bytes of all commands that wait for any shard.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = |inbox: &Inbox<C>| inbox.commands.bytes();
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

    /// The shard serves on this thread.
    pub(crate) fn set_thread(&self, shard: u16, thread: u32) {
        let inbox = &self.inboxes[usize::from(shard)];
        inbox.thread.store(thread, Ordering::Relaxed);
    }

    /// The thread that the shard serves on, if it does.
    pub(crate) fn thread(&self, shard: u16) -> Option<u32> {
        let thread = &self.inboxes[usize::from(shard)].thread;
        Some(thread.load(Ordering::Relaxed)).filter(|thread| *thread != 0)
    }

    /// The shard takes no further command; nobody waits for it any more.
    pub(crate) fn end(&self, shard: u16) {
        self.set_thread(shard, 0);
        self.inboxes[usize::from(shard)]
            .ended
            .store(true, Ordering::Release);
        while let Some(command) = self.receive(shard) {
            guard::drop_value(command);
        }
        while let Some(command) = self.take_sent(shard) {
            guard::drop_value(command);
        }
    }
}

/// What the handlers of one shard sent. Only that shard's thread touches it, so the lock is never
/// waited for.
struct Sent<C> {
    commands: Mutex<VecDeque<(u16, C)>>,
    count: AtomicUsize,
}

impl<C> Sent<C> {
    fn new() -> Self {
        Self {
            commands: Mutex::default(),
            count: AtomicUsize::new(0),
        }
    }

    fn push(&self, command: (u16, C)) {
        let mut commands = self.lock();
        commands.push_back(command);
        self.count.store(commands.len(), Ordering::Relaxed);
    }

    /// What is asked for each message that is written.
    #[inline]
    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    fn pop(&self) -> Option<(u16, C)> {
        if self.is_empty() {
            return None;
        }
        let mut commands = self.lock();
        let command = commands.pop_front();
        self.count.store(commands.len(), Ordering::Relaxed);
        command
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(u16, C)>> {
        let commands = self.commands.lock();
        commands.expect("nothing panics while it holds the lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{INBOX_BYTES_MAX, INBOX_COMMANDS_MAX};

    struct Bytes(usize);

    impl Weigh for Bytes {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn is_bounded_in_bytes() {
        let mesh = Mesh::new(1);
        assert!(
            mesh.try_send(0, Bytes(INBOX_BYTES_MAX + 1)).is_ok(),
            "alone it passes"
        );
        assert!(mesh.try_send(0, Bytes(1)).is_err());
        assert!(mesh.receive(0).is_some());
        assert!(mesh.try_send(0, Bytes(1)).is_ok());
    }

    #[test]
    fn a_shard_never_waits_for_itself() {
        let mesh = Mesh::new(2);
        mesh.enter(0);
        for _ in 0..=INBOX_COMMANDS_MAX {
            mesh.send(1, Bytes(0));
        }
        mesh.leave();
        assert!(mesh.take_sent(1).is_none());
        for _ in 0..=INBOX_COMMANDS_MAX {
            assert!(matches!(mesh.take_sent(0), Some((1, Bytes(0)))));
        }
        assert!(mesh.take_sent(0).is_none() && !mesh.has_commands(1));
        mesh.send(1, Bytes(0));
        assert!(mesh.has_commands(1), "outside of a turn it is any thread");
    }

    #[test]
    fn nobody_waits_for_a_shard_that_has_ended() {
        let mesh = Mesh::new(1);
        mesh.end(0);
        for _ in 0..=INBOX_COMMANDS_MAX {
            mesh.send(0, Bytes(0));
        }
        assert!(!mesh.has_commands(0));
    }
}
