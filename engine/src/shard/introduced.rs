//! What the driver learns about connections after they were accepted: from a proxy, whom they come
//! from; by a handshake, how they are encrypted.
//!
//! # Invariants
//! - What is known goes where the connection goes, to another shard too, and is dropped with it. A
//!   session that is carried keeps what was known of the connection that opened it.
//! - Where nothing is learnt nothing is kept.

use std::io;

use allspark_protocol::transformer::Transformer;

use super::core::Core;
use crate::io::{Introduction, ProxyFault, TlsFault};
use crate::known::Known;
use crate::lines::Line;
use crate::memory::Key;
use crate::refusals::RefusalReason;

impl<T: Transformer> Core<T> {
    /// Something was learnt about a connection.
    pub(super) fn introduced(&mut self, key: Key, about: Introduction) {
        if about.secure.is_some() {
            self.net.end_handshake(key);
        }
        if let Some(peer) = about.peer
            && !self.readdress(key, peer)
        {
            return;
        }
        if about.secure.is_some() && about.peer.is_none() {
            self.counters().tls_handshakes.add(1);
        }
        self.introductions.learn(key, about);
    }

    /// Notes why a connection broke, if a proxy or its encryption is to blame.
    #[cold]
    pub(super) fn note_fault(&self, key: Key, error: &io::Error) {
        self.note_tls(key, error);
        let Some(fault) = ProxyFault::of(error) else {
            return;
        };
        self.counters().proxies_refused.add(1);
        let (reason, detail) = (RefusalReason::Proxies, fault.to_string());
        self.note_refused_because(key, reason, None, &detail);
        if let Some(line) = self.may_log(Line::ProxyRefused) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            let peer = self.net.connection(key).peer;
            tracing::warn!(
                shard, %peer, reason = %fault, unlogged,
                "a connection is closed, as it needs a header of the PROXY protocol"
            );
        }
    }

    /// If a connection ends because of its encryption, that is counted and logged.
    fn note_tls(&self, key: Key, error: &io::Error) {
        let Some(fault) = TlsFault::of(error) else {
            return;
        };
        self.counters().tls_failures.add(1);
        let (reason, detail) = (RefusalReason::Tls, fault.to_string());
        self.note_refused_because(key, reason, None, &detail);
        if let Some(line) = self.may_log(Line::TlsFailed) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            let peer = self.net.connection(key).peer;
            tracing::info!(shard, %peer, %fault, unlogged, "a connection with TLS has failed");
        }
    }

    /// What is known of the connection of a spark, or of the one that opened its session.
    pub(super) fn known_of(&self, spark: Key) -> Option<&Known> {
        let carried = self.introductions.of_carried(spark);
        let known = carried.or_else(|| {
            let stream = self.sessions.get(spark)?.state.stream?;
            self.introductions.of(stream)
        });
        known.map(|known| &**known)
    }
}
