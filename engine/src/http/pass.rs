//! What was decided about a request that goes on.

use std::net::SocketAddr;

use allspark_protocol::http::{Cors, CorsGrant, Response, no_cache, no_xss_filter};

use crate::layers::Notes;

/// What the layers have decided about a request. It goes with the request until that is answered;
/// it owns memory only if the request has an `Origin`, or if a layer has said something about it.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    grant: CorsGrant,
    pub(super) notes: Option<Box<Notes>>,
    has_grant: bool,
    is_explorer: bool,
    is_never_kept: bool,
    /// All who are asked about an opening were.
    is_let_in: bool,
}

impl Pass {
    /// Scripts of other origins may do this.
    pub(super) fn grant(&mut self, grant: CorsGrant) {
        self.grant = grant;
        self.has_grant = true;
    }

    /// The answer goes to an Internet Explorer.
    pub(super) fn set_explorer(&mut self) {
        self.is_explorer = true;
    }

    /// No cache may keep the answer.
    pub(super) fn forbid_caches(&mut self) {
        self.is_never_kept = true;
    }

    /// A spark may be opened for it.
    pub(super) fn let_in(&mut self) {
        self.is_let_in = true;
    }

    /// Whether a spark may be opened for it, if somebody has to be asked.
    pub(crate) fn is_let_in(&self) -> bool {
        self.is_let_in
    }

    /// Whether layers have said something about this request alone.
    pub(crate) fn has_notes(&self) -> bool {
        self.notes.is_some()
    }

    /// Whose request it is, if not that of the peer of its connection.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.notes.as_ref()?.address
    }

    /// Takes what the request is to be answered if it is for no session that is there already.
    pub(crate) fn take_refusal(&mut self) -> Option<Response> {
        let refusal = self.notes.as_mut()?.refusal.take()?;
        Some(*refusal)
    }

    /// Takes what was attached for the spark, if something was.
    pub(crate) fn take_attached(&mut self) -> Option<Box<Notes>> {
        self.notes.as_mut()?.take_all_attached()
    }

    /// Completes an answer. What Primus says to browsers outranks what the answer says itself.
    pub(crate) fn complete(&self, cors: &Cors, mut response: Response) -> Response {
        if let Some(notes) = &self.notes {
            response = notes.complete(response);
        }
        if self.has_grant {
            response = cors.apply(&self.grant, response);
        }
        if self.is_never_kept {
            response = no_cache(response);
        }
        no_xss_filter(self.is_explorer, response)
    }
}
