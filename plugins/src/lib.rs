//! The plugins of Primus, each in a module of its own: a server half in Rust and, where clients
//! need one, a client half in JavaScript beside it. docs/PLUGINS.md describes them.
//!
//! | module | npm package | what it is for |
//! |---|---|---|
//! | [`emit`] | primus-emit | events in both directions |
//! | [`emitter`] | primus-emitter | events with acknowledgements in both directions |
//! | [`express_session`] | primus-express-session | the sessions of an application of express |
//! | [`fortress`] | fortress-maximus | every event is validated before it counts |
//! | [`mirage`] | mirage | sessions that outlive a connection |
//! | [`multiplex`] | primus-multiplex | channels, to which clients subscribe |
//! | [`resource`] | primus-resource | objects of the server, whose methods clients call |
//! | [`responder`] | primus-responder | questions and answers in both directions |
//! | [`spark_latency`] | primus-spark-latency | what clients say of the way to them |
//! | [`substream`] | substream | named streams within a connection |
//! | [`rooms`] | primus-rooms | what clients may ask of rooms without code on the server |
//! | [`analytics`] | primus-analytics | clients report to Google Analytics |
//!
//! Each implements [`Plugin`](allspark_engine::Plugin) and is added with `Primus::plugin`; what the
//! application uses of it are the methods of its handle, or a trait that extends sparks. By its
//! name it is found in the [`registry`].

pub mod analytics;
pub mod emit;
pub mod emitter;
mod envelope;
pub mod events;
#[cfg(feature = "session")]
pub mod express_session;
pub mod fortress;
mod look;
#[cfg(feature = "fleet")]
pub mod metroplex;
pub mod mirage;
pub mod multiplex;
#[cfg(feature = "fleet")]
pub mod omega;
pub mod registry;
pub mod resource;
pub mod responder;
pub mod rooms;
mod slots;
pub mod spark_latency;
pub mod substream;
#[cfg(test)]
mod testing;
mod waiting;
