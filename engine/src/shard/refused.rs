//! Notes who was refused, for those who ask later. All of it is off the way of those who are not.

use std::net::SocketAddr;

use allspark_protocol::http::{RequestHead, Response};
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use crate::memory::Key;
use crate::refusals::{Refusal, RefusalReason};

/// From this status on an answer is a refusal.
const REFUSING_STATUS: u16 = 400;

impl<T: Transformer> Core<T> {
    fn refusal(&self, client: SocketAddr, reason: RefusalReason) -> Refusal {
        Refusal::new(self.clock.unix_ms, self.shard, client, reason)
    }

    /// A connection is refused that may not be one of ours yet.
    #[cold]
    pub(super) fn note_refused_peer(&self, peer: SocketAddr, listener: u8, reason: RefusalReason) {
        let refusal = self.refusal(peer, reason);
        self.server.refusals.note(Refusal {
            listener,
            ..refusal
        });
    }

    /// A connection is refused, or what came on it.
    #[cold]
    pub(super) fn note_refused(&self, key: Key, reason: RefusalReason, status: Option<u16>) {
        let refusal = self.refusal_of(key, reason);
        self.server.refusals.note(Refusal { status, ..refusal });
    }

    /// The same, with what is known of the reason.
    #[cold]
    pub(super) fn note_refused_because(
        &self,
        key: Key,
        reason: RefusalReason,
        status: Option<u16>,
        detail: &str,
    ) {
        let refusal = self.refusal_of(key, reason).detail(detail);
        self.server.refusals.note(Refusal { status, ..refusal });
    }

    fn refusal_of(&self, key: Key, reason: RefusalReason) -> Refusal {
        let connection = self.net.connection(key);
        Refusal {
            listener: connection.listener,
            ..self.refusal(connection.peer, reason)
        }
    }

    /// A request is refused.
    #[cold]
    pub(super) fn note_refused_request(
        &self,
        key: Key,
        head: &RequestHead<'_>,
        reason: RefusalReason,
        status: u16,
        detail: &str,
    ) {
        let refusal = self.refusal_of(key, reason);
        let client = self.options.client(head, refusal.client);
        let mut refusal = refusal.asked(head.method(), head.path());
        if !detail.is_empty() {
            refusal = refusal.detail(detail);
        }
        self.server.refusals.note(Refusal {
            client: client.unwrap_or(refusal.client),
            status: Some(status),
            ..refusal
        });
    }

    /// Layers have answered a request; if that is a refusal, it is noted.
    #[inline]
    pub(super) fn note_layers(&self, key: Key, head: &RequestHead<'_>, response: &Response) {
        if response.status() >= REFUSING_STATUS {
            let detail = String::from_utf8_lossy(response.body_bytes());
            let (reason, status) = (RefusalReason::Layer, response.status());
            self.note_refused_request(key, head, reason, status, detail.trim_end());
        }
    }

    /// A spark is ended because of a bound.
    #[cold]
    pub(super) fn note_ended(&self, spark: Key, reason: RefusalReason) {
        let (Some(slot), Some(peer)) = (self.sessions.get(spark), self.peer_of(spark)) else {
            return;
        };
        let id = slot.state.id.to_string();
        let stream = slot.state.stream.and_then(|key| self.net.get(key));
        let listener = stream.map_or(0, |connection| connection.listener);
        self.server.refusals.note(Refusal {
            listener,
            spark: Some(id.into()),
            ..self.refusal(peer, reason)
        });
    }
}
