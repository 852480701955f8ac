//! The transformer `engine.io`: the protocol of the npm package engine.io 6 as Primus drives it.
//!
//! A session begins with a poll or with a WebSocket. One that polls may change to a WebSocket
//! (upgrade) and then spends its life there.
//!
//! | module | what it knows |
//! |---|---|
//! | `server` | the server half: which request is for which session |
//! | `session` | one session: its transports, its pings, its end |
//! | `client` | the client half |
//! | `packet`, `payload`, `jsonp`, `base64` | the bytes |
//! | `format` | the wire formats |
//! | `gzipped` | answers to polls that are compressed |
//! | `refusal`, `parameters`, `options` | what is answered, asked and configured |
//!
//! It is written after the protocol document of Engine.IO (versions 3 and 4) and the behaviour of
//! the packages engine.io 6.6, engine.io-client 6.6 and engine.io-parser 5.2 under Primus 8. Where
//! it differs from the packages:
//! - Text that is not UTF-8 is a parse error, also in a body, where the package replaces it.
//! - Text that holds the byte which separates packets is sent as bytes to clients that poll. The
//!   package sends it as it is, and the client ends for what is behind the byte.
//! - A close packet on a WebSocket ends the session, as the protocol says; the package ignores it.
//! - Messages and the goodbye after them leave in one payload; the package uses two polls.
//! - A ping that waits for its pong when a session changes its transport is still waited for.
//! - A WebSocket session is not changed for another WebSocket, which no client tries.
//! - A message on a WebSocket is compressed without the help of those before it, so that a
//!   broadcast is compressed once; what waited when a session changed to a WebSocket is sent as it
//!   is.
//! - WebTransport and the raw `GET` that never gets an answer are left out.
//!
//! # Invariants
//! - At most one poll waits, and at most one upgrade is tried at a time.
//! - engine.io's own pings and pongs are not signs of life for Primus, which has its own.
//! - On a WebSocket a message needs no allocation between the socket and the application, and no
//!   copy if it came in one frame.
//! - A session that is over keeps no carrier.

mod base64;
mod client;
mod format;
mod gzipped;
mod jsonp;
mod options;
mod packet;
mod parameters;
mod payload;
mod refusal;
mod server;
mod session;
#[cfg(test)]
mod tests;

pub use client::{ClientTransports, EngineIoClient, EngineIoClientOptions};
pub use options::{EngineIoOptions, Transports};
pub use server::EngineIo;
pub use session::EngineIoSession;

/// The name as Primus spells it.
const NAME: &str = "engine.io";
