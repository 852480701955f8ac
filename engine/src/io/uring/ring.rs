//! One kernel ring: its queues, its sockets, its receive buffers.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use allspark_protocol::Instant;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, Probe, cqueue};
use socket2::SockAddr;

use super::buffers::BufferRing;
use super::installed::{Releases, shut_installed};
use super::kind;
use super::multishot;
use super::sending::Sending;
use super::setup::{self, RingSize, SetupError};
use super::slots::Slots;
use super::starved::Starved;
use crate::io::{Completion, Token};
use crate::memory::GiveBack;

/// Times that the kernel may take none of what is submitted before the turn gives up. It does so
/// when it has no memory, or when completions must be fetched first.
const ATTEMPTS_MAX: u32 = 16;

/// Pieces of deferred work that the kernel does per enter since 6.13, unless more are waited for.
///
/// Waiting for more is no way to get more: with a timeout of zero it programs a timer and gives up
/// the CPU, which was measured to cost as much as 70 enters that do not wait.
const KERNEL_BATCH: usize = 20;

/// Bytes received in one turn after which no more are asked for: as many as stay in the cache of a
/// processor until they are looked at.
const RECEIVED_BYTES_PER_TURN: usize = 256 * 1024;

/// A kernel ring and what belongs to it.
pub(super) struct Ring {
    // Dropped first, so that the kernel is done with all memory below.
    ring: IoUring,
    pub(super) buffers: BufferRing,
    pub(super) slots: Slots,
    pub(super) releases: Releases,
    /// Operations for the next submission.
    queue: VecDeque<Entry>,
    /// What is being sent by the operations of this turn.
    pub(super) sends: Vec<Sending>,
    /// Which use of `sends` this is; the names of sends carry it.
    pub(super) round: u32,
    /// Where the connects of this turn lead.
    #[expect(
        clippy::vec_box,
        reason = "the kernel reads them, so they must not move"
    )]
    pub(super) addresses: Vec<Box<SockAddr>>,
    pub(super) starved: Starved,
    /// Completions that were fetched and not looked at yet.
    pub(super) fetched: VecDeque<cqueue::Entry>,
    /// Bytes that were received in this turn.
    received_bytes: usize,
    /// The last enter brought completions, so there may be more.
    talkative: bool,
    /// The last enter of this turn left something over, as far as can be told.
    pub(super) has_left: bool,
    /// Until when shutdowns are not left to the kernel, which had no thread for one.
    pub(super) by_hand_until: Instant,
    pub(super) stale_completions: u64,
    pub(super) enters: u64,
}

/// How long an enter waits for completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sleep {
    No,
    For(Duration),
    Forever,
}

impl Ring {
    /// A ring with room for `slots` sockets.
    pub(super) fn new(size: RingSize, slots: u32) -> Result<Self, SetupError> {
        let mut ring = setup::ring(size, slots)?;
        let can_limit = size.incremental.is_some()
            && multishot::can_limit_receives(&mut ring).map_err(SetupError::Ring)?;
        let size = RingSize {
            incremental: size.incremental.filter(|_| can_limit),
            ..size
        };
        let buffers = BufferRing::register(&ring, size).map_err(SetupError::Buffers)?;
        Ok(Self {
            ring,
            buffers,
            slots: Slots::new(slots),
            releases: Releases::default(),
            queue: VecDeque::new(),
            sends: Vec::new(),
            round: 0,
            addresses: Vec::new(),
            starved: Starved::default(),
            fetched: VecDeque::new(),
            received_bytes: 0,
            talkative: false,
            has_left: false,
            by_hand_until: Instant::ZERO,
            stale_completions: 0,
            enters: 0,
        })
    }

    /// Has the kernel write to `event` when it has work for this ring, while that is to be
    /// announced. To poll the ring's own descriptor is no way to learn of it: the kernel wakes such
    /// a poll for completions only, and it makes none before we ask.
    pub(super) fn register_event(&mut self, event: RawFd) -> io::Result<()> {
        self.announce(false);
        self.ring.submitter().register_eventfd(event)
    }

