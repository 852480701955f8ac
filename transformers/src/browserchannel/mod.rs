//! The transformer `browserchannel`: Google's BrowserChannel, version 8, as the npm package
//! `browserchannel` 2.1 speaks it under Primus. Everything is plain HTTP requests.
//!
//! | request | what it is |
//! |---|---|
//! | `GET <base>/test?MODE=init` | which host prefixes to use |
//! | `GET <base>/test` | `11111`, and `2` two seconds later: does something hold bytes back? |
//! | `POST <base>/bind` without `SID` | a new session, whose name is in the answer |
//! | `POST <base>/bind` | the **forward channel**: the client's messages, as numbered **maps** |
//! | `GET <base>/bind?TYPE=xmlhttp`, `html` | the **back channel**: numbered **arrays** |
//! | `GET <base>/bind?TYPE=terminate` | the client's goodbye |
//!
//! `<base>` is Primus's pathname. The package also serves its client at `<base>/bcsocket.js`; that
//! file is not ours to give, so here it is not found. Primus's own clients do not ask for it.
//!
//! **Messages are text.** A client sends text as the map `_S`, and what is not text as JSON in the
//! map `JSON`; a server sends arrays, of which a JSON string is one message. Under Primus, binary
//! messages do not work with the package: a `Buffer` of the server becomes the array
//! `{"type":"Buffer","data":[1,2]}`, and bytes of a browser become the map `{"0":1,"1":2}`; both
//! arrive as objects that no binary parser of Primus understands. Here the server half sends the
//! same array, and both halves understand this form of a `Buffer` as a binary message, so that they
//! can exchange bytes with each other.
//!
//! The application sees 1337 as the port of every client. Primus's transformer gives this port to
//! its spark, though what Primus 8.0.9 shows in the end is the real one.
//!
//! A client that reconnects may name the session that it had before (`OSID`), which then ends at
//! once and not when it times out. Primus's clients do not do that.
//!
//! A request may bring [`limits::BROWSERCHANNEL_MAPS_MAX`](allspark_protocol::limits) maps; one
//! with more is answered with 413 and brings nothing, and the session goes on. Maps are handed on
//! in portions, over several turns, and the request is answered once all of them are. A body that
//! is not UTF-8 is bad data; the package replaces what is wrong in it.
//!
//! A pathname that ends with slashes is the same without them here; the package's own client puts
//! one more behind it and is not found by the package's server.
//!
//! Phrases behind the status (`400 Unknown SID`) are the standard ones here; clients can only see
//! the status and the body, which are those of the package.
//!
//! # Invariants
//! - Maps are delivered in the order of their numbers, each once, whatever requests are repeated or
//!   come out of order.
//! - An array keeps its number, and is kept until the client says that it has it.
//! - What is kept is bounded: messages are only taken over from the engine when they can be sent at
//!   once on a back channel that has sent everything before, and a back channel is over after
//!   [`limits::BROWSERCHANNEL_BACK_CHANNEL_BYTES`](allspark_protocol::limits). So at most that, one
//!   [`limits::BROWSERCHANNEL_CHUNK_BYTES`](allspark_protocol::limits) and one message are kept.
//! - A session without a back channel ends after `sessionTimeoutInterval`.

mod answers;
mod arrays;
mod client;
mod forward;
mod json;
mod maps;
mod options;
mod server;
mod session;
mod shared;

#[cfg(test)]
mod tests;

pub use client::{BrowserChannelClient, BrowserChannelClientOptions};
pub use options::BrowserChannelOptions;
pub use server::BrowserChannel;
pub(crate) use server::behind;
pub use session::BrowserChannelSession;
