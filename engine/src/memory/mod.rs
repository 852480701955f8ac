//! Memory that belongs to a shard: buffers lent by the driver, blocks of outgoing bytes, slabs.
//!
//! Nothing here is shared between threads, and nothing here belongs to an idle connection.

mod arena;
mod block;
mod lent;
mod pool;
mod slice;

pub use arena::{Arena, Key};
pub use block::{Block, FrameClass, FrameTooLong};
pub(crate) use block::{FRAME_BYTES_MAX, Mark};
pub use lent::{BufferPool, LentBuffer};
pub use pool::BlockPool;
pub use slice::Slice;
