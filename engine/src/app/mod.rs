//! The side of the application: what it sees of a client ([`Spark`]) and of the server
//! ([`Handle`], [`LocalPrimus`]), its functions, and how they are called.
//!
//! | file | what it is |
//! |---|---|
//! | [`host`] | the border: what the application may do to its shard, and ask of others |
//! | [`spark`], [`local`], [`handle`], [`weak`] | the interface, on the shard and from anywhere |
//! | [`batch`], [`act`] | many things that are asked of shards at once |
//! | [`rooms`], [`room_names`], [`target`] | rooms, and what shards say to each other about them |
//! | [`listing`], [`tally`] | lists in portions, and how many are in rooms |
//! | [`next`] | visits to all sparks, each of which may take its time |
//! | [`transform`], [`packet`] | functions that messages go through |
//! | [`plugin`], [`setup`] | what a plugin is, and what it may do |
//! | [`plugins`], [`share`] | the plugins of a server, and what each has attached |
//! | [`end_reason`] | why sparks end |
//! | [`values`], [`own`] | values that are kept with a spark |
//! | [`emit`] | calls functions of the application, under a guard |
//! | [`layers`], [`attached`] | its layers, and what they attach to a request for its spark |
//! | [`given_id`], [`id_request`] | ids that it gives, and what it makes them of |
//! | [`timers`] | calls them at a time |
//! | [`local_spark`], [`spark_stream`], [`later`] | the interface for `async` blocks |
//! | [`life`], [`inbox`] | what a spark shares with them |
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

pub(crate) mod act;
mod answer;
mod attach;
mod attached;
mod awaited;
mod batch;
mod data;
mod drain;
mod emit;
mod end_reason;
mod ends;
mod envelope;
mod error;
mod given_id;
mod handle;
mod headers;
pub(crate) mod host;
mod id_request;
mod inbox;
mod inner;
mod later;
mod layers;
mod legs;
mod life;
mod listen;
mod listing;
mod local;
mod local_spark;
mod message;
mod next;
mod own;
mod owned;
mod packet;
mod plugin;
mod plugin_error;
mod plugins;
mod refused;
mod room_names;
mod rooms;
mod setup;
mod share;
mod spark;
mod spark_stream;
pub(crate) mod tally;
pub(crate) mod target;
mod timers;
mod trace_target;
mod tracing;
mod transform;
mod values;
mod weak;

pub use batch::Batch;
pub use data::Data;
pub use end_reason::EndReason;
pub use ends::{Destroy, Drain, Draining, EndOptions, ReadyState};
pub use envelope::Envelope;
pub use error::{Fault, SparkError};
pub use handle::{Handle, SparkHandle};
pub use headers::Headers;
pub use id_request::IdRequest;
pub use later::Outcome;
pub use layers::Layers;
pub use listen::Attach;
pub use listing::{ListCursor, NotACursor, RoomSize};
pub use local::LocalPrimus;
pub use local_spark::LocalSpark;
pub use message::{Json, Message};
pub use next::Next;
pub use owned::OwnedData;
pub use packet::{Inner, Packet, TransformTicket, Transformed};
pub use plugin::{ClientPlugin, Plugin};
pub use plugin_error::PluginError;
pub use room_names::RoomNames;
pub use rooms::{LocalRoom, Room};
pub use setup::Setup;
pub use spark::{Spark, Timer};
pub use spark_stream::SparkStream;
pub use trace_target::TraceTarget;
pub use weak::WeakHandle;

pub(crate) use awaited::{Awaited, Settled};
pub(crate) use data::Decoded;
pub(crate) use emit::{
    Incoming, authorization, closed, connection, data, deliver_inner, disconnection, drop_extras,
    error, find, go_on_opening, heartbeat, incoming, incoming_pong, initialised, outgoing_ping,
    room_event, spark_timer, step, visit,
};
pub(crate) use envelope::Enveloped;
pub(crate) use headers::KeptRequest;
pub(crate) use inner::enveloping;
pub(crate) use life::Life;
pub(crate) use message::encode;
pub(crate) use packet::{Answer, Body, Fate};
pub(crate) use plugins::serve_files;
pub(crate) use timers::Timers;
pub(crate) use trace_target::TraceOrder;
pub(crate) use transform::{OfSpark, Written, outgoing, outgoing_per_spark};
