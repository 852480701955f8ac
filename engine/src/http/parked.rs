//! A request that is not answered yet, with the connection's reader and what came behind it.

use allspark_protocol::http::{BodyFraming, Reader, RequestHead};

use super::asked::Asked;
use super::pass::Pass;
use super::streamed::Streamed;
use super::upload::Upload;
use crate::limits::PENDING_BYTES_MAX;

/// A request that waits for its answer, whoever owes it.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) reader: Reader,
    /// What came behind the request.
    pub(crate) pending: Vec<u8>,
    pub(crate) asked: Asked,
    pub(crate) pass: Pass,
    /// How the body is framed, once the answer has begun.
    pub(crate) body: Option<BodyFraming>,
    /// Where the body comes from, if it is pulled.
    pub(crate) source: Option<Box<Streamed>>,
    /// Who gets what the peer sends, if that is taken as it comes: the rest of the request's body,
    /// or everything behind an upgrade.
    pub(crate) upload: Option<Box<Upload>>,
    /// What the connection becomes as soon as `pending` can be looked at.
    pub(crate) next: Option<Next>,
}

/// What a connection becomes after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// An HTTP connection again.
    Http,
    /// A carrier whose bytes are the session's.
    Upgraded,
}

impl Parked {
    /// A request of which nothing was answered.
    pub(crate) fn new(head: &RequestHead<'_>, pass: Pass) -> Self {
        Self {
            reader: Reader::new(0),
            pending: Vec::new(),
            asked: Asked::of(head),
            pass,
            body: None,
            source: None,
            upload: None,
            next: None,
        }
    }

    /// Keeps what the peer sends behind the request. Returns how much that is by now.
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> usize {
        append(&mut self.pending, bytes);
        self.pending.len()
    }

    /// Whether the body of the request is still taken as it comes.
    pub(crate) fn takes_body(&self) -> bool {
        self.upload.as_ref().is_some_and(|upload| upload.is_body())
    }

    /// Bytes that it holds for the peer.
    pub(crate) fn held_bytes(&self) -> usize {
        let upload = self.upload.as_ref().map_or(0, |upload| upload.cost());
        self.reader.held_bytes() + self.pending.capacity() + upload
    }
}

/// Keeps bytes behind others. What is beyond the limit takes no more room than it needs: then
/// hardly anything follows.
pub(crate) fn append(kept: &mut Vec<u8>, bytes: &[u8]) {
    if kept.len() + bytes.len() > PENDING_BYTES_MAX {
        kept.reserve_exact(bytes.len());
    }
    kept.extend_from_slice(bytes);
}
