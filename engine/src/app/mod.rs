//! The side of the application: what it sees of a client ([`Spark`]) and of the server
//! ([`Handle`], [`LocalPrimus`]), its functions, and how they are called.
//!
//! | file | what it is |
//! |---|---|
//! | [`host`] | the border: what the application may do to its shard, and ask of others |
//! | [`spark`], [`local`], [`handle`] | the interface, on the shard and from anywhere |
//! | [`rooms`], [`room_names`], [`target`] | rooms, and what shards say to each other about them |
//! | [`next`] | visits to all sparks, each of which may take its time |
//! | [`emit`] | calls functions of the application, under a guard |
//! | [`layers`], [`attached`] | its layers, and what they attach to a request for its spark |
//! | [`timers`] | calls them at a time |
//!
//! It decides nothing about bytes and knows neither sockets nor sessions.
//!
//! # Invariants
//! - `connection` and `disconnection` come once each per spark, in this order, on its shard; `data`
//!   comes neither before the first nor after the second.
//! - Handlers run one at a time on the shard's thread, never inside each other. One that panics
//!   ends its spark, is logged, and harms nobody else.
//! - A handler must not block: all sparks of its shard wait for it. What takes long belongs on
//!   another thread, which answers through a [`SparkHandle`].

mod attached;
mod data;
mod emit;
mod ends;
mod error;
mod handle;
mod headers;
pub(crate) mod host;
mod layers;
mod legs;
mod listen;
mod local;
mod message;
mod next;
mod room_names;
mod rooms;
mod spark;
pub(crate) mod target;
mod timers;

pub use data::Data;
pub use ends::{Destroy, EndOptions, ReadyState};
pub use error::SparkError;
pub use handle::{Handle, SparkHandle};
pub use headers::Headers;
pub use layers::Layers;
pub use listen::Attach;
pub use local::LocalPrimus;
pub use message::{Json, Message};
pub use next::Next;
pub use room_names::RoomNames;
pub use rooms::{LocalRoom, Room};
pub use spark::{Spark, Timer};

pub(crate) use emit::{
    closed, connection, data, disconnection, drop_extras, error, find, heartbeat, incoming_pong,
    initialised, outgoing_ping, room_event, spark_timer, step, visit,
};
pub(crate) use headers::KeptRequest;
pub(crate) use timers::Timers;
