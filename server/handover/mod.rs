//! A restart without a gap: a new process takes the listening sockets over from the running one.
//!
//! Both are started with the same `--handover PATH`. The running server listens there on a Unix
//! socket, which only its own user and root may use. The new process connects to it and gets the
//! listening sockets: the very sockets, of every shard and every place. Each has a backlog of its
//! own, in which clients may wait, so none may be left out or closed, however many shards the new
//! server has. It makes its shards, says that it is ready, and begins to accept. Then the old one
//! drains: it stops accepting, serves whoever it has accepted in that moment, and has its clients
//! reconnect, who come to the new one.
//!
//! | from | words | descriptors |
//! |---|---|---|
//! | new | `take 1` (the version of this dialogue) | |
//! | old | `give 1 <driver>`, or `refused <sentence>` | |
//! | old | `place <name>`, again and again | of listening sockets, 64 at most |
//! | old | `all` | |
//! | new | `ready` | |
//! | old | `go` | |
//!
//! What can go wrong, and what happens then:
//!
//! - **Nobody listens at the path**, or a socket file is left of a server that was killed: the new
//!   process starts as if there had been none, and replaces the file.
//! - **The new process dies, or says nothing for a minute**: the old one goes on, as if nothing had
//!   been. It has stopped nothing yet.
//! - **Two take over at once**: the second one is refused, and ends with the reason.
//! - **Another version** of this dialogue: refused, with both versions in the sentence.
//! - **Other places**: those that both have are taken over, by their names as they were written;
//!   those that only the new one has are bound; those that only the old one has close when it
//!   drains.
//! - **Another driver**: they treat sockets that they share in ways that do not go together. A new
//!   process that is free to choose takes that of the old one; one that is not ends with the
//!   reason.
//! - **Fewer shards**: each accepts on several sockets. If these would be more than a shard can
//!   have, the new process ends with the reason.

mod channel;
mod giver;
mod socket_file;
mod socket_path;
mod taker;

pub(crate) use giver::Giver;
pub(crate) use socket_path::SocketPath;
pub(crate) use taker::{Taken, take};

/// The version of the dialogue.
const VERSION: &str = "1";
