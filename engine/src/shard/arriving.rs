//! Requests whose head has come and whose body has not, as far as their sessions are to know of
//! them: only where request and session are on one shard.

use allspark_protocol::http::{Reader, RequestHead};
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use crate::http::{Verdict, Way};
use crate::memory::Key;
use crate::session::{Address, carrier_of};

impl<T: Transformer> Core<T> {
    /// Tells a session that a request for it has begun. Says whether that was refused, and the
    /// connection is closed.
    pub(super) fn begin_request(&mut self, key: Key, reader: &Reader) -> bool {
        let Some(head) = reader.begun() else {
            return false;
        };
        let Some((spark, verdict)) = self.announced(&head) else {
            return false;
        };
        let (now, carrier) = (self.clock.now, carrier_of(key));
        let begun = |transformer: &mut T, session: &mut _, context, out: &mut _| {
            transformer.begun(session, context, carrier, &head, out)
        };
        let refusal = self.sessions.call(spark, now, begun).flatten();
        let is_refused = refusal.is_some();
        if let Some(response) = refusal {
            let response = verdict.complete(&self.server.options.cors, response);
            self.respond_last(key, &head, &response);
        } else {
            self.arriving.insert(key, spark);
            self.sessions.add_carrier(spark, key);
        }
        self.settle();
        self.woke(spark);
        is_refused
    }

    /// The session that is to know of a request, if it is here and the request would get to it.
    fn announced(&self, head: &RequestHead<'_>) -> Option<(Key, Verdict)> {
        let transformer = &self.sessions.transformer;
        let name = transformer.announced(head)?;
        let (options, id_key) = (&self.server.options, self.server.id_key);
        let is_script = |head: &RequestHead<'_>| transformer.is_script(head);
        let is_upgrade = transformer.is_upgrade(head);
        let Way::Transport(verdict) = self.door.judge(options, head, is_upgrade, is_script) else {
            return None;
        };
        let address = Address::new(name, self.server.name_key);
        if address.shard(self.mesh().shards(), id_key) != self.shard {
            return None;
        }
        let spark = match address {
            Address::Spark(id) => self.sessions.find(id, id.parts(id_key).index),
            Address::Chosen(hash) => self.sessions.named(hash),
        };
        Some((spark?, verdict))
    }

    /// The request of a connection has come whole, or never will. Returns the session that knows of
    /// it.
    pub(super) fn end_arrival(&mut self, key: Key) -> Option<Key> {
        if self.arriving.is_empty() {
            return None;
        }
        let spark = self.arriving.remove(&key)?;
        self.sessions.remove_carrier(spark, key);
        Some(spark)
    }
}
