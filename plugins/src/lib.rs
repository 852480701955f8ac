//! The plugins of Primus, each in a module of its own: a server half in Rust and, where clients
//! need one, a client half in JavaScript beside it. docs/PLUGINS.md describes them.
//!
//! | module | npm package | what it is for |
//! |---|---|---|
//! | [`emit`] | primus-emit | events in both directions |
//! | [`emitter`] | primus-emitter | events with acknowledgements in both directions |
//! | [`fortress`] | fortress-maximus | every event is validated before it counts |
//! | [`mirage`] | mirage | sessions that outlive a connection |
//! | [`responder`] | primus-responder | questions and answers in both directions |
//! | [`spark_latency`] | primus-spark-latency | what clients say of the way to them |
//! | [`rooms`] | primus-rooms | what clients may ask of rooms without code on the server |
//! | [`analytics`] | primus-analytics | clients report to Google Analytics |
//!
//! Each implements [`Plugin`](allspark_engine::Plugin) and is added with `Primus::plugin`; what the
//! application uses of it are the methods of its handle, or a trait that extends sparks. By its
//! name it is found in the [`registry`].

pub mod analytics;
pub mod emit;
pub mod emitter;
pub mod events;
pub mod fortress;
mod look;
#[cfg(feature = "fleet")]
pub mod metroplex;
pub mod mirage;
#[cfg(feature = "fleet")]
pub mod omega;
pub mod registry;
pub mod responder;
pub mod rooms;
pub mod spark_latency;
#[cfg(test)]
mod testing;
mod waiting;
