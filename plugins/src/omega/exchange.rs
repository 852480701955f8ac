//! What is asked of another server, what it answers, and why that may not be enough.

use allspark_protocol::Value;
use allspark_protocol::value::Object;

use super::order::Recipients;

/// What one server is asked.
pub(super) struct Question {
    pub(super) url: String,
    pub(super) method: String,
    pub(super) header: String,
    pub(super) body: Vec<u8>,
    pub(super) kind: &'static str,
}

/// Why a message did not reach all servers.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct ForwardError {
    /// What was asked; empty if nobody was.
    pub url: String,
    /// What it has answered; 500 if it has not.
    pub status: u16,
    /// Why that is none.
    pub reason: String,
    /// `broadcast`, `spark`, `sparks` or `rooms`.
    pub kind: &'static str,
    /// What was asked and answered.
    pub exchange: Box<Exchange>,
    /// To how many sparks the message was written all the same.
    pub send: u64,
}

/// What a server was asked, and what it has answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exchange {
    /// What it was asked for: `sparks` and `msg`.
    pub packet: Value,
    /// The answer, as far as it is JSON; else an empty object.
    pub body: Value,
}

impl ForwardError {
    /// One of our own.
    pub(crate) fn new(reason: &str, send: u64) -> Self {
        Self {
            url: String::new(),
            status: 500,
            reason: reason.to_owned(),
            kind: Recipients::All.name(),
            exchange: Box::default(),
            send,
        }
    }

    /// As npm's rooms' middleware tells of it.
    pub(super) fn object(&self) -> Object {
        let mut object = Object::new();
        if self.url.is_empty() {
            return object;
        }
        object.insert("url", self.url.as_str());
        object.insert("status", u32::from(self.status));
        object.insert("body", self.exchange.body.clone());
        object.insert("type", self.kind);
        object.insert("packet", self.exchange.packet.clone());
        object
    }
}
