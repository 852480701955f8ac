//! The transformer `sockjs`: the protocol SockJS 0.3 as the npm package `sockjs` 0.3 speaks it
//! under Primus. A client opens a WebSocket or, where there is none, has one request at a time
//! receive and others send.
//!
//! | module | what it knows |
//! |---|---|
//! | `endpoint` | what a request is for |
//! | `reply`, `asked`, `caching` | answers that concern no session, and the headers of all |
//! | `framing` | the frames, and how each transport wraps them |
//! | `quote`, `unquote` | messages as JSON strings, and back |
//! | `http` | sessions that live in requests |
//! | `body` | messages that come in the body of a request |
//! | `incoming`, `queue` | how they are handed on, if they are many |
//! | `websocket`, `draft` | sessions over WebSocket, and over its drafts |
//! | `raw` | WebSockets without frames of SockJS |
//! | `server` | the transformer, which joins them |
//! | `client` | the client half |
//!
//! Where it differs from sockjs-node, on purpose:
//! - `/chunking_test`, which clients of version 0.1 asked for, answers at once;
//! - of what waits for a client, at most
//!   [`SOCKJS_FRAME_BYTES_MAX`](allspark_protocol::limits::SOCKJS_FRAME_BYTES_MAX) go into one
//!   frame, the rest into the next;
//! - `htmlfile` and `jsonp` write `<\/` for `</`, so that no message can end its script;
//! - a closed session says so for one `disconnect_delay`, however often its client asks;
//! - the iframe page runs a script of its own server, `iframe.js`, unless `sockjs_url` says
//!   otherwise; that of sockjs-node runs one from a public host;
//! - a body that is not UTF-8 is broken JSON; sockjs-node replaces what is wrong in it;
//! - one message of more than `maxLength` bytes is refused with 413, and so are more than
//!   [`REQUEST_MESSAGES_MAX`](allspark_protocol::limits::REQUEST_MESSAGES_MAX) in one request; the
//!   session goes on. A frame of a WebSocket with more than
//!   [`SOCKJS_WEBSOCKET_FRAME_MESSAGES_MAX`](allspark_protocol::limits) closes it with 1008,
//!   because a frame has no answer of its own. sockjs-node takes any;
//! - WebSockets of the draft 7 are let in (websocket-driver refuses them);
//! - `permessage-deflate` is not negotiated.
//!
//! Binary messages do not exist in SockJS: sockjs-node turns a `Buffer` into a string as if it were
//! UTF-8, and so does this. Primus's binary parsers work with SockJS neither there nor here.
//!
//! # Invariants
//! - A session that was opened says `o` before anything else, and nothing after its `c[..]`.
//! - Text that comes out of a session is UTF-8.
//! - A session owns no buffer of messages to send: what waits is with the engine.
//! - Messages of a request are unescaped one after the other, in one copy of its body.

mod asked;
mod body;
mod caching;
mod client;
mod draft;
mod endpoint;
mod framing;
mod http;
mod incoming;
mod options;
mod queue;
mod quote;
mod raw;
mod reply;
mod server;
mod service;
#[cfg(test)]
mod tests;
mod unquote;
mod websocket;

pub use client::{SockJsClient, SockJsClientOptions, SockJsTransport};
pub use options::SockJsOptions;
pub use server::{SockJs, SockJsSession};

/// The name as Primus spells it.
const NAME: &str = "sockjs";
