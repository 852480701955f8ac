//! The Primus client: [`core`] is a machine without input and output, which the harness simulates
//! by the thousand and on which a driver for applications stands.
#![forbid(unsafe_code)]

pub mod core;

pub use crate::core::{Client, ClientOptions, Event};
