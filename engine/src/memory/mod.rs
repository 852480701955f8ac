//! Memory that belongs to a shard: buffers lent by the driver, blocks of outgoing bytes, slabs.
//!
//! Nothing here is shared between threads, and nothing here belongs to an idle connection.

mod arena;
mod bits;
mod block;
mod frozen;
mod lent;
mod lists;
#[cfg(feature = "mimalloc")]
mod mimalloc;
mod pool;
mod region;
mod slice;
mod spares;
mod zeroed;

pub use arena::{Arena, Key};
#[cfg(test)]
pub(crate) use block::FRAME_BYTES_MAX_HERE;
pub use block::{Block, FrameClass, FrameTooLong};
pub(crate) use block::{Mark, frame_bytes_max, unshared};
pub use frozen::{Frozen, Lease};
pub use lent::{BufferPool, LentBuffer};
pub use lists::GiveBack;
pub(crate) use lists::kept;
#[cfg(feature = "mimalloc")]
pub use mimalloc::{collect_mimalloc, refuse_huge_pages};
pub use pool::BlockPool;
pub use slice::Slice;
pub(crate) use spares::Spares;
pub(crate) use zeroed::AtomicWords;