    /// Whether new work is to be announced.
    pub(super) fn announce(&mut self, announced: bool) {
        let completion = self.ring.completion();
        if announced {
            completion.enable_eventfd();
        } else {
            completion.disable_eventfd();
        }
    }

    /// Asks the kernel which operations it knows.
    pub(super) fn register_probe(&self, probe: &mut Probe) -> io::Result<()> {
        self.ring.submitter().register_probe(probe)
    }

    /// Puts a socket into the free slot `index` of the table, at once.
    pub(super) fn put_into_table(&self, index: u32, socket: &OwnedFd) -> io::Result<()> {
        let submitter = self.ring.submitter();
        submitter.register_files_update(index, &[socket.as_raw_fd()])?;
        Ok(())
    }

    /// A turn begins: buffers that came back go to the kernel.
    pub(super) fn begin_turn(&mut self) {
        self.received_bytes = 0;
        self.has_left = false;
        self.buffers.restock();
    }

    /// Queues an operation whose completion will carry `name`.
    pub(super) fn push(&mut self, entry: Entry, name: Token) {
        self.queue.push_back(entry.user_data(name.as_u64()));
    }

    /// Queues an operation that completes only if it fails.
    pub(super) fn push_quiet(&mut self, entry: Entry, name: Token) {
        self.push(entry.flags(Flags::SKIP_SUCCESS), name);
    }

    /// Whether something was pushed.
    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether the kernel may have completions that only an enter brings out.
    ///
    /// The flag of the ring is not enough: the kernel clears it when it begins a batch, and sets it
    /// for new work only, not for what the batch left over. So a ring is asked again until it has
    /// nothing to say.
    pub(super) fn has_deferred(&mut self) -> bool {
        let submission = self.ring.submission();
        self.talkative || submission.taskrun() || submission.cq_overflow()
    }

    /// Gives back what lists have room for since they were longer.
    pub(super) fn give_back(&mut self) {
        self.queue.give_back();
        self.sends.give_back();
        self.addresses.give_back();
        self.starved.give_back();
        // What was fetched but not handled lies in the buffers.
        if !self.has_more() {
            self.buffers.give_back();
        }
        self.fetched.give_back();
        self.releases.give_back();
    }

    /// Whether something has arrived that the turn which is over did not report.
    pub(super) fn has_more(&self) -> bool {
        self.has_left || !self.fetched.is_empty() || !self.starved.is_empty()
    }

    /// Whether some wait for a buffer: the turn must not sleep. If there is none, all are lent,
    /// some of them perhaps to what is just being sent, and they come back after this turn.
    pub(super) fn has_starved(&self) -> bool {
        !self.starved.is_empty()
    }

    /// Whether it has no socket, and nothing is to be said about one.
    pub(super) fn is_unused(&self) -> bool {
        self.slots.is_empty() && self.queue.is_empty() && self.fetched.is_empty()
    }

    /// Submits everything that was pushed, and sleeps if nothing came of it.
    pub(super) fn submit(
        &mut self,
        sleep: Sleep,
        completions: &mut Vec<Completion>,
    ) -> io::Result<()> {
        let reported_before = completions.len();
        let mut attempts = 0;
        while attempts < ATTEMPTS_MAX {
            let submitting = self.fill();
            let idle = self.fetched.is_empty() && completions.len() == reported_before;
            let last = self.queue.is_empty();
            self.enter(if last && idle { sleep } else { Sleep::No })?;
            self.fetch(completions);
            let (left, overflow) = {
                let submission = self.ring.submission();
                (submission.len(), submission.cq_overflow())
            };
            // Completions that found no room in the queue may be those of sends.
            if last && left == 0 && !overflow {
                self.forget_submitted();
                return Ok(());
            }
            attempts = if left < submitting { 0 } else { attempts + 1 };
        }
        Err(io::Error::from_raw_os_error(libc::EBUSY))
    }

    /// A send never stays pending and a connect copies its address, so once everything is submitted
    /// nobody needs what they point to.
    fn forget_submitted(&mut self) {
        self.addresses.clear();
        if !self.sends.is_empty() {
            self.sends.clear();
            self.round = (self.round + 1) % Token::GENERATIONS;
        }
    }

