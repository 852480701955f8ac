//! Memory that belongs to a shard: buffers lent by the driver, blocks of outgoing bytes, slabs.
//!
//! Nothing here is shared between threads, and nothing here belongs to an idle connection.

mod arena;
mod bits;
mod block;
mod lent;
mod lists;
#[cfg(feature = "mimalloc")]
mod mimalloc;

pub use arena::{Arena, Key};
pub use block::{Block, BlockPool, Slice};
pub use lent::{BufferPool, LentBuffer};
pub use lists::GiveBack;
pub(crate) use lists::kept;
#[cfg(feature = "mimalloc")]
pub use mimalloc::collect_mimalloc;
