//! AllSpark is [Primus](https://github.com/primus/primus) for Linux at scale: a real-time server
//! that speaks the Primus wire protocol, so that existing Primus clients connect unchanged.
//!
//! ```no_run
//! let primus = allspark::Primus::builder().transformer("websockets").build()?;
//! primus.on_connection(|spark| {
//!     spark.on_data(|spark, data| {
//!         spark.write(data);
//!     });
//! });
//! primus.listen("127.0.0.1:8080")?; // Returns when the server was destroyed.
//! # Ok::<(), allspark::Error>(())
//! ```
//!
//! Handlers run on the shard of their spark, one at a time, and must not block: every spark of that
//! shard waits for them. What takes long belongs on another thread, which answers through
//! [`Spark::handle`]; [`Primus::handle`] reaches the server from anywhere.
//!
//! ```no_run
//! let primus = allspark::Primus::builder().build()?;
//! primus.on_connection(|spark| {
//!     spark.on_data(|spark, data| {
//!         let (answer, question) = (spark.handle(), data.encoded().to_vec());
//!         std::thread::spawn(move || {
//!             let found = question.len(); // A database, another service, ...
//!             drop(answer.write(found));
//!         });
//!     });
//! });
//! # Ok::<(), allspark::Error>(())
//! ```

#[cfg(feature = "auth")]
pub mod auth;

/// Compiles what docs/MIGRATING.md shows.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../docs/MIGRATING.md")]
mod migrating {}

/// Compiles what docs/PLUGINS.md shows.
#[cfg(all(doctest, feature = "plugins"))]
#[doc = include_str!("../docs/PLUGINS.md")]
mod plugins_chapter {}

/// Compiles what README.md shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// Compiles what docs/TLS.md shows.
#[cfg(all(doctest, feature = "tls"))]
#[doc = include_str!("../docs/TLS.md")]
mod tls_chapter {}

/// Compiles what docs/WEB.md shows.
#[cfg(all(doctest, feature = "server"))]
#[doc = include_str!("../docs/WEB.md")]
mod web_chapter {}

mod ark;
#[cfg(feature = "auth")]
mod asked_url;
mod builder;
#[cfg(feature = "auth")]
mod digests;
mod error;
mod events;
#[cfg(any(feature = "auth", feature = "tls"))]
mod file_bytes;
#[cfg(feature = "auth")]
mod keys;
mod library;
mod options;
mod primus;
mod reconfigure;
mod room_bounds;
mod rooms;
#[cfg(feature = "plugins")]
mod rooms_plugin;
#[cfg(feature = "auth")]
mod roots;
mod save;
#[cfg(any(feature = "auth", feature = "tls"))]
mod secret;
#[cfg(feature = "client")]
mod socket;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "tls")]
mod tls_served;
mod transforms;
mod transport;
#[cfg(any(feature = "auth", feature = "tls"))]
mod watch;

pub use allspark_client::library::LibraryError;
pub use allspark_engine::io::{DriverChoice, DriverKind};
pub use allspark_engine::{
    AcceptPolicy, Attach, Batch, Body, BodyBroken, BodyError, BodyReceiver, BodySender,
    ClientPlugin, Data, Decide, Destroy, Drain, Draining, EndOptions, EndReason, Executor, Fault,
    Handle, Headers, IdRequest, Json, KeepHeaders, Layer, LayerError, LayerRequest, LayerTicket,
    Layers, ListCursor, ListenAddress, LiveOptions, LocalPrimus, LocalRoom, LocalSpark, Message,
    NeedsRestart, Next, NotACursor, Outcome, OwnedData, Packet, Place, Plugin, PluginError,
    ProxyProtocol, Pull, Pulled, Purpose, RatePolicy, ReadyState, Refusal, RefusalReason, Reply,
    Room, RoomError, RoomNames, RoomOptions, RoomSize, RouteError, RouteRequest, Routes,
    SendPolicy, Server, Setup, ShardFailure, Sleep, Spark, SparkError, SparkHandle, SparkId,
    SparkStream, StartError, Stats, Ticket, Timer, TransformTicket, Transformed, Value, Verdict,
    WeakHandle,
};
pub use allspark_engine::{Access, Asked, TraceTarget};
pub use allspark_engine::{
    ClientCertificate, Interface, NoInterface, Secure, TcpOptions, TlsAcceptor, TlsVersion,
    UNIX_PEER, UnixSocket,
};
#[cfg(feature = "plugins")]
pub use allspark_plugins as plugins;
pub use allspark_protocol::http::{
    Cors, CorsError, CorsOptions, ForwardedHeader, NetworkError, Query, RequestHead, Response,
    TrustedProxies,
};
pub use allspark_protocol::options::{Bounded, OutOfBounds, UnknownChoice};
pub use allspark_protocol::parser;
pub use allspark_protocol::parser::{
    ClientHalf, CustomParser, DecodeError, EncodeError, ParseError, ParserKind, UnknownParser,
};
pub use allspark_protocol::primus::{Pathname, PathnameError, PingInterval, PingIntervalError};
pub use allspark_protocol::transformer::Kind;
pub use allspark_protocol::value;
pub use allspark_protocol::value::{Date, Extended, Number, Object};
pub use allspark_transformers::{TransformerKind, TransportOptionError, UnknownTransformer};
pub use builder::Builder;
pub use error::{Error, OptionError};
pub use options::{
    BurstMs, Count, CountAtLeastOne, Exempt, GlobalName, HeadMax, Limits, MaxLength, MinRate,
    Options, PerAddress, PerSecond, ShardCount, TimeoutMs,
};
pub use primus::Primus;
pub use transport::TransportOptions;
#[cfg(feature = "client")]
pub use {
    allspark_client as client,
    socket::{Socket, create_socket},
};
