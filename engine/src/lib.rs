//! The server engine: shards that serve sparks.
//!
//! | module | what it does |
//! |---|---|
//! | [`io`] | the border to the kernel: drivers for `io_uring`, `epoll` and the simulator |
//! | [`memory`] | buffers, blocks of outgoing bytes, slabs |
//! | `shard` | one thread's share of the server, in turns of fixed phases |
//! | `spark` | what an application sees of a client |
//! | `broadcast` | one encoding for many sparks |
//! | `mesh` | the way between threads |
//! | `proxies` | what the operator should know of a proxy |
//!
//! A transport is a [`Transformer`](allspark_protocol::transformer::Transformer); the engine knows
//! none by name.

mod broadcast;
mod config;
mod guard;
pub mod io;
pub mod limits;
mod lines;
mod machine;
pub mod memory;
mod mesh;
mod primus;
mod proxies;
mod seat;
mod server;
mod shard;
pub mod sim;
mod spark;
mod start;
mod stats;

/// What benches/ measures although applications have no use for it. It is no part of the interface
/// and may change at any time.
#[doc(hidden)]
pub mod bench {
    pub use crate::shard::Wheel;
}

pub use allspark_protocol::Value;
pub use allspark_protocol::primus::SparkId;
pub use config::{Fallback, KeepHeaders, Options, SendPolicy, send_queue_bytes_for};
pub use primus::{Destroy, Handle};
pub use server::{Server, ShardFailure};
pub use shard::{Flow, Shard};
pub use spark::{
    Data, EndOptions, Headers, Json, LocalPrimus, Message, ReadyState, Spark, SparkError,
    SparkHandle,
};
pub use start::{Primus, StartError, allowed_cpus, random};
pub use stats::Stats;
