//! What an answer has to know of its request.

use allspark_protocol::http::RequestHead;

/// The part of a request's head that its answer needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) keep_alive: bool,
    pub(crate) head_only: bool,
    /// The `x` of `HTTP/1.x`.
    pub(crate) minor_version: u8,
    /// It asks for another protocol.
    pub(crate) is_upgrade: bool,
}

impl Asked {
    pub(crate) fn of(head: &RequestHead<'_>) -> Self {
        Self {
            // Something on the way may take whatever answers a request for an upgrade for the
            // upgrade, and the bytes behind it for another protocol's: they must not be requests.
            keep_alive: head.keep_alive() && !head.names_upgrade(),
            head_only: head.method() == "HEAD",
            minor_version: head.minor_version(),
            is_upgrade: head.wants_upgrade() && head.minor_version() > 0,
        }
    }
}
