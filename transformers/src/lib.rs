//! The transports of Primus, which it calls transformers: each is a pair of sans-IO halves.
//!
//! | module | Primus's name | what it is |
//! |---|---|---|
//! | [`browserchannel`] | `browserchannel` | BrowserChannel 8 as the npm package speaks it |
//! | [`websockets`] | `websockets` | RFC 6455 as the npm package `ws` speaks it |
//!
//! [`agent`] makes the HTTP requests of the client halves.
//!
//! Nothing here owns a socket, a clock or a thread. The engine knows a transformer only by the
//! trait [`Transformer`](allspark_protocol::transformer::Transformer); [`TransformerKind`] lists
//! them by name, and [`AnyTransformer`] is the one that a server was told to serve.
#![forbid(unsafe_code)]

pub mod agent;
pub mod browserchannel;
pub mod websockets;

mod options;

mod kind;
#[cfg(test)]
pub(crate) mod testing;

pub use kind::{AnyTransformer, TransformerKind, UnknownTransformer};
pub use options::{CommonOptions, TransportOptionError};
