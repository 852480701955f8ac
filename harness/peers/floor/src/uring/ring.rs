//! The kernel's ring: what is asked of it, and what it answers.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpListener};
use std::os::fd::AsRawFd;

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd, Fixed};
use io_uring::{EnterFlags, IoUring, cqueue, opcode};
use rustix::process::{Resource, getrlimit};

use super::buffers::{Buffers, GROUP};

/// Entries of the submission queue; more operations go in several portions.
const SUBMISSIONS: u32 = 256;

/// Entries of the completion queue.
const COMPLETIONS: u32 = 8192;

/// Sockets that may be open, unless the kernel allows a process fewer.
const SOCKETS_MAX: u64 = 65_536;

/// Completions that are fetched in a turn before they are handled.
const COMPLETIONS_PER_TURN: usize = 1024;

/// Pieces of deferred work that the kernel does per enter; if there were as many, there is more.
const KERNEL_BATCH: usize = 20;

/// Decided while it is submitted, so its bytes are not needed after that; and one that is taken
/// only in part is reported, in spite of `SKIP_SUCCESS`.
const SEND_FLAGS: i32 = libc::MSG_DONTWAIT | libc::MSG_WAITALL | libc::MSG_NOSIGNAL;

/// What an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Accept,
    Receive,
    Send,
    Writable,
    Shutdown,
    Close,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Accept,
        Self::Receive,
        Self::Send,
        Self::Writable,
        Self::Shutdown,
        Self::Close,
    ];
}

/// What the kernel has to say about an operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) kind: Kind,
    /// The slot of the socket, or the number of the send.
    pub(super) index: u32,
    pub(super) result: i32,
    /// The buffer that it handed over.
    pub(super) buffer: Option<u16>,
    /// Whether the operation goes on.
    pub(super) goes_on: bool,
}

/// A ring with its sockets and its buffers.
pub(super) struct Ring {
    ring: IoUring,
    pub(super) buffers: Buffers,
    answers: VecDeque<Answer>,
    /// What became of sends that were not taken as a whole.
    short_sends: Vec<Answer>,
}

impl Ring {
    pub(super) fn new() -> io::Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_coop_taskrun()
            .setup_submit_all()
            .setup_no_sqarray()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)?;
        let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let slots = allowed.min(SOCKETS_MAX) as u32;
        ring.submitter().register_files_sparse(slots)?;
        Ok(Self {
            buffers: Buffers::register(&ring)?,
            ring,
            answers: VecDeque::new(),
            short_sends: Vec::new(),
        })
    }

    /// Accepts connections into slots that the kernel chooses.
    pub(super) fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).allocate_file_index(true);
        self.push(accept.build(), Kind::Accept, 0)
    }

    pub(super) fn receive(&mut self, slot: u32) -> io::Result<()> {
        let receive = opcode::RecvMulti::new(Fixed(slot), GROUP);
        self.push(receive.build(), Kind::Receive, slot)
    }

    /// Asks to be told when there is room to write.
    pub(super) fn await_writable(&mut self, slot: u32) -> io::Result<()> {
        let poll = opcode::PollAdd::new(Fixed(slot), libc::POLLOUT as u32);
        self.push(poll.build(), Kind::Writable, slot)
    }

    pub(super) fn shutdown(&mut self, slot: u32) -> io::Result<()> {
        let shutdown = opcode::Shutdown::new(Fixed(slot), Shutdown::Both as i32);
        self.push(shutdown.build(), Kind::Shutdown, slot)
    }

    /// Nothing of this slot may be under way.
    pub(super) fn close(&mut self, slot: u32) -> io::Result<()> {
        let close = opcode::Close::new(Fixed(slot)).build();
        self.push(close.flags(Flags::SKIP_SUCCESS), Kind::Close, slot)
    }

    /// Sends without waiting. `number` names the send in [`Ring::short_sends`].
    ///
    /// # Safety
    /// The bytes must stay what and where they are until [`Ring::submit`] has returned.
    #[expect(unsafe_code, reason = "the kernel reads the bytes later")]
    pub(super) unsafe fn send(&mut self, slot: u32, number: u32, bytes: &[u8]) -> io::Result<()> {
        // What is not said in this send is reported as not taken.
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let send = opcode::Send::new(Fixed(slot), bytes.as_ptr(), len).flags(SEND_FLAGS);
        self.push(send.build().flags(Flags::SKIP_SUCCESS), Kind::Send, number)
    }

    /// Submits everything, and waits until there is an answer if `may_wait`.
    pub(super) fn submit(&mut self, may_wait: bool) -> io::Result<()> {
        let mut wait = may_wait && self.answers.is_empty();
        loop {
            self.enter(wait)?;
            let count = self.fetch();
            let has_more = count >= KERNEL_BATCH && self.answers.len() < COMPLETIONS_PER_TURN;
            if self.ring.submission().is_empty() && !has_more {
                return Ok(());
            }
            wait = false;
        }
    }

    /// The next answer that is not about a send.
    pub(super) fn next_answer(&mut self) -> Option<Answer> {
        self.answers.pop_front()
    }

    /// The sends since the last call that were not taken as a whole.
    pub(super) fn short_sends(&mut self) -> std::vec::Drain<'_, Answer> {
        self.short_sends.drain(..)
    }

    #[expect(unsafe_code, reason = "operations point to memory")]
    fn push(&mut self, entry: Entry, kind: Kind, index: u32) -> io::Result<()> {
        let entry = entry.user_data((kind as u64) << 32 | u64::from(index));
        // SAFETY: of all operations only sends point to memory of ours, and who asks for one has
        // promised to leave it alone until everything is submitted.
        while unsafe { self.ring.submission().push(&entry) }.is_err() {
            self.enter(false)?;
            self.fetch();
        }
        Ok(())
    }

    #[expect(unsafe_code, reason = "the system call")]
    fn enter(&mut self, wait: bool) -> io::Result<()> {
        let submitting = self.ring.submission().len() as u32;
        let flags = EnterFlags::GETEVENTS.bits();
        let submitter = self.ring.submitter();
        let no_signals = None::<&libc::sigset_t>;
        // SAFETY: the entries are complete, and there is no further argument.
        let entered = unsafe { submitter.enter(submitting, u32::from(wait), flags, no_signals) };
        match entered {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                Some(libc::EINTR | libc::EAGAIN | libc::EBUSY) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Takes all answers out of the kernel's queue and says how many there were.
    fn fetch(&mut self) -> usize {
        let mut count = 0;
        for entry in self.ring.completion() {
            count += 1;
            let name = entry.user_data();
            let answer = Answer {
                kind: Kind::ALL[(name >> 32) as usize],
                index: name as u32,
                result: entry.result(),
                buffer: self.buffers.take(&entry),
                goes_on: cqueue::more(entry.flags()),
            };
            match answer.kind {
                Kind::Send => self.short_sends.push(answer),
                _ => self.answers.push_back(answer),
            }
        }
        count
    }
}
