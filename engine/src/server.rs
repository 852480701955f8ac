//! A running server, and how it ends.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::app::Handle;
use crate::io::{DriverKind, UNIX_PEER, Unavailable};
use crate::limits::FAILURE_TIMEOUT_MS;
use crate::place::ListenAddress;
use crate::seat::Report;

/// A shard has failed, and with it its server: a fault of the engine, or of the machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shard {shard} has failed: {reason}")]
pub struct ShardFailure {
    /// Which one; the first, if there were several.
    pub shard: usize,
    /// What happened to it.
    pub reason: String,
}

/// A running server. Dropping it leaves the server running; see [`Handle::destroy`].
#[derive(Debug)]
pub struct Server {
    pub(crate) handle: Handle,
    pub(crate) places: Vec<ListenAddress>,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) kept: Mutex<Vec<Vec<OwnedFd>>>,
    pub(crate) driver: DriverKind,
    pub(crate) fallback: Option<Unavailable>,
    pub(crate) threads: Vec<JoinHandle<()>>,
    pub(crate) reports: Mutex<Receiver<(usize, Report)>>,
}

impl Server {
    /// Reaches the server from other threads.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Where it listens: the first address of TCP. A server that listens on Unix sockets alone has
    /// none, and says [`UNIX_PEER`].
    pub fn address(&self) -> SocketAddr {
        self.addresses.first().copied().unwrap_or(UNIX_PEER)
    }

    /// Where it listens, in the order in which the places were given.
    pub fn places(&self) -> &[ListenAddress] {
        &self.places
    }

    /// Its addresses of TCP, in the same order.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Copies of the sockets of each place, in the order in which the places were given, if
    /// [`Options::keeps_listeners`](crate::Options::keeps_listeners) says so; once. Clients wait in
    /// the backlog of a socket for as long as anybody has it, so whoever takes them drops them when
    /// the server ends.
    pub fn take_listeners(&self) -> Vec<Vec<OwnedFd>> {
        let kept = self.kept.lock();
        std::mem::take(&mut kept.expect("nothing panics while it holds the lock"))
    }

    /// The driver of its shards.
    pub fn driver(&self) -> DriverKind {
        self.driver
    }

    /// Why it is not `io_uring`, if that was left to the server.
    pub fn fallback_reason(&self) -> Option<&Unavailable> {
        self.fallback.as_ref()
    }

    /// How many shards it has.
    pub fn shards(&self) -> usize {
        self.threads.len()
    }

    /// Waits until it was destroyed.
    ///
    /// # Errors
    /// When a shard has failed. Then the others were destroyed, and their clients told to
    /// reconnect. One that is held up by a handler of the application is waited for 15 seconds and
    /// then left behind, so a process that ends after an error is never alive with a dead shard.
    pub fn join(self) -> Result<(), ShardFailure> {
        let reports = self.reports.into_inner();
        let reports = reports.expect("nothing panics while it holds the lock");
        let mut watch = Watch::default();
        for _ in 0..self.threads.len() {
            match watch.next(&reports) {
                Ok((shard, Report::Ended(Err(reason)))) => watch.failed(shard, reason),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return watch.end(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        for thread in self.threads {
            // It has said its last word, and how it ended is known from that.
            let _ = thread.join();
        }
        watch.end()
    }
}

/// Waits for the ends of shards, once one has failed not for ever.
#[derive(Default)]
struct Watch {
    failure: Option<ShardFailure>,
    deadline: Option<Instant>,
}

impl Watch {
    fn next<R>(&self, reports: &Receiver<R>) -> Result<R, RecvTimeoutError> {
        match self.deadline {
            None => reports.recv().map_err(RecvTimeoutError::from),
            Some(at) => reports.recv_timeout(at.saturating_duration_since(Instant::now())),
        }
    }

    fn failed(&mut self, shard: usize, reason: String) {
        let timeout = Duration::from_millis(FAILURE_TIMEOUT_MS);
        self.deadline
            .get_or_insert_with(|| Instant::now() + timeout);
        self.failure.get_or_insert(ShardFailure { shard, reason });
    }

    fn end(self) -> Result<(), ShardFailure> {
        self.failure.map_or(Ok(()), Err)
    }
}
