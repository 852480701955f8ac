//! The server engine: shards that serve sparks.
//!
//! | module | what it does |
//! |---|---|
//! | [`io`] | the border to the kernel: drivers for `io_uring`, `epoll` and the simulator |
//! | [`memory`] | buffers, blocks of outgoing bytes, slabs |
//! | `net` | connections: sockets, timers, what waits to be sent. Knows no spark |
//! | `http` | the front door: where requests go, what is said to browsers. Knows no spark |
//! | `session` | what sparks are to their transport. Touches no socket |
//! | `fanout` | from one to many: the logs of broadcasts, walks over all sparks. Knows no socket |
//! | `rooms` | who is in which room. Knows neither sessions nor messages |
//! | `app` | the side of the application: its interface and its functions |
//! | `shard` | joins them: one thread's share of the server, in turns of fixed phases |
//! | `tasks` | futures of the application, run by their shard. Knows no spark |
//! | `mesh` | the way between threads |
//! | `layers` | what requests for Primus go through: authorization and other middleware |
//! | `routes` | requests that are not for Primus: a table of routes, answers that come later |
//!
//! A transport is a [`Transformer`](allspark_protocol::transformer::Transformer); the engine knows
//! none by name.

mod access;
mod app;
mod budget;
mod config;
mod distribution;
mod fanout;
mod guard;
mod http;
pub mod io;
mod known;
mod layers;
pub mod limits;
mod lines;
mod machine;
pub mod memory;
mod mesh;
mod net;
mod place;
mod purpose;
mod refusals;
mod rooms;
mod routes;
mod seat;
mod server;
mod session;
mod shard;
mod shared;
pub mod sim;
mod start;
mod start_error;
mod stats;
mod tasks;
mod throttle;
mod wheel;

/// What benches/ measures although applications have no use for it. It is no part of the interface
/// and may change at any time.
#[doc(hidden)]
pub mod bench {
    pub use crate::wheel::Wheel;
}

pub use access::{Access, Asked, OnAnswered};
pub use allspark_protocol::Value;
pub use allspark_protocol::http::{RequestHead, Response};
pub use allspark_protocol::primus::SparkId;
pub use app::TraceTarget;
pub use app::{
    Attach, Batch, ClientPlugin, Data, Destroy, Drain, Draining, EndOptions, EndReason, Envelope,
    Fault, Handle, Headers, IdRequest, Inner, Json, Layers, ListCursor, LocalPrimus, LocalRoom,
    LocalSpark, Message, Next, NotACursor, Outcome, OwnedData, Packet, Plugin, PluginError,
    ReadyState, Room, RoomNames, RoomSize, Setup, Spark, SparkError, SparkHandle, SparkStream,
    Timer, TransformTicket, Transformed, WeakHandle,
};
pub use budget::{Bounds, Memory};
pub use config::{
    AcceptPolicy, Admission, BurstMs, Count, CountAtLeastOne, Fallback, Files, HeadMax,
    KeepHeaders, LiveOptions, MessageRates, MinRate, NeedsRestart, Options, PerAddress, PerSecond,
    RatePolicy, SendPolicy, ShardCount, TimeoutMs, send_queue_bytes_for, this_machine,
};
pub use distribution::{Distribution, Distributions};
pub use io::{
    ClientCertificate, Interface, NoInterface, ProxyProtocol, Secure, TcpOptions, TlsAcceptor,
    TlsVersion, UNIX_PEER, UnixSocket,
};
pub use layers::{Decide, Layer, LayerError, LayerRequest, LayerTicket, Verdict};
pub use machine::{allowed_cpus, random};
pub use place::{ListenAddress, Place};
pub use purpose::Purpose;
pub use refusals::{Refusal, RefusalReason};
pub use rooms::{RoomError, RoomOptions, room_matches};
pub use routes::{
    Body, BodyBroken, BodyError, BodyReceiver, BodySender, Pull, Pulled, Reply, RouteError,
    RouteRequest, Routes, Ticket,
};
pub use server::{Server, ShardFailure};
pub use shard::{Flow, Shard};
pub use start::Primus;
pub use start_error::StartError;
pub use stats::Stats;
pub use tasks::{Executor, Sleep};
pub use throttle::{Admitted, Throttle};
