//! The transformer `websockets`: WebSocket (RFC 6455) as the npm package `ws` speaks it under
//! Primus. One connection is one session.
//!
//! # Invariants
//! - A plain request under the pathname, whatever follows it, is answered with 426.
//! - A ping of the peer is answered at once with its own payload and counts as a sign of life; a
//!   pong of the peer, which nobody asked for, does not.

mod client;
mod server;

pub use client::{ClientEvent, WebSocketClient};
pub use server::{WebSocketSession, WebSockets};
