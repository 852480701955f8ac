//! The transformer `uws`: WebSocket as Primus drove the native module uws 10, the leanest.
//!
//! The module loads in no current Node.js; its clients use `ws`, and see a WebSocket like that of
//! [`websockets`](crate::websockets), whose code this is. What is its own:
//! - the two transport options that Primus passed on to it, and `maxPayload`;
//! - compression as fast as possible, as uWebSockets chose it, by one compressor for all.
//!
//! Where it differs from the native module: a handshake that is refused gets an answer, where
//! Primus destroyed the socket; a subprotocol that is offered is granted; and messages below 1024
//! bytes are not compressed.
//!
//! # Invariants
//! - A plain request is answered with 426; a ping of the peer counts as a pong of Primus.

mod options;
mod server;
#[cfg(test)]
mod tests;

pub use options::UwsOptions;
pub use server::Uws;
