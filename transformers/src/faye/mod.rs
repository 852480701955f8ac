//! The transformer `faye`: WebSocket as the npm package faye-websocket 0.11 speaks it under Primus,
//! and the drafts that came before it, for clients that will never be updated.
//!
//! | a request with | is |
//! |---|---|
//! | `Sec-WebSocket-Version` or `Sec-WebSocket-Key` | RFC 6455, or draft 7 or 8 with its framing |
//! | `Sec-WebSocket-Key1` and `-Key2` | hixie-76 |
//! | neither | hixie-75 |
//!
//! Where it differs from `websockets`: a WebSocket-level ping is answered but is no sign of life,
//! the goodbye carries code 1000, and refusals are plain text. Where it differs from the package:
//! the drafts are always served (websocket-driver 0.8 asks for `allowDrafts`, and every version of
//! it refuses 7 and 8), an upgrade to something else is answered with 400 instead of being cut off,
//! and so is a key that is not 16 bytes in base64. As in the package no subprotocol is ever chosen.
//!
//! The drafts themselves are in `hixie`, which `sockjs` uses, too.
//!
//! The client half is that of [`websockets`](crate::websockets): Primus's clients of `faye` speak
//! RFC 6455.
//!
//! # Invariants
//! - A session of RFC 6455 costs what one of `websockets` costs.
//! - With a draft, messages are text only; the application's bytes become text, lossily.

mod options;
mod server;

pub use options::FayeOptions;
pub use server::{Faye, FayeSession};
