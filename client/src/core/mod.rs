//! A whole Primus client as a machine: what the npm package `primus` 8.0.9 does between the calls
//! of an application and the bytes of its connections, with the npm module `recovery` in it.
//!
//! It owns no socket, no clock, no thread and no source of chance: bytes, moments and a seed come
//! in; [`Outputs`] come out, in order. A driver connects, sends and closes what they name, hands in
//! what comes back, and calls [`Client::expired`] when [`Client::deadline`] has passed:
//!
//! ```
//! use std::sync::Arc;
//! use allspark_client::core::{Client, ClientOptions, Event, Output, Outputs, ReadyState};
//! use allspark_protocol::Instant;
//!
//! let mut client = Client::new(Arc::new(ClientOptions::default()), 1);
//! let mut out = Outputs::default();
//! client.open(Instant::ZERO, &mut out);
//! let opening = Output::Event(Event::ReadyState(ReadyState::Opening));
//! assert_eq!(out.list()[0], opening);
//! assert!(matches!(out.list()[1], Output::Connect(_)));
//! ```
//!
//! # Invariants
//! - Events come in the order, and with the arguments, of the npm package. Where this machine
//!   differs, [`differences`] says how and why.
//! - A [`Link`] is used once in the life of a client. What comes in for one that is gone is
//!   ignored, and nothing is wanted of it any more.
//! - There is one current connection at most. One that was left (by an end, or for another) is only
//!   kept to say goodbye, for a bounded time; nothing is heard of it.
//! - Between [`Event::Close`] and the next [`Event::Open`] there is no [`Event::Data`].
//! - After [`Client::expired`] the deadline lies in the future.
//!
//! [`Link`]: allspark_protocol::transformer::Link

mod client;
mod connection;
mod course;
pub mod differences;
mod links;
mod options;
mod outputs;
mod queue;
mod random;
mod recovery;
#[cfg(test)]
mod tests;
mod transforms;

pub use client::Client;
pub use options::{ClientOptions, Strategy, UnknownStrategy};
pub use outputs::{Attempt, ClientError, Event, Output, Outputs, ReadyState};
pub use transforms::{Direction, Message, Transform, Verdict, on_values};
