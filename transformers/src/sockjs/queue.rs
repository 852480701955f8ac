//! Requests whose messages wait to be handed on.

use std::collections::VecDeque;

use allspark_protocol::transformer::{Carrier, Kind, Outputs};

use super::asked::Kept;
use super::endpoint::Sender;
use super::unquote::{Span, Walk};

/// A request whose messages are being handed on.
#[derive(Debug)]
pub(super) struct Incoming {
    /// What waits for the answer, unless it was lost.
    pub(super) carrier: Option<Carrier>,
    pub(super) sender: Sender,
    pub(super) kept: Kept,
    pub(super) body: Vec<u8>,
    pub(super) walk: Walk,
}

/// The requests of one session whose messages wait. Clients send one request at a time.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) requests: VecDeque<Incoming>,
    /// Bytes of memory that they take.
    pub(super) bytes: usize,
}

impl Queue {
    /// Bytes of memory that the requests take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, incoming: Incoming) {
        self.bytes += incoming.bytes();
        self.requests.push_back(incoming);
    }

    pub(super) fn pop(&mut self) -> Option<Incoming> {
        let incoming = self.requests.pop_front()?;
        self.bytes -= incoming.bytes();
        Some(incoming)
    }
}

impl Incoming {
    pub(super) fn bytes(&self) -> usize {
        let kept_bytes = self.kept.as_ref().map_or(0, |kept| kept.len());
        size_of::<Self>() + self.body.capacity() + kept_bytes
    }

    /// Hands on as many messages as one call should. Returns whether no message is left.
    pub(super) fn hand_on(&mut self, out: &mut Outputs) -> bool {
        while !out.is_portion() {
            let Some(Span { start, end }) = self.walk.next(&mut self.body) else {
                return true;
            };
            out.message(Kind::Text, &self.body[start..end]);
        }
        false
    }
}