    /// Fetches what the kernel held back in the last enter because it does only so much at a time,
    /// up to about `count` completions, and so many bytes that they are still in the processor's
    /// cache when they are looked at.
    pub(super) fn fetch_deferred(
        &mut self,
        count: usize,
        completions: &mut Vec<Completion>,
    ) -> io::Result<()> {
        let mut last = self.fetched.len();
        while last >= KERNEL_BATCH
            && self.fetched.len() < count
            && self.received_bytes < RECEIVED_BYTES_PER_TURN
        {
            self.enter(Sleep::No)?;
            last = self.fetch(completions);
        }
        Ok(())
    }

    /// Moves what fits into the submission queue. Returns how much is in there.
    #[expect(unsafe_code, reason = "memory that operations point to must stay")]
    fn fill(&mut self) -> usize {
        let mut submission = self.ring.submission();
        while let Some(entry) = self.queue.pop_front() {
            // SAFETY: what a send or a connect points to is kept in `sends` and `addresses`, where
            // it does not move, until it was submitted, and is not needed after that; receives use
            // registered buffers; the places for accepted addresses and the option values outlive
            // the ring.
            if unsafe { submission.push(&entry) }.is_err() {
                self.queue.push_front(entry);
                break;
            }
        }
        submission.len()
    }

    /// Submits what is in the queue and lets the kernel make completions, waiting for the first of
    /// them as long as `sleep` says.
    #[expect(unsafe_code, reason = "the system call")]
    fn enter(&mut self, sleep: Sleep) -> io::Result<()> {
        let submitting = self.ring.submission().len() as u32;
        let mut flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG;
        // A thread that waits for sockets is idle, it does not wait for a disk.
        flags.set(
            EnterFlags::NO_IOWAIT,
            self.ring.params().is_feature_no_iowait(),
        );
        let time = match sleep {
            Sleep::For(time) => Timespec::from(time),
            Sleep::No | Sleep::Forever => Timespec::new(),
        };
        let arguments = match sleep {
            Sleep::For(_) => SubmitArgs::new().timespec(&time),
            Sleep::No | Sleep::Forever => SubmitArgs::new(),
        };
        let count = u32::from(sleep != Sleep::No);
        self.enters += 1;
        let submitter = self.ring.submitter();
        // SAFETY: the entries are complete, see `fill`, and `EXT_ARG` takes this very type.
        let entered = unsafe { submitter.enter(submitting, count, flags.bits(), Some(&arguments)) };
        self.has_left = false;
        match entered.as_ref().map_err(io::Error::raw_os_error) {
            Ok(_) | Err(Some(libc::ETIME)) => Ok(()),
            // A signal, or out of memory: what was not submitted still is in the queue, and the
            // caller sees that.
            Err(Some(libc::EINTR | libc::EAGAIN | libc::EBUSY | libc::ENOMEM)) => {
                self.has_left = true;
                Ok(())
            }
            Err(_) => entered.map(drop),
        }
    }

    /// Takes all completions out of the kernel's queue and says how many. Those of sends are
    /// reported at once, and descriptors that the kernel made are taken into care.
    fn fetch(&mut self, completions: &mut Vec<Completion>) -> usize {
        let mut count = 0;
        for entry in self.ring.completion() {
            count += 1;
            let name = Token::from_u64(entry.user_data());
            match name.kind() {
                kind::SEND => match self.sends.get(name.index() as usize) {
                    Some(sending) if name.generation() == self.round => {
                        sending.report(entry.result(), completions);
                    }
                    _ => self.stale_completions += 1,
                },
                kind::INSTALL => {
                    let awaited = self.releases.finish_install(name, entry.result());
                    self.stale_completions += u64::from(!awaited);
                }
                kind::INSTALL_TO_SHUT => {
                    shut_installed(entry.result());
                    self.fetched.push_back(entry);
                }
                kind::RECEIVE => {
                    self.received_bytes += usize::try_from(entry.result()).unwrap_or(0);
                    self.fetched.push_back(entry);
                }
                _ => self.fetched.push_back(entry),
            }
        }
        self.talkative = count > 0;
        let submission = self.ring.submission();
        self.has_left |= count >= KERNEL_BATCH || submission.taskrun() || submission.cq_overflow();
        count
    }
}
