//! The server half as its clients see it, over bytes. The cases are those of the public test suite
//! `sockjs-protocol` 0.3.3, and what else sockjs 0.3.24 was seen to answer.

mod rig;

mod draft;
mod polling;
mod service;
mod streaming;
mod websocket;
