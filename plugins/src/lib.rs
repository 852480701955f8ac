//! The plugins of Primus, each in a module of its own: a server half in Rust and, where clients need
//! one, a client half in JavaScript beside it. docs/PLUGINS.md describes them.
//!
//! | module | npm package | what it is for |
//! |---|---|---|
//! | [`emit`] | primus-emit | events in both directions |
//! | [`emitter`] | primus-emitter | events with acknowledgements in both directions |
//!
//! Each implements [`Plugin`](allspark_engine::Plugin) and is added with `Primus::plugin`; what the
//! application uses of it are the methods of its handle, or a trait that extends sparks. By its name
//! it is found in the [`registry`].

pub mod emit;
pub mod emitter;
pub mod events;
mod look;
pub mod registry;
#[cfg(test)]
mod testing;
mod waiting;
