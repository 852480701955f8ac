//! The plugins of Primus, each in a module of its own: a server half in Rust and, where clients
//! need one, a client half in JavaScript beside it. docs/PLUGINS.md describes them.
//!
//! Each implements [`Plugin`](allspark_engine::Plugin) and is added with `Primus::plugin`; what the
//! application uses of it are the methods of its handle, or a trait that extends sparks. By its
//! name it is found in the [`registry`].

#[cfg(feature = "fleet")]
pub mod metroplex;
#[cfg(feature = "fleet")]
pub mod omega;
pub mod registry;
