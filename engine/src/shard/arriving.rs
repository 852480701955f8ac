//! Requests whose head has come and whose body has not.
//!
//! Where such a request goes is decided by its head. If the answer does not depend on the body, it
//! is given at once: nobody gathers the body of a request that nobody wants. A session may want to
//! know that a request for it has begun; it does if request and session are on one shard.

use allspark_protocol::http::{Error as HttpError, Reader, RequestHead, Response};
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use crate::guard;
use crate::http::{Pass, Way};
use crate::limits::PENDING_BYTES_MAX;
use crate::memory::Key;
use crate::mesh::Address;
use crate::routes::Found;
use crate::session::carrier_of;

impl<T: Transformer> Core<T> {
    /// The body of a request is still to come. Returns whether the request was answered without it,
    /// and the connection is being closed, or is taken as it comes.
    pub(super) fn begin_request(&mut self, key: Key, reader: &mut Reader) -> bool {
        let Some(head) = reader.begun() else {
            return false;
        };
        self.note_asked(key, &head);
        if self.is_head_too_long(&head) {
            self.refuse(key, HttpError::HeadTooLarge);
            return true;
        }
        let way = self.judge_head(key, &head);
        self.begin_judged(key, reader, way)
    }

    /// The same for a request of which it is known where it goes. Returns true, too, if it waits
    /// for a layer.
    pub(super) fn begin_judged(&mut self, key: Key, reader: &mut Reader, way: Way) -> bool {
        let Some(head) = reader.begun() else {
            return false;
        };
        let body_bytes_max = match &way {
            Way::Transport(pass) => {
                if self.announce(key, &head, pass) {
                    return true;
                }
                self.transport_body_bytes_max()
            }
            Way::Later(_) => {
                let reader = std::mem::replace(reader, Reader::new(0));
                self.await_begun(key, reader, way);
                return true;
            }
            Way::Route(taken) => taken.route.body_bytes_max,
            // It will not be long, and then the connection can be used again.
            _ if has_short_body(&head) => {
                self.keep_judged(key, way);
                return false;
            }
            Way::Answer(response) | Way::LastAnswer(response) => {
                self.note_layers(key, &head, response);
                self.respond_last(key, &head, response);
                return true;
            }
            Way::Elsewhere => match self.route_of(key, &head) {
                Some(route) => match self.refusal_by_route(&route, &head) {
                    Some(response) => {
                        self.respond_last(key, &head, &response);
                        return true;
                    }
                    None if route.is_streamed(head.method()) => {
                        self.begin_upload(key, reader);
                        return true;
                    }
                    None => route.body_bytes_max(),
                },
                None => {
                    let response = self.fallback(key, &head);
                    self.respond_last(key, &head, &response);
                    return true;
                }
            },
        };
        if let Err(error) = reader.limit_body(body_bytes_max) {
            self.refuse(key, error);
            return true;
        }
        self.keep_judged(key, way);
        false
    }

    /// What a route says to the head of a request, if it refuses it.
    fn refusal_by_route(&self, route: &Found<'_>, head: &RequestHead<'_>) -> Option<Response> {
        guard::call(|| route.refusal(head))
            .unwrap_or_else(|panicked| Some(self.panicked_elsewhere(&panicked)))
    }

    fn await_begun(&mut self, key: Key, reader: Reader, way: Way) {
        if let Way::Later(walk) = way {
            self.await_layer(key, *walk, reader, None);
        }
    }

    /// Tells a session that a request for it has begun. Returns whether it refuses that.
    fn announce(&mut self, key: Key, head: &RequestHead<'_>, pass: &Pass) -> bool {
        let Some(spark) = self.announced(head) else {
            return false;
        };
        let (now, carrier) = (self.clock.now, carrier_of(key));
        let begun = |transformer: &mut T, session: &mut _, context, out: &mut _| {
            transformer.begun(session, context, carrier, head, out)
        };
        let refusal = self.sessions.call(spark, now, begun).flatten();
        let is_refused = refusal.is_some();
        if let Some(response) = refusal {
            let response = pass.complete(&self.options.cors, response);
            self.respond_last(key, head, &response);
        } else {
            self.begin_arrival(key, spark);
        }
        self.settle();
        self.woke(spark);
        is_refused
    }

    /// The session that is to know of a request, if it is here.
    fn announced(&self, head: &RequestHead<'_>) -> Option<Key> {
        let name = self.sessions.transformer.announced(head)?;
        let id_key = self.server.id_key;
        let address = Address::new(name, self.server.name_key);
        if address.shard(self.mesh().shards(), id_key) != self.shard {
            return None;
        }
        match address {
            Address::Spark(id) => self.sessions.find(id, id.parts(id_key).index),
            Address::Chosen(hash) => self.sessions.named(hash),
        }
    }

    /// A session knows of a request of this connection that it did not get yet.
    pub(super) fn begin_arrival(&mut self, key: Key, spark: Key) {
        self.arriving.insert(key, spark);
        self.sessions.add_carrier(spark, key);
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

/// Whether the body is no longer than what may follow a request that is not answered yet.
fn has_short_body(head: &RequestHead<'_>) -> bool {
    let length = head.header("content-length");
    let length = length.and_then(|length| length.parse::<usize>().ok());
    length.is_some_and(|length| length <= PENDING_BYTES_MAX)
}
