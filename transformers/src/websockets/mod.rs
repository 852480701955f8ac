//! The transformer `websockets`: WebSocket (RFC 6455) as the npm package `ws` speaks it under
//! Primus, with permessage-deflate (RFC 7692) if compression is on. One connection is one session.
//!
//! | module | what it knows |
//! |---|---|
//! | `options` | the transport options of `ws` |
//! | `server` | requests, and the frames that sessions share |
//! | `session` | the three kinds of session: by which end keeps the context of compression |
//! | `streaming` | what is received, and the two goodbyes |
//! | `carried` | sessions whose messages are compressed one after another |
//! | `codec` | the client's end of a byte stream, for this and for other client halves |
//! | `client` | the client half |
//!
//! Where it differs from `ws`: by default both sides forget each message before they compress the
//! next, so that all sessions share one compressor and one inflater, and broadcasts are compressed
//! once for each size of window.
//!
//! # Invariants
//! - A plain request under the pathname, whatever follows it, is answered with 426.
//! - A ping of the peer is answered at once with its own payload, and shows that the peer is alive.
//!   A pong of the peer does not, because the server sent no ping of WebSocket.
//! - Without compression no extension is negotiated, and compression costs no memory and no time.

mod carried;
mod client;
mod codec;
mod options;
mod server;
mod session;
mod shared;
mod streaming;
#[cfg(test)]
mod tests;

pub use client::{WebSocketsClient, WebSocketsClientOptions};
pub use codec::{ClientDeflate, ClientEvent, WebSocketClient};
pub use options::WebSocketsOptions;
pub(crate) use options::{COMPRESSION, DeflateOptions, LEVEL, MEMORY_LEVEL, THRESHOLD};
pub use server::WebSockets;
pub(crate) use server::upgrade_required;
pub use session::WebSocketSession;
pub(crate) use shared::Shared;
