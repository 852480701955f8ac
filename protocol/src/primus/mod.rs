//! What Primus itself says and decides, apart from any transport and any parser.
//!
//! | module | what it knows |
//! |---|---|
//! | [`packet`] | the messages of the protocol: ping, pong, id, close |
//! | [`heartbeat`] | whether the peer is alive: the server's pings, the client's ping time-out |
//! | [`latency`] | how long a peer takes to answer a ping |
//! | [`id`] | the name of a spark, from which its owner can be read back |
//! | [`backoff`] | when a client tries to connect again |
//! | [`pathname`](mod@pathname) | which paths of a server belong to Primus |
//! | [`ping_interval`] | the time between two pings of a spark |
//! | [`reserved`] | event names that belong to Primus and not to the application |
//!
//! Nothing here reads a clock, draws a random number or touches a socket: all three are handed in.
//!
//! # Invariants
//! - A string that starts with [`packet::PREFIX`] never reaches the application, understood or not.
//! - A spark that did not answer a ping ends one interval after the ping, and not before.

pub mod backoff;
pub mod heartbeat;
pub mod id;
pub mod latency;
pub mod packet;
pub mod pathname;
pub mod ping_interval;
pub mod reserved;

pub use backoff::{Backoff, BackoffOptions};
pub use heartbeat::{Beat, Heartbeat, PingTimeout};
pub use id::SparkId;
pub use latency::Latency;
pub use packet::Packet;
pub use pathname::{Pathname, PathnameError};
pub use ping_interval::{PingInterval, PingIntervalError};

/// The version of Primus whose protocol this is.
pub const PRIMUS_VERSION: &str = "8.0.9";
