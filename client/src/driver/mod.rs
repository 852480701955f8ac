//! The client for applications, on tokio: it gives the machine of [`crate::core`] sockets, a clock
//! and a task to run in.
//!
//! | module | what it does |
//! |---|---|
//! | `builder` | the options, by the names and defaults of Primus |
//! | `primus`, `writer`, `events`, `event` | what an application holds and gets |
//! | `mailbox` | commands and events between the handles and the task |
//! | `task` | one per client: drives the machine |
//! | `links` | the connections of a client, all within its task |
//! | `connect`, `tls`, `url` | how a connection is opened |
//!
//! Nothing here knows the protocol of Primus or of a transport: what is to be connected, sent,
//! closed and told is decided by the machine.
//!
//! # Invariants
//! - One task per client, and no other. It ends when the client was destroyed, or when the last
//!   handle was dropped and the server has been told, or 5 s later.
//! - What handles give and get keeps its order.
//! - Nothing grows without bound, but for messages that are written while there is no connection,
//!   which [`Builder::queue_size`] bounds.

mod builder;
mod connect;
mod error;
mod event;
mod events;
mod limits;
mod links;
mod mailbox;
mod primus;
mod task;
mod tls;
mod url;
mod writer;

pub use builder::Builder;
pub use error::{Error, Lost, OpenError, OptionError, WriteError};
pub use event::{Data, Event};
pub use events::{DataStream, Events};
pub use primus::Primus;
pub use url::UrlError;
pub use writer::{Ended, Writer};
