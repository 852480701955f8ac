//! The Primus client as a machine without input and output: bytes and a clock in, events and bytes
//! out. The harness simulates it by the thousand; a driver for applications comes on top of it.
#![forbid(unsafe_code)]

pub mod library;
mod machine;

pub use machine::{Client, ClientOptions, Event};
