//! The protocols that AllSpark speaks, without any input or output.
//!
//! Everything here takes bytes and a clock reading and gives back events and bytes. Nothing here
//! owns a socket, a clock, a thread or a global, and nothing here is `unsafe`; that is what lets
//! the same code run in the server, in the clients, in the fuzzer and in the simulator.
//!
//! | module | what it knows |
//! |---|---|
//! | `ascii` | whether text is ASCII |
//! | [`mod@copy`] | how to append many bytes |
//! | [`dice`] | numbers that look like chance and are no secret |
//! | [`http`] | HTTP/1.1 messages (RFC 9112): heads, bodies, query strings |
//! | [`websocket`] | WebSocket (RFC 6455): handshake, frames, messages, close codes |
//! | [`parser`] | how a Primus message becomes a value: JSON, raw |
//! | [`mod@value`] | what a message means |
//! | [`options`] | what the options of a server are made of |
//! | [`proxy`] | the PROXY protocol: whom a connection comes from, as a proxy says |
//! | [`primus`] | the messages of Primus itself: ping, pong, id, close |
//! | [`transformer`] | what a transport must offer so that the engine can serve it |
#![forbid(unsafe_code)]

mod ascii;
pub mod collected;
pub mod copy;
pub mod dice;
pub mod http;
pub mod input;
pub mod limits;
pub mod options;
pub mod parser;
pub mod primus;
pub mod proxy;
pub mod time;
pub mod transformer;
pub mod value;
pub mod websocket;

pub use dice::Dice;
pub use input::{Input, Payload};
pub use time::Instant;
pub use value::Value;
