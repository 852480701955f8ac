//! What bodies that are sent as they come are made of.

use std::task::{Context, Poll};

/// Where a body comes from. It is dropped at its end, or as soon as the client is gone.
pub trait Pull: Send + 'static {
    /// Appends the next part of the body to `out`: about `room` bytes, or fewer. It is called on
    /// the shard's thread, for which all clients of the shard wait, so it must not block: who has
    /// nothing now keeps the waker of `context`, returns `Pending`, and is called again after the
    /// waker was woken. What it appended before it returned `Pending` is sent all the same.
    fn pull(&mut self, context: &mut Context<'_>, room: usize, out: &mut Vec<u8>) -> Poll<Pulled>;
}

/// What comes of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// There may be more.
    More,
    /// The body is complete.
    End,
    /// The body can't be completed. The connection is closed without the end of the body, by which
    /// a client of HTTP/1.1 notices. One of HTTP/1.0 can't tell.
    Broken,
}
