//! Channels, to which clients subscribe: npm's primus-multiplex.
//!
//! | file | what it is |
//! |---|---|
//! | `wire`, `framed` | messages: text in, text out |
//! | `core` | what channels and subscriptions are, and who is in a channel |
//! | `subscriptions` | those of one spark: how they come, what they hear, how they go |
//! | `channel`, `spark` | the interface of the application |
//! | `plugin`, `options` | the plugin |
//!
//! # Invariants
//! - There are the channels that the application has made. A client makes none, and one that
//!   subscribes to another is not heard.
//! - A client is written nothing about a channel to which it has not subscribed: npm's client would
//!   throw.
//! - What a client says concerns its own subscriptions, whoever else has made the same id.
//! - A lock is held for a look at a map, and never while something else is called.

mod channel;
mod core;
mod framed;
mod options;
mod plugin;
mod spark;
mod subscriptions;
mod wire;

pub use self::core::Channel;
pub use options::{MultiplexApp, MultiplexOptions};
pub use plugin::Multiplex;
pub use spark::{ChannelSpark, ChannelSparkHandle};
