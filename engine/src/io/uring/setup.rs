//! Making a ring: sizes, flags, and what can go wrong.

use std::io;
use std::os::fd::OwnedFd;

use io_uring::IoUring;
use rustix::process::{Resource, getrlimit};

/// Slots that fit into the lower bits of a `Socket`, and the most that the kernel registers.
pub(super) const SLOTS_PER_RING_MAX: u32 = 1 << 20;

/// Rings per driver: what fits into the upper bits of a `Socket`. Each costs one descriptor.
pub(super) const RINGS_MAX: usize = 1 << 12;

/// What an `io_uring` driver is made of. The sizes of queues and buffers are powers of two.
#[derive(Debug)]
pub struct UringOptions {
    /// Where connections come in, fewer than 64; without one the driver only connects.
    pub listeners: Vec<OwnedFd>,
    /// Sockets that the driver may hold, rounded up to whole rings. By default 1,048,576.
    pub sockets_max: u32,
    /// Sockets per ring, at most 1,048,576. The kernel allows no more than `RLIMIT_NOFILE` per
    /// ring, so it is lowered to that; further rings are opened when the first is full. By default
    /// 65,536: the table costs 8 bytes per socket at once, used or not.
    pub sockets_per_ring: u32,
    /// The ring that every driver has.
    pub main: RingSize,
    /// Those that are opened when it is full.
    pub further: RingSize,
}

/// How much memory a ring gets.
#[derive(Clone, Copy, Debug)]
pub struct RingSize {
    /// Submission queue entries of 64 bytes. More operations go in several portions, and a portion
    /// should stay in the CPU's cache, so a small queue is no loss.
    pub submissions: u32,
    /// Completion queue entries of 16 bytes. What does not fit waits in the kernel, which is slow.
    pub completions: u32,
    /// Receive buffers that the kernel fills bit by bit, if it can, within limits (6.17). `None` is
    /// for tests and comparisons: it is not tried.
    pub incremental: Option<Buffers>,
    /// Receive buffers each of which one receive uses up, if it can't.
    pub whole: Buffers,
}

/// How many buffers, and how large.
#[derive(Clone, Copy, Debug)]
pub struct Buffers {
    /// A power of two, at most 32,768.
    pub count: u16,
    /// Bytes in each.
    pub bytes: usize,
}

impl RingSize {
    /// 1.2 MiB, or 4.2 MiB before Linux 6.17, when all buffers were used; 0.2 MiB before anything
    /// was received.
    ///
    /// Incremental buffers are as many as a processor's cache holds: what was received is looked at
    /// before it has left the cache. One message of 64 KiB in eight lies in two of them.
    ///
    /// Of the others there is one for each completion of a turn: a receive that does not fit costs
    /// another one, and a copy of the message that it cuts. With half the size an echo of 16
    /// messages of 128 bytes at a time took an eighth more of the processor; with half as many
    /// 1,000 busy connections did, some of which found none.
    pub const MAIN: Self = Self {
        submissions: 256,
        completions: 8192,
        incremental: Some(Buffers {
            count: 2,
            bytes: 512 * 1024,
        }),
        whole: Buffers {
            count: 1024,
            bytes: 4096,
        },
    };

    /// 0.6 MiB, or 28 bytes for each of 20,000 sockets.
    pub const FURTHER: Self = Self {
        submissions: 128,
        completions: 2048,
        incremental: Some(Buffers {
            count: 4,
            bytes: 128 * 1024,
        }),
        whole: Buffers {
            count: 256,
            bytes: 2048,
        },
    };
}

impl Default for UringOptions {
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            sockets_max: 1 << 20,
            sockets_per_ring: 1 << 16,
            main: RingSize::MAIN,
            further: RingSize::FURTHER,
        }
    }
}

impl UringOptions {
    /// Sockets per ring that the kernel will allow.
    pub(super) fn slots_per_ring(&self) -> u32 {
        let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let allowed = u32::try_from(allowed).unwrap_or(u32::MAX);
        self.sockets_per_ring
            .min(self.sockets_max)
            .min(allowed)
            .clamp(1, SLOTS_PER_RING_MAX)
    }
}

/// Why a ring can't be made. `choose` explains it to the operator.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The ring itself.
    #[error("io_uring can't be set up: {0}")]
    Ring(#[source] io::Error),
    /// The table of direct descriptors.
    #[error("a table of {slots} direct descriptors can't be registered: {error}")]
    Table {
        /// How many.
        slots: u32,
        /// What the kernel said.
        error: io::Error,
    },
    /// The ring of receive buffers.
    #[error("a ring of receive buffers can't be registered: {0}")]
    Buffers(#[source] io::Error),
    /// An operation that the driver needs.
    #[error("the kernel does not know the operation {0}")]
    Operation(&'static str),
    /// The event descriptor that ends a sleep, or the listener.
    #[error("a descriptor can't be used: {0}")]
    Descriptor(#[source] io::Error),
    /// The thread that tries it.
    #[error("no thread can be made that tries io_uring: {0}")]
    Thread(#[source] io::Error),
}

impl SetupError {
    /// Whether the kernel has no memory for it, or grants this user none.
    pub(crate) fn lacks_memory(&self) -> bool {
        self.code() == Some(libc::ENOMEM)
    }

    /// The kernel's number for what is wrong, where it has one.
    pub(in crate::io) fn code(&self) -> Option<i32> {
        match self {
            Self::Operation(_) => Some(libc::EINVAL),
            Self::Ring(error)
            | Self::Table { error, .. }
            | Self::Buffers(error)
            | Self::Descriptor(error)
            | Self::Thread(error) => error.raw_os_error(),
        }
    }

    /// What the kernel said, where it said something.
    pub(super) fn into_io(self) -> io::Error {
        match self {
            Self::Ring(error)
            | Self::Table { error, .. }
            | Self::Buffers(error)
            | Self::Descriptor(error)
            | Self::Thread(error) => error,
            Self::Operation(_) => io::Error::from_raw_os_error(libc::EOPNOTSUPP),
        }
    }
}

/// Makes a ring with a table of `slots` direct descriptors. The calling thread will be the only one
/// that may use it.
pub(super) fn ring(size: RingSize, slots: u32) -> Result<IoUring, SetupError> {
    // Submitting without the indirection is new in 6.6.
    let ring = build(size, true)
        .or_else(|error| match error.raw_os_error() {
            Some(libc::EINVAL) => build(size, false),
            _ => Err(error),
        })
        .map_err(SetupError::Ring)?;
    ring.submitter()
        .register_files_sparse(slots)
        .map_err(|error| SetupError::Table { slots, error })?;
    Ok(ring)
}

fn build(size: RingSize, no_sqarray: bool) -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder
        .dontfork()
        .setup_single_issuer()
        // Completions are made only while we ask for them, never in between.
        .setup_defer_taskrun()
        // Says in shared memory when there is something to ask for.
        .setup_taskrun_flag()
        .setup_coop_taskrun()
        // A bad operation must not hold up those behind it.
        .setup_submit_all()
        .setup_cqsize(size.completions)
        .setup_clamp();
    if no_sqarray {
        builder.setup_no_sqarray();
    }
    builder.build(size.submissions)
}
