//! The transports of Primus, which it calls transformers: each is a pair of sans-IO halves.
//!
//! | module | Primus's name | what it is |
//! |---|---|---|
//! | [`websockets`] | `websockets` | RFC 6455 as the npm package `ws` speaks it |
//! | [`faye`] | `faye` | the same and the drafts before it, as `faye-websocket` speaks them |
//! | [`uws`] | `uws` | the same, as lean as uWebSockets |
//! | [`engine_io`] | `engine.io` | Engine.IO 4 and 3 as the npm package engine.io 6 speaks them |
//! | [`sockjs`] | `sockjs` | SockJS 0.3 as the npm package `sockjs` speaks it |
//! | [`browserchannel`] | `browserchannel` | BrowserChannel 8 as the npm package 2.1 speaks it |
//!
//! [`agent`] makes the HTTP requests of the client halves. `contract` is the suite of cases that
//! every transport passes.
//!
//! Nothing here owns a socket, a clock or a thread. The engine knows a transformer only by the
//! trait [`Transformer`](allspark_protocol::transformer::Transformer); [`TransformerKind`] lists
//! them by name, [`AnyTransformer`] is the one that a server was told to serve, and [`Speech`]
//! makes the client half of any of them.
#![forbid(unsafe_code)]

pub mod agent;
pub mod browserchannel;
#[cfg(feature = "contract")]
pub mod contract;
pub mod engine_io;
pub mod faye;
pub mod sockjs;
pub mod uws;
pub mod websockets;

mod any;
mod any_client;
mod chance;
mod hixie;
mod kind;
mod options;
#[cfg(test)]
pub(crate) mod testing;

pub use any::{AnySession, AnyTransformer};
pub use any_client::{ClientCommonOptions, Speech};
pub use chance::{Chance, Masks};
pub use kind::{TransformerKind, UnknownTransformer};
pub use options::{CommonOptions, TransportOptionError};
