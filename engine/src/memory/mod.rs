//! Memory that belongs to a shard: buffers lent by the driver, blocks of outgoing bytes, slabs.
//!
//! Nothing here is shared between threads, and nothing here belongs to an idle connection.

mod arena;
mod bits;
mod block;
mod lent;

pub use arena::{Arena, Key};
pub use block::{Block, BlockPool, Slice};
pub use lent::{BufferPool, LentBuffer};
