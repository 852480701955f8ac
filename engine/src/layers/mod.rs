//! Layers: what a request for Primus goes through before a transport sees it. Primus calls them
//! middleware.
//!
//! | file | what it is |
//! |---|---|
//! | [`layer`] | one of them |
//! | [`verdict`] | what it says to a request |
//! | [`chain`] | all layers of a server, in their order |
//! | [`route`] | a layer that answers some requests itself, with their bodies |
//! | [`request`] | a request as a layer sees it |
//! | [`ticket`] | a verdict that comes later |
//! | [`notes`] | what layers have said about a request |
//!
//! The layers of Primus itself stand in the same chain as those of the application. What each of
//! them does is code of the door (`http/walk.rs`), which walks the chain; here they are names.
//!
//! # Invariants
//! - A request walks the chain once, from its first layer to its last, by the chain that there was
//!   when it came. One that moves to another shard, or waits, does not begin anew. Those that are
//!   asked about openings stand apart: who opens a spark walks them behind all others, on the shard
//!   of that spark, and the transport is asked again.
//! - A message walks nothing.

mod chain;
mod layer;
mod notes;
mod request;
mod route;
mod ticket;
mod verdict;

pub(crate) use chain::{Chain, Stage, Step};
pub use layer::Layer;
pub(crate) use layer::function_of;
pub(crate) use notes::Notes;
pub use request::LayerRequest;
pub use route::Decide;
pub(crate) use route::LayerRoute;
pub(crate) use ticket::Decision;
pub use ticket::LayerTicket;
pub use verdict::{LayerError, Verdict};
