//! Requests whose head has come and whose body has not, as far as their sessions are to know of
//! them: only where request and session are on one shard.

use std::collections::HashMap;

use allspark_protocol::http::{Reader, RequestHead, Response};
use allspark_protocol::transformer::Transformer;

use super::browser::Browser;
use super::carried::carrier_of;
use super::connection::Asked;
use super::core::Core;
use super::names::Address;
use crate::memory::Key;

/// The session that knows of the request of a connection.
pub(super) type Arriving = HashMap<Key, Key>;

impl<T: Transformer> Core<T> {
    /// Tells a session that a request for it has begun. Says whether that was refused, and the
    /// connection is closed.
    pub(super) fn begin_request(&mut self, key: Key, reader: &Reader) -> bool {
        let Some(head) = reader.begun() else {
            return false;
        };
        let Some((spark, browser)) = self.announced(&head) else {
            return false;
        };
        let refusal = self.ask_session(spark, |transformer, session, context, out| {
            transformer.begun(session, context, carrier_of(key), &head, out)
        });
        let refusal: Option<Response> = refusal.flatten();
        if let Some(response) = &refusal {
            let response = self.complete_for(Some(&browser), response.clone());
            let head_only = Asked::of(&head).head_only;
            self.write_response(key, &response, false, head_only);
            self.finish(key);
        } else {
            self.arriving.insert(key, spark);
            self.add_carrier(spark, key);
        }
        self.perform(spark);
        self.woke(spark);
        refusal.is_some()
    }

    /// The session that is to know of a request, if it is here and the request would get to it.
    fn announced(&self, head: &RequestHead<'_>) -> Option<(Key, Browser)> {
        if !self.shared.is_ours(head) || self.transformer.is_upgrade(head) {
            return None;
        }
        let name = self.transformer.announced(head)?;
        let browser = Browser::of(&self.shared.options.cors, head).ok()?;
        let address = Address::new(name, self.shared.id_key);
        if address.shard(self.mesh().shards(), self.shared.id_key) != self.shard {
            return None;
        }
        let spark = match address {
            Address::Spark(id) => self.session_with(id),
            Address::Chosen(hash) => self.names.get(hash),
        };
        Some((spark?, browser))
    }

    /// The request of a connection has come whole, or never will.
    pub(super) fn end_arrival(&mut self, key: Key) -> Option<Key> {
        if self.arriving.is_empty() {
            return None;
        }
        let spark = self.arriving.remove(&key)?;
        self.remove_carrier(spark, key);
        Some(spark)
    }
}
