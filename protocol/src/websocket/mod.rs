//! WebSocket (RFC 6455): handshake, frames, messages, close codes, compression.
//!
//! | module | what it knows |
//! |---|---|
//! | [`handshake`] | the HTTP request that opens a connection, and the answer |
//! | [`decoder`] | received bytes become messages, pings, pongs and closes |
//! | [`encode`] | messages, pings, pongs and closes become bytes |
//! | [`deflate`] | permessage-deflate (RFC 7692): messages that are compressed |
//! | [`frame`] | the header of one frame |
//! | [`mask`] | the XOR that every byte from a client has undergone |
//! | [`utf8`] | whether text that arrives in parts is UTF-8 |
//! | [`close`] | why a connection was closed, as a number |
//! | [`violation`] | which rule a peer broke, and the close code that answers it |
//!
//! The same code serves both ends of a connection; [`Role`] says which end is ours.
//!
//! It never answers by itself: a ping is reported and the caller writes the pong, a close is
//! reported and the caller writes the close. It never reorders, merges or drops a message.
//!
//! # Invariants
//! - A text message and the reason of a close are UTF-8 when they are handed out.
//! - What a peer can make a [`Decoder`] hold grows with the bytes that it has sent, never with the
//!   length that it has announced, and stays below the bound on one message; what a compressed
//!   message inflates to stays below the same bound.
//! - A decoder between two messages owns no heap memory.
//! - After a close or a violation a decoder yields nothing more.

pub mod close;
pub mod decoder;
pub mod deflate;
pub mod encode;
pub mod frame;
pub mod handshake;
mod item;
pub mod mask;
mod partial;
mod role;
mod rules;
pub mod utf8;
pub mod violation;

pub use close::CloseCode;
pub use decoder::Decoder;
pub use item::Item;
pub use role::Role;
pub use violation::Violation;
