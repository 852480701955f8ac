//! A request about which a layer decides later, with the connection's reader and what came behind
//! it.

use allspark_protocol::Payload;
use allspark_protocol::http::{OwnedHead, Reader, Request};

use super::door::Walk;
use super::parked::append;
use crate::layers::Decision;

/// A request that waits for a layer.
#[derive(Debug)]
pub(crate) struct Layered {
    pub(crate) walk: Walk,
    /// It has the head of the request as long as the body is not complete.
    pub(crate) reader: Reader,
    /// The request, once it is complete.
    pub(crate) whole: Option<Whole>,
    /// What came behind that.
    pub(crate) pending: Vec<u8>,
    /// What the layer has decided, as soon as it can be looked at.
    pub(crate) decision: Option<Decision>,
}

/// A complete request.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) head: OwnedHead,
    pub(crate) body: Vec<u8>,
}

impl Whole {
    pub(crate) fn of(request: &Request<'_>) -> Self {
        Self {
            head: request.head.into(),
            body: request.body.to_vec(),
        }
    }

    /// Bytes of heap memory that it holds.
    pub(crate) fn held_bytes(&self) -> usize {
        self.head.held_bytes() + self.body.capacity()
    }

    /// The body, which is taken out.
    pub(crate) fn take_body(&mut self) -> Payload<'static> {
        Payload::Owned(std::mem::take(&mut self.body))
    }
}

impl Layered {
    /// Keeps what the peer sends meanwhile. Returns how much that is by now.
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> usize {
        append(&mut self.pending, bytes);
        self.pending.len()
    }

    /// Bytes that it holds for the peer.
    pub(crate) fn held_bytes(&self) -> usize {
        let whole = self.whole.as_ref().map_or(0, Whole::held_bytes);
        self.reader.held_bytes() + self.pending.capacity() + whole
    }
}
