//! The protocol core of AllSpark as a server on one thread, for reactors that are not AllSpark's.
//!
//! Each program in `src/bin` reads into a buffer, hands the bytes to a [`Connection`], and writes
//! what that wants written. All of them share everything that is not a reactor:
//!
//! | module | what it knows |
//! |---|---|
//! | [`connection`] | the way from a request over a WebSocket to its end, without any socket |
//! | [`service`] | what all connections share: the transformer, the app, the audience |
//! | [`audience`] | what was broadcast and not everyone has taken yet |
//! | [`feed`] | what one connection of a broadcast has to send next |
//! | [`program`] | the command line, the listener, the limit of descriptors |
//!
//! It is no product: there are no heartbeats, no deadlines, and one parser, one transformer and two
//! apps. What a peer can make it hold is bounded all the same.
//!
//! # Invariants
//! - What one read brought is answered with one write, and what waits for a connection of a
//!   broadcast leaves with one write, on every reactor.
//! - A message is framed once, however many receive it.

pub mod audience;
pub mod connection;
pub mod feed;
pub mod program;
pub mod service;

pub use connection::{Connection, Turn};
pub use feed::Feed;
pub use program::{Arguments, listen, run};
pub use service::{App, Service};

/// Bytes of the buffer into which a connection reads: all that a client of the comparison has under
/// way. AllSpark's own buffers hold 4 KiB on `io_uring` and 16 KiB on epoll.
pub const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Entries of the submission queue, for runtimes that ask for a number: room for what all
/// connections of a comparison submit in one turn.
pub const RING_ENTRIES: u32 = 1024;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
